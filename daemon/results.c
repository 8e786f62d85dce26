#include "daemon/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Small results are gathered in blocks of these sizes. */
#define BLOCK_MIN 256u
#define BLOCK_MAX (64u * 1024)
/* Results from here on keep the bytes they came in. */
#define SHARE_MIN (16u * 1024)
/* About what jansson keeps of one error beside its texts. */
#define ERROR_MEMORY 1024u

struct run *run_free(struct run *run) {
	if (run) {
		bytes_unref(run->bytes);
		json_decref(run->errors);
		free(run->times);
		free(run);
	}
	return NULL;
}

/* -------- places -------- */

/* The run behind which one that begins at first belongs, or NULL. Results come nearly in order, and cancelled items in
 * the order of their indexes: the place is near the last one. */
static struct run *find_place(const struct results *results, uint64_t first) {
	struct run *run = results->newest, *next;

	if (results->unordered || !run)
		run = TAILQ_LAST(&results->runs, run_list);
	if (results->unordered)
		return run;
	while (run && run->first > first)
		run = TAILQ_PREV(run, run_list, link);
	while (run && (next = TAILQ_NEXT(run, link)) && next->first <= first)
		run = next;
	return run;
}

static size_t errors_memory(const struct results_part *part) {
	return part->errors_size + json_array_size(part->errors) * ERROR_MEMORY;
}

/* before: the run it follows, or NULL for the first place. */
static void insert_run(struct results *results, struct run *before, struct run *run) {
	if (before)
		TAILQ_INSERT_AFTER(&results->runs, before, run, link);
	else
		TAILQ_INSERT_HEAD(&results->runs, run, link);
	results->newest = run;
	results->items += run->count;
	results->size += run->size;
	results->held += run->held;
}

/* -------- runs that grow -------- */

static bool ends_at(const struct run *run, uint64_t first) {
	return run && run->first + run->count == first;
}

static bool can_continue(const struct run *run, const struct results_part *part) {
	return ends_at(run, part->first) && run->open && run->attempts == part->attempts &&
	       run->bytes->capacity - run->bytes->size > span_size(part->span);
}

static int continue_run(struct results *results, struct run *run, const struct results_part *part) {
	struct bytes *bytes = run->bytes;
	size_t size = span_size(part->span), held = errors_memory(part);
	int r = 0;

	if (run->errors && part->errors) {
		r = json_array_extend(run->errors, part->errors);
		json_decref(part->errors);
	} else if (part->errors) {
		run->errors = part->errors;
	}
	if (r < 0)
		return -ENOMEM;
	bytes->data[bytes->size] = ',';
	memcpy(bytes->data + bytes->size + 1, part->text + part->span.begin, size);
	bytes->size += size + 1;
	run->end = bytes->size;
	run->count += part->count;
	results->newest = run;
	run->size += size + 1 + part->errors_size;
	run->held += held;
	results->items += part->count;
	results->size += size + 1 + part->errors_size;
	results->held += held;
	return 0;
}

/* Room for a run that may be continued: twice that of the run which ends where it begins, so that results which come
 * in order soon fill large blocks, and single ones between gaps do not hold them. */
static size_t block_size(const struct run *before, const struct results_part *part) {
	size_t size = span_size(part->span), room = BLOCK_MIN;

	if (ends_at(before, part->first) && before->open)
		room = 2 * before->bytes->capacity;
	if (room > BLOCK_MAX)
		room = BLOCK_MAX;
	return room > size ? room : size;
}

static struct bytes *new_block(const struct results_part *part, size_t room) {
	struct bytes *block = bytes_new_reserved(room);

	if (block) {
		block->size = span_size(part->span);
		memcpy(block->data, part->text + part->span.begin, block->size);
	}
	return block;
}

static struct run *new_run(const struct run *before, const struct results_part *part, bool share) {
	struct run *run = malloc(sizeof *run);
	size_t size = span_size(part->span);

	if (!run)
		return NULL;
	*run = (struct run) {
		.first = part->first,
		.count = part->count,
		.begin = share ? part->span.begin : 0,
		.errors = part->errors,
		.times = part->times,
		.attempts = part->attempts,
		.open = !share && !part->times && !part->alone,
	};
	run->end = run->begin + size;
	run->bytes = share ? bytes_ref(part->bytes)
			   : new_block(part, run->open ? block_size(before, part) : size);
	if (!run->bytes) {
		free(run);
		return NULL;
	}
	run->size = size + part->errors_size;
	run->held = sizeof *run + errors_memory(part) + (share ? size : run->bytes->capacity) +
		    (part->times ? part->count * 2 * sizeof *part->times : 0);
	return run;
}

int results_add(struct results *results, const struct results_part *part) {
	bool share = part->bytes && span_size(part->span) >= SHARE_MIN;
	struct run *before = find_place(results, part->first), *run;

	if (!share && !part->times && can_continue(before, part))
		return continue_run(results, before, part);
	run = new_run(before, part, share);
	if (!run) {
		json_decref(part->errors);
		free(part->times);
		return -ENOMEM;
	}
	insert_run(results, before, run);
	return 0;
}

/* -------- delivery -------- */

struct run *results_ready(const struct results *results) {
	struct run *run = TAILQ_FIRST(&results->runs);

	if (run && !results->unordered && run->first != results->delivered)
		return NULL;
	return run;
}

struct run *results_deliver(struct results *results) {
	struct run *run = results_ready(results);

	if (run == results->newest)
		results->newest = TAILQ_NEXT(run, link);
	TAILQ_REMOVE(&results->runs, run, link);
	results->delivered += run->count;
	results->items -= run->count;
	results->size -= run->size;
	results->held -= run->held;
	return run;
}

/* -------- life -------- */

void results_init(struct results *results, bool unordered) {
	*results = (struct results) {.unordered = unordered};
	TAILQ_INIT(&results->runs);
}

void results_done(struct results *results) {
	struct run *run;

	while ((run = TAILQ_FIRST(&results->runs))) {
		TAILQ_REMOVE(&results->runs, run, link);
		run_free(run);
	}
}
