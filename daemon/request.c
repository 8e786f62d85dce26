#include "daemon/request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Small results are gathered in blocks of these sizes. */
#define BLOCK_MIN 256u
#define BLOCK_MAX (64u * 1024)
/* About what start, duration and attempts of one item take in a reply. */
#define TIMES_BYTES 32u
/* Results from here on keep the bytes they came in. */
#define SHARE_MIN (16u * 1024)

static uint64_t min(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

/* -------- input -------- */

static struct segment *segment_free(struct segment *segment) {
	if (segment) {
		bytes_unref(segment->bytes);
		free(segment->elements.ends);
		free(segment->marks);
		free(segment);
	}
	return NULL;
}

/* Takes the elements over, but not without memory. */
static struct segment *new_segment(const struct elements *elements) {
	struct segment *segment = calloc(1, sizeof *segment);
	uint8_t *marks = calloc(elements->count, 1);

	if (!segment || !marks) {
		free(segment);
		free(marks);
		return NULL;
	}
	segment->elements = *elements;
	segment->count = elements->count;
	segment->marks = marks;
	return segment;
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
	struct segment *segment;
	uint64_t first = request->n_items;
	int r = 0;

	if (doc->elements.count == 0)
		return 0;
	segment = new_segment(&doc->elements);
	if (!segment)
		return -ENOMEM;
	doc->elements = (struct elements) {0};
	append_segment(request, segment, bytes);
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
	const struct elements elements = {
		.present = true,
		.begin = span.begin,
		.ends = ends,
		.count = 1,
		.capacity = 1,
	};
	struct segment *segment = ends ? new_segment(&elements) : NULL;

	if (!segment) {
		free(ends);
		return -ENOMEM;
	}
	*ends = span.end;
	append_segment(request, segment, bytes);
	return 0;
}

/* The segment of an item that is there; NULL if all items of its segment have their results. */
static struct segment *find_segment(const struct request *request, uint64_t index) {
	struct segment *segment = request->cursor;

	if (!segment || index < segment->first)
		segment = TAILQ_FIRST(&request->segments);
	while (segment && index >= segment->first + segment->count)
		segment = TAILQ_NEXT(segment, link);
	return segment && index >= segment->first ? segment : NULL;
}

/* The item's marks, or ITEM_FINISHED if they are not kept any more. */
static unsigned marks_of(const struct request *request, uint64_t index) {
	const struct segment *segment = find_segment(request, index);

	return segment ? segment->marks[index - segment->first] : ITEM_FINISHED;
}

static void finish_item(struct request *request, uint8_t *mark) {
	if (*mark & ITEM_CANCELLING)
		request->cancelling--;
	*mark = ITEM_FINISHED;
}

/* Lets a segment go whose items all have their results. */
static void remove_segment(struct request *request, struct segment *segment) {
	if (segment == request->cursor)
		request->cursor = TAILQ_NEXT(segment, link);
	TAILQ_REMOVE(&request->segments, segment, link);
	request->input_bytes -= segment->bytes->size;
	segment_free(segment);
}

/* Items first … first + count - 1 have their results. */
static void finish_items(struct request *request, uint64_t first, uint64_t count) {
	while (count > 0) {
		struct segment *segment = find_segment(request, first);
		uint64_t at = first - segment->first, n = min(segment->count - at, count);

		for (uint64_t i = at; i < at + n; i++)
			finish_item(request, &segment->marks[i]);
		segment->left -= n;
		first += n;
		count -= n;
		if (segment->left == 0)
			remove_segment(request, segment);
	}
}

/* -------- what may start -------- */

/* Moves `next`, and the cursor with it, over items that already have their result. */
static void pass_finished(struct request *request) {
	const struct segment *cursor;
	uint64_t before;

	while ((cursor = request->cursor)) {
		before = request->next;
		if (request->next < cursor->first)
			request->next = cursor->first;
		while (request->next < cursor->first + cursor->count &&
		       cursor->marks[request->next - cursor->first] & ITEM_FINISHED)
			request->next++;
		request->skips -= request->next - before;
		if (request->next < cursor->first + cursor->count)
			return;
		request->cursor = TAILQ_NEXT(cursor, link);
	}
	request->skips -= request->n_items - request->next;
	request->next = request->n_items;
}

uint64_t request_pending(const struct request *request) {
	const struct item_range *range;
	uint64_t n = request->n_items - request->next - request->skips;

	TAILQ_FOREACH (range, &request->again, link)
		n += range->count;
	return n;
}

static uint64_t first_pending(const struct request *request) {
	const struct item_range *again = TAILQ_FIRST(&request->again);

	return again ? again->first : request->next;
}

/* First index that may not start now because of the window. The oldest undelivered item may always start, or window
 * and order would wait for each other. */
static uint64_t window_end(const struct request *request) {
	const struct request_limits *limits = &request->limits;
	uint64_t used = request->held_items + request->running, room;
	bool full = request->choked || request->held_bytes >= limits->window_bytes;

	if (limits->window_items == UINT64_MAX)
		return UINT64_MAX;
	if (!request->options.unordered)
		return request->delivered + (full ? 1 : limits->window_items);
	room = full || used >= limits->window_items ? 0 : limits->window_items - used;
	return first_pending(request) + (used == 0 && room == 0 ? 1 : room);
}

bool request_startable(const struct request *request) {
	uint64_t first = first_pending(request);

	return !request->stopped && first < request->n_items && first < window_end(request);
}

/* At most count items from first on, up to one that has its result already; first has none. */
static struct request_cut cut(const struct segment *segment, uint64_t first, uint64_t count) {
	uint64_t at = first - segment->first, most = min(count, segment->count - at);

	for (count = 1; count < most && !(segment->marks[at + count] & ITEM_FINISHED); count++)
		;
	return (struct request_cut) {
		.first = first,
		.count = (uint32_t) count,
		.bytes = segment->bytes,
		.span = elements_span(&segment->elements, segment->bytes->data, at, count),
	};
}

static void drop_if_empty(struct request *request, struct item_range *range) {
	if (range && range->count == 0) {
		TAILQ_REMOVE(&request->again, range, link);
		free(range);
	}
}

/* The range of items to be handed over again that index lies in, or NULL. */
static struct item_range *find_again(const struct request *request, uint64_t index) {
	struct item_range *range;

	TAILQ_FOREACH (range, &request->again, link)
		if (index >= range->first && index < range->first + range->count)
			return range;
	return NULL;
}

static struct request_cut take_again(struct request *request, struct item_range *range,
				     uint64_t count) {
	struct request_cut taken;

	taken = cut(find_segment(request, range->first), range->first, min(count, range->count));
	taken.handed = range->handed;
	taken.attempts = range->attempts;
	range->first += taken.count;
	range->count -= taken.count;
	drop_if_empty(request, range);
	return taken;
}

struct request_cut request_take(struct request *request, uint32_t max) {
	uint64_t first = first_pending(request), end = window_end(request);
	struct item_range *range = TAILQ_FIRST(&request->again);
	uint64_t count = min(max, end - first);
	struct request_cut taken;

	assert(request_startable(request));
	if (range) {
		taken = take_again(request, range, count);
	} else {
		taken = cut(request->cursor, first, count);
		request->next += taken.count;
		pass_finished(request);
	}
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

	for (uint64_t i = first; r == 0 && request->cancelling > 0 && i < first + count; i++)
		if (request_is_cancelling(request, i))
			r = fail_waiting(request, i, attempts);
	return r;
}

int request_put_back(struct request *request, uint64_t first, uint64_t count, uint32_t handed,
		     uint32_t attempts) {
	struct item_range *range, *next;

	request->running -= count;
	if (count == 0 || request->stopped)
		return 0;
	range = malloc(sizeof *range);
	if (!range)
		return -ENOMEM;
	*range = (struct item_range) {
		.first = first,
		.count = count,
		.handed = handed,
		.attempts = attempts,
	};
	TAILQ_FOREACH (next, &request->again, link)
		if (next->first > first)
			break;
	if (next)
		TAILQ_INSERT_BEFORE(next, range, link);
	else
		TAILQ_INSERT_TAIL(&request->again, range, link);
	return fail_cancelled(request, first, count, attempts);
}

bool request_is_cancelling(const struct request *request, uint64_t index) {
	return request->cancelling > 0 && marks_of(request, index) & ITEM_CANCELLING;
}

int request_cancel_item(struct request *request, uint64_t index) {
	const struct item_range *range;
	struct segment *segment;

	if (index >= request->n_items || marks_of(request, index) != 0)
		return 0;
	range = find_again(request, index);
	if (range || index >= request->next)
		return fail_waiting(request, index, range ? range->attempts : 0);
	segment = find_segment(request, index);
	segment->marks[index - segment->first] |= ITEM_CANCELLING;
	request->cancelling++;
	return 0;
}

bool request_is_waiting(const struct request *request, uint64_t index) {
	if (index >= request->next)
		return index < request->n_items && !(marks_of(request, index) & ITEM_FINISHED);
	return find_again(request, index) != NULL;
}

/* Takes a waiting item out of what will be handed over: it counts as running then. */
static int withdraw(struct request *request, uint64_t index) {
	struct item_range *range = find_again(request, index), *rest = NULL;

	if (!range) {
		request->skips++;
	} else if (index == range->first) {
		range->first++;
		range->count--;
	} else {
		rest = malloc(sizeof *rest);
		if (!rest)
			return -ENOMEM;
		*rest = *range;
		rest->first = index + 1;
		rest->count = range->first + range->count - rest->first;
		range->count = index - range->first;
		TAILQ_INSERT_AFTER(&request->again, range, rest, link);
	}
	drop_if_empty(request, range);
	drop_if_empty(request, rest);
	request->running++;
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

/* The run behind which one that begins at first belongs, or NULL. */
static struct run *find_place(const struct request *request, uint64_t first) {
	struct run *head = TAILQ_FIRST(&request->runs), *run = TAILQ_LAST(&request->runs, run_list);

	if (request->options.unordered)
		return run;
	if (head && head->first > first)
		return NULL;
	while (run && run->first > first)
		run = TAILQ_PREV(run, run_list, link);
	return run;
}

static void insert_run(struct request *request, struct run *run) {
	struct run *before = find_place(request, run->first);

	if (before)
		TAILQ_INSERT_AFTER(&request->runs, before, run, link);
	else
		TAILQ_INSERT_HEAD(&request->runs, run, link);
	request->held_items += run->count;
	request->held_bytes += run->end - run->begin;
}

/* The run that ends where first begins, or NULL. */
static struct run *find_before(const struct request *request, uint64_t first) {
	struct run *run = find_place(request, first);

	return run && run->first + run->count == first ? run : NULL;
}

/* The same, if it can be continued with size bytes more. */
static struct run *find_open(const struct request *request, uint64_t first, size_t size,
			     uint32_t attempts) {
	struct run *run = find_before(request, first);

	if (!run || !run->open || run->attempts != attempts ||
	    run->bytes->capacity - run->bytes->size < size + 1)
		return NULL;
	return run;
}

/* errors: taken over whatever happens. */
static int continue_run(struct request *request, struct run *run, uint64_t count, const char *text,
			size_t size, json_t *errors) {
	struct bytes *bytes = run->bytes;
	int r = 0;

	if (run->errors && errors) {
		r = json_array_extend(run->errors, errors);
		json_decref(errors);
	} else if (errors) {
		run->errors = errors;
	}
	if (r < 0)
		return -ENOMEM;
	bytes->data[bytes->size] = ',';
	memcpy(bytes->data + bytes->size + 1, text, size);
	bytes->size += size + 1;
	run->end = bytes->size;
	run->count += count;
	request->held_items += count;
	request->held_bytes += size + 1;
	return 0;
}

/* Room for a run that may be continued: twice that of the run which ends where it begins, so that results which come
 * in order soon fill large blocks, and single ones between gaps do not hold them. */
static size_t block_size(const struct request *request, uint64_t first, size_t size) {
	const struct run *before = find_before(request, first);
	size_t room = BLOCK_MIN;

	if (before && before->open)
		room = 2 * before->bytes->capacity;
	if (room > BLOCK_MAX)
		room = BLOCK_MAX;
	return room > size ? room : size;
}

static struct bytes *new_block(const char *text, size_t size, size_t room) {
	struct bytes *block = bytes_new_reserved(room);

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

/* Makes *like a run with these bytes, shared or copied. Returns NULL without memory. */
static struct run *new_run(const struct request *request, const struct run *like, const char *text,
			   struct span span, struct bytes *share) {
	struct run *run = malloc(sizeof *run);
	size_t size = span_size(span);

	if (!run)
		return NULL;
	*run = *like;
	run->begin = share ? span.begin : 0;
	run->end = run->begin + size;
	run->bytes = share ? bytes_ref(share)
			   : new_block(text + span.begin, size,
				       run->open ? block_size(request, run->first, size) : size);
	if (!run->bytes) {
		free(run);
		return NULL;
	}
	return run;
}

/* Keeps results; what was given is taken over whatever happens. */
static int keep_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts) {
	size_t size = span_size(span);
	size_t errors_size = errors ? json_dumpb(errors, NULL, 0, JSON_COMPACT) : 0;
	bool enough = !errors || errors_size > 0; /* memory to dump them */
	bool share = bytes && size >= SHARE_MIN, join = !share && !times && request->n_items > 1;
	const struct run like = {
		.first = first,
		.count = count,
		.errors = errors,
		.times = times,
		.attempts = attempts,
		.open = join,
	};
	struct run *run = join ? find_open(request, first, size, attempts) : NULL;

	request->result_bytes += size + 1 + errors_size + (times ? count * TIMES_BYTES : 0);
	count_results(request, count, errors);
	if (run && enough)
		return continue_run(request, run, count, text + span.begin, size, errors);
	run = enough ? new_run(request, &like, text, span, share ? bytes : NULL) : NULL;
	if (!run) {
		json_decref(errors);
		free(times);
		return -ENOMEM;
	}
	insert_run(request, run);
	return 0;
}

int request_add_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts) {
	request->running -= count;
	finish_items(request, first, count);
	return keep_results(request, first, count, text, span, bytes, errors, times, attempts);
}

int request_fail_item(struct request *request, uint64_t index, json_t *error, bool was_running,
		      uint32_t attempts) {
	json_t *errors = json_array();
	uint64_t *times = NULL;
	int r = json_array_append_new(errors, error) < 0 ? -ENOMEM : 0;

	if (r == 0 && request->options.timings && !(times = calloc(2, sizeof *times)))
		r = -ENOMEM;
	if (r == 0 && !was_running)
		r = withdraw(request, index);
	if (r < 0) {
		json_decref(errors);
		free(times);
		return r;
	}
	r = request_add_results(request, index, 1, "null", (struct span) {0, 4}, NULL, errors,
				times, attempts);
	pass_finished(request);
	return r;
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
