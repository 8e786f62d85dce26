#include "daemon/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/sample.h"
#include "tests/unit/unit.h"

#define expect(text, expected) \
	do { \
		const char *text_ = (text); \
		cr_assert_str_eq(text_, (expected), "%s: %s and not %s", #text, text_, \
				 (expected)); \
	} while (0)

static const struct run_options unordered = {.unordered = true};

static struct request *new_request(const char *array) {
	return sample_request(array, NULL, false);
}

/* -------- what starts -------- */

UNIT_TEST(request, workers_get_consecutive_items_as_they_were_received) {
	struct request *request = new_request("[ 1,  \"b\" ,[3, 3]\n, {\"d\": 4}, 5 ]");

	cr_assert_eq(request_pending(request), 5);
	expect(take(request, 3), "0:1,  \"b\" ,[3, 3]");
	expect(take(request, 1), "3:{\"d\": 4}");
	cr_assert_eq(request_pending(request), 1);
	cr_assert_eq(request->running, 4);
	expect(take(request, 100), "4:5");
	expect(take(request, 1), "-");
	cr_assert_eq(request->chunks, 3);
	cr_assert_eq(request->last_count, 1);
	request_free(request);
}

UNIT_TEST(request, a_chunk_lies_in_one_message) {
	struct request *request = new_request("[0,1]");

	sample_add(request, "[]");
	sample_add(request, "[2,3]");
	expect(take(request, 10), "0:0,1");
	expect(take(request, 10), "2:2,3");
	sample_add(request, "[4]");
	expect(take(request, 10), "4:4");
	request_free(request);
}

UNIT_TEST(request, what_was_put_back_starts_first_and_in_order) {
	struct request *request = new_request("[0,1,2,3,4,5,6,7]");
	struct items_cut cut;

	take(request, 3);
	take(request, 3);
	cr_assert_eq(request_put_back(request, 4, 2, 0, 0), 0);
	cr_assert_eq(request_put_back(request, 0, 3, 2, 1), 0);
	cr_assert_eq(request->running, 1);
	cr_assert_eq(request_pending(request), 7);
	expect(take(request, 2), "0:0,1");
	cut = request_take(request, 2);
	cr_assert(cut.first == 2 && cut.count == 1 && cut.handed == 2 && cut.attempts == 1);
	expect(take(request, 9), "4:4,5");
	cut = request_take(request, 2);
	cr_assert(cut.first == 6 && cut.count == 2 && cut.handed == 0 && cut.attempts == 0);
	request_free(request);
}

UNIT_TEST(request, nothing_starts_after_a_stop) {
	struct request *request = new_request("[0,1,2]");

	take(request, 1);
	request_stop(request);
	expect(take(request, 1), "-");
	cr_assert_eq(request_put_back(request, 0, 1, 0, 0), 0);
	cr_assert_eq(request->running, 0);
	cr_assert_eq(request_pending(request), 2, "what comes back is not wanted any more");
	request_free(request);
}

UNIT_TEST(request, the_function_may_name_its_pool) {
	const struct run_options options = {0};
	const struct request_limits limits = {0};
	struct request *request = request_new(1, "p/f:g", 1, 2, &options, &limits, 0);

	cr_assert_str_eq(request->pool, "p");
	cr_assert_str_eq(request->function, "f:g");
	request_free(request);
	request = request_new(1, "f", 1, 2, &options, &limits, 0);
	cr_assert_null(request->pool);
	cr_assert_str_eq(request->function, "f");
	request_free(request);
	cr_assert_null(request_free(NULL));
}

/* -------- windows: 4 items, 100 bytes -------- */

/* What may start after: a cut of `taken` items, results for `first` and the `count` - 1 after it,
 * `delivered` or not, and the client's unsent output. */
struct window_row {
	const char *what;
	bool unordered, deliver, choked;
	uint32_t taken;
	uint64_t first, count;
	unsigned bytes; /* of each result */
	const char *next;
};

static char *results(const struct window_row *row) {
	char *text = malloc(row->count * (row->bytes + 1)), *end = text;

	for (uint64_t i = 0; i < row->count; i++) {
		memset(end, '7', row->bytes);
		end += row->bytes;
		*end++ = ',';
	}
	end[-1] = '\0';
	return text;
}

/* "`window` is how far ahead of the oldest result that was not sent to you items are started, in
 * items; with `order` `unordered`, how many may run or have a result that was not sent."
 * "results not yet sent, with `more` and in streams | 65 536 items, 8 MiB | no error: nothing new
 * starts but, in order of the input, what is before the first of them" */
UNIT_TEST(request, the_window_bounds_what_is_not_delivered) {
	static const struct window_row table[] = {
		{"nothing", false, false, false, 0, 0, 0, 1, "0:0,1,2,3"},
		{"some run", false, false, false, 3, 0, 0, 1, "3:3"},
		{"the window runs", false, false, false, 4, 0, 0, 1, "-"},
		{"one was delivered", false, true, false, 4, 0, 1, 1, "4:4"},
		{"a later one came first", false, true, false, 4, 1, 3, 1, "-"},
		{"held", false, false, false, 4, 0, 4, 1, "-"},
		{"all delivered", false, true, false, 4, 0, 4, 1, "4:4,5,6,7"},
		{"delivered, but the client does not read", false, true, true, 4, 0, 4, 1, "4:4"},
		{"that, and one runs", false, true, true, 4, 0, 3, 1, "-"},
		{"100 bytes are held", false, false, false, 3, 1, 1, 100, "-"},
		{"99 bytes are held", false, false, false, 3, 1, 1, 99, "3:3"},

		{"unordered: nothing", true, false, false, 0, 0, 0, 1, "0:0,1,2,3"},
		{"unordered: some run", true, false, false, 3, 0, 0, 1, "3:3"},
		{"unordered: the window runs", true, false, false, 4, 0, 0, 1, "-"},
		{"unordered: a later one was delivered", true, true, false, 4, 3, 1, 1, "4:4"},
		{"unordered: held", true, false, false, 4, 0, 4, 1, "-"},
		{"unordered: all delivered", true, true, false, 4, 0, 4, 1, "4:4,5,6,7"},
		{"unordered: the client does not read", true, true, true, 4, 0, 4, 1, "4:4"},
		{"unordered: that, and one runs", true, true, true, 4, 0, 3, 1, "-"},
		{"unordered: 100 bytes are held", true, false, false, 3, 0, 2, 50, "-"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct window_row *row = &table[i];
		struct request *request = sample_request("[0,1,2,3,4,5,6,7,8,9]",
							 row->unordered ? &unordered : NULL, true);
		const char *next;
		char *text;

		if (row->taken)
			take(request, row->taken);
		if (row->count) {
			text = results(row);
			cr_assert_eq(sample_results(request, row->first, row->count, text), 0);
			free(text);
		}
		if (row->deliver)
			deliver(request);
		request->choked = row->choked;
		next = take(request, 100);
		cr_assert_str_eq(next, row->next, "%s: %s and not %s", row->what, next, row->next);
		request_free(request);
	}
}

UNIT_TEST(request, the_oldest_item_may_always_start_again) {
	struct request *request = sample_request("[0,1,2,3,4,5]", NULL, true);

	take(request, 1);
	take(request, 1);
	take(request, 2);
	sample_results(request, 2, 2,
		       "22222222222222222222222222222222222222222222222222222222,"
		       "33333333333333333333333333333333333333333333333333333333");
	request_put_back(request, 1, 1, 0, 0);
	expect(take(request, 1), "1:1");
	request_put_back(request, 0, 1, 0, 0);
	expect(take(request, 9), "0:0");
	expect(take(request, 9), "-");
	request_put_back(request, 1, 1, 0, 0);
	sample_results(request, 0, 1, "0");
	deliver(request);
	expect(take(request, 9), "1:1");
	request_free(request);
}

/* One at a time would be one in 10 milliseconds. */
UNIT_TEST(request, what_came_back_starts_at_once_before_results_that_fill_the_window) {
	struct request *request = sample_request("[0,1,2,3,4,5,6,7]", NULL, true);

	take(request, 3);
	take(request, 1);
	sample_results(request, 3, 1,
		       "333333333333333333333333333333333333333333333333333333333333333333"
		       "3333333333333333333333333333333333");
	expect(take(request, 9), "-");
	request_put_back(request, 0, 3, 0, 0);
	request->choked = true;
	expect(take(request, 9), "0:0");
	request_put_back(request, 0, 1, 0, 0);
	request->choked = false;
	expect(take(request, 9), "0:0");
	expect(take(request, 9), "1:1,2");
	sample_results(request, 2, 1, "2");
	request_put_back(request, 1, 1, 0, 0);
	request_put_back(request, 0, 1, 0, 0);
	expect(take(request, 9), "0:0");
	expect(take(request, 9), "1:1");
	expect(take(request, 9), "-");
	request_free(request);
}

UNIT_TEST(request, errors_beyond_the_window_that_fill_it_do_not_widen_it) {
	struct request *request = sample_request("[0,1,2,3,4,5,6,7,8,9]", NULL, true);

	request_cancel_item(request, 8);
	request_cancel_item(request, 9);
	cr_assert_geq(request->results.size, 100);
	expect(take(request, 9), "0:0,1,2,3");
	expect(take(request, 9), "-");
	request_free(request);
}

UNIT_TEST(request, an_aggregated_call_has_no_window) {
	struct request *request = new_request("[0,1,2,3,4,5]");

	request->choked = true;
	take(request, 2);
	sample_results(request, 1, 1, "1");
	expect(take(request, 9), "2:2,3,4,5");
	request_free(request);
}

/* -------- results -------- */

UNIT_TEST(request, results_are_delivered_in_input_order) {
	struct request *request = new_request("[0,1,2,3,4]");

	take(request, 5);
	sample_results(request, 3, 1, "9");
	sample_results(request, 1, 1, "1");
	expect(deliver(request), "");
	sample_results(request, 0, 1, "0");
	expect(deliver(request), "0:0 1:1");
	sample_results(request, 4, 1, "16");
	cr_assert_eq(request->results.items, 2);
	sample_results(request, 2, 1, "4");
	expect(deliver(request), "2:4 3:9,16");
	cr_assert(request_is_over(request));
	cr_assert_eq(request->results.items, 0);
	cr_assert_eq(request->results.size, 0);
	request_free(request);
}

UNIT_TEST(request, unordered_results_are_delivered_as_they_come) {
	struct request *request = sample_request("[0,1,2,3]", &unordered, true);

	take(request, 4);
	sample_results(request, 3, 1, "9");
	expect(deliver(request), "3:9");
	sample_results(request, 1, 1, "1");
	sample_results(request, 2, 1, "4");
	sample_results(request, 0, 1, "0");
	expect(deliver(request), "1:1,4 0:0");
	request_free(request);
}

UNIT_TEST(request, consecutive_small_results_share_a_run) {
	struct request *request = new_request("[0,1,2,3,4,5]");
	json_t *errors = json_pack("[{si ss si}]", "index", 1, "kind", "Exception", "attempts", 1);

	take(request, 6);
	sample_results(request, 0, 1, "0");
	request_add_results(request, 1, 2, "null,4", (struct span) {0, 6}, NULL, errors, NULL, 1);
	cr_assert_eq(request_fail_item(request, 3,
				       json_pack("{si ss si}", "index", 3, "kind", "WorkerDied",
						 "attempts", 1),
				       true, 1),
		     0);
	/* Another number of attempts is a run of its own. */
	request_add_results(request, 4, 1, "16", (struct span) {0, 2}, NULL, NULL, NULL, 2);
	sample_results(request, 5, 1, "25");
	expect(deliver(request), "0:0,null,4,null!1 Exception 1!3 WorkerDied 1 4:16 5:25");
	cr_assert_eq(request->succeeded, 4);
	cr_assert_eq(request->failed, 2);
	request_free(request);
}

UNIT_TEST(request, large_results_keep_the_bytes_they_came_in) {
	struct request *request = new_request("[0,1]");
	struct bytes *bytes = bytes_new_reserved(20000);
	struct run *run;

	memset(bytes->data, '1', 20000);
	bytes->size = 20000;
	take(request, 2);
	request_add_results(request, 0, 1, bytes->data, (struct span) {5, 5 + 16383}, bytes, NULL,
			    NULL, 1);
	cr_assert_eq(bytes->references, 1, "less than 16 KiB are copied");
	request_add_results(request, 1, 1, bytes->data, (struct span) {7, 7 + 16384}, bytes, NULL,
			    NULL, 1);
	cr_assert_eq(bytes->references, 2);
	run_free(results_deliver(&request->results));
	run = results_deliver(&request->results);
	cr_assert_eq(run->bytes, bytes);
	cr_assert(run->begin == 7 && run->end == 7 + 16384);
	run_free(run);
	cr_assert_eq(bytes->references, 1);
	bytes_unref(bytes);
	request_free(request);
}

UNIT_TEST(request, times_stay_with_their_run) {
	const struct run_options timings = {.timings = true};
	struct request *request = sample_request("[0,1]", &timings, false);
	uint64_t *times = calloc(2, sizeof *times);
	struct run *run;

	times[0] = 100;
	times[1] = 7;
	take(request, 2);
	request_add_results(request, 0, 1, "0", (struct span) {0, 1}, NULL, NULL, times, 3);
	request_fail_item(request, 1,
			  json_pack("{si ss si}", "index", 1, "kind", "WorkerDied", "attempts", 1),
			  true, 1);
	run = results_deliver(&request->results);
	cr_assert(run->times[0] == 100 && run->times[1] == 7 && run->attempts == 3);
	run_free(run);
	run = results_deliver(&request->results);
	cr_assert(run->times[0] == 0 && run->times[1] == 0 && run->attempts == 1);
	run_free(run);
	request_free(request);
}

static size_t held_capacity(const struct request *request, size_t *ret_runs) {
	const struct run *run;
	size_t total = 0;

	*ret_runs = 0;
	TAILQ_FOREACH (run, &request->results.runs, link) {
		total += run->bytes->capacity;
		++*ret_runs;
	}
	return total;
}

/* "[0,0,…]" */
static char *zeros(size_t n) {
	char *array = malloc(2 * n + 2);

	for (size_t i = 0; i < n; i++) {
		array[2 * i + 1] = '0';
		array[2 * i + 2] = ',';
	}
	array[0] = '[';
	array[2 * n] = ']';
	array[2 * n + 1] = '\0';
	return array;
}

#define MANY 20000

static struct request *many(const struct run_options *options) {
	char *array = zeros(MANY);
	struct request *request = sample_request(array, options, false);

	free(array);
	return request;
}

UNIT_TEST(request, results_hold_little_more_than_their_bytes) {
	static const struct run_options timings = {.timings = true};
	struct request *request = many(NULL);
	size_t runs, held;

	/* In order: blocks double up to 64 KiB. */
	take(request, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		sample_results(request, i, 1, "12345");
	held = held_capacity(request, &runs);
	cr_assert_leq(runs, 16, "%zu", runs);
	cr_assert_leq(held, MANY * 6 + 2 * 65536, "%zu", held);
	request_free(request);

	/* Pairwise swapped: a gap before each second result. */
	request = many(NULL);
	take(request, MANY);
	for (uint64_t i = 0; i < MANY; i += 2) {
		sample_results(request, i + 1, 1, "12345");
		sample_results(request, i, 1, "12345");
	}
	held = held_capacity(request, &runs);
	cr_assert_leq(held, MANY * 256, "%zu in %zu runs", held, runs);
	request_free(request);

	/* With times, which are never joined. */
	request = many(&timings);
	take(request, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		request_add_results(request, i, 1, "12345", (struct span) {0, 5}, NULL, NULL,
				    calloc(2, sizeof(uint64_t)), 1);
	held = held_capacity(request, &runs);
	cr_assert_eq(held, MANY * 5);
	request_free(request);
}

UNIT_TEST(request, the_input_is_let_go_when_its_results_are_there) {
	struct request *request = new_request("[0,1]");
	uint64_t first = request->items.bytes;

	sample_add(request, "[2,3,4]");
	take(request, 2);
	take(request, 3);
	sample_results(request, 2, 3, "2,3,4");
	cr_assert_eq(request->items.bytes, first, "the second message is done with");
	sample_results(request, 0, 1, "0");
	cr_assert_eq(request->items.bytes, first);
	sample_results(request, 1, 1, "1");
	cr_assert_eq(request->items.bytes, 0);
	request_free(request);
}

/* -------- items that never start -------- */

UNIT_TEST(request, an_item_over_its_limit_fails_by_itself) {
	struct request *request = new_request("[0]");
	struct sample sample;

	sample_read(&sample, "[11111,2,33333,44444,5,66666]", 4);
	cr_assert_eq(request_add_items(request, sample.bytes, &sample.doc), 0);
	sample_done(&sample);
	cr_assert_eq(request_pending(request), 3);
	expect(take(request, 9), "0:0");
	expect(take(request, 9), "2:2");
	expect(take(request, 9), "5:5");
	expect(take(request, 9), "-");
	sample_results(request, 5, 1, "5");
	sample_results(request, 2, 1, "2");
	sample_results(request, 0, 1, "0");
	expect(deliver(request), "0:0 1:null!1 ItemTooLarge 0 2:2 "
				 "3:null,null!3 ItemTooLarge 0!4 ItemTooLarge 0 "
				 "5:5 6:null!6 ItemTooLarge 0");
	cr_assert(request_is_over(request));
	cr_assert_eq(request->items.bytes, 0);
	request_free(request);
}

UNIT_TEST(request, a_cancelled_item_never_starts) {
	struct request *request = new_request("[0,1,2,3,4]");

	cr_assert_eq(request_cancel_item(request, 2), 0);
	cr_assert_eq(request_cancel_item(request, 2), 0);
	cr_assert_eq(request_cancel_item(request, 0), 0);
	cr_assert_eq(request_cancel_item(request, 5), 0);
	cr_assert_eq(request_cancel_item(request, UINT64_MAX), 0);
	cr_assert_eq(request->cancelled, 2);
	cr_assert_eq(request_pending(request), 3);
	cr_assert(items_is_waiting(&request->items, 1) && !items_is_waiting(&request->items, 2));
	expect(take(request, 9), "1:1");
	expect(take(request, 9), "3:3,4");
	sample_results(request, 1, 1, "1");
	sample_results(request, 3, 2, "9,16");
	expect(deliver(request), "0:null!0 Cancelled 0 1:1 2:null!2 Cancelled 0 3:9,16");
	request_free(request);
}

UNIT_TEST(request, whole_messages_can_be_cancelled_before_and_behind_the_cursor) {
	struct request *request = new_request("[0,1]");

	sample_add(request, "[2,3]");
	sample_add(request, "[4,5]");
	request_cancel_item(request, 3);
	request_cancel_item(request, 2);
	cr_assert_eq(request_pending(request), 4);
	expect(take(request, 9), "0:0,1");
	cr_assert_eq(request_pending(request), 2);
	request_cancel_item(request, 5);
	expect(take(request, 9), "4:4");
	expect(take(request, 9), "-");
	cr_assert_eq(request_pending(request), 0);
	cr_assert_eq(request->items.skips, 0);
	sample_add(request, "[6]");
	expect(take(request, 9), "6:6");
	request_free(request);
}

UNIT_TEST(request, an_item_in_a_workers_hands_is_cancelled_when_it_comes_back) {
	struct request *request = new_request("[0,1,2,3]");

	take(request, 4);
	request_cancel_item(request, 1);
	request_cancel_item(request, 1);
	request_cancel_item(request, 2);
	cr_assert_eq(request->items.cancelling, 2);
	cr_assert(request_is_cancelling(request, 1) && !request_is_cancelling(request, 0));
	cr_assert_eq(request->failed + request->cancelled, 0);
	request_put_back(request, 0, 4, 0, 1);
	cr_assert_eq(request->cancelled, 2);
	cr_assert_eq(request->items.cancelling, 0);
	expect(take(request, 9), "0:0");
	expect(take(request, 9), "3:3");
	sample_results(request, 0, 1, "0");
	sample_results(request, 3, 1, "9");
	expect(deliver(request), "0:0 1:null,null,9!1 Cancelled 1!2 Cancelled 1");
	request_free(request);
}

UNIT_TEST(request, cancelling_a_finished_item_changes_nothing) {
	for (int i = 0; i < 2; i++) {
		struct request *request = sample_request("[0,1,2]", i ? &unordered : NULL, true);

		take(request, 3);
		sample_results(request, 0, 1, "0");
		deliver(request);
		sample_results(request, 2, 1, "4");
		request_cancel_item(request, 0);
		request_cancel_item(request, 2);
		cr_assert_eq(request->items.cancelling, 0, "nobody would ever take them out again");
		sample_results(request, 1, 1, "1");
		cr_assert_eq(request->succeeded, 3);
		cr_assert_eq(request->cancelled, 0);
		request_free(request);
	}
}

UNIT_TEST(request, cancelling_many_items_takes_time_in_proportion) {
	struct request *request = many(NULL);
	clock_t begun = clock();

	/* With a walk over the rest for each of them these are 10^9 steps. */
	for (uint64_t i = MANY; i > 0; i -= 2)
		request_cancel_item(request, i - 2);
	cr_assert_eq(request_pending(request), MANY / 2);
	take(request, MANY);
	for (uint64_t i = 1; i < MANY; i += 2)
		request_cancel_item(request, i);
	cr_assert_eq(request->items.cancelling, 1);
	cr_assert_lt(clock() - begun, 5 * CLOCKS_PER_SEC);
	request_free(request);
}

/* -------- its end -------- */

UNIT_TEST(request, it_is_over_when_nothing_runs_and_nothing_can_start) {
	struct request *request = new_request("[0,1]");

	request->input_ended = false;
	cr_assert_not(request_is_over(request));
	take(request, 2);
	sample_results(request, 0, 1, "0");
	cr_assert_not(request_is_over(request), "one runs");
	sample_results(request, 1, 1, "1");
	cr_assert_not(request_is_over(request), "more may come");
	request->input_ended = true;
	cr_assert(request_is_over(request));
	sample_add(request, "[2]");
	cr_assert_not(request_is_over(request), "one waits");
	take(request, 1);
	request_stop(request);
	cr_assert_not(request_is_over(request), "one runs, though it was stopped");
	request_put_back(request, 2, 1, 0, 0);
	cr_assert(request_is_over(request));
	request_free(request);
}

UNIT_TEST(request, the_first_failure_counts) {
	struct request *request = new_request("[0]");
	struct error error = {0};

	error_set(&error, ERROR_POOL_FAILED, "{ss}", "pool", "p");
	request_fail(request, REQUEST_FAILED, &error);
	cr_assert_eq(error.id, ERROR_NONE);
	cr_assert(request->stopped);
	error_set(&error, ERROR_CANCELLED, NULL);
	request_fail(request, REQUEST_CANCELLED, &error);
	cr_assert_eq(error.id, ERROR_NONE);
	cr_assert_eq(request->state, REQUEST_FAILED);
	cr_assert_eq(request->failure.id, ERROR_POOL_FAILED);
	request_free(request);
}

UNIT_TEST(request, with_abort_the_first_item_error_ends_it) {
	static const struct run_options abort_on_error = {.abort = true};
	struct request *request = sample_request("[0,1,2,3,4,5]", &abort_on_error, false);
	const json_t *item;

	take(request, 2);
	take(request, 2);
	request_cancel_item(request, 5);
	cr_assert_eq(request->state, REQUEST_QUEUED, "a cancelled item is no failure");
	request_add_results(
		request, 0, 2, "0,null", (struct span) {0, 6}, NULL,
		json_pack("[{si ss si}]", "index", 1, "kind", "Exception", "attempts", 1), NULL, 1);
	cr_assert_eq(request->state, REQUEST_FAILED);
	cr_assert_eq(request->failure.id, ERROR_ITEM_FAILED);
	item = json_object_get(request->failure.parameters, "item");
	cr_assert_eq(json_integer_value(json_object_get(item, "index")), 1);
	expect(take(request, 1), "-");
	cr_assert_not(request_is_over(request), "what runs finishes");
	sample_results(request, 2, 2, "4,9");
	cr_assert(request_is_over(request));
	expect(deliver(request), "0:0,null,4,9!1 Exception 1");
	request_free(request);
}

/* "`request` | its name"
 * "`items` | how many there were"
 * "`succeeded`, `failed`, `cancelled` | what became of them; the sum is `items`"
 * "`queuedUs` | microseconds from the acceptance of the call to the start of its first item"
 * "`elapsedUs` | microseconds from the acceptance of the call to its end"
 * "`workUs` | microseconds that workers spent on its items" */
UNIT_TEST(request, the_summary_counts_items_and_times) {
	struct request *request = new_request("[0,1,2,3,4]");
	json_t *summary, *expected;

	take(request, 3);
	request->started = 105;
	sample_results(request, 0, 2, "0,1");
	request_fail_item(request, 2,
			  json_pack("{si ss si}", "index", 2, "kind", "WorkerDied", "attempts", 1),
			  true, 1);
	request_cancel_item(request, 3);
	request->retried = 4;
	request->work_us = 77;
	summary = request_summary(request, 1005);
	expected = json_pack("{ss si si si si si si si si}", "request", "17", "items", 5,
			     "succeeded", 2, "failed", 1, "cancelled", 2, "retried", 4, "queuedUs",
			     100, "elapsedUs", 1000, "workUs", 77);
	cr_assert(json_equal(summary, expected));
	json_decref(summary);
	json_decref(expected);

	request->started = 0;
	summary = request_summary(request, 1005);
	cr_assert_eq(json_integer_value(json_object_get(summary, "queuedUs")), 1000,
		     "it still waits");
	json_decref(summary);
	request_free(request);
}

/* -------- without memory -------- */

/* Adds items with flaws, takes, cancels, puts back and adds results. Returns the first error; the
 * request is freed and nothing may be left. */
static int live_once(const struct sample *from, const struct run_options *options) {
	const struct request_limits limits = {4, 1000};
	struct request *request = request_new(1, "p/f", 1, 2, options, &limits, 0);
	struct document doc = from->doc;
	int r;

	if (!request)
		return -ENOMEM;
	doc.elements.ends = malloc(doc.elements.count * sizeof *doc.elements.ends);
	if (!doc.elements.ends) {
		request_free(request);
		return -ENOMEM;
	}
	memcpy(doc.elements.ends, from->doc.elements.ends,
	       doc.elements.count * sizeof *doc.elements.ends);
	r = request_add_items(request, from->bytes, &doc);
	free(doc.elements.ends);
	if (r == 0)
		r = request_add_item(request, from->bytes, (struct span) {10, 11});
	if (r == 0)
		r = request_cancel_item(request, 3);
	if (r == 0)
		take(request, 2);
	if (r == 0)
		r = request_cancel_item(request, 1);
	if (r == 0)
		r = request_put_back(request, 0, 2, 1, 0);
	if (r == 0) {
		take(request, 1);
		r = sample_results(request, 0, 1, "0");
	}
	cr_assert_eq(request->running, 0, "whatever fails, nothing runs for ever");
	request_free(request);
	return r;
}

UNIT_TEST(request, each_allocation_can_fail) {
	static const struct run_options all[] = {{0}, {.timings = true}, {.unordered = true}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct sample sample;
		size_t n = 0, live;
		bool failed;

		sample_read(&sample, "[1,2,33333,4]", 4);
		live = unit_live();
		do {
			int r;

			unit_fail(++n);
			r = live_once(&sample, &all[i]);
			failed = unit_failed();
			cr_assert_eq(r, failed ? -ENOMEM : 0, "allocation %zu", n);
			cr_assert_eq(unit_live(), live, "allocation %zu", n);
		} while (failed);
		cr_assert_gt(n, 20);
		sample_done(&sample);
	}
}
