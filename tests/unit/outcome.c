#include "daemon/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sample.h"
#include "tests/unit/unit.h"

#define expect(text, expected) \
	do { \
		const char *text_ = (text); \
		cr_assert_str_eq(text_, (expected), "%s: %s and not %s", #text, text_, \
				 (expected)); \
	} while (0)

/* Takes the next items as a chunk. */
static struct chunk chunk_take(struct request *request, uint32_t max) {
	struct items_cut cut = request_take(request, max);

	return (struct chunk) {
		.request = request->id,
		.number = 1,
		.first = cut.first,
		.count = cut.count,
		.handed = cut.handed,
		.attempts = cut.attempts,
		.sent = 1000,
	};
}

static const char *report_limited(struct request *request, struct chunk *chunk, const char *json,
				  size_t limit) {
	struct report report;
	const char *wrong;

	report_read(&report, json, limit);
	chunk->reported += (uint32_t) report.doc.elements.count;
	wrong = outcome_report(request, chunk, &report.report);
	report_done(&report);
	return wrong;
}

static const char *report(struct request *request, struct chunk *chunk, const char *json) {
	return report_limited(request, chunk, json, 0);
}

/* -------- reports -------- */

/* Of a chunk of items 2 … 7, offsets 0 and 1 reported before. */
struct report_row {
	const char *what, *json;
	const char *wrong;     /* NULL: it is taken */
	const char *delivered; /* all that came of it */
	uint64_t cancel;       /* this item, 0 = none */
};

static struct request *with_two_results(struct chunk *chunk, const struct run_options *options) {
	struct request *request = sample_request("[0,1,2,3,4,5,6,7,8,9]", options, false);

	request_take(request, 2);
	sample_results(request, 0, 2, "0,0");
	*chunk = chunk_take(request, 6);
	cr_assert_null(report(request, chunk, "{\"chunk\":1,\"results\":[4,9],\"busyUs\":7}"));
	deliver(request);
	return request;
}

/* "Results are reported in the order of the items, in as many messages as the worker likes, and
 * belong to the items behind those reported before." */
UNIT_TEST(outcome, results_and_errors_of_a_report_are_added) {
	static const struct report_row table[] = {
		{"results", "{\"chunk\":1,\"results\":[16, 25]}", NULL, "4:16, 25", 0},
		{"none", "{\"chunk\":1,\"results\":[]}", NULL, "", 0},
		{"an error", "{\"chunk\":1,\"results\":[16,null],\"errors\":[{\"offset\":3}]}",
		 NULL, "4:16,null!5 Exception 1", 0},
		{"errors only",
		 "{\"chunk\":1,\"results\":[null,null],"
		 "\"errors\":[{\"offset\":2},{\"offset\":3}]}",
		 NULL, "4:null,null!4 Exception 1!5 Exception 1", 0},
		{"null is a result too", "{\"chunk\":1,\"results\":[null]}", NULL, "4:null", 0},
		{"a large result", "{\"chunk\":1,\"results\":[16,\"123456789012345678\",36]}", NULL,
		 "4:16,null,36!5 ResultTooLarge 1", 0},
		{"large results at both ends and an error between",
		 "{\"chunk\":1,\"results\":[\"123456789012345678\",null,\"123456789012345678\"],"
		 "\"errors\":[{\"offset\":3}]}",
		 NULL, "4:null,null,null!4 ResultTooLarge 1!5 Exception 1!6 ResultTooLarge 1", 0},
		{"a cancelled item", "{\"chunk\":1,\"results\":[16,25,36]}", NULL,
		 "4:16,null,36!5 Cancelled 1", 5},
		{"cancelled and failed",
		 "{\"chunk\":1,\"results\":[16,null,36],\"errors\":[{\"offset\":3}]}", NULL,
		 "4:16,null,36!5 Cancelled 1", 5},
		{"cancelled and large", "{\"chunk\":1,\"results\":[\"123456789012345678\"]}", NULL,
		 "4:null!4 Cancelled 1", 4},

		{"an error of an earlier message",
		 "{\"chunk\":1,\"results\":[null],\"errors\":[{\"offset\":1}]}",
		 "an error for an item without a result in the message", "", 0},
		{"an error of a later one",
		 "{\"chunk\":1,\"results\":[null],\"errors\":[{\"offset\":3}]}",
		 "an error for an item without a result in the message", "", 0},
		{"result and error", "{\"chunk\":1,\"results\":[16],\"errors\":[{\"offset\":2}]}",
		 "an item with both a result and an error", "", 0},
		{"a result as long as null",
		 "{\"chunk\":1,\"results\":[1234],\"errors\":[{\"offset\":2}]}",
		 "an item with both a result and an error", "", 0},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct report_row *row = &table[i];
		struct chunk chunk;
		struct request *request = with_two_results(&chunk, NULL);
		uint64_t running = request->running;
		const char *wrong, *delivered;

		if (row->cancel)
			request_cancel_item(request, row->cancel);
		wrong = report_limited(request, &chunk, row->json, 16);
		if (!row->wrong)
			cr_assert_null(wrong, "%s: %s", row->what, wrong);
		else
			expect(wrong, row->wrong);
		delivered = deliver(request);
		cr_assert_str_eq(delivered, row->delivered, "%s: %s and not %s", row->what,
				 delivered, row->delivered);
		cr_assert_eq(running - request->running, wrong ? 0 : chunk.reported - 2);
		cr_assert_eq(request->work_us, 7);
		request_free(request);
	}
}

/* "`exception`, `message`, `trace` | optional texts, each at most 8 KiB, cut between characters" */
UNIT_TEST(outcome, an_error_keeps_the_workers_words) {
	struct request *request = sample_request("[0]", NULL, false);
	struct chunk chunk = chunk_take(request, 1);
	const json_t *error;
	json_t *expected = json_pack("[{si ss si ss ss ss}]", "index", 0, "kind", "Exception",
				     "attempts", 1, "exception", "ValueError", "message",
				     "b\303\244d", "trace", "line 1\nline 2");
	struct run *run;

	cr_assert_null(report(request, &chunk,
			      "{\"chunk\":1,\"results\":[null],\"errors\":[{\"offset\":0,"
			      "\"exception\":\"ValueError\",\"message\":\"b\303\244d\","
			      "\"trace\":\"line 1\\nline 2\"}]}"));
	run = results_deliver(&request->results);
	error = run->errors;
	cr_assert(json_equal(error, expected));
	json_decref(expected);
	run_free(run);
	request_free(request);
}

/* "`exception`, `message`, `trace` | optional texts, each at most 8 KiB, cut between characters" */
UNIT_TEST(outcome, a_long_text_is_cut_between_characters) {
	struct request *request = sample_request("[0]", NULL, false);
	struct chunk chunk = chunk_take(request, 1);
	char json[3 * LIMIT_ERROR_TEXT], *end = json;
	const char *message;
	struct run *run;

	/* The limit falls inside a character of two bytes. */
	end += sprintf(end, "{\"chunk\":1,\"results\":[null],\"errors\":[{\"offset\":0,"
			    "\"message\":\"x");
	for (size_t i = 0; i < LIMIT_ERROR_TEXT / 2; i++)
		end = stpcpy(end, "\303\244");
	strcpy(end, "\"}]}");
	cr_assert_null(report(request, &chunk, json));
	run = results_deliver(&request->results);
	message = json_string_value(json_object_get(json_array_get(run->errors, 0), "message"));
	cr_assert_not_null(message);
	cr_assert_eq(strlen(message), LIMIT_ERROR_TEXT - 1);
	run_free(run);
	request_free(request);
}

/* "`us` | with `times`: start and duration of each item, two integers for each result, in
 * microseconds, starts on `CLOCK_MONOTONIC`; if it is missing, equal shares of `busyUs` stand for
 * it" */
UNIT_TEST(outcome, times_are_the_workers_or_shares_of_its_busy_time) {
	static const struct run_options timings = {.timings = true};
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, &timings);
	struct run *run;

	cr_assert_null(report(request, &chunk,
			      "{\"chunk\":1,\"results\":[16,25],\"us\":[2000,5,2005,6],"
			      "\"busyUs\":11}"));
	run = results_deliver(&request->results);
	cr_assert_eq(memcmp(run->times, (uint64_t[]) {2000, 5, 2005, 6}, 32), 0);
	cr_assert_eq(run->attempts, 1);
	run_free(run);

	cr_assert_null(report(request, &chunk, "{\"chunk\":1,\"results\":[36,49],\"busyUs\":10}"));
	run = results_deliver(&request->results);
	cr_assert_eq(memcmp(run->times, (uint64_t[]) {1000, 5, 1000, 5}, 32), 0);
	run_free(run);
	cr_assert_eq(request->work_us, 28);
	request_free(request);
}

/* -------- settlements -------- */

static const struct worker_end killed = {.signal = SIGKILL, .stderr_tail = ""};

static void settle(struct request *request, const struct chunk *chunk, struct settlement settlement,
		   const struct worker_end *end) {
	uint64_t running = request->running;

	cr_assert_eq(outcome_settle(request, chunk, &settlement, end), 0);
	cr_assert_eq(request->running, running - (chunk->count - chunk->reported));
}

UNIT_TEST(outcome, a_time_beyond_all_times_does_not_wrap) {
	static const struct run_options none;
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, &none);

	for (int i = 0; i < 2; i++)
		cr_assert_null(
			report(request, &chunk,
			       "{\"chunk\":1,\"results\":[1],\"busyUs\":9223372036854775807}"));
	cr_assert_eq(request->work_us, INT64_MAX);
	request_free(request);
}

UNIT_TEST(outcome, of_a_chunk_cut_short_only_the_blamed_item_has_an_error) {
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, NULL);
	struct items_cut cut;

	/* Items 2 and 3 reported, 4 finished, 5 ran, 6 and 7 not. */
	settle(request, &chunk, (struct settlement) {.finished = 3, .blamed = true, .rest = 4},
	       &killed);
	cr_assert_eq(request->retried, 1);
	cut = request_take(request, 9);
	cr_assert(cut.first == 4 && cut.count == 1 && cut.attempts == 1 && cut.handed == 0);
	cut = request_take(request, 9);
	cr_assert(cut.first == 6 && cut.count == 2 && cut.attempts == 0 && cut.handed == 0);
	cut = request_take(request, 9);
	cr_assert_eq(cut.first, 8);
	expect(deliver(request), "");
	sample_results(request, 4, 1, "16");
	expect(deliver(request), "4:16 5:null!5 WorkerDied 1");
	request_free(request);
}

UNIT_TEST(outcome, returned_items_start_again_as_if_nothing_had_been) {
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, NULL);
	struct items_cut cut;

	settle(request, &chunk, (struct settlement) {.finished = 2, .rest = 2}, NULL);
	cr_assert_eq(request->retried, 0);
	cr_assert_eq(request->failed, 0);
	cut = request_take(request, 9);
	cr_assert(cut.first == 4 && cut.count == 4 && cut.attempts == 0 && cut.handed == 0);
	request_free(request);
}

UNIT_TEST(outcome, attempts_add_up_over_deaths) {
	struct request *request = sample_request("[0,1]", NULL, false);

	for (uint32_t attempt = 0; attempt < 3; attempt++) {
		struct chunk chunk = chunk_take(request, 2);

		cr_assert_eq(chunk.attempts, attempt);
		settle(request, &chunk, (struct settlement) {.finished = 2, .rest = 2}, &killed);
	}
	cr_assert_eq(request->retried, 6);
	struct chunk chunk = chunk_take(request, 2);

	settle(request, &chunk, (struct settlement) {.finished = 0, .blamed = true, .rest = 1},
	       &killed);
	chunk = chunk_take(request, 2);
	cr_assert(chunk.first == 1 && chunk.attempts == 3);
	cr_assert_null(report(request, &chunk, "{\"chunk\":1,\"results\":[1]}"));
	expect(deliver(request), "0:null,1!0 WorkerDied 4");
	request_free(request);
}

static const struct settlement untouched = {.untouched = true};

/* What is handed over next, as FIRST+COUNT of all chunks of any size, after taking them. */
static const char *handed_over(struct request *request, struct chunk *chunks) {
	static char text[128];
	char *end = text;

	*end = '\0';
	for (; request_startable(request); chunks++) {
		*chunks = chunk_take(request, 100);
		end += sprintf(end, "%s%d+%u", end > text ? " " : "", (int) chunks->first,
			       chunks->count);
	}
	return text;
}

UNIT_TEST(outcome, a_chunk_that_was_not_started_twice_is_halved) {
	struct request *request = sample_request("[0,1,2,3,4]", NULL, false);
	struct chunk chunks[8];

	expect(handed_over(request, chunks), "0+5");
	settle(request, &chunks[0], untouched, &killed);
	expect(handed_over(request, chunks), "0+5");
	settle(request, &chunks[0], untouched, &killed);
	expect(handed_over(request, chunks), "0+2 2+3");
	settle(request, &chunks[0], untouched, &killed);
	settle(request, &chunks[1], untouched, &killed);
	expect(handed_over(request, chunks), "0+1 1+1 2+1 3+2");
	cr_assert_eq(request->retried, 0, "none of them was started");
	request_free(request);
}

UNIT_TEST(outcome, an_item_that_was_not_started_three_times_is_given_up) {
	struct request *request = sample_request("[0]", NULL, false);
	struct chunk chunk;
	struct run *run;

	for (int i = 0; i < 3; i++) {
		cr_assert(request_startable(request));
		chunk = chunk_take(request, 1);
		settle(request, &chunk, untouched, &killed);
	}
	cr_assert(request_is_over(request));
	run = results_deliver(&request->results);
	cr_assert_str_eq(
		json_string_value(json_object_get(json_array_get(run->errors, 0), "message")),
		"every worker that was given the item died before starting it");
	cr_assert_eq(
		json_integer_value(json_object_get(json_array_get(run->errors, 0), "attempts")), 0);
	cr_assert_eq(run->attempts, 0);
	run_free(run);
	request_free(request);
}

UNIT_TEST(outcome, items_that_are_not_wanted_any_more_come_back_as_cancelled) {
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, NULL);

	for (uint64_t index = 4; index <= 6; index++)
		request_cancel_item(request, index);
	settle(request, &chunk, (struct settlement) {.finished = 3, .blamed = true, .rest = 4},
	       &killed);
	expect(deliver(request), "4:null,null!4 Cancelled 1!5 Cancelled 1 6:null!6 Cancelled 0");
	cr_assert_eq(request->cancelled, 3);
	cr_assert_eq(request->failed, 0);
	cr_assert_eq(request->items.cancelling, 0);
	request_free(request);

	request = sample_request("[0]", NULL, false);
	chunk = chunk_take(request, 1);
	chunk.handed = 2;
	request_cancel_item(request, 0);
	settle(request, &chunk, untouched, &killed);
	expect(deliver(request), "0:null!0 Cancelled 0");
	request_free(request);
}

UNIT_TEST(outcome, a_stopped_request_gets_nothing_back) {
	struct chunk chunk;
	struct request *request = with_two_results(&chunk, NULL);

	request_stop(request);
	settle(request, &chunk, (struct settlement) {.finished = 3, .blamed = true, .rest = 4},
	       &killed);
	cr_assert(request_is_over(request));
	request_free(request);
}

/* "`exitSignal`, `exitStatus` | of `WorkerDied`: the number of the signal that ended the worker,
 * or its exit status; one of them"
 * "`stderr` | of `WorkerDied`: the last lines that the worker wrote to standard error, at most 2 KiB;
 * left out if there are none" */
UNIT_TEST(outcome, a_blamed_item_says_how_its_worker_ended) {
	static const struct {
		struct worker_end end;
		const char *error; /* beside index, kind and attempts */
	} table[] = {
		{{.signal = SIGSEGV, .stderr_tail = ""},
		 "{'exitSignal':11,'message':'the worker was lost: killed by signal 11 (SEGV)'}"},
		{{.signal = 63, .stderr_tail = ""},
		 "{'exitSignal':63,'message':'the worker was lost: killed by signal 63 (?)'}"},
		{{.status = 3, .stderr_tail = "no\nmemory\n"},
		 "{'exitStatus':3,'message':'the worker was lost: exited with status 3',"
		 "'stderr':'no\\nmemory\\n'}"},
		{{.status = 0, .stderr_tail = ""},
		 "{'exitStatus':0,'message':'the worker was lost: exited with status 0'}"},
		{{.signal = SIGKILL,
		  .ours = true,
		  .reason = "more results than items",
		  .stderr_tail = ""},
		 "{'exitSignal':9,'message':"
		 "'the worker was lost: killed by signal 9 (KILL): more results than items'}"},
		{{.signal = SIGKILL, .stderr_tail = "caf\303\251"},
		 "{'exitSignal':9,'message':'the worker was lost: killed by signal 9 (KILL)',"
		 "'stderr':'caf\303\251'}"},
		{{.signal = SIGKILL, .stderr_tail = "\377\033[1m!\t\n"},
		 "{'exitSignal':9,'message':'the worker was lost: killed by signal 9 (KILL)',"
		 "'stderr':'??[1m!\\t\\n'}"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct request *request = sample_request("[0,1]", NULL, false);
		struct chunk chunk = chunk_take(request, 2);
		json_t *expected, *error;
		struct run *run;
		char json[512];

		snprintf(json, sizeof json, "%s", table[i].error);
		for (char *p = json; (p = strchr(p, '\''));)
			*p = '"';
		expected = json_loads(json, 0, NULL);
		json_object_set_new(expected, "index", json_integer(0));
		json_object_set_new(expected, "kind", json_string("WorkerDied"));
		json_object_set_new(expected, "attempts", json_integer(1));

		settle(request, &chunk,
		       (struct settlement) {.finished = 0, .blamed = true, .rest = 1},
		       &table[i].end);
		run = results_deliver(&request->results);
		error = json_array_get(run->errors, 0);
		cr_assert(json_equal(error, expected), "%s came to %s", json, json_dumps(error, 0));
		json_decref(expected);
		run_free(run);
		request_free(request);
	}
}

/* -------- without memory -------- */

#define REPORT \
	"{\"chunk\":1,\"results\":[0,null,\"123456789012345678\",9,16,25]," \
	"\"errors\":[{\"offset\":1,\"exception\":\"E\",\"message\":\"m\",\"trace\":\"t\"}]}"

/* "`io.procpool.ResourceExhausted` | `resource` | the daemon has no `memory` for it; or the pool has no worker, and there are
 * no `processes`, `descriptors` or `memory` for one | may close" */
UNIT_TEST(outcome, without_memory_for_results_the_request_fails) {
	static const struct run_options all[] = {{0}, {.timings = true}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct report report;
		size_t n = 0, live;
		bool failed;

		report_read(&report, REPORT, 16);
		live = unit_live();
		do {
			struct request *request =
				sample_request("[0,1,2,3,4,5,6,7]", &all[i], false);
			struct chunk chunk = chunk_take(request, 8);

			request_cancel_item(request, 4);
			chunk.reported = 6;
			unit_fail(++n);
			cr_assert_null(outcome_report(request, &chunk, &report.report),
				       "it is not the worker's fault");
			failed = unit_failed();
			cr_assert_eq(request->running, 2, "allocation %zu: %d run", n,
				     (int) request->running);
			cr_assert_eq(request->state, failed ? REQUEST_FAILED : REQUEST_QUEUED,
				     "allocation %zu: state %d", n, request->state);
			if (failed)
				cr_assert_eq(request->failure.id, ERROR_RESOURCE_EXHAUSTED);
			settle(request, &chunk,
			       (struct settlement) {.finished = 6, .blamed = true, .rest = 7},
			       &killed);
			cr_assert_eq(request_is_over(request), failed);
			request_free(request);
			cr_assert_eq(unit_live(), live, "allocation %zu", n);
		} while (failed);
		cr_assert_gt(n, 30);
		report_done(&report);
	}
}

UNIT_TEST(outcome, without_memory_to_settle_an_error_comes_back_and_nothing_runs) {
	static const struct worker_end end = {.signal = SIGKILL, .stderr_tail = "\377"};
	static const struct settlement all[] = {
		{.finished = 2, .blamed = true, .rest = 3},
		{.untouched = true},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		size_t n = 0;
		bool failed;

		do {
			struct request *request = sample_request("[0,1,2,3,4]", NULL, false);
			struct chunk chunk = chunk_take(request, 5);
			int r;

			chunk.handed = 1;
			request_cancel_item(request, 1);
			request_cancel_item(request, 4);
			unit_fail(++n);
			r = outcome_settle(request, &chunk, &all[i], &end);
			failed = unit_failed();
			cr_assert_eq(r, failed ? -ENOMEM : 0, "allocation %zu", n);
			cr_assert_eq(request->running, 0, "allocation %zu", n);
			request_free(request);
			cr_assert_eq(unit_live(), 0, "allocation %zu", n);
		} while (failed);
		cr_assert_gt(n, 10);
	}
}
