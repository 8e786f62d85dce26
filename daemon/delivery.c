#include "daemon/delivery.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/batch.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/feed.h"
#include "daemon/outlet.h"
#include "protocol/limits.h"

struct delivery {
	TAILQ_ENTRY(delivery) link; /* in setup->aggregated, if is_listed */
	bool is_listed;
	enum delivery_kind kind;
	struct delivery_setup *setup;
	struct outlet outlet;
	struct request *request; /* the outlet's */
	struct event *timer;     /* the batch at hand is due */
	bool due;
};

/* -------- batches -------- */

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
	       conn_unsent(delivery->outlet.conn) <= LIMIT_UNSENT_HIGH) {
		if (request->results.delivered > 0 && !delivery->due && !idle &&
		    !batch_is_full(request)) {
			arm_timer(delivery);
			break;
		}
		outlet_batch(&delivery->outlet);
	}
	if (!results_ready(&request->results)) {
		delivery->due = false;
		evtimer_del(delivery->timer);
	}
	request->choked = conn_unsent(delivery->outlet.conn) > LIMIT_UNSENT_HIGH;
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

static void finish_with_error(struct delivery *delivery) {
	struct error error = error_move(&delivery->request->failure);

	outlet_error(&delivery->outlet, &error);
	finish(delivery);
}

static void finish_successfully(struct delivery *delivery) {
	switch (delivery->kind) {
	case DELIVERY_APPLY: outlet_result(&delivery->outlet); break;
	case DELIVERY_MAP: outlet_results(&delivery->outlet); break;
	default: outlet_last(&delivery->outlet);
	}
	finish(delivery);
}

/* -------- the client -------- */

static void on_object(void *owner, struct conn_call *message) {
	struct delivery *delivery = owner;

	feed_object(delivery->setup->dispatch, delivery->outlet.conn, delivery->request, message);
}

static void on_input_ended(void *owner, struct error *error) {
	struct delivery *delivery = owner;

	feed_end(delivery->setup->dispatch, delivery->request, error);
}

static void on_hung_up(void *owner) {
	struct delivery *delivery = owner;
	struct error error = {0};

	error_set(&error, ERROR_CANCELLED, NULL);
	delivery->outlet.conn = NULL;
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

	if (!delivery->outlet.conn)
		return discard_results(delivery);
	request_recharge(request);
	if (delivery->is_listed)
		check_reply(delivery);
	if (request->state == REQUEST_CANCELLED)
		return finish_with_error(delivery);
	if (delivery->kind >= DELIVERY_MORE)
		deliver_batches(delivery);
	request_recharge(request);
	if (delivery->kind == DELIVERY_STREAM)
		feed_throttle(delivery->outlet.conn, request);
	if (!request_is_over(request))
		return;
	if (delivery->kind >= DELIVERY_MORE && results_ready(&request->results))
		return; /* until the client has read more */
	if (request->state == REQUEST_FAILED)
		return finish_with_error(delivery);
	request->state = REQUEST_DONE;
	finish_successfully(delivery);
}

/* -------- life -------- */

void delivery_begin(struct delivery *delivery) {
	char id[24];

	if (!delivery->outlet.conn)
		return;
	if (delivery->kind != DELIVERY_STREAM) {
		conn_own(delivery->outlet.conn, &conn_ops, delivery);
		return;
	}
	snprintf(id, sizeof id, "%" PRIu64, delivery->request->id);
	delivery->outlet.named = true;
	conn_upgrade(delivery->outlet.conn,
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
		.setup = setup,
		.outlet = {.conn = conn, .request = request, .stream = kind == DELIVERY_STREAM},
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
