#include "daemon/request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Small results are gathered in blocks that double up to this size. */
#define BLOCK_MIN 256u
#define BLOCK_MAX (64u * 1024)
/* About what start, duration and attempts of one item take in a reply. */
#define TIMES_BYTES 32u
/* Results from here on keep the bytes they came in. */
#define SHARE_MIN (16u * 1024)

/* -------- input -------- */

static struct segment *segment_free(struct segment *segment) {
	if (segment) {
		bytes_unref(segment->bytes);
		free(segment->elements.ends);
		free(segment);
	}
	return NULL;
}

static void append_segment(struct request *request, struct segment *segment, struct bytes *bytes) {
	segment->bytes = bytes_ref(bytes);
	segment->first = request->n_items;
	segment->left = segment->count;
	request->n_items += segment->count;
	request->input_bytes += bytes->size;
	TAILQ_INSERT_TAIL(&request->segments, segment, link);
	if (!request->cursor)
		request->cursor = segment;
}

static json_t *item_error(uint64_t index, enum item_error_kind kind, const char *message,
			  uint32_t attempts) {
	return json_pack("{sI ss ss sI}", "index", (json_int_t) index, "kind",
			 item_error_name(kind), "message", message, "attempts",
			 (json_int_t) attempts);
}

int request_add_items(struct request *request, struct bytes *bytes, struct document *doc) {
	struct segment *segment = calloc(1, sizeof *segment);
	int r = 0;

	if (!segment)
		return -ENOMEM;
	segment->elements = doc->elements;
	segment->count = doc->elements.count;
	doc->elements = (struct elements) {0};
	if (segment->count == 0) {
		segment_free(segment);
		return 0;
	}
	append_segment(request, segment, bytes);
	for (size_t i = 0; r == 0 && i < doc->n_flaws; i++) {
		uint64_t index = segment->first + doc->flaws[i].index;

		r = request_fail_item(request, index,
				      item_error(index, ITEM_ERROR_ITEM_TOO_LARGE,
						 "the item is over the limit of one item", 0),
				      false, 0);
	}
	return r;
}

int request_add_item(struct request *request, struct bytes *bytes, struct span span) {
	struct segment *segment = calloc(1, sizeof *segment);
	uint32_t *ends = malloc(sizeof *ends);

	if (!segment || !ends) {
		free(segment);
		free(ends);
		return -ENOMEM;
	}
	*ends = span.end;
	segment->elements = (struct elements) {
		.present = true,
		.begin = span.begin,
		.ends = ends,
		.count = 1,
		.capacity = 1,
	};
	segment->count = 1;
	append_segment(request, segment, bytes);
	return 0;
}

static struct segment *find_segment(const struct request *request, uint64_t index) {
	struct segment *segment;

	TAILQ_FOREACH (segment, &request->segments, link)
		if (index < segment->first + segment->count)
			return segment;
	return NULL;
}

/* Items first … first + count - 1 have their results; segments without any other are let go. */
static void finish_items(struct request *request, uint64_t first, uint64_t count) {
	while (count > 0) {
		struct segment *segment = find_segment(request, first);
		uint64_t n = segment->first + segment->count - first;

		if (n > count)
			n = count;
		segment->left -= n;
		first += n;
		count -= n;
		if (segment->left == 0) {
			if (segment == request->cursor)
				request->cursor = TAILQ_NEXT(segment, link);
			TAILQ_REMOVE(&request->segments, segment, link);
			request->input_bytes -= segment->bytes->size;
			segment_free(segment);
		}
	}
}

/* -------- what may start -------- */

/* How many skips are below index. */
static size_t skips_below(const struct request *request, uint64_t index) {
	size_t low = 0, high = request->n_skips;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (request->skips[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_skipped(const struct request *request, uint64_t index) {
	size_t at = skips_below(request, index);

	return at < request->n_skips && request->skips[at] == index;
}

static int add_skip(struct request *request, uint64_t index) {
	size_t at = skips_below(request, index);

	if (request->n_skips == request->skips_capacity) {
		size_t capacity = request->skips_capacity ? 2 * request->skips_capacity : 16;
		uint64_t *skips = reallocarray(request->skips, capacity, sizeof *skips);

		if (!skips)
			return -ENOMEM;
		request->skips = skips;
		request->skips_capacity = capacity;
	}
	memmove(request->skips + at + 1, request->skips + at,
		(request->n_skips - at) * sizeof *request->skips);
	request->skips[at] = index;
	request->n_skips++;
	return 0;
}

/* Moves `next` over items that already have their result, and forgets those skips. */
static void pass_skips(struct request *request) {
	size_t at;

	while (request->next < request->n_items && is_skipped(request, request->next))
		request->next++;
	for (at = 0; at < request->n_skips && request->skips[at] < request->next; at++)
		;
	if (at > 0) {
		request->n_skips -= at;
		memmove(request->skips, request->skips + at,
			request->n_skips * sizeof *request->skips);
	}
	while (request->cursor && request->cursor->first + request->cursor->count <= request->next)
		request->cursor = TAILQ_NEXT(request->cursor, link);
}

uint64_t request_pending(const struct request *request) {
	const struct item_range *range;
	uint64_t n = request->n_items - request->next - request->n_skips;

	TAILQ_FOREACH (range, &request->again, link)
		n += range->count;
	return n;
}

/* First index that may not start now because of the window. */
static uint64_t window_end(const struct request *request) {
	const struct request_limits *limits = &request->limits;
	uint64_t used;

	if (limits->window_items == UINT64_MAX)
		return UINT64_MAX;
	if (request->options.unordered) {
		used = request->held_items + request->running;
		if (used == 0)
			return UINT64_MAX;
		if (request->choked || request->held_bytes >= limits->window_bytes ||
		    used >= limits->window_items)
			return 0;
		return request->next + limits->window_items - used;
	}
	/* The oldest undelivered item may always start, or window and order would wait for each other. */
	if (request->choked || request->held_bytes >= limits->window_bytes)
		return request->delivered + 1;
	return request->delivered + limits->window_items;
}

static uint64_t first_pending(const struct request *request) {
	const struct item_range *again = TAILQ_FIRST(&request->again);

	return again ? again->first : request->next;
}

bool request_startable(const struct request *request) {
	uint64_t first = first_pending(request);

	return !request->stopped && first < request->n_items && first < window_end(request);
}

static uint64_t min(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static struct request_cut cut(struct segment *segment, uint64_t first, uint64_t count) {
	count = min(count, segment->first + segment->count - first);
	return (struct request_cut) {
		.first = first,
		.count = (uint32_t) count,
		.bytes = segment->bytes,
		.span = elements_span(&segment->elements, segment->bytes->data,
				      first - segment->first, count),
	};
}

static struct request_cut take_again(struct request *request, struct item_range *range,
				     uint64_t count) {
	struct request_cut taken;

	taken = cut(find_segment(request, range->first), range->first, min(count, range->count));
	taken.handed = range->handed;
	taken.attempts = range->attempts;
	range->first += taken.count;
	range->count -= taken.count;
	if (range->count == 0) {
		TAILQ_REMOVE(&request->again, range, link);
		free(range);
	}
	return taken;
}

struct request_cut request_take(struct request *request, uint32_t max) {
	uint64_t first = first_pending(request), end = window_end(request);
	struct item_range *range = TAILQ_FIRST(&request->again);
	uint64_t count = min(max, end - first);
	struct request_cut taken;
	size_t skip;

	assert(request_startable(request));
	if (range) {
		taken = take_again(request, range, count);
	} else {
		skip = skips_below(request, first);
		if (skip < request->n_skips)
			count = min(count, request->skips[skip] - first);
		taken = cut(request->cursor, first, count);
		request->next += taken.count;
		pass_skips(request);
	}
	request->running += taken.count;
	request->chunks++;
	request->last_count = taken.count;
	return taken;
}

/* Items that came back although nobody wants them any more get their error now. */
static int fail_cancelled(struct request *request) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->n_cancelling;) {
		uint64_t index = request->cancelling[i];

		if (!request_is_waiting(request, index)) {
			i++;
			continue;
		}
		r = request_fail_item(
			request, index,
			item_error(index, ITEM_ERROR_CANCELLED, "the item was cancelled", 0), false,
			0);
	}
	return r;
}

int request_put_back(struct request *request, uint64_t first, uint64_t count, uint32_t handed,
		     uint32_t attempts) {
	struct item_range *range, *next;

	if (count == 0)
		return 0;
	if (request->stopped) {
		request->running -= count;
		return 0;
	}
	range = malloc(sizeof *range);
	if (!range)
		return -ENOMEM;
	*range = (struct item_range) {
		.first = first,
		.count = count,
		.handed = handed,
		.attempts = attempts,
	};
	request->running -= count;
	TAILQ_FOREACH (next, &request->again, link)
		if (next->first > first)
			break;
	if (next)
		TAILQ_INSERT_BEFORE(next, range, link);
	else
		TAILQ_INSERT_TAIL(&request->again, range, link);
	return fail_cancelled(request);
}

bool request_is_cancelling(const struct request *request, uint64_t index) {
	for (size_t i = 0; i < request->n_cancelling; i++)
		if (request->cancelling[i] == index)
			return true;
	return false;
}

/* Whether the item has its result: it is neither waiting nor in the hands of a worker. */
static bool is_finished(const struct request *request, uint64_t index) {
	const struct run *run;

	if (!request->options.unordered && index < request->delivered)
		return true;
	TAILQ_FOREACH (run, &request->runs, link)
		if (index >= run->first && index < run->first + run->count)
			return true;
	return false;
}

int request_cancel_item(struct request *request, uint64_t index) {
	uint64_t *cancelling;

	if (index >= request->n_items || request_is_cancelling(request, index) ||
	    is_finished(request, index))
		return 0;
	cancelling =
		reallocarray(request->cancelling, request->n_cancelling + 1, sizeof *cancelling);
	if (!cancelling)
		return -ENOMEM;
	request->cancelling = cancelling;
	cancelling[request->n_cancelling++] = index;
	return fail_cancelled(request);
}

bool request_is_waiting(const struct request *request, uint64_t index) {
	const struct item_range *range;

	if (index >= request->n_items)
		return false;
	if (index >= request->next)
		return !is_skipped(request, index);
	TAILQ_FOREACH (range, &request->again, link)
		if (index >= range->first && index < range->first + range->count)
			return true;
	return false;
}

/* Takes a waiting item out of what will be handed over. */
static int withdraw(struct request *request, uint64_t index) {
	struct item_range *range, *rest;

	if (index >= request->next) {
		int r = add_skip(request, index);

		if (r == 0)
			pass_skips(request);
		return r;
	}
	TAILQ_FOREACH (range, &request->again, link)
		if (index < range->first + range->count)
			break;
	rest = malloc(sizeof *rest);
	if (!rest)
		return -ENOMEM;
	*rest = *range;
	rest->first = index + 1;
	rest->count = range->first + range->count - rest->first;
	range->count = index - range->first;
	TAILQ_INSERT_AFTER(&request->again, range, rest, link);
	if (range->count == 0) {
		TAILQ_REMOVE(&request->again, range, link);
		free(range);
	}
	if (rest->count == 0) {
		TAILQ_REMOVE(&request->again, rest, link);
		free(rest);
	}
	return 0;
}

/* -------- output -------- */

struct run *run_free(struct run *run) {
	if (run) {
		bytes_unref(run->bytes);
		json_decref(run->errors);
		free(run->times);
		free(run);
	}
	return NULL;
}

static void insert_run(struct request *request, struct run *run) {
	struct run *before = TAILQ_LAST(&request->runs, run_list);

	while (before && !request->options.unordered && before->first > run->first)
		before = TAILQ_PREV(before, run_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&request->runs, before, run, link);
	else
		TAILQ_INSERT_HEAD(&request->runs, run, link);
	request->held_items += run->count;
	request->held_bytes += run->end - run->begin;
}

/* The run that ends where first begins and can be continued with size bytes more, or NULL. */
static struct run *find_open(const struct request *request, uint64_t first, size_t size,
			     uint32_t attempts) {
	struct run *run = TAILQ_LAST(&request->runs, run_list);

	while (run && run->first >= first && !request->options.unordered)
		run = TAILQ_PREV(run, run_list, link);
	if (!run || !run->open || run->first + run->count != first || run->attempts != attempts ||
	    run->times || run->bytes->capacity - run->bytes->size < size + 1)
		return NULL;
	return run;
}

/* Moves the array's entries over; either may be NULL. */
static json_t *join_errors(json_t *errors, json_t *more) {
	if (!errors || !more)
		return errors ? errors : more;
	json_array_extend(errors, more);
	json_decref(more);
	return errors;
}

static void continue_run(struct request *request, struct run *run, uint64_t count, const char *text,
			 size_t size, json_t *errors) {
	struct bytes *bytes = run->bytes;

	bytes->data[bytes->size] = ',';
	memcpy(bytes->data + bytes->size + 1, text, size);
	bytes->size += size + 1;
	run->end = bytes->size;
	run->count += count;
	run->errors = join_errors(run->errors, errors);
	request->held_items += count;
	request->held_bytes += size + 1;
}

/* Room for a run that may be continued: the more results came, the larger. */
static struct bytes *new_block(const struct request *request, const char *text, size_t size) {
	uint64_t room = min(BLOCK_MAX, request->result_bytes);
	struct bytes *block;

	if (request->n_items == 1 || room < size)
		room = size;
	if (request->n_items > 1 && room < BLOCK_MIN)
		room = BLOCK_MIN;
	block = bytes_new_reserved(room);
	if (block) {
		memcpy(block->data, text, size);
		block->size = size;
	}
	return block;
}

/* onError abort: what fails first ends the call, as soon as what runs has finished. */
static void abort_call(struct request *request, json_t *item) {
	struct error error = {0};

	error_set(&error, ERROR_ITEM_FAILED, "{sO}", "item", item);
	request_fail(request, REQUEST_FAILED, &error);
}

static void count_errors(struct request *request, json_t *errors) {
	const char *cancelled = item_error_name(ITEM_ERROR_CANCELLED), *kind;
	json_t *error;
	size_t i;

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

/* Keeps results; what was given is taken over whatever happens. */
static int keep_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts) {
	size_t size = span_size(span), n_errors = json_array_size(errors);
	bool share = bytes && size >= SHARE_MIN;
	struct run *run = share || times ? NULL : find_open(request, first, size, attempts);

	request->result_bytes += size + 1;
	if (errors)
		request->result_bytes += json_dumpb(errors, NULL, 0, JSON_COMPACT);
	if (times)
		request->result_bytes += count * TIMES_BYTES;
	request->succeeded += count - n_errors;
	count_errors(request, errors);
	if (run) {
		continue_run(request, run, count, text + span.begin, size, errors);
		return 0;
	}
	run = malloc(sizeof *run);
	if (run) {
		*run = (struct run) {
			.first = first,
			.count = count,
			.errors = errors,
			.times = times,
			.attempts = attempts,
			.open = !share && !times,
			.bytes = share ? bytes_ref(bytes)
				       : new_block(request, text + span.begin, size),
			.begin = share ? span.begin : 0,
			.end = share ? span.end : size,
		};
		if (run->bytes) {
			insert_run(request, run);
			return 0;
		}
	} else {
		json_decref(errors);
		free(times);
	}
	run_free(run);
	return -ENOMEM;
}

int request_add_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts) {
	request->running -= count;
	finish_items(request, first, count);
	return keep_results(request, first, count, text, span, bytes, errors, times, attempts);
}

static void forget_cancelling(struct request *request, uint64_t index) {
	for (size_t i = 0; i < request->n_cancelling; i++)
		if (request->cancelling[i] == index)
			request->cancelling[i] = request->cancelling[--request->n_cancelling];
}

int request_fail_item(struct request *request, uint64_t index, json_t *error, bool was_running,
		      uint32_t attempts) {
	json_t *errors = json_array();
	uint64_t *times = NULL;
	int r;

	forget_cancelling(request, index);
	if (json_array_append_new(errors, error) < 0) {
		json_decref(errors);
		return -ENOMEM;
	}
	if (!was_running) {
		r = withdraw(request, index);
		if (r < 0) {
			json_decref(errors);
			return r;
		}
		request->running++;
	}
	if (request->options.timings) {
		times = calloc(2, sizeof *times);
		if (!times) {
			json_decref(errors);
			return -ENOMEM;
		}
	}
	return request_add_results(request, index, 1, "null", (struct span) {0, 4}, NULL, errors,
				   times, attempts);
}

struct run *request_ready(const struct request *request) {
	struct run *run = TAILQ_FIRST(&request->runs);

	if (run && !request->options.unordered && run->first != request->delivered)
		return NULL;
	return run;
}

struct run *request_deliver(struct request *request) {
	struct run *run = request_ready(request);

	TAILQ_REMOVE(&request->runs, run, link);
	request->delivered += run->count;
	request->held_items -= run->count;
	request->held_bytes -= run->end - run->begin;
	return run;
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
	TAILQ_INIT(&request->segments);
	TAILQ_INIT(&request->again);
	TAILQ_INIT(&request->runs);
	request->function = strdup(slash ? slash + 1 : function);
	request->pool = slash ? strndup(function, (size_t) (slash - function)) : NULL;
	if (!request->function || (slash && !request->pool))
		return request_free(request);
	return request;
}

struct request *request_free(struct request *request) {
	struct segment *segment;
	struct item_range *range;
	struct run *run;

	if (!request)
		return NULL;
	while ((segment = TAILQ_FIRST(&request->segments))) {
		TAILQ_REMOVE(&request->segments, segment, link);
		segment_free(segment);
	}
	while ((range = TAILQ_FIRST(&request->again))) {
		TAILQ_REMOVE(&request->again, range, link);
		free(range);
	}
	while ((run = TAILQ_FIRST(&request->runs))) {
		TAILQ_REMOVE(&request->runs, run, link);
		run_free(run);
	}
	bytes_unref(request->common_bytes);
	error_done(&request->failure);
	free(request->skips);
	free(request->cancelling);
	free(request->function);
	free(request->pool);
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
	return request->stopped || (request->input_ended && request_pending(request) == 0);
}

json_t *request_summary(const struct request *request, uint64_t now) {
	uint64_t ran = request->succeeded + request->failed;
	uint64_t started = request->started ? request->started : now;
	char id[24];

	snprintf(id, sizeof id, "%" PRIu64, request->id);
	return json_pack(
		"{ss sI sI sI sI sI sI sI sI}", "request", id, "items",
		(json_int_t) request->n_items, "succeeded", (json_int_t) request->succeeded,
		"failed", (json_int_t) request->failed, "cancelled",
		(json_int_t) (request->n_items - ran), "retried", (json_int_t) request->retried,
		"queuedUs", (json_int_t) (started - request->accepted), "elapsedUs",
		(json_int_t) (now - request->accepted), "workUs", (json_int_t) request->work_us);
}
