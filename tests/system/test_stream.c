#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/harness.h"

/* Stream: the connection after the upgrade. */

TestSuite(stream, .timeout = 60);

/* Opens a stream of chunks of one item, unless options say otherwise. */
static struct peer *open_stream(struct harness *h, const char *parameters) {
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,'parameters':%s}", parameters);
	peer_expect(p, "{'parameters':{'request':'~string','window':'~min:1'}}");
	return p;
}

#define F        "{'function':'f'}"
#define F_SINGLE "{'function':'f','options':{'chunkSize':1}}"
#define F_TWO    "{'function':'f','options':{'chunkSize':2}}"
#define SUMMARY(n, ok, bad, gone) \
	"{'summary':{'items':" #n ",'succeeded':" #ok ",'failed':" #bad ",'cancelled':" #gone \
	", ...}}"

static void expect_batch(struct peer *p, unsigned first, const char *results) {
	peer_expect(p, "{'first':%u,'results':%s, ...}", first, results);
}

/* "`upgrade` | `true`: leave this protocol after the reply, where the method can (only `Stream`)"
 * "After the reply the connection is no longer Varlink: both sides send objects, each ended by a
 * NUL."
 * "`items` | an array of any number of items; their indexes go on from the object before"
 * "`end` | `true`: there are no more items"
 * "The daemon sends batches as in 1.5, without `parameters` and `continues` around them."
 * "The last object is either `{"summary": …}` or `{"error": NAME, "parameters": …}`, with the
 * errors of 1.8, and then the daemon closes." */
Test(stream, items_go_in_results_come_out_and_one_summary_ends_it) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_TWO);

	peer_send(p, "{'items':[1,2]}");
	worker_expect(w, "{'chunk':1,'function':'f','items':[1,2],'first':0, ...}");
	worker_answer(w, 1, 0, "[1,4]");
	expect_batch(p, 0, "[1,4]");
	peer_send(p, "{'items':[3]}");
	worker_expect(w, "{'chunk':2,'items':[3],'first':2, ...}");
	worker_answer(w, 2, 0, "[9]");
	expect_batch(p, 2, "[9]");
	peer_send(p, "{'end':true}");
	peer_expect(p, SUMMARY(3, 3, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* "Bytes behind the call belong to the stream if it is accepted, and are read as calls if it is
 * not." */
Test(stream, bytes_after_the_call_belong_to_the_stream) {
	static const char all[] =
		"{\"method\":\"io.procpool.Stream\",\"upgrade\":true,"
		"\"parameters\":{\"function\":\"f\",\"options\":{\"chunkSize\":2}}}\0"
		"{\"items\":[1,2]}\0"
		"{\"end\":true}";
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_send_raw(p, all, sizeof(all));
	peer_expect(p, "{'parameters':{'request':'~string','window':'~min:1'}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_answer(w, 1, 0, "[1,4]");
	expect_batch(p, 0, "[1,4]");
	peer_expect(p, SUMMARY(2, 2, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

Test(stream, an_empty_stream_has_only_a_summary) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p;

	harness_ready_worker(h, "f");
	p = open_stream(h, F);
	peer_send(p, "{'end':true}");
	peer_expect(p, SUMMARY(0, 0, 0, 0));
	peer_expect_eof(p);
	p = open_stream(h, F);
	peer_send(p, "{'items':[]}");
	peer_send(p, "{'items':[]}");
	peer_send(p, "{'end':true}");
	peer_expect(p, SUMMARY(0, 0, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* "The end of your sending side between two objects is the same as `end`." */
Test(stream, a_half_close_between_objects_ends_the_input) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_TWO);

	peer_send(p, "{'items':[1,2]}");
	peer_half_close(p);
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_answer(w, 1, 0, "[1,4]");
	expect_batch(p, 0, "[1,4]");
	peer_expect(p, SUMMARY(2, 2, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* "An object has one of these members or several." */
Test(stream, one_object_may_hold_items_and_the_end) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F);

	peer_send(p, "{'items':[1],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	expect_batch(p, 0, "[1]");
	peer_expect(p, SUMMARY(1, 1, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

Test(stream, failed_items_are_listed_with_their_index) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_TWO);

	peer_send(p, "{'items':[1,2],'end':true}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_send(w, "{'chunk':1,'results':[1,null],'busyUs':5,'errors':[{'offset':1}]}");
	peer_expect(p, "{'first':0,'results':[1,null],'errors':[{'index':1,'kind':'Exception',"
		       "'attempts':1}], ...}");
	peer_expect(p, SUMMARY(2, 1, 1, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* Reads batches until all n items are there; expects the error of the one that was cancelled, and nulls only there. */
static void expect_all_but(struct peer *p, size_t n, size_t cancelled) {
	size_t seen = 0, errors = 0;

	while (seen < n) {
		json_t *batch = peer_receive(p), *results = json_object_get(batch, "results");
		json_t *listed = json_object_get(batch, "errors"),
		       *error = json_array_get(listed, 0);

		cr_assert_eq(json_integer_value(json_object_get(batch, "first")),
			     (json_int_t) seen);
		for (size_t i = 0; i < json_array_size(results); i++, seen++)
			cr_assert_eq(json_is_null(json_array_get(results, i)), seen == cancelled);
		errors += json_array_size(listed);
		if (error) {
			cr_assert_eq(json_integer_value(json_object_get(error, "index")),
				     (json_int_t) cancelled);
			cr_assert_str_eq(json_string_value(json_object_get(error, "kind")),
					 "Cancelled");
		}
		json_decref(batch);
	}
	cr_assert_eq(errors, 1u);
}

/* "`cancel` | an array of indexes: these items are not wanted any more"
 * "An item that is cancelled before a worker began it never starts; one that runs is stopped after
 * 100 ms, by stopping its worker, unless it has ended by then."
 * "Either way it ends in the item error `Cancelled`."
 * "`Cancelled` | it was cancelled before it was done" */
Test(stream, a_queued_item_is_cancelled_and_never_starts) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE), *q = peer_connect(h);

	peer_send(p, "{'items':[10,11,12]}");
	worker_expect(w, "{'chunk':1,'items':[10], ...}");
	peer_send(p, "{'cancel':[1,99]}");
	peer_send(p, "{'end':true}");
	/* What was sent later on another connection is answered: the daemon has read the cancellation. */
	peer_call(q, "ListFunctions", "{}");
	peer_expect(q, "{'parameters':'~object'}");
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'items':3,'finished':1,'failed':0,'running':1, "
		       "...}]}}");
	worker_answer(w, 1, 0, "[0]");
	worker_expect(w, "{'chunk':2,'items':[12],'first':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	expect_all_but(p, 3, 1);
	peer_expect(p, SUMMARY(3, 2, 0, 1));
	peer_expect_eof(p);
	harness_stop(h);
}

/* "An item that is cancelled before a worker began it never starts; one that runs is stopped after
 * 100 ms, by stopping its worker, unless it has ended by then."
 * "Either way it ends in the item error `Cancelled`." */
Test(stream, a_running_item_is_cancelled_by_stopping_its_worker) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *next;
	struct peer *p = open_stream(h, F_TWO);
	struct timespec since, now;

	peer_send(p, "{'items':[10,11],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11], ...}");
	worker_page_store(w, 1, 0, true);
	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_send(p, "{'cancel':[0]}");
	worker_expect_gone(w);
	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_assert_geq((now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1000000,
		      90);
	next = harness_ready_worker(h, "f");
	worker_expect(next, "{'chunk':1,'items':[11],'first':1, ...}");
	worker_answer(next, 1, 0, "[1]");
	expect_all_but(p, 2, 0);
	peer_expect(p, SUMMARY(2, 1, 0, 1));
	peer_expect_eof(p);
	harness_stop(h);
}

Test(stream, an_item_that_is_cancelled_when_its_result_is_lost_is_cancelled) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','options':{'chunkSize':2,'rerun':false}}");
	struct peer *q = peer_connect(h);

	peer_send(p, "{'items':[10,11],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11], ...}");
	worker_page_store(w, 1, 1, true);
	peer_send(p, "{'cancel':[0]}");
	/* It has finished the first one, and so nobody stops it. */
	peer_call(q, "ListFunctions", "{}");
	peer_expect(q, "{'parameters':'~object'}");
	worker_order(w, "signal 9");
	peer_expect(p, "{'results':[null,null],'errors':[{'index':0,'kind':'Cancelled', ...},"
		       "{'index':1,'kind':'WorkerDied', ...}], ...}");
	harness_stop(h);
}

/* Reads batches until all n items are there, each of them cancelled. */
static void expect_cancelled(struct peer *p, size_t n) {
	size_t errors = 0;

	while (errors < n) {
		json_t *batch = peer_receive(p), *error;
		size_t i;

		json_array_foreach(json_object_get(batch, "errors"), i, error) cr_assert_str_eq(
			json_string_value(json_object_get(error, "kind")), "Cancelled");
		cr_assert_gt(i, 0u);
		errors += i;
		json_decref(batch);
	}
}

/* Item 0 is finished but not reported, item 1 runs: it is the one that must be stopped. */
static void expect_running_one_stopped(unsigned one, unsigned other) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_TWO);

	peer_send(p, "{'items':[10,11],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11], ...}");
	worker_page_store(w, 1, 1, true);
	peer_send(p, "{'cancel':[%u]}", one);
	peer_send(p, "{'cancel':[%u]}", other);
	worker_expect_gone(w);
	harness_ready_worker(h, "f");
	expect_cancelled(p, 2);
	peer_expect(p, SUMMARY(2, 0, 0, 2));
	peer_expect_eof(p);
	harness_stop(h);
}

Test(stream, of_several_cancelled_items_the_running_one_is_stopped) {
	expect_running_one_stopped(0, 1);
	expect_running_one_stopped(1, 0);
}

/* "To cancel what has its result already, or was never sent, changes nothing." */
Test(stream, cancelling_what_is_finished_changes_nothing) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE);

	peer_send(p, "{'items':[10]}");
	worker_expect(w, "{'chunk':1,'items':[10], ...}");
	worker_answer(w, 1, 0, "[0]");
	expect_batch(p, 0, "[0]");
	peer_send(p, "{'cancel':[0,1,2]}");
	peer_send(p, "{'items':[11]}");
	worker_expect(w, "{'chunk':2,'items':[11], ...}");
	worker_answer(w, 2, 0, "[1]");
	expect_batch(p, 1, "[1]");
	peer_send(p, "{'end':true}");
	peer_expect(p, SUMMARY(2, 2, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* "An item that is too large fails alone, with the item error `ItemTooLarge`; an object that is
 * too large or too deep, or is not as above, ends the stream with the error, and so does one that
 * is cut off by the end."
 * "`ItemTooLarge` | the item of a stream is larger than 4 MiB" */
Test(stream, an_item_over_the_limit_is_an_item_error) {
	struct harness *h = harness_start("limits { item = 16 } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE);

	peer_send(p, "{'items':['a','0123456789abcdef','b'],'end':true}");
	worker_expect(w, "{'chunk':1,'items':['a'],'first':0, ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':['b'],'first':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	for (size_t seen = 0; seen < 3;) {
		json_t *batch = peer_receive(p), *error;

		seen += json_array_size(json_object_get(batch, "results"));
		error = json_array_get(json_object_get(batch, "errors"), 0);
		if (error)
			cr_assert_str_eq(json_string_value(json_object_get(error, "kind")),
					 "ItemTooLarge");
		json_decref(batch);
	}
	peer_expect(p, SUMMARY(3, 2, 1, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

/* Sends the object into a fresh stream; expects one error object, and the end. */
static void expect_ends_in(struct harness *h, const char *object, size_t size, const char *error) {
	struct peer *p = open_stream(h, F);

	peer_send_raw(p, object, size);
	peer_expect(p, "{'error':'io.procpool.%s','parameters':'~object'}", error);
	peer_expect_eof(p);
	peer_close(p);
}

/* "An item that is too large fails alone, with the item error `ItemTooLarge`; an object that is
 * too large or too deep, or is not as above, ends the stream with the error, and so does one that
 * is cut off by the end." */
Test(stream, what_is_no_stream_object_ends_it_with_one_error) {
	static const char *const objects[] = {
		"{\"items\":[1,}",
		"[1,2]",
		"",
		"{\"items\":{}}",
		"{\"items\":[],\"items\":[]}",
		"{\"end\":false}",
		"{\"cancel\":1}",
		"{\"cancel\":[-1]}",
		"{\"cancel\":[\"a\"]}",
		"{\"things\":[]}",
		"{\"method\":\"org.varlink.service.GetInfo\"}",
	};
	struct harness *h = harness_start(ONE_FAKE);

	harness_ready_worker(h, "f");
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		expect_ends_in(h, objects[i], strlen(objects[i]) + 1, "MalformedMessage");
	harness_stop(h);
}

/* "An item that is too large fails alone, with the item error `ItemTooLarge`; an object that is
 * too large or too deep, or is not as above, ends the stream with the error, and so does one that
 * is cut off by the end." */
Test(stream, an_object_cut_off_by_the_end_ends_it_with_an_error) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p;

	harness_ready_worker(h, "f");
	p = open_stream(h, F);
	peer_send_raw(p, "{\"items\":[1", 11);
	peer_half_close(p);
	peer_expect(p, "{'error':'io.procpool.MalformedMessage','parameters':'~object'}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* "Limits on size and depth hold for each object."
 * "An item that is too large fails alone, with the item error `ItemTooLarge`; an object that is
 * too large or too deep, or is not as above, ends the stream with the error, and so does one that
 * is cut off by the end."
 * "one message, one object of a stream | 16 MiB | `MessageTooLarge`" */
Test(stream, message_and_depth_limits_hold_for_each_object) {
	struct harness *h = harness_start("limits { message = 1000 } " ONE_FAKE);
	char big[1200], deep[600];

	harness_ready_worker(h, "f");
	memset(big, ' ', sizeof(big));
	memcpy(big, "{\"items\":[1]", 12);
	expect_ends_in(h, big, sizeof(big), "MessageTooLarge");
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"items\":", 9);
	expect_ends_in(h, deep, sizeof(deep), "TooDeep");
	harness_stop(h);
}

Test(stream, an_object_that_does_not_go_on_ends_it) {
	struct harness *h = harness_start("limits { message_timeout = 150ms }\n" ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE), *q = open_stream(h, F_SINGLE);

	peer_send(q, "{'items':[1]}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_send_raw(p, "{\"items\":[", 10);
	peer_expect(p, "{'error':'io.procpool.TimedOut','parameters':{'timeoutMs':150}}");
	peer_expect_eof(p);
	/* Between objects nobody is late, however long it takes. */
	worker_answer(w, 1, 0, "[1]");
	expect_batch(q, 0, "[1]");
	peer_send(q, "{'end':true}");
	peer_expect(q, SUMMARY(1, 1, 0, 0));
	peer_expect_eof(q);
	harness_stop(h);
}

/* "`items` may come as often as you like, without any limit on their sum." */
Test(stream, the_number_of_items_is_unlimited) {
	struct harness *h = harness_start("limits { items = 3 } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','options':{'chunkSize':8}}");

	for (unsigned i = 0; i < 3; i++) {
		peer_send(p, "{'items':[1,2]}");
		worker_expect(w, "{'chunk':%u,'items':[1,2], ...}", i + 1);
		worker_answer(w, i + 1, 0, "[1,2]");
		expect_batch(p, 2 * i, "[1,2]");
	}
	peer_send(p, "{'items':[1,2,3,4,5]}");
	worker_expect(w, "{'chunk':4,'items':[1,2,3,4,5], ...}");
	worker_answer(w, 4, 0, "[1,2,3,4,5]");
	expect_batch(p, 6, "[1,2,3,4,5]");
	peer_send(p, "{'end':true}");
	peer_expect(p, SUMMARY(11, 11, 0, 0));
	peer_expect_eof(p);
	harness_stop(h);
}

Test(stream, abort_ends_it_in_item_failed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','options':{'chunkSize':1,"
					"'onError':'abort'}}");

	peer_send(p, "{'items':[1,2,3]}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_send(w, "{'chunk':1,'results':[null],'busyUs':5,'errors':[{'offset':0}]}");
	peer_expect(p, "{'first':0,'results':[null],'errors':['*'], ...}");
	peer_expect(p, "{'error':'io.procpool.ItemFailed','parameters':{'item':{'index':0, ...}}}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* "You may ask for a smaller one than the daemon's (1.9); the reply says which it is." */
Test(stream, the_window_is_told_and_asked_for) {
	struct harness *h = harness_start("limits { window_items = 100 } " ONE_FAKE);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_ready_worker(h, "f");
	peer_send(p,
		  "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f'}}");
	peer_expect(p, "{'parameters':{'request':'~string','window':100}}");
	peer_send(q, "{'method':'io.procpool.Stream','upgrade':true,"
		     "'parameters':{'function':'f','window':7}}");
	peer_expect(q, "{'parameters':{'request':'~string','window':7}}");
	harness_stop(h);
}

/* Two workers; the oldest item is not answered, so that nothing can be delivered: what runs ahead of it stops at
 * the window, and the oldest item alone brings everything forward again. */
/* "`window` is how far ahead of the oldest result that was not sent to you items are started, in
 * items; with `order` `unordered`, how many may run or have a result that was not sent."
 * "results not yet sent, with `more` and in streams | 65 536 items, 8 MiB | no error: nothing new
 * starts but, in order of the input, what is before the first of them"
 * "`order` | `ordered`, `unordered` | whether batches wait for those before them; `ordered` if
 * left out" */
Test(stream, dispatch_stops_at_the_window_and_the_oldest_item_opens_it) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *slow, *quick;
	struct peer *p, *q = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	p = open_stream(h, "{'function':'f','window':3,'options':{'chunkSize':1}}");
	peer_send(p, "{'items':[0,1,2,3,4,5]}");
	slow = harness_expect_any(h, "{'chunk':1,'items':[0], ...}");
	quick = harness_expect_any(h, "{'chunk':1,'items':[1], ...}");
	worker_answer(quick, 1, 0, "[1]");
	worker_expect(quick, "{'chunk':2,'items':[2], ...}");
	worker_answer(quick, 2, 0, "[2]");
	/* A window of three: item 3 must wait for item 0. The idle worker serves somebody else. */
	peer_call(q, "Apply", "{'function':'f','argument':'other'}");
	worker_expect(quick, "{'chunk':3,'items':['other'], ...}");
	worker_answer(quick, 3, 0, "[true]");
	peer_expect_text(q, "{'parameters':{'result':true}}");
	worker_answer(slow, 1, 0, "[0]");
	expect_batch(p, 0, "[0, ...]");
	harness_expect_any(h, "{'items':[3], ...}");
	harness_expect_any(h, "{'items':[4], ...}");
	harness_stop(h);
}

/* Results larger than the whole window: one at a time, each gets through. */
/* "The oldest item may always start, however full the window is."
 * "results not yet sent, with `more` and in streams | 65 536 items, 8 MiB | no error: nothing new
 * starts but, in order of the input, what is before the first of them" */
Test(stream, a_window_smaller_than_one_result_lets_the_oldest_item_through) {
	struct harness *h = harness_start("limits { window_bytes = 16 }\n" TWO_FAKES);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call_more(p, "Map", "{'function':'f','items':[0,1,2,3],'options':{'chunkSize':1}}");
	for (unsigned i = 0; i < 4; i++) {
		struct fake *w = harness_expect_any(h, "{'items':[%u], ...}", i);

		worker_answer_last(w, "['a result of more than sixteen bytes']");
	}
	for (unsigned seen = 0; seen < 4;) {
		json_t *reply = peer_receive(p), *parameters = json_object_get(reply, "parameters");

		cr_assert_eq(json_integer_value(json_object_get(parameters, "first")), seen);
		seen += (unsigned) json_array_size(json_object_get(parameters, "results"));
		json_decref(reply);
	}
	peer_expect(p, "{'parameters':{'summary':{'succeeded':4, ...}}}");
	harness_stop(h);
}

/* Item 0 comes back from a dead worker when the window is full of what ran ahead of it. */
Test(stream, a_full_window_does_not_keep_a_returned_item_from_running) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *dead, *other;
	struct peer *p;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	p = open_stream(h, "{'function':'f','window':3,'options':{'chunkSize':1}}");
	peer_send(p, "{'items':[0,1,2,3],'end':true}");
	dead = harness_expect_any(h, "{'items':[0], ...}");
	other = harness_expect_any(h, "{'items':[1], ...}");
	worker_answer(other, 1, 0, "[1]");
	worker_expect(other, "{'chunk':2,'items':[2], ...}");
	worker_answer(other, 2, 0, "[2]");
	worker_order(dead, "signal 9");
	other = harness_expect_any(h, "{'items':[0], ...}");
	worker_answer_last(other, "[0]");
	other = harness_expect_any(h, "{'items':[3], ...}");
	worker_answer_last(other, "[3]");
	for (unsigned seen = 0; seen < 4;) {
		json_t *batch = peer_receive(p);

		seen += (unsigned) json_array_size(json_object_get(batch, "results"));
		json_decref(batch);
	}
	peer_expect(p, SUMMARY(4, 4, 0, 0));
	harness_stop(h);
}

Test(stream, a_window_full_of_bytes_does_not_keep_a_returned_item_from_running) {
	struct harness *h = harness_start("limits { window_bytes = 16 }\n" TWO_FAKES);
	struct fake *dead, *other;
	struct peer *p;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	p = open_stream(h, F_SINGLE);
	peer_send(p, "{'items':[0,1,2],'end':true}");
	dead = harness_expect_any(h, "{'items':[0], ...}");
	other = harness_expect_any(h, "{'items':[1], ...}");
	worker_answer_last(other, "['a result of more than sixteen bytes']");
	worker_order(dead, "signal 9");
	other = harness_expect_any(h, "{'items':[0], ...}");
	worker_answer_last(other, "[0]");
	other = harness_expect_any(h, "{'items':[2], ...}");
	worker_answer_last(other, "[2]");
	for (unsigned seen = 0; seen < 3;) {
		json_t *batch = peer_receive(p);

		seen += (unsigned) json_array_size(json_object_get(batch, "results"));
		json_decref(batch);
	}
	peer_expect(p, SUMMARY(3, 3, 0, 0));
	harness_stop(h);
}

/* "Items after `end` are a `MalformedMessage`." */
Test(stream, items_after_the_end_are_refused) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE);

	peer_send(p, "{'items':[1],'end':true}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_send(p, "{'items':[2]}");
	peer_expect(p, "{'error':'io.procpool.MalformedMessage','parameters':{"
		       "'reason':'~has:end','offset':'~int'}}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* Items of 1000 bytes, 10 in an object: 64 KiB and the window of three are there after a few objects. */
/* "**Read while you send**: while the daemon holds 64 KiB of input, and more items or bytes than
 * the window, it reads nothing." */
Test(stream, items_are_not_read_beyond_the_window) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','window':3,'options':{'chunkSize':1}}");
	enum { ITEM = 1000, OBJECTS = 400, SIZE = OBJECTS * (10 * ITEM + 13) };
	char *objects = malloc(SIZE), *to = objects;
	size_t taken;

	for (int i = 0; i < OBJECTS; i++) {
		to = stpcpy(to, "{\"items\":[");
		for (int k = 0; k < 10; k++) {
			to[0] = to[ITEM - 2] = '"';
			memset(to + 1, 'x', ITEM - 3);
			to[ITEM - 1] = k < 9 ? ',' : ']';
			to += ITEM;
		}
		*to++ = '}';
		*to++ = '\0';
	}
	taken = peer_send_until_full(p, objects, (size_t) (to - objects));
	/* What the daemon holds, and what the socket's buffers hold in the kernel. */
	cr_assert_lt(taken, (size_t) 1 << 20);
	cr_assert_gt(taken, (size_t) 64 << 10);
	for (unsigned chunk = 1; chunk <= 200; chunk++) {
		worker_expect(w, "{'chunk':%u, ...}", chunk);
		worker_answer(w, chunk, 0, "[1]");
	}
	/* Its results are delivered, so it reads on. */
	cr_assert_gt(peer_send_until_full(p, objects + taken, (size_t) (to - objects) - taken), 0u);
	free(objects);
	harness_stop(h);
}

/* ---- recall ---- */

#define POSITION(chunk, offset) ((uint64_t) (chunk) << 21 | (offset) << 1)

static bool has_limit(void *data) {
	return worker_page_limit(data) != UINT64_MAX;
}

/* "`returned` | the offset from which on nothing was begun (2.6); ends the chunk"
 * "To recall items the daemon sets *limit*."
 * "The daemon gives it nothing more until all have ended, and lifts the limit before that."
 * "64 | limit | daemon | the first position that must not be begun; all ones: none"
 * "An item that is cancelled before a worker began it never starts; one that runs is stopped after
 * 100 ms, by stopping its worker, unless it has ended by then." */
Test(stream, a_cancelled_item_that_has_not_begun_is_recalled) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p =
		open_stream(h, "{'function':'f','options':{'chunkSize':3,'timings':true}}");

	peer_send(p, "{'items':[10,11,12],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11,12], ...}");
	worker_page_store(w, 1, 0, true);
	peer_send(p, "{'cancel':[1]}");
	harness_wait(h, "the limit", has_limit, w);
	cr_assert_eq(worker_page_limit(w), POSITION(1, 1));
	worker_page_store(w, 1, 1, false);
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':50000}");
	worker_send(w, "{'chunk':1,'returned':1}");
	worker_expect(w, "{'chunk':2,'items':[12],'first':2, ...}");
	/* The limit is lifted before the next chunk is given. */
	cr_assert_eq(worker_page_limit(w), UINT64_MAX);
	worker_answer(w, 2, 0, "[2]");
	expect_all_but(p, 3, 1);
	peer_expect(p, SUMMARY(3, 2, 0, 1));
	cr_assert_not(worker_is_gone(w));
	harness_stop(h);
}

Test(stream, a_cancelled_item_whose_worker_dies_before_it_never_starts) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *next;
	struct peer *p = open_stream(h, F_TWO);

	peer_send(p, "{'items':[10,11],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11], ...}");
	peer_send(p, "{'cancel':[0]}");
	harness_wait(h, "the limit", has_limit, w);
	worker_order(w, "signal 9");
	next = harness_ready_worker(h, "f");
	worker_expect(next, "{'chunk':1,'items':[11],'first':1, ...}");
	worker_answer(next, 1, 0, "[1]");
	expect_all_but(p, 2, 0);
	peer_expect(p, SUMMARY(2, 1, 0, 1));
	harness_stop(h);
}

/* ---- readers and leavers ---- */

#define RESULT (256 * 1024)

/* Whether the only request waits for its client to read. */
static bool waits_for_reader(struct peer *p) {
	json_t *reply, *request;
	const char *reason;
	bool waits;

	peer_call(p, "ListRequests", "{}");
	reply = peer_receive(p);
	request = json_array_get(json_object_get(json_object_get(reply, "parameters"), "requests"),
				 0);
	reason = json_string_value(json_object_get(request, "waitsFor"));
	waits = reason && strstr(reason, "read");
	json_decref(reply);
	return waits;
}

/* "A client that reads slowly slows down its own call and no other: above 1 MiB of unsent output
 * nothing more of the call starts, until less than 256 KiB are left." */
Test(stream, nothing_starts_while_results_are_not_read) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE), *q = peer_connect(h);
	char *result = malloc(RESULT + 1);
	unsigned chunks = 0, read = 0;

	memset(result, 'x', RESULT);
	memcpy(result, "['", 2);
	memcpy(result + RESULT - 2, "']", 3);
	peer_send(p, "{'items':[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}");
	while (!waits_for_reader(q)) {
		if (!worker_has_message(w))
			continue;
		worker_expect(w, "{'chunk':%u,'items':[0], ...}", ++chunks);
		worker_answer(w, chunks, 0, result);
		cr_assert_leq(chunks, 8, "results pile up");
	}
	/* 1 MiB unsent stops it; the kernel's buffers hold some more. */
	cr_assert_geq(chunks, 4);
	cr_assert_not(worker_has_message(w));
	for (; read < chunks; read++)
		expect_batch(p, read, "['~string']");
	worker_expect(w, "{'chunk':%u,'items':[0], ...}", chunks + 1);
	free(result);
	harness_stop(h);
}

Test(stream, a_client_that_vanishes_cancels_its_items) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, F_SINGLE), *q = peer_connect(h);

	peer_send(p, "{'items':[1,2,3]}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_close(p);
	worker_answer(w, 1, 0, "[1]");
	peer_call(q, "Apply", "{'function':'f','argument':'other'}");
	worker_expect(w, "{'chunk':2,'items':['other'], ...}");
	worker_answer(w, 2, 0, "[true]");
	peer_expect_text(q, "{'parameters':{'result':true}}");
	peer_call(q, "ListRequests", "{}");
	peer_expect_text(q, "{'parameters':{'requests':[]}}");
	harness_stop(h);
}

static json_int_t items_queued(struct peer *p) {
	json_t *status = peer_receive(p);
	json_int_t queued = json_integer_value(
		json_object_get(json_object_get(status, "parameters"), "itemsQueued"));

	json_decref(status);
	return queued;
}

enum { MANY_ITEMS = 40000, MANY_CANCELS = 3000 };

static bool all_wait(void *data) {
	peer_call(data, "Status", "{}");
	return items_queued(data) == MANY_ITEMS - 1;
}

/* The items are in as many objects, and each of the cancels, from the last one on, looks through them. */
Test(stream, with_much_to_do_leaves_the_others_their_turns) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f'}"), *other = peer_connect(h);
	char *text = malloc(MANY_ITEMS * 14), *to = text;

	for (int i = 0; i < MANY_ITEMS; i++)
		to = mempcpy(to, "{\"items\":[1]}", 14);
	peer_send_raw(p, text, MANY_ITEMS * 14);
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	harness_wait(h, "all items", all_wait, other);

	harness_freeze(h);
	to = text;
	for (int i = 1; i <= MANY_CANCELS; i++)
		to += 1 + sprintf(to, "{\"cancel\":[%d]}", MANY_ITEMS - i);
	peer_send_raw(p, text, (size_t) (to - text));
	free(text);
	peer_call(other, "Status", "{}");
	harness_thaw(h);
	cr_assert_gt(items_queued(other), MANY_ITEMS - 1 - MANY_CANCELS, "nobody had a turn");
	peer_close(p);
	harness_stop(h);
}
