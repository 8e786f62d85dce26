#include "daemon/delivery.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/batch.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "protocol/limits.h"

struct delivery {
	TAILQ_ENTRY(delivery) link; /* in setup->aggregated, if is_listed */
	bool is_listed;
	enum delivery_kind kind;
	struct conn *conn; /* NULL = nobody wants the results */
	struct delivery_setup *setup;
	struct request *request;
	struct event *timer; /* the batch at hand is due */
	bool due;
	bool named; /* the client knows the request's id */
};

/* -------- pieces of a reply -------- */

static void write_text(struct delivery *delivery, const char *text) {
	conn_write(delivery->conn, text, strlen(text));
}

/* value: taken. */
static void write_value(struct delivery *delivery, const char *before, json_t *value) {
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	write_text(delivery, before);
	write_text(delivery, text ? text : "null");
	free(text);
	json_decref(value);
}

static void write_name(struct delivery *delivery) {
	char text[48];

	snprintf(text, sizeof text, "\"request\":\"%" PRIu64 "\",", delivery->request->id);
	if (!delivery->named)
		write_text(delivery, text);
	delivery->named = true;
}

static void write_end(struct delivery *delivery) {
	conn_write(delivery->conn, "}", sizeof "}");
}

/* -------- batches -------- */

static void write_batch(struct delivery *delivery) {
	bool stream = delivery->kind == DELIVERY_STREAM;
	struct run_list batch;
	char first[48];

	batch_take(&batch, delivery->request, LIMIT_BATCH_BYTES);
	write_text(delivery, stream ? "{" : "{\"parameters\":{");
	write_name(delivery);
	snprintf(first, sizeof first, "\"first\":%" PRIu64 ",", TAILQ_FIRST(&batch)->first);
	write_text(delivery, first);
	batch_write(&batch, delivery->request, delivery->conn);
	if (!stream)
		write_text(delivery, "},\"continues\":true");
	write_end(delivery);
	batch_free(&batch);
}

static void arm_timer(struct delivery *delivery) {
	struct timeval interval = clock_interval(LIMIT_BATCH_US);

	if (!evtimer_pending(delivery->timer, NULL))
		evtimer_add(delivery->timer, &interval);
}

static void deliver_batches(struct delivery *delivery) {
	struct request *request = delivery->request;
	bool idle = request->running == 0 && (request->stopped || request_pending(request) == 0);
	uint64_t before = request->results.delivered;

	while (results_ready(&request->results) &&
	       conn_unsent(delivery->conn) <= LIMIT_UNSENT_HIGH) {
		if (request->results.delivered > 0 && !delivery->due && !idle &&
		    !batch_is_full(request)) {
			arm_timer(delivery);
			break;
		}
		write_batch(delivery);
	}
	if (!results_ready(&request->results)) {
		delivery->due = false;
		evtimer_del(delivery->timer);
	}
	request->choked = conn_unsent(delivery->conn) > LIMIT_UNSENT_HIGH;
	if (request->results.delivered != before)
		dispatch_touch(delivery->setup->dispatch, request);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct delivery *delivery = context;

	(void) fd, (void) what;
	delivery->due = true;
	dispatch_touch(delivery->setup->dispatch, delivery->request);
}

/* -------- the end -------- */

/* Lets request and delivery go; the connection is free for its next call. */
static void finish(struct delivery *delivery) {
	request_drop_results(delivery->request);
	dispatch_release(delivery->setup->dispatch, delivery->request);
	delivery_free(delivery);
}

static void finish_with_error(struct delivery *delivery, struct error *error) {
	struct conn *conn = delivery->conn;

	if (delivery->kind == DELIVERY_STREAM) {
		write_text(delivery, "{\"error\":\"");
		write_text(delivery, error_name(error->id));
		write_text(delivery, "\"");
		if (error->parameters)
			write_value(delivery, ",\"parameters\":", json_incref(error->parameters));
		write_end(delivery);
		conn_close_stream(conn);
		error_done(error);
	} else {
		conn_fail(conn, error);
	}
	finish(delivery);
}

static void finish_apply(struct delivery *delivery) {
	struct run *run = results_deliver(&delivery->request->results);
	struct error error = {0};

	if (run->errors) {
		error_set(&error, ERROR_ITEM_FAILED, "{sO}", "item",
			  json_array_get(run->errors, 0));
		run_free(run);
		return finish_with_error(delivery, &error);
	}
	write_text(delivery, "{\"parameters\":{\"result\":");
	conn_write_bytes(delivery->conn, run->bytes, run->begin, run->end);
	conn_write(delivery->conn, "}}", sizeof "}}");
	run_free(run);
	conn_call_over(delivery->conn);
	finish(delivery);
}

static void finish_map(struct delivery *delivery) {
	struct request *request = delivery->request;
	struct run_list batch;

	batch_take(&batch, request, SIZE_MAX);
	write_text(delivery, "{\"parameters\":{");
	write_name(delivery);
	batch_write(&batch, delivery->request, delivery->conn);
	write_value(delivery, ",\"summary\":", request_summary(request, clock_now()));
	conn_write(delivery->conn, "}}", sizeof "}}");
	batch_free(&batch);
	conn_call_over(delivery->conn);
	finish(delivery);
}

/* The last reply, or object, of one that came in batches. */
static void finish_batches(struct delivery *delivery) {
	bool stream = delivery->kind == DELIVERY_STREAM;

	write_text(delivery, stream ? "{" : "{\"parameters\":{");
	write_name(delivery);
	write_value(delivery, "\"summary\":", request_summary(delivery->request, clock_now()));
	if (!stream)
		write_text(delivery, "}");
	write_end(delivery);
	if (stream)
		conn_close_stream(delivery->conn);
	else
		conn_call_over(delivery->conn);
	finish(delivery);
}

static void finish_successfully(struct delivery *delivery) {
	switch (delivery->kind) {
	case DELIVERY_APPLY: return finish_apply(delivery);
	case DELIVERY_MAP: return finish_map(delivery);
	default: return finish_batches(delivery);
	}
}

/* -------- streams -------- */

/* Reading goes on while little is held; or while results are taken as fast as items come, and nobody holds too much. */
static void throttle(struct delivery *delivery) {
	const struct request *request = delivery->request;
	const struct request_limits *limits = &request->limits;
	uint64_t ahead = request->items.n - request->results.delivered;
	bool laden = request->items.bytes >= LIMIT_STREAM_READ;

	conn_pause_stream(delivery->conn, laden && (ahead >= limits->window_items ||
						    request->items.bytes >= limits->window_bytes));
	conn_set_laden(delivery->conn, laden && !request->input_ended);
}

static int add_stream_items(struct delivery *delivery, struct conn_call *object) {
	struct bytes *bytes = object->take(object);
	int r = bytes ? request_add_items(delivery->request, bytes, (struct document *) object->doc)
		      : -ENOMEM;

	bytes_unref(bytes);
	return r;
}

static int compare_indexes(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

/* In order, whatever the client's: a result has its place near the last one then. Returns 0 or -ENOMEM. */
static int cancel_items(struct delivery *delivery, const json_t *array) {
	size_t n = json_array_size(array);
	uint64_t *indexes = n > 0 ? reallocarray(NULL, n, sizeof *indexes) : NULL;

	if (n > 0 && !indexes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		indexes[i] = (uint64_t) json_integer_value(json_array_get(array, i));
	if (n > 1)
		qsort(indexes, n, sizeof *indexes, compare_indexes);
	for (size_t i = 0; i < n; i++)
		dispatch_cancel_item(delivery->setup->dispatch, delivery->request, indexes[i]);
	free(indexes);
	return 0;
}

static void on_object(void *owner, struct conn_call *message) {
	struct delivery *delivery = owner;
	struct request *request = delivery->request;
	struct stream_object object;
	struct error error = {0};

	if (stream_object_decode(&object, message->doc, message->text, &error) != 0) {
		dispatch_cancel(delivery->setup->dispatch, request, &error);
		return;
	}
	if (request->input_ended && object.items)
		error_set(&error, ERROR_MALFORMED_MESSAGE, "{sssi}", "reason",
			  "items after the end of the stream", "offset", 0);
	else if ((object.items && add_stream_items(delivery, message) < 0) ||
		 cancel_items(delivery, object.cancel) < 0)
		error_set_no_memory(&error);
	if (error.id != ERROR_NONE) {
		dispatch_cancel(delivery->setup->dispatch, request, &error);
	} else {
		request->input_ended |= object.end;
		request_recharge(request);
		throttle(delivery);
		dispatch_touch(delivery->setup->dispatch, request);
	}
	json_decref(object.cancel);
}

static void on_input_ended(void *owner, struct error *error) {
	struct delivery *delivery = owner;

	if (error->id != ERROR_NONE) {
		dispatch_cancel(delivery->setup->dispatch, delivery->request, error);
	} else {
		delivery->request->input_ended = true;
		dispatch_touch(delivery->setup->dispatch, delivery->request);
	}
}

/* -------- the client -------- */

static void on_hung_up(void *owner) {
	struct delivery *delivery = owner;
	struct error error = {0};

	error_set(&error, ERROR_CANCELLED, NULL);
	delivery->conn = NULL;
	dispatch_cancel(delivery->setup->dispatch, delivery->request, &error);
	finish(delivery);
}

static void on_drained(void *owner) {
	struct delivery *delivery = owner;

	delivery->request->choked = false;
	dispatch_touch(delivery->setup->dispatch, delivery->request);
}

static void on_waits_for(void *owner, const char *what) {
	struct delivery *delivery = owner;

	delivery->request->held_back = what;
}

static const struct conn_ops conn_ops = {
	.object = on_object,
	.input_ended = on_input_ended,
	.hung_up = on_hung_up,
	.drained = on_drained,
	.waits_for = on_waits_for,
};

/* -------- the request -------- */

static void discard_results(struct delivery *delivery) {
	while (results_ready(&delivery->request->results))
		run_free(results_deliver(&delivery->request->results));
	request_recharge(delivery->request);
	if (request_is_over(delivery->request))
		finish(delivery);
}

/* Ends a call whose one reply would be too large, whatever of it still runs. */
static void end_aggregated(struct delivery *delivery, uint64_t limit) {
	struct error error = {0};

	if (delivery->request->stopped)
		return;
	error_set(&error, ERROR_REPLY_TOO_LARGE, "{sI}", "limit", (json_int_t) limit);
	dispatch_cancel(delivery->setup->dispatch, delivery->request, &error);
}

/* The newest call of one reply that is not over; of the user, NULL = of any. */
static struct delivery *newest_aggregated(struct delivery_setup *setup, const uid_t *uid) {
	struct delivery *delivery;

	TAILQ_FOREACH_REVERSE (delivery, &setup->aggregated, delivery_list, link)
		if (!delivery->request->stopped && (!uid || delivery->request->uid == *uid))
			return delivery;
	return NULL;
}

/* Results cannot be refused, so calls whose results are kept until all are there end when it is too much. */
static void check_reply(struct delivery *delivery) {
	struct request *request = delivery->request;
	enum quota_verdict verdict;
	struct delivery *newest;

	if (request->result_bytes > delivery->setup->reply_limit)
		return end_aggregated(delivery, delivery->setup->reply_limit);
	verdict = quota_overdrawn(&request->charge);
	if (verdict == QUOTA_OK)
		return;
	newest = newest_aggregated(delivery->setup,
				   verdict == QUOTA_OVER_USER_BYTES ? &request->uid : NULL);
	if (newest)
		end_aggregated(newest, verdict == QUOTA_OVER_USER_BYTES
					       ? request->charge.quota->limits.user_bytes
					       : request->charge.quota->limits.total_bytes);
}

void delivery_progressed(void *owner, struct request *request) {
	struct delivery *delivery = owner;
	struct error error;

	if (!delivery->conn)
		return discard_results(delivery);
	request_recharge(request);
	if (delivery->is_listed)
		check_reply(delivery);
	if (request->state == REQUEST_CANCELLED) {
		error = error_move(&request->failure);
		return finish_with_error(delivery, &error);
	}
	if (delivery->kind >= DELIVERY_MORE)
		deliver_batches(delivery);
	request_recharge(request);
	if (delivery->kind == DELIVERY_STREAM)
		throttle(delivery);
	if (!request_is_over(request))
		return;
	if (delivery->kind >= DELIVERY_MORE && results_ready(&request->results))
		return; /* until the client has read more */
	if (request->state == REQUEST_FAILED) {
		error = error_move(&request->failure);
		return finish_with_error(delivery, &error);
	}
	request->state = REQUEST_DONE;
	finish_successfully(delivery);
}

/* -------- life -------- */

void delivery_begin(struct delivery *delivery) {
	char id[24];

	if (!delivery->conn)
		return;
	if (delivery->kind != DELIVERY_STREAM) {
		conn_own(delivery->conn, &conn_ops, delivery);
		return;
	}
	snprintf(id, sizeof id, "%" PRIu64, delivery->request->id);
	delivery->named = true;
	conn_upgrade(delivery->conn,
		     json_pack("{ss sI}", "request", id, "window",
			       (json_int_t) delivery->request->limits.window_items),
		     &conn_ops, delivery);
}

int delivery_new(struct delivery **ret, enum delivery_kind kind, struct conn *conn,
		 struct delivery_setup *setup, struct request *request) {
	struct delivery *delivery = malloc(sizeof *delivery);

	if (!delivery)
		return -ENOMEM;
	*delivery = (struct delivery) {
		.kind = kind,
		.conn = conn,
		.setup = setup,
		.request = request,
		.is_listed = conn && kind <= DELIVERY_MAP,
		.timer = evtimer_new(setup->loop->base, on_timer, delivery),
	};
	if (!delivery->timer) {
		free(delivery);
		return -ENOMEM;
	}
	if (delivery->is_listed)
		TAILQ_INSERT_TAIL(&setup->aggregated, delivery, link);
	*ret = delivery;
	return 0;
}

struct delivery *delivery_free(struct delivery *delivery) {
	if (!delivery)
		return NULL;
	if (delivery->is_listed)
		TAILQ_REMOVE(&delivery->setup->aggregated, delivery, link);
	event_free(delivery->timer);
	free(delivery);
	return NULL;
}
