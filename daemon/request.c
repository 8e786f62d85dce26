#include "daemon/request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* About what start, duration and attempts of one item take in a reply. */
#define TIMES_BYTES 32u
/* About what a request takes beside its items and results, with all that the daemon keeps about it. */
#define REQUEST_MEMORY 2048u
/* Of one item, its end and its mark. */
#define ITEM_MEMORY 5u

/* -------- input -------- */

static json_t *item_error(uint64_t index, enum item_error_kind kind, const char *message,
			  uint32_t attempts) {
	return json_pack("{sI ss ss sI}", "index", (json_int_t) index, "kind",
			 item_error_name(kind), "message", message, "attempts",
			 (json_int_t) attempts);
}

int request_add_items(struct request *request, struct bytes *bytes, struct document *doc) {
	uint64_t first = request->items.n;
	int r;

	if (doc->elements.count == 0)
		return 0;
	r = items_add(&request->items, bytes, &doc->elements);
	for (size_t i = 0; r == 0 && i < doc->n_flaws; i++) {
		uint64_t index = first + doc->flaws[i].index;

		r = request_fail_item(request, index,
				      item_error(index, ITEM_ERROR_ITEM_TOO_LARGE,
						 "the item is over the limit of one item", 0),
				      false, 0);
	}
	return r;
}

int request_add_item(struct request *request, struct bytes *bytes, struct span span) {
	uint32_t *ends = malloc(sizeof *ends);
	struct elements elements = {
		.present = true,
		.begin = span.begin,
		.ends = ends,
		.count = 1,
		.capacity = 1,
	};
	int r;

	if (!ends)
		return -ENOMEM;
	*ends = span.end;
	r = items_add(&request->items, bytes, &elements);
	if (r < 0)
		free(ends);
	return r;
}

/* -------- what may start -------- */

uint64_t request_pending(const struct request *request) {
	return items_waiting(&request->items);
}

/* How far the oldest results that are held wait for others: what is before them fills no window, for it is delivered as
 * it comes, and takes them along. One at a time would do, but a recalled chunk has thousands. */
static uint64_t gap_end(const struct results *results) {
	const struct run *oldest = TAILQ_FIRST(&results->runs);

	return oldest && oldest->first > results->delivered ? oldest->first
							    : results->delivered + 1;
}

/* First index that may not start now because of the window. The oldest undelivered item may always start, or window
 * and order would wait for each other. */
static uint64_t window_end(const struct request *request) {
	const struct request_limits *limits = &request->limits;
	const struct results *results = &request->results;
	uint64_t used = results->items + request->running, room;
	bool full = request->choked || results->size >= limits->window_bytes;

	if (limits->window_items == UINT64_MAX)
		return UINT64_MAX;
	if (!results->unordered && request->choked)
		return results->delivered + 1;
	if (!results->unordered) {
		uint64_t end = results->delivered + limits->window_items;

		/* Who was cancelled while waiting may lie beyond the window. */
		return full && gap_end(results) < end ? gap_end(results) : end;
	}
	room = full || used >= limits->window_items ? 0 : limits->window_items - used;
	return items_first(&request->items) + (used == 0 && room == 0 ? 1 : room);
}

bool request_startable(const struct request *request) {
	uint64_t first = items_first(&request->items);

	return !request->stopped && first < request->items.n && first < window_end(request);
}

struct items_cut request_take(struct request *request, uint32_t max) {
	uint64_t room = window_end(request) - items_first(&request->items);
	struct items_cut taken;

	assert(request_startable(request));
	taken = items_take(&request->items, max < room ? max : room);
	request->running += taken.count;
	request->chunks++;
	request->last_count = taken.count;
	return taken;
}

static int fail_waiting(struct request *request, uint64_t index, uint32_t attempts) {
	return request_fail_item(
		request, index,
		item_error(index, ITEM_ERROR_CANCELLED, "the item was cancelled", attempts), false,
		attempts);
}

/* Of items that came back, those that nobody wants any more get their error now. */
static int fail_cancelled(struct request *request, uint64_t first, uint64_t count,
			  uint32_t attempts) {
	int r = 0;

	for (uint64_t i = first; r == 0 && request->items.cancelling > 0 && i < first + count; i++)
		if (request_is_cancelling(request, i))
			r = fail_waiting(request, i, attempts);
	return r;
}

int request_put_back(struct request *request, uint64_t first, uint64_t count, uint32_t handed,
		     uint32_t attempts) {
	int r;

	request->running -= count;
	if (count == 0 || request->stopped)
		return 0;
	r = items_put_back(&request->items, first, count, handed, attempts);
	return r == 0 ? fail_cancelled(request, first, count, attempts) : r;
}

bool request_is_cancelling(const struct request *request, uint64_t index) {
	return items_is_cancelling(&request->items, index);
}

int request_cancel_item(struct request *request, uint64_t index) {
	if (items_is_waiting(&request->items, index))
		return fail_waiting(request, index, items_attempts(&request->items, index));
	items_cancel(&request->items, index);
	return 0;
}

/* -------- output -------- */

/* onError abort: what fails first ends the call, as soon as what runs has finished. */
static void abort_call(struct request *request, json_t *item) {
	struct error error = {0};

	error_set(&error, ERROR_ITEM_FAILED, "{sO}", "item", item);
	request_fail(request, REQUEST_FAILED, &error);
}

static void count_results(struct request *request, uint64_t count, const json_t *errors) {
	const char *cancelled = item_error_name(ITEM_ERROR_CANCELLED), *kind;
	json_t *error;
	size_t i;

	request->succeeded += count - json_array_size(errors);
	json_array_foreach(errors, i, error) {
		kind = json_string_value(json_object_get(error, "kind"));
		if (strcmp(kind, cancelled) == 0) {
			request->cancelled++;
			continue;
		}
		request->failed++;
		if (request->options.abort && !request->stopped)
			abort_call(request, error);
	}
}

int request_add_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts) {
	size_t errors_size = errors ? json_dumpb(errors, NULL, 0, JSON_COMPACT) : 0;

	request->running -= count;
	items_finish(&request->items, first, count);
	request->result_bytes +=
		span_size(span) + 1 + errors_size + (times ? count * TIMES_BYTES : 0);
	count_results(request, count, errors);
	if (errors && errors_size == 0) { /* no memory to dump them */
		json_decref(errors);
		free(times);
		return -ENOMEM;
	}
	return results_add(&request->results, &(struct results_part) {
						      .first = first,
						      .count = count,
						      .text = text,
						      .span = span,
						      .bytes = bytes,
						      .errors = errors,
						      .errors_size = errors_size,
						      .times = times,
						      .attempts = attempts,
						      .alone = request->items.n == 1,
					      });
}

int request_fail_item(struct request *request, uint64_t index, json_t *error, bool was_running,
		      uint32_t attempts) {
	json_t *errors = json_array();
	uint64_t *times = NULL;
	int r = json_array_append_new(errors, error) < 0 ? -ENOMEM : 0;

	if (r == 0 && request->options.timings && !(times = calloc(2, sizeof *times)))
		r = -ENOMEM;
	if (r < 0) {
		json_decref(errors);
		free(times);
		return r;
	}
	if (!was_running)
		items_withdraw(&request->items, index);
	request->running += !was_running;
	return request_add_results(request, index, 1, "null", (struct span) {0, 4}, NULL, errors,
				   times, attempts);
}

/* -------- life -------- */

struct request *request_new(uint64_t id, const char *function, uid_t uid, pid_t pid,
			    const struct run_options *options, const struct request_limits *limits,
			    uint64_t now) {
	struct request *request = calloc(1, sizeof *request);
	const char *slash = strchr(function, '/');

	if (!request)
		return NULL;
	request->id = id;
	request->uid = uid;
	request->pid = pid;
	request->options = *options;
	request->limits = *limits;
	request->accepted = now;
	items_init(&request->items);
	results_init(&request->results, options->unordered);
	request->function = strdup(slash ? slash + 1 : function);
	request->pool = slash ? strndup(function, (size_t) (slash - function)) : NULL;
	if (!request->function || (slash && !request->pool))
		return request_free(request);
	return request;
}

struct request *request_free(struct request *request) {
	if (!request)
		return NULL;
	items_done(&request->items);
	results_done(&request->results);
	bytes_unref(request->common_bytes);
	error_done(&request->failure);
	charge_close(&request->charge);
	free(request->function);
	free(request->pool);
	groups_unref(request->groups);
	free(request);
	return NULL;
}

void request_stop(struct request *request) {
	request->stopped = true;
}

void request_fail(struct request *request, enum request_state state, struct error *error) {
	request->stopped = true;
	if (request->state <= REQUEST_RUNNING) {
		request->state = state;
		request->failure = error_move(error);
	}
	error_done(error);
}

bool request_is_over(const struct request *request) {
	if (request->running > 0)
		return false;
	return request->stopped || (request->input_ended && items_waiting(&request->items) == 0);
}

uint64_t request_deadline(const struct request *request, uint32_t *ret_ms) {
	uint32_t queue = request->started ? 0 : request->options.queue_timeout_ms;
	uint32_t whole = request->options.timeout_ms;

	*ret_ms = queue && (!whole || queue < whole) ? queue : whole;
	return *ret_ms ? request->accepted + UINT64_C(1000) * *ret_ms : UINT64_MAX;
}

/* -------- what it holds -------- */

/* Bytes that were received for it. A common value lies in the message of its call, and so do the items of a Map. */
static uint64_t received_bytes(const struct request *request) {
	uint64_t common = request->common_bytes ? request->common_bytes->size : 0;
	const struct segment *segment = TAILQ_FIRST(&request->items.segments);

	if (segment && segment->bytes == request->common_bytes)
		common = 0;
	return request->items.bytes + common;
}

void request_recharge(struct request *request) {
	uint64_t items = request->items.n - request->results.delivered;

	charge_set(&request->charge, QUOTA_ITEMS, items);
	charge_set(&request->charge, QUOTA_BYTES,
		   REQUEST_MEMORY + received_bytes(request) + items * ITEM_MEMORY +
			   request->results.held);
}

void request_drop_results(struct request *request) {
	bool unordered = request->results.unordered;
	uint64_t delivered = request->results.delivered;

	results_done(&request->results);
	results_init(&request->results, unordered);
	request->results.delivered = delivered;
	request_recharge(request);
}

json_t *request_summary(const struct request *request, uint64_t now) {
	uint64_t ran = request->succeeded + request->failed;
	uint64_t started = request->started ? request->started : now;
	char id[24];

	snprintf(id, sizeof id, "%" PRIu64, request->id);
	return json_pack(
		"{ss sI sI sI sI sI sI sI sI}", "request", id, "items",
		(json_int_t) request->items.n, "succeeded", (json_int_t) request->succeeded,
		"failed", (json_int_t) request->failed, "cancelled",
		(json_int_t) (request->items.n - ran), "retried", (json_int_t) request->retried,
		"queuedUs", (json_int_t) (started - request->accepted), "elapsedUs",
		(json_int_t) (now - request->accepted), "workUs", (json_int_t) request->work_us);
}
