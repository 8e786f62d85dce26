#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/harness.h"

/* Apply and Map: what goes down to the workers, what comes back, in which order. */

TestSuite(map, .timeout = 60);

#define SUMMARY(items, ok, bad) \
	"{'request':'~string','items':" #items ",'succeeded':" #ok ",'failed':" #bad \
	",'cancelled':0,'retried':0,'queuedUs':'~min:0','elapsedUs':'~min:0','workUs':'~min:0'}"

/* ---- Apply ---- */

/* "`Apply(function, argument?, common?, options?) → (result)` runs a function once." */
Test(map, apply_hands_the_argument_to_a_worker_and_returns_its_result) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'square','argument':3}");
	worker_expect(w, "{'chunk':1,'function':'square','items':[3], ...}");
	worker_answer(w, 1, 0, "[9]");
	peer_expect_text(p, "{'parameters':{'result':9}}");
	harness_stop(h);
}

/* "The function gets `argument`, or `null` if it is left out."
 * "Success is the absence of `error`, never the presence of a value."
 * "A function may return `null`, too: only `errors` says what failed." */
Test(map, apply_without_argument_applies_null) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "now");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'now'}");
	worker_expect(w, "{'chunk':1,'items':[null], ...}");
	worker_answer(w, 1, 0, "[null]");
	peer_expect_text(p, "{'parameters':{'result':null}}");
	harness_stop(h);
}

/* "If the item fails, for whatever reason, the error is `ItemFailed`, and its `item` is the item
 * error (1.7)."
 * "`io.procpool.ItemFailed` | `item` | the item of an `Apply` failed, or one of a call with
 * `onError` `abort` | stays"
 * "`Exception` | the function said so; `exception` is its name in the worker's language, `message`
 * and `trace` are for people" */
Test(map, apply_fails_when_its_item_does) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'square','argument':'x'}");
	worker_expect(w, "{'chunk':1,'items':['x'], ...}");
	worker_send(w, "{'chunk':1,'results':[null],'busyUs':9,'errors':[{'offset':0,"
		       "'exception':'TypeError','message':'no number','trace':'line 1'}]}");
	peer_expect_error(p, "ItemFailed",
			  "{'item':{'index':0,'kind':'Exception','exception':'TypeError',"
			  "'message':'no number','trace':'line 1','attempts':1}}");
	harness_stop(h);
}

/* "The options are those of `Map`; `chunkSize`, `maxWorkers`, `order` and `timings` make no
 * difference to one item." */
Test(map, options_for_many_items_make_no_difference_to_one) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply",
		  "{'function':'f','argument':1,'options':{'chunkSize':7,'maxWorkers':7,"
		  "'order':'unordered','timings':true,'unpack':'both'}}");
	worker_expect(w, "{'chunk':1,'items':[1],'unpack':'both', ...}");
	worker_answer(w, 1, 0, "[2]");
	peer_expect_text(p, "{'parameters':{'result':2}}");
	peer_call(p, "Apply", "{'function':'f','options':{'chunkSize':0}}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter",
			  "{'parameter':'options.chunkSize'}");
	harness_stop(h);
}

/* ---- Map, aggregated ---- */

/* "`Map(function, items, common?, options?)` runs a function over an array of items."
 * "Without `more` there is one reply, when all is done:"
 * "`request` | the request's name, for `Cancel` and the log: a string"
 * "`results` | one value for each item, in the order of the input, `null` where it failed"
 * "`summary` | see below"
 * "Results are reported in the order of the items, in as many messages as the worker likes, and
 * belong to the items behind those reported before."
 * "The chunk has ended when all its items are reported." */
Test(map, aggregated_results_come_in_one_reply) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'square','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'function':'square','items':[1,2,3], ...}");
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':50000}");
	worker_send(w, "{'chunk':1,'results':[4,9],'busyUs':50000}");
	peer_expect(p, "{'parameters':{'request':'~string','results':[1,4,9],"
		       "'summary':" SUMMARY(3, 3, 0) "}}");
	harness_stop(h);
}

/* "`chunkSize` | integer from 1 | items handed to a worker at a time; otherwise the daemon
 * chooses, beginning with 1 for a function it does not know" */
Test(map, the_first_chunk_of_an_unknown_function_is_one_item) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'square','items':[1,2,3]}");
	worker_expect(w, "{'chunk':1,'items':[1],'first':0, ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2, ...],'first':1, ...}");
	harness_stop(h);
}

/* "If there are no items, the summary is the only reply, and has the name." */
Test(map, without_items_nothing_runs) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "square");
	peer_call(p, "Map", "{'function':'square','items':[]}");
	peer_expect(p, "{'parameters':{'request':'~string','results':[],"
		       "'summary':" SUMMARY(0, 0, 0) "}}");
	peer_call_more(p, "Map", "{'function':'square','items':[]}");
	peer_expect(p, "{'parameters':{'request':'~string','summary':" SUMMARY(0, 0, 0) "}}");
	peer_call(p, "Map", "{'function':'cube','items':[]}");
	peer_expect_error(p, "NoSuchFunction", "{'function':'cube'}");
	harness_stop(h);
}

/* "`results` | one value for each item, in the order of the input, `null` where it failed"
 * "`errors` | an item error (1.7) for each item that failed, by index; left out if there are none"
 * "`index` | of the item in the whole input, from 0"
 * "`kind` | one of the kinds below"
 * "`results` | one value for each item, `null` where it failed"
 * "`errors` | optional: `{"offset", "exception"?, "message"?, "trace"?}` for each that failed, in
 * order; `offset` counts from the **chunk's** first item, also in later reports"
 * "`onError` | `collect`, `abort` | whether the others run when an item has failed; `collect` if
 * left out" */
Test(map, failed_items_are_null_and_listed_and_the_others_have_results) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_send(w, "{'chunk':1,'results':[1,null],'busyUs':50000,"
		       "'errors':[{'offset':1,'exception':'E','message':'m'}]}");
	worker_expect(w, "{'chunk':2,'items':[3,4],'first':2, ...}");
	worker_send(w, "{'chunk':2,'results':[null],'busyUs':50000,'errors':[{'offset':0}]}");
	worker_send(w, "{'chunk':2,'results':[16],'busyUs':50000}");
	peer_expect(p, "{'parameters':{'request':'~string','results':[1,null,null,16],"
		       "'errors':[{'index':1,'kind':'Exception','exception':'E','message':'m',"
		       "'attempts':1},{'index':2,'kind':'Exception','attempts':1}],"
		       "'summary':" SUMMARY(4, 2, 2) "}}");
	harness_stop(h);
}

#define DIGITS_50  "12345678901234567890123456789012345678901234567890"
#define DIGITS_300 DIGITS_50 DIGITS_50 DIGITS_50 DIGITS_50 DIGITS_50 DIGITS_50
#define ODD \
	"0.1,-0,1e2,1E+2,1.50,1180591620717411303424,\"\\u0000\",\"\\u00e9\\/" \
	"\",{\"b\":1,\"a\":2,\"a\":3},[],\"\",{ \"of\" : [ 1 ,2 ] }," DIGITS_300

/* "**Items, results, arguments and common values are never interpreted by the daemon.**"
 * "It checks that they are JSON and passes their bytes on: `0.1`, `-0`, `1e2`, an integer of 300
 * digits, `"\u0000"`, the order of members and the white space inside a value arrive as they were
 * sent." */
Test(map, values_pass_byte_for_byte_in_both_directions) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'echo','items':[%s],'common':[0.10,{'b':-0}],"
		  "'options':{'chunkSize':99}}",
		  ODD);
	worker_expect_containing(w, "'value':[0.10,{'b':-0}]}");
	worker_expect_containing(w, "'items':[%s]", ODD);
	worker_send(w, "{'chunk':1,'results':[%s],'busyUs':1}", ODD);
	peer_expect_containing(p, "'results':[%s],", ODD);
	peer_call(p, "Apply", "{'function':'echo','argument':-0.0}");
	worker_expect_containing(w, "'items':[-0.0]");
	worker_send(w, "{'chunk':2,'results':[1e5],'busyUs':1}");
	peer_expect_text(p, "{'parameters':{'result':1e5}}");
	harness_stop(h);
}

/* ---- Map with more ---- */

/* "`more` | `true`: send several replies, where the method can"
 * "With `more` the results come in batches, as soon as they are there, and the last reply, the
 * only one without `continues`, has nothing but the summary:"
 * "A batch is about consecutive items: `first` is the index of its first one, and the other
 * members are as above, for these items alone."
 * "The first reply names the request, the others do not."
 * "The first result is sent at once."
 * "`continues` | `true`: more replies to this call follow; otherwise left out" */
Test(map, with_more_the_first_result_comes_at_once_and_the_last_reply_is_the_summary) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'square','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect(p, "{'parameters':{'request':'~string','first':0,'results':[1]},"
		       "'continues':true}");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_answer(w, 2, 0, "[4]");
	peer_expect(p, "{'parameters':{'first':1,'results':[4]},'continues':true}");
	worker_expect(w, "{'chunk':3,'items':[3], ...}");
	worker_answer(w, 3, 0, "[9]");
	peer_expect(p, "{'parameters':{'first':2,'results':[9]},'continues':true}");
	peer_expect(p, "{'parameters':{'summary':" SUMMARY(3, 3, 0) "}}");
	harness_stop(h);
}

static long elapsed_us(const struct timespec *since) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000000 + (now.tv_nsec - since->tv_nsec) / 1000;
}

/* Batches wait 10 ms for more results; not the first one, and not when nothing more can come. The best of many
 * rounds counts: a busy machine makes single ones slow. */
Test(map, the_first_and_the_last_batch_do_not_wait) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	long first = LONG_MAX, last = LONG_MAX;

	for (unsigned round = 0; round < 20; round++) {
		struct timespec since;
		long us;

		peer_call_more(p, "Map",
			       "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
		worker_expect(w, "{'items':[1], ...}");
		clock_gettime(CLOCK_MONOTONIC, &since);
		worker_answer(w, 2 * round + 1, 0, "[1]");
		peer_expect(p, "{'parameters':{'results':[1], ...},'continues':true}");
		us = elapsed_us(&since);
		first = us < first ? us : first;
		worker_expect(w, "{'items':[2], ...}");
		clock_gettime(CLOCK_MONOTONIC, &since);
		worker_answer(w, 2 * round + 2, 0, "[2]");
		peer_expect(p, "{'parameters':{'results':[2], ...},'continues':true}");
		us = elapsed_us(&since);
		last = us < last ? us : last;
		peer_expect(p, "{'parameters':{'summary':'~object'}}");
	}
	cr_assert_lt(first, 9000);
	cr_assert_lt(last, 9000);
	harness_stop(h);
}

/* The third result comes within 10 ms of the second and does not travel alone. */
Test(map, results_that_come_close_together_share_a_batch) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'f','items':[1,2,3,4],'options':{'chunkSize':4}}");
	worker_expect(w, "{'items':[1,2,3,4], ...}");
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':50000}");
	peer_expect(p, "{'parameters':{'first':0,'results':[1], ...},'continues':true}");
	harness_freeze(h);
	worker_send(w, "{'chunk':1,'results':[2],'busyUs':50000}");
	worker_send(w, "{'chunk':1,'results':[3],'busyUs':50000}");
	harness_thaw(h);
	peer_expect(p, "{'parameters':{'first':1,'results':[2,3]},'continues':true}");
	worker_send(w, "{'chunk':1,'results':[4],'busyUs':50000}");
	peer_expect(p, "{'parameters':{'first':3,'results':[4]},'continues':true}");
	peer_expect(p, "{'parameters':{'summary':'~object'}}");
	harness_stop(h);
}

/* "An `index` counts from the first item of the whole input, not of the batch."
 * "A batch is about consecutive items: `first` is the index of its first one, and the other
 * members are as above, for these items alone." */
Test(map, errors_travel_with_their_batch) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1,2]");
	peer_expect(p, "{'parameters':{'request':'~string','first':0,'results':[1,2]},"
		       "'continues':true}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_send(w, "{'chunk':2,'results':[null],'busyUs':9,'errors':[{'offset':0}]}");
	peer_expect(p, "{'parameters':{'first':2,'results':[null],'errors':[{'index':2,"
		       "'kind':'Exception','attempts':1}]},'continues':true}");
	peer_expect(p, "{'parameters':{'summary':" SUMMARY(3, 2, 1) "}}");
	harness_stop(h);
}

/* Two workers hold [1,2] and [3,4]; the second answers first. */
static void expect_batches(const char *order, const char *early, const char *late) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h);
	struct fake *first, *second;

	harness_ready_worker(h, "square");
	harness_ready_worker(h, "square");
	peer_call_more(p, "Map",
		       "{'function':'square','items':[1,2,3,4],"
		       "'options':{'chunkSize':2,'order':'%s'}}",
		       order);
	first = harness_expect_any(h, "{'chunk':1,'items':[1,2], ...}");
	second = harness_expect_any(h, "{'chunk':1,'items':[3,4], ...}");
	cr_assert_neq(first, second);
	worker_answer(second, 1, 0, "[9,16]");
	if (early)
		peer_expect(p, "{'parameters':%s,'continues':true}", early);
	worker_answer(first, 1, 0, "[1,4]");
	peer_expect(p, "{'parameters':%s,'continues':true}", late);
	if (!early)
		peer_expect(p, "{'parameters':{'first':2,'results':[9,16]},'continues':true}");
	peer_expect(p, "{'parameters':{'summary':" SUMMARY(4, 4, 0) "}}");
	harness_stop(h);
}

/* "With `order` `unordered` they come as chunks finish."
 * "`order` | `ordered`, `unordered` | whether batches wait for those before them; `ordered` if
 * left out" */
Test(map, unordered_batches_come_as_chunks_finish) {
	expect_batches("unordered", "{'request':'~string','first':2,'results':[9,16]}",
		       "{'first':0,'results':[1,4]}");
}

/* Both runs are there when the first becomes deliverable: one batch or two, always consecutive. */
/* "Batches are in the order of the input, and a result waits for those before it."
 * "`order` | `ordered`, `unordered` | whether batches wait for those before them; `ordered` if
 * left out" */
Test(map, ordered_batches_wait_for_their_predecessors) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *first, *second;
	json_t *reply;

	harness_ready_worker(h, "square");
	harness_ready_worker(h, "square");
	peer_call_more(p, "Map",
		       "{'function':'square','items':[1,2,3,4],"
		       "'options':{'chunkSize':2,'order':'ordered'}}");
	first = harness_expect_any(h, "{'chunk':1,'items':[1,2], ...}");
	second = harness_expect_any(h, "{'chunk':1,'items':[3,4], ...}");
	worker_answer(second, 1, 0, "[9,16]");
	/* The second worker is idle again: its results were taken. */
	peer_call(q, "Apply", "{'function':'square','argument':5}");
	worker_expect(second, "{'chunk':2,'items':[5], ...}");
	peer_expect_nothing(p);
	worker_answer(first, 1, 0, "[1,4]");
	for (json_int_t at = 0; at < 4;) {
		json_t *parameters;

		reply = peer_receive(p);
		parameters = json_object_get(reply, "parameters");
		cr_assert_eq(json_integer_value(json_object_get(parameters, "first")), at);
		for (size_t i = 0; i < json_array_size(json_object_get(parameters, "results"));
		     i++) {
			at++;
			cr_assert_eq(json_integer_value(json_array_get(
					     json_object_get(parameters, "results"), i)),
				     at * at);
		}
		json_decref(reply);
	}
	peer_expect(p, "{'parameters':{'summary':" SUMMARY(4, 4, 0) "}}");
	harness_stop(h);
}

/* "Results are in the order of the input here even if `order` is `unordered`." */
Test(map, unordered_aggregated_results_are_in_input_order_all_the_same) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h);
	struct fake *first, *second;

	harness_ready_worker(h, "square");
	harness_ready_worker(h, "square");
	peer_call(p, "Map",
		  "{'function':'square','items':[1,2,3,4],"
		  "'options':{'chunkSize':2,'order':'unordered'}}");
	first = harness_expect_any(h, "{'chunk':1,'items':[1,2], ...}");
	second = harness_expect_any(h, "{'chunk':1,'items':[3,4], ...}");
	worker_answer(second, 1, 0, "[9,16]");
	worker_answer(first, 1, 0, "[1,4]");
	peer_expect(p, "{'parameters':{'results':[1,4,9,16], ...}}");
	harness_stop(h);
}

/* Once in so many attempts the machine has time for us. */
#define ATTEMPTS 50

/* Sends the second of the call's results and returns how long it took to come out; n: items of the call. */
static long second_result_us(struct fake *w, struct peer *p, unsigned n, const char *result) {
	struct timespec since;
	json_t *chunk;
	uint64_t number;
	long us;

	peer_call_more(p, "Map", "{'function':'f','items':%s,'options':{'chunkSize':%u}}",
		       n == 2 ? "[0,1]" : "[0,1,2]", n);
	chunk = worker_receive(w);
	number = (uint64_t) json_integer_value(json_object_get(chunk, "chunk"));
	json_decref(chunk);
	worker_send(w, "{'chunk':%d,'results':[0],'busyUs':9}", (int) number);
	peer_expect(p, "{'parameters':{'first':0,'results':[0], ...},'continues':true}");
	clock_gettime(CLOCK_MONOTONIC, &since);
	worker_send(w, "{'chunk':%d,'results':[%s],'busyUs':9}", (int) number, result);
	peer_expect(p, "{'parameters':{'first':1,'results':['*']},'continues':true}");
	us = elapsed_us(&since);
	if (n > 2) {
		worker_send(w, "{'chunk':%d,'results':[2],'busyUs':9}", (int) number);
		peer_expect(p, "{'parameters':{'first':2,'results':[2]},'continues':true}");
	}
	peer_expect(p, "{'parameters':{'summary':'~object'}}");
	return us;
}

/* "Later ones are sent 10 ms after they came, or when there are 64 KiB of them, or at once when
 * nothing of the call runs or waits." */
Test(map, later_results_wait_ten_milliseconds_or_for_64_kib) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char large[65536 + 1];
	int attempts = 0;

	memset(large, 'x', 65536);
	large[0] = large[65535] = '\'';
	large[65536] = '\0';
	/* The daemon's timers go by a clock of 4 ms. */
	cr_assert_geq(second_result_us(w, p, 3, "1"), 5500);
	while (second_result_us(w, p, 3, large) >= 5000)
		cr_assert_lt(attempts++, ATTEMPTS, "64 KiB waited");
	/* The last result of a call has nothing to wait for. */
	while (second_result_us(w, p, 2, "1") >= 5000)
		cr_assert_lt(attempts++, 2 * ATTEMPTS, "the last one waited");
	harness_stop(h);
}

/* ---- options ---- */

/* "`chunkSize` | integer from 1 | items handed to a worker at a time; otherwise the daemon
 * chooses, beginning with 1 for a function it does not know"
 * "`first` | the index of its first item in the whole input, from 0"
 * "`chunk` | its number; the first chunk of each worker is 1, and each further one has the next
 * number" */
Test(map, chunk_size_decides_what_a_worker_gets) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "square");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'square','items':[1,2,3,4,5,6,7],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3],'first':0, ...}");
	worker_answer(w, 1, 0, "[1,4,9]");
	worker_expect(w, "{'chunk':2,'items':[4,5,6],'first':3, ...}");
	worker_answer(w, 2, 0, "[16,25,36]");
	worker_expect(w, "{'chunk':3,'items':[7],'first':6, ...}");
	worker_answer(w, 3, 0, "[49]");
	peer_expect(p, "{'parameters':{'results':[1,4,9,16,25,36,49], ...}}");
	harness_stop(h);
}

/* "`maxWorkers` | integer from 1 | the most workers that serve this call at once" */
Test(map, max_workers_bounds_how_many_workers_serve_the_call) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_ready_worker(h, "square");
	harness_ready_worker(h, "square");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Map",
		  "{'function':'square','items':[1,1,1,1],"
		  "'options':{'chunkSize':1,'maxWorkers':1}}");
	/* The worker that was idle last is the next to work, so it is always the same one. */
	for (unsigned chunk = 1; chunk <= 4; chunk++) {
		struct fake *w = harness_expect_any(h, "{'chunk':%u,'items':[1], ...}", chunk);

		peer_call(q, "Status", "{}");
		peer_expect(q, "{'parameters':{'itemsRunning':1, ...}}");
		worker_answer(w, chunk, 0, "[1]");
	}
	peer_expect(p, "{'parameters':{'results':[1,1,1,1], ...}}");
	harness_stop(h);
}

/* "`onError` | `collect`, `abort` | whether the others run when an item has failed; `collect` if
 * left out"
 * "With `onError` `abort` nothing new starts after an item failed; items that run are finished,
 * and delivered with `more` and in streams; then the call ends in `ItemFailed`."
 * "`io.procpool.ItemFailed` | `item` | the item of an `Apply` failed, or one of a call with
 * `onError` `abort` | stays" */
Test(map, abort_starts_nothing_after_an_item_failed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':1,'onError':'abort'}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_send(w, "{'chunk':2,'results':[null],'busyUs':9,'errors':[{'offset':0,"
		       "'message':'oops'}]}");
	peer_expect_error(p, "ItemFailed",
			  "{'item':{'index':1,'kind':'Exception','message':'oops','attempts':1}}");
	peer_call(p, "Apply", "{'function':'f','argument':'next'}");
	worker_expect(w, "{'chunk':3,'items':['next'], ...}");
	harness_stop(h);
}

/* "With `onError` `abort` nothing new starts after an item failed; items that run are finished,
 * and delivered with `more` and in streams; then the call ends in `ItemFailed`." */
Test(map, abort_with_more_delivers_what_ran_and_ends_in_item_failed) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h);
	struct fake *first, *second;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call_more(p, "Map",
		       "{'function':'f','items':[1,2,3,4],"
		       "'options':{'chunkSize':1,'onError':'abort'}}");
	first = harness_expect_any(h, "{'chunk':1,'items':[1], ...}");
	second = harness_expect_any(h, "{'chunk':1,'items':[2], ...}");
	worker_send(first, "{'chunk':1,'results':[null],'busyUs':9,'errors':[{'offset':0}]}");
	peer_expect(p, "{'parameters':{'request':'~string','first':0,'results':[null],"
		       "'errors':[{'index':0, ...}]},'continues':true}");
	worker_answer(second, 1, 0, "[2]");
	peer_expect(p, "{'parameters':{'first':1,'results':[2]},'continues':true}");
	peer_expect_error(p, "ItemFailed", "{'item':{'index':0,'kind':'Exception', ...}}");
	harness_stop(h);
}

/* "`timings` | `true`, `false` | adds `startUs`, `durationUs` and `attempts` to `results`; `false`
 * if left out"
 * "`times` | optional; `true`: report `us`"
 * "`us` | with `times`: start and duration of each item, two integers for each result, in
 * microseconds, starts on `CLOCK_MONOTONIC`; if it is missing, equal shares of `busyUs` stand for
 * it"
 * "`startUs`, `durationUs`, `attempts` | with `timings`: one integer for each item; both times are
 * 0 for one whose worker died" */
Test(map, timings_add_start_duration_and_attempts) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2],"
		  "'options':{'chunkSize':2,'timings':true}}");
	worker_expect(w, "{'chunk':1,'items':[1,2],'times':true, ...}");
	worker_send(w, "{'chunk':1,'results':[1,2],'busyUs':12,'us':[0,5,5,7]}");
	peer_expect(p, "{'parameters':{'results':[1,2],'startUs':['~int','~int'],"
		       "'durationUs':[5,7],'attempts':[1,1], ...}}");
	peer_call_more(p, "Map", "{'function':'f','items':[3],'options':{'timings':true}}");
	worker_expect(w, "{'chunk':2,'items':[3],'times':true, ...}");
	worker_send(w, "{'chunk':2,'results':[3],'busyUs':12,'us':[0,9]}");
	peer_expect(p, "{'parameters':{'request':'~string','first':0,'results':[3],"
		       "'startUs':['~int'],'durationUs':[9],'attempts':[1]},'continues':true}");
	peer_expect(p, "{'parameters':{'summary':'~object'}}");
	harness_stop(h);
}

/* "`unpack` | `none`, `positional`, `keywords`, `both` | passed on to the worker: the item is the
 * argument, an array of arguments, an object of named ones, an array of both; `none` if left out"
 * "`unpack` | optional: as in 1.5; absent is `none`" */
Test(map, unpack_reaches_a_worker_that_offers_it) {
	static const char *const ways[] = {"positional", "keywords", "both"};
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	for (unsigned i = 0; i < 3; i++) {
		peer_call(p, "Apply", "{'function':'f','argument':[1],'options':{'unpack':'%s'}}",
			  ways[i]);
		worker_expect(w, "{'chunk':%u,'unpack':'%s', ...}", i + 1, ways[i]);
		worker_answer(w, i + 1, 0, "[0]");
		peer_expect_text(p, "{'parameters':{'result':0}}");
	}
	harness_stop(h);
}

/* "A way to unpack that the pool's workers did not announce is an `InvalidParameter`."
 * "`unpack` | optional: which ways of 1.5 it knows; `none` always" */
Test(map, unpack_is_refused_where_the_workers_do_not_offer_it) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h);

	worker_send(w, "{'hello':{'protocol':1,'runtime':'c','page':true,'unpack':['none','both'],"
		       "'functions':[{'name':'f'}]}}");
	peer_call(p, "Apply", "{'function':'f','argument':[1],'options':{'unpack':'both'}}");
	worker_expect(w, "{'chunk':1,'unpack':'both', ...}");
	worker_answer(w, 1, 0, "[0]");
	peer_expect_text(p, "{'parameters':{'result':0}}");
	peer_call(p, "Apply", "{'function':'f','argument':[1],'options':{'unpack':'positional'}}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter",
			  "{'parameter':'options.unpack'}");
	harness_stop(h);
}

/* "`common` is a value that the function sees beside every item, and that is sent to each worker
 * only once."
 * "A common value is sent before the first chunk that names it, and is to be kept until a
 * `forget`."
 * "`common` | optional: the number of the common value (2.4)" */
Test(map, the_common_value_is_sent_once_before_the_first_chunk) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	json_t *common;
	json_int_t id;

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2],'common':{'k':[1]},"
		  "'options':{'chunkSize':1}}");
	common = worker_receive(w);
	id = json_integer_value(json_object_get(common, "common"));
	cr_assert_gt(id, 0);
	cr_assert(json_equal(json_object_get(common, "value"), json_pack("{s:[i]}", "k", 1)));
	worker_expect(w, "{'chunk':1,'items':[1],'common':%lld, ...}", (long long) id);
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2],'common':%lld, ...}", (long long) id);
	worker_answer(w, 2, 0, "[2]");
	peer_expect(p, "{'parameters':{'results':[1,2], ...}}");
	harness_stop(h);
}

/* "At most 4, or 16 MiB together, are to be kept at a time: the one not used for the longest time
 * is forgotten first."
 * "A value that was forgotten is sent again, before the next chunk that names it."
 * "A common value is sent before the first chunk that names it, and is to be kept until a
 * `forget`." */
Test(map, a_worker_holds_four_commons_and_forgets_the_least_recently_used) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	json_int_t first = 0;

	for (int i = 1; i <= 5; i++) {
		json_t *message;

		peer_call(p, "Apply", "{'function':'f','argument':0,'common':%d}", i);
		message = worker_receive(w);
		if (i == 5) {
			cr_assert_eq(json_integer_value(json_object_get(message, "forget")), first);
			json_decref(message);
			message = worker_receive(w);
		}
		cr_assert_eq(json_integer_value(json_object_get(message, "value")), i);
		if (i == 1)
			first = json_integer_value(json_object_get(message, "common"));
		json_decref(message);
		worker_expect(w, "{'chunk':%d, ...}", i);
		worker_answer(w, (uint64_t) i, 0, "[0]");
		peer_expect_text(p, "{'parameters':{'result':0}}");
	}
	harness_stop(h);
}

/* "One that is unknown, missing or of the wrong type is an `InvalidParameter`, whose `parameter`
 * is the path to it: `function`, `options.chunkSize`."
 * "Any other name is an `InvalidParameter`." */
Test(map, options_that_are_wrong_are_refused_by_name) {
	static const char *const options[][2] = {
		{"itemTimeoutMs", "0"},  {"timeoutMs", "'1s'"}, {"queueTimeoutMs", "-5"},
		{"retries", "-1"},       {"retries", "true"},   {"rerun", "0"},
		{"priority", "20"},      {"priority", "-21"},   {"priority", "1.0"},
		{"priority", "'high'"},  {"chunkSize", "0"},    {"chunkSize", "-1"},
		{"chunkSize", "1.5"},    {"chunkSize", "'2'"},  {"maxWorkers", "0"},
		{"order", "'sideways'"}, {"order", "1"},        {"onError", "'ignore'"},
		{"unpack", "'all'"},     {"timings", "1"},      {"dayOfWeek", "'Tuesday'"},
	};
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		peer_call(p, "Map", "{'function':'f','items':[],'options':{'%s':%s}}",
			  options[i][0], options[i][1]);
		peer_expect_error(p, "org.varlink.service.InvalidParameter",
				  "{'parameter':'options.%s'}", options[i][0]);
	}
	harness_stop(h);
}
