#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sample.h"
#include "tests/unit/unit.h"

/*
 * A request in the hands of a random client and random workers, beside a model of it that is too
 * simple to be wrong: one array, an entry an item. After each step everything that the request
 * counts is compared with what the array says.
 */

#define ITEMS_MAX  200
#define CHUNKS_MAX 6
#define STEPS      600
#define RUNS       150

enum item_state { WAITING, RUNNING, FINISHED, DELIVERED };

struct item {
	enum item_state state;
	bool cancelled;   /* while it ran */
	bool fails;       /* its function raises; known beforehand, so every attempt agrees */
	bool flawed;      /* its result is over the limit */
	unsigned lost;    /* times its result was lost */
	const char *kind; /* of its error, or NULL */
	unsigned attempts;
	unsigned message; /* it came with */
};

struct play {
	unsigned long long seed;
	struct request *request;
	struct run_options options;
	struct request_limits limits;
	struct item items[ITEMS_MAX + 2]; /* cancel() looks beyond the last one */
	uint64_t n_items, n_delivered;
	uint64_t message_bytes[ITEMS_MAX];
	unsigned n_messages;
	struct chunk chunks[CHUNKS_MAX];
	unsigned n_chunks;
	uint64_t retried;
};

static unsigned roll(struct play *play, unsigned below) {
	return unit_random(&play->seed, below);
}

/* -------- the client -------- */

static void add_items(struct play *play) {
	unsigned n = roll(play, 12);
	char array[1024], *end = array + sprintf(array, "[");
	struct sample sample;

	if (play->n_items + n > ITEMS_MAX || play->n_messages == ITEMS_MAX)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct item *item = &play->items[play->n_items + i];
		bool large = roll(play, 10) == 0;

		*item = (struct item) {
			.state = large ? FINISHED : WAITING,
			.kind = large ? "ItemTooLarge" : NULL,
			.fails = roll(play, 8) == 0,
			.flawed = roll(play, 12) == 0,
			.message = play->n_messages,
		};
		end += sprintf(end, large ? "%s\"item %d is too large\"" : "%s%d", i ? ", " : "",
			       (int) (play->n_items + i));
	}
	strcpy(end, "]");
	sample_read(&sample, array, 8);
	play->message_bytes[play->n_messages++] = sample.bytes->size;
	cr_assert_eq(request_add_items(play->request, sample.bytes, &sample.doc), 0);
	sample_done(&sample);
	play->n_items += n;
}

static void cancel(struct play *play) {
	uint64_t index = roll(play, (unsigned) play->n_items + 2);
	struct item *item = &play->items[index];

	cr_assert_eq(request_cancel_item(play->request, index), 0);
	if (index >= play->n_items)
		return;
	if (item->state == WAITING) {
		item->state = FINISHED;
		item->kind = "Cancelled";
		item->attempts = item->lost;
	} else if (item->state == RUNNING) {
		item->cancelled = true;
	}
}

/* Checks a delivered run value by value; values are numbers, null or short strings. */
static void check_run(struct play *play, const struct run *run) {
	const char *p = run->bytes->data + run->begin, *end = run->bytes->data + run->end;
	size_t next_error = 0;

	for (uint64_t i = run->first; i < run->first + run->count; i++) {
		struct item *item = &play->items[i];
		size_t size = 0;
		char expected[32];

		cr_assert_lt(i, play->n_items);
		cr_assert_eq(item->state, FINISHED, "item %d is delivered in state %d", (int) i,
			     item->state);
		item->state = DELIVERED;
		while (p + size < end && p[size] != ',')
			size++;
		snprintf(expected, sizeof expected, item->kind ? "null" : "%d", (int) (i * i));
		cr_assert(size == strlen(expected) && memcmp(p, expected, size) == 0,
			  "item %d came to %.*s", (int) i, (int) size, p);
		p += size + 1;
		cr_assert_eq(run->attempts, item->attempts, "item %d: attempts %u and not %u",
			     (int) i, run->attempts, item->attempts);
		cr_assert_eq(run->times != NULL, play->options.timings);
		if (item->kind) {
			const json_t *error = json_array_get(run->errors, next_error++);

			cr_assert_eq(json_integer_value(json_object_get(error, "index")),
				     (json_int_t) i);
			cr_assert_str_eq(json_string_value(json_object_get(error, "kind")),
					 item->kind, "item %d", (int) i);
		}
	}
	cr_assert_eq(p, end + 1);
	cr_assert_eq(json_array_size(run->errors), next_error);
}

static void deliver_one(struct play *play) {
	struct run *run = results_ready(&play->request->results);

	if (!run)
		return;
	cr_assert_eq(results_deliver(&play->request->results), run);
	if (!play->options.unordered)
		cr_assert_eq(run->first, play->n_delivered);
	play->n_delivered += run->count;
	check_run(play, run);
	run_free(run);
}

/* -------- the workers -------- */

static uint64_t in_state(const struct play *play, enum item_state state) {
	uint64_t n = 0;

	for (uint64_t i = 0; i < play->n_items; i++)
		n += play->items[i].state == state;
	return n;
}

static uint64_t held(const struct play *play) {
	return in_state(play, FINISHED);
}

/* How far what starts may reach where the window is full: what is before the oldest result that is held is delivered
 * as it comes, unless the client takes nothing. */
static uint64_t full_end(const struct play *play) {
	const struct run *oldest = TAILQ_FIRST(&play->request->results.runs);

	return !play->request->choked && oldest && oldest->first > play->n_delivered
		       ? oldest->first
		       : play->n_delivered + 1;
}

/* The window's part in what was just taken. */
static void check_window(const struct play *play, const struct items_cut *cut) {
	uint64_t window = play->limits.window_items;
	bool full =
		play->request->choked || play->request->results.size >= play->limits.window_bytes;

	if (window == UINT64_MAX)
		return;
	if (play->options.unordered) {
		uint64_t used = held(play) + in_state(play, RUNNING); /* the cut's included */

		cr_assert(used <= window);
		cr_assert(!full || used == 1);
	} else {
		cr_assert_leq(cut->first + cut->count,
			      full ? full_end(play) : play->n_delivered + window);
	}
}

static void take_chunk(struct play *play) {
	uint32_t max = 1 + roll(play, 10);
	struct items_cut cut;
	char expected[256], *end = expected;

	if (play->n_chunks == CHUNKS_MAX || !request_startable(play->request))
		return;
	cut = request_take(play->request, max);
	cr_assert(cut.count >= 1 && cut.count <= max);
	for (uint64_t i = cut.first; i < cut.first + cut.count; i++) {
		cr_assert_eq(play->items[i].state, WAITING, "item %d starts in state %d", (int) i,
			     play->items[i].state);
		cr_assert_eq(play->items[i].message, play->items[cut.first].message);
		cr_assert_eq(play->items[i].lost, cut.attempts, "item %d", (int) i);
		play->items[i].state = RUNNING;
		end += sprintf(end, "%s%d", i > cut.first ? ", " : "", (int) i);
	}
	cr_assert(span_size(cut.span) == strlen(expected) &&
			  memcmp(cut.bytes->data + cut.span.begin, expected, strlen(expected)) == 0,
		  "%.*s and not %s", (int) span_size(cut.span), cut.bytes->data + cut.span.begin,
		  expected);
	check_window(play, &cut);
	play->chunks[play->n_chunks++] = (struct chunk) {
		.number = 1,
		.first = cut.first,
		.count = cut.count,
		.handed = cut.handed,
		.attempts = cut.attempts,
	};
}

static void end_chunk(struct play *play, unsigned at) {
	play->request->chunks--;
	play->chunks[at] = play->chunks[--play->n_chunks];
}

/* What became of a running item that a worker answered. */
static void answer(struct item *item) {
	item->kind = item->cancelled ? "Cancelled"
		     : item->flawed  ? "ResultTooLarge"
		     : item->fails   ? "Exception"
				     : NULL;
	item->attempts = item->lost + 1;
	item->state = FINISHED;
}

static void report_some(struct play *play) {
	unsigned at = play->n_chunks ? roll(play, play->n_chunks) : 0;
	struct chunk *chunk = &play->chunks[at];
	uint32_t n;
	char results[1024] = "", errors[1024] = "", json[2200];
	struct report report;

	if (play->n_chunks == 0)
		return;
	n = 1 + roll(play, chunk->count - chunk->reported);
	for (uint32_t i = chunk->reported; i < chunk->reported + n; i++) {
		uint64_t index = chunk->first + i;
		struct item *item = &play->items[index];
		char *result = results + strlen(results);

		sprintf(result, *results ? "," : "");
		result += strlen(result);
		if (item->flawed)
			sprintf(result, "\"a result that is too large\"");
		else if (item->fails)
			sprintf(result, "null");
		else
			sprintf(result, "%d", (int) (index * index));
		if (item->fails && !item->flawed)
			sprintf(errors + strlen(errors), "%s{\"offset\":%u}", *errors ? "," : "",
				i);
		answer(item);
	}
	snprintf(json, sizeof json, "{\"chunk\":1,\"results\":[%s],\"errors\":[%s]}", results,
		 errors);
	report_read(&report, json, 16);
	chunk->reported += n;
	cr_assert_null(outcome_report(play->request, chunk, &report.report));
	report_done(&report);
	if (chunk->reported == chunk->count)
		end_chunk(play, at);
}

/* An item comes back: it waits again, unless nobody wants it. */
static void come_back(struct item *item) {
	item->state = item->cancelled ? FINISHED : WAITING;
	item->kind = item->cancelled ? "Cancelled" : NULL;
	item->attempts = item->cancelled ? item->lost : 0;
	item->cancelled = false;
}

static void blame(struct item *item, unsigned attempts) {
	item->state = FINISHED;
	item->kind = item->cancelled ? "Cancelled" : "WorkerDied";
	item->attempts = attempts;
}

/* The page after the death says something, possible or not. */
static void kill_worker(struct play *play) {
	static const struct worker_end end = {.signal = SIGKILL, .stderr_tail = ""};
	unsigned at = play->n_chunks ? roll(play, play->n_chunks) : 0;
	struct chunk chunk = play->chunks[at];
	struct chunk_evidence evidence = {
		.page = roll(play, 6) > 0,
		.last_chunk = 1,
		.violation = roll(play, 10) == 0,
		.progress = position_pack(roll(play, 8) ? 1 : 0, roll(play, chunk.count + 2),
					  roll(play, 2)),
	};
	struct settlement settlement;

	if (play->n_chunks == 0)
		return;
	settlement = chunk_settle(&chunk, &evidence);
	for (uint32_t i = chunk.reported; i < chunk.count; i++) {
		struct item *item = &play->items[chunk.first + i];

		if (settlement.untouched && chunk.count == 1 && chunk.handed == 2) {
			blame(item, item->lost);
		} else if (!settlement.untouched && i < settlement.finished) {
			item->lost++;
			play->retried++;
			come_back(item);
		} else if (settlement.blamed && i == settlement.finished) {
			blame(item, item->lost + 1);
		} else {
			come_back(item);
		}
	}
	cr_assert_eq(outcome_settle(play->request, &chunk, &settlement, &end), 0);
	end_chunk(play, at);
}

static void return_chunk(struct play *play) {
	unsigned at = play->n_chunks ? roll(play, play->n_chunks) : 0;
	const struct chunk chunk = play->chunks[at];
	const struct settlement rest = {.finished = chunk.reported, .rest = chunk.reported};

	if (play->n_chunks == 0)
		return;
	for (uint32_t i = chunk.reported; i < chunk.count; i++)
		come_back(&play->items[chunk.first + i]);
	cr_assert_eq(outcome_settle(play->request, &chunk, &rest, NULL), 0);
	end_chunk(play, at);
}

/* -------- what must hold after each step -------- */

static void check_held(const struct play *play) {
	const struct request *request = play->request;
	uint64_t items = 0, bytes = 0, memory = 0, last = 0;
	const struct run *run;

	TAILQ_FOREACH (run, &request->results.runs, link) {
		cr_assert(play->options.unordered || items == 0 || run->first >= last);
		last = run->first + run->count;
		items += run->count;
		/* The texts of errors count, too. */
		cr_assert(run->errors ? run->size > run->end - run->begin
				      : run->size == run->end - run->begin);
		cr_assert_gt(run->held, run->size);
		bytes += run->size;
		memory += run->held;
	}
	cr_assert_eq(request->results.items, items);
	cr_assert_eq(request->results.size, bytes);
	cr_assert_eq(request->results.held, memory);
	cr_assert_eq(items, held(play));
	cr_assert_eq(request->results.delivered, play->n_delivered);
}

static void check_input(const struct play *play) {
	const struct request *request = play->request;
	const struct segment *segment;
	uint64_t bytes = 0;

	TAILQ_FOREACH (segment, &request->items.segments, link) {
		uint64_t left = 0;

		for (uint64_t i = segment->first; i < segment->first + segment->count; i++)
			left += play->items[i].state <= RUNNING;
		cr_assert(left > 0, "a segment is kept without need");
		cr_assert_eq(segment->left, left);
		bytes += play->message_bytes[play->items[segment->first].message];
	}
	cr_assert_eq(request->items.bytes, bytes);
}

static void check_counts(const struct play *play) {
	const struct request *request = play->request;
	uint64_t failed = 0, cancelled = 0, cancelling = 0, finished;

	for (uint64_t i = 0; i < play->n_items; i++) {
		const struct item *item = &play->items[i];
		bool done = item->state >= FINISHED;

		cr_assert_eq(items_is_waiting(&request->items, i), item->state == WAITING,
			     "item %d", (int) i);
		cr_assert_eq(request_is_cancelling(request, i),
			     item->state == RUNNING && item->cancelled, "item %d", (int) i);
		cancelling += item->state == RUNNING && item->cancelled;
		cancelled += done && item->kind && strcmp(item->kind, "Cancelled") == 0;
		failed += done && item->kind && strcmp(item->kind, "Cancelled") != 0;
	}
	finished = held(play) + play->n_delivered;
	cr_assert_eq(request->items.n, play->n_items);
	cr_assert_eq(request->running, in_state(play, RUNNING));
	cr_assert_eq(request_pending(request), in_state(play, WAITING));
	cr_assert_eq(request->items.cancelling, cancelling);
	cr_assert_eq(request->cancelled, cancelled);
	cr_assert_eq(request->failed, failed);
	cr_assert_eq(request->succeeded, finished - failed - cancelled);
	cr_assert_eq(request->retried, play->retried);
	cr_assert_eq(request->chunks, play->n_chunks);
}

/* Window and order never wait for each other. */
static void check_progress(const struct play *play) {
	uint64_t waiting = in_state(play, WAITING);
	bool must;

	if (play->options.unordered)
		must = waiting > 0 && held(play) == 0 && in_state(play, RUNNING) == 0;
	else
		must = play->n_delivered < play->n_items &&
		       play->items[play->n_delivered].state == WAITING;
	if (must)
		cr_assert(request_startable(play->request));
	if (waiting == 0)
		cr_assert_not(request_startable(play->request));
}

static void check(const struct play *play) {
	check_counts(play);
	check_held(play);
	check_input(play);
	check_progress(play);
}

/* -------- the play -------- */

static void step(struct play *play) {
	switch (roll(play, 16)) {
	case 0:
	case 1: add_items(play); break;
	case 2: cancel(play); break;
	case 3:
	case 4:
	case 5:
	case 6: take_chunk(play); break;
	case 7:
	case 8:
	case 9:
	case 10: report_some(play); break;
	case 11: kill_worker(play); break;
	case 12: return_chunk(play); break;
	case 13: play->request->choked = roll(play, 3) == 0; break;
	default: deliver_one(play);
	}
	check(play);
}

/* The client reads and nothing dies any more: everything comes to its end. */
static void finish(struct play *play) {
	play->request->input_ended = true;
	play->request->choked = false;
	for (int i = 0; play->n_delivered < play->n_items; i++) {
		cr_assert_lt(i, 10 * ITEMS_MAX, "it never ends");
		take_chunk(play);
		report_some(play);
		deliver_one(play);
		check(play);
	}
	cr_assert(request_is_over(play->request));
	cr_assert(TAILQ_EMPTY(&play->request->items.segments));
	cr_assert_eq(play->request->items.bytes, 0);
}

static void run_play(unsigned long long seed) {
	struct play play = {.seed = seed};
	bool windowed = roll(&play, 4) > 0;

	play.options.unordered = windowed && roll(&play, 2);
	play.options.timings = roll(&play, 4) == 0;
	play.limits.window_items = windowed ? 1 + roll(&play, 20) : UINT64_MAX;
	play.limits.window_bytes = windowed ? 1 + roll(&play, 60) : UINT64_MAX;
	play.request = request_new(1, "f", 1, 2, &play.options, &play.limits, 0);
	for (int i = 0; i < STEPS; i++)
		step(&play);
	if (roll(&play, 4) > 0)
		finish(&play);
	request_free(play.request);
	cr_assert_eq(unit_live(), 0, "seed %llu", seed);
}

/* "Each item is in exactly one batch." */
UNIT_TEST(request_random, every_item_gets_one_outcome_whatever_happens_in_between) {
	for (unsigned long long seed = 1; seed <= RUNS; seed++) {
		run_play(seed * 0x9e3779b97f4a7c15ULL);
	}
}
