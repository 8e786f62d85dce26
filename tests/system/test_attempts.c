/* How long items and calls may take, and how often an item is tried. */

#include <criterion/criterion.h>
#include <time.h>

#include "tests/system/harness.h"

TestSuite(attempts, .timeout = 60);

/* "`ItemTimeout` | the item took longer than `itemTimeoutMs`, or its pool, lets it"
 * "`itemTimeoutMs` | integer from 1 | how long one attempt at one item may take; if it takes longer its worker is
 * stopped"
 * "An item over its `itemTimeoutMs` is an `ItemTimeout`, a call over its `timeoutMs` or `queueTimeoutMs` ends in
 * `TimedOut` with that number, as if it were cancelled."
 * "Whoever else was in the worker's hands is started again, and pays nothing." */
Test(attempts, an_item_over_its_time_is_an_item_timeout_and_the_others_run) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':3,'itemTimeoutMs':200,'timings':true}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3],'clock':true, ...}");
	worker_send(w, "{'chunk':1,'results':[10],'busyUs':5,'us':[1,5]}");
	worker_page_store(w, 1, 1, true);
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[3],'first':2, ...}");
	worker_answer(w, 1, 0, "[30]");
	peer_expect(p, "{'parameters':{'results':[10,null,30],'attempts':[1,1,1],"
		       "'errors':[{'index':1,'kind':'ItemTimeout','attempts':1,"
		       "'message':'the item took longer than 200 ms'}], ...}}");
	harness_stop(h);
}

Test(attempts, the_time_of_an_item_does_not_begin_with_its_chunk) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':3,'itemTimeoutMs':300}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	/* 600 ms in all, and no item of more than 200. */
	for (uint32_t i = 0; i < 3; i++) {
		worker_page_begin(w, 1, i);
		harness_measure(h, 200);
		worker_page_store(w, 1, i + 1, false);
	}
	worker_answer(w, 1, 0, "[10,20,30]");
	peer_expect(p, "{'parameters':{'results':[10,20,30], ...}}");
	harness_stop(h);
}

Test(attempts, a_stopped_worker_is_killed_for_an_item_that_it_never_began) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1,'options':{'itemTimeoutMs':100}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

/* "An item that has finished is over its time, too, if its worker then neither reports nor begins anything for as
 * long." */
Test(attempts, an_item_that_is_never_reported_is_over_its_time) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':3,'itemTimeoutMs':100}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_page_begin(w, 1, 1);
	worker_page_store(w, 1, 2, false);
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[10]");
	worker_expect(w, "{'chunk':2,'items':[3], ...}");
	worker_answer(w, 2, 0, "[30]");
	peer_expect(p, "{'parameters':{'results':[10,null,30],'errors':[{'index':1,"
		       "'kind':'ItemTimeout','attempts':1, ...}], ...}}");
	harness_stop(h);
}

Test(attempts, an_item_is_over_its_time_if_the_one_before_was_reported_and_it_never_begins) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':3,'itemTimeoutMs':100}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_answer(w, 1, 0, "[10]");
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[3], ...}");
	worker_answer(w, 1, 0, "[30]");
	peer_expect(p, "{'parameters':{'results':[10,null,30],'errors':[{'index':1,"
		       "'kind':'ItemTimeout', ...}], ...}}");
	harness_stop(h);
}

/* "A worker that writes no page (2.5) gets such items, and those of a call with `retries` or `itemTimeoutMs`, one at a
 * time." */
Test(attempts, a_worker_without_a_page_has_its_item_timed_from_the_hand_over) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h);

	worker_send(w, "{'hello':{'protocol':1,'runtime':'x','functions':[{'name':'f'}]}}");
	peer_call(p, "Map",
		  "{'function':'f','items':[1,2],'options':{'chunkSize':2,'itemTimeoutMs':100}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_expect_gone(w);
	w = harness_worker(h);
	worker_send(w, "{'hello':{'protocol':1,'runtime':'x','functions':[{'name':'f'}]}}");
	worker_expect(w, "{'chunk':1,'items':[2], ...}");
	worker_answer(w, 1, 0, "[20]");
	peer_expect(p, "{'parameters':{'results':[null,20],'errors':[{'index':0,"
		       "'kind':'ItemTimeout', ...}], ...}}");
	harness_stop(h);
}

/* "`retries` | integer from 0 | further attempts at an item whose worker died or was stopped for it; 0 if left out"
 * "`retried` | how often an item was started again because a worker died or was stopped" */
Test(attempts, an_item_that_times_out_is_tried_as_often_as_asked) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w;
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1],'options':{'itemTimeoutMs':50,'retries':2}}");
	for (int i = 0; i < 3; i++) {
		w = harness_ready_worker(h, "f");
		worker_expect(w, "{'chunk':1,'items':[1], ...}");
		worker_page_store(w, 1, 0, true);
		worker_expect_gone(w);
	}
	peer_expect(p,
		    "{'parameters':{'results':[null],'errors':[{'index':0,"
		    "'kind':'ItemTimeout','attempts':3, ...}],'summary':{'retried':2, ...}, ...}}");
	harness_stop(h);
}

Test(attempts, an_item_that_kills_its_worker_is_tried_again_if_asked) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1,'options':{'retries':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "signal 9");
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

/* "An item that fails by itself is never tried again." */
Test(attempts, an_exception_is_final) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1],'options':{'retries':5}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_send(w, "{'chunk':1,'results':[null],'errors':[{'offset':0,'exception':'E'}]}");
	peer_expect(p, "{'parameters':{'results':[null],'errors':[{'index':0,'kind':'Exception',"
		       "'attempts':1, ...}], ...}}");
	harness_stop(h);
}

/* "`ResultLost` | with `rerun` `false`: it had finished when its worker died, and was not reported"
 * "`rerun` | `true`, `false` | whether items that had finished run again if their worker died before it reported them;
 * `true` if left out"
 * "With `rerun` `false` no item runs twice but for its `retries`: what had finished and was not reported is a
 * `ResultLost`." */
Test(attempts, what_must_not_run_again_is_lost_with_its_worker) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3,4],'options':{'chunkSize':4,'rerun':false}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3,4], ...}");
	worker_page_store(w, 1, 2, true);
	worker_order(w, "signal 9");
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[4],'first':3, ...}");
	worker_answer(w, 1, 0, "[40]");
	peer_expect(p, "{'parameters':{'results':[null,null,null,40],'errors':["
		       "{'index':0,'kind':'ResultLost', ...},{'index':1,'kind':'ResultLost', ...},"
		       "{'index':2,'kind':'WorkerDied', ...}], ...}}");
	harness_stop(h);
}

/* "`timeoutMs` | integer from 1 | how long the call may take, from its acceptance" */
Test(attempts, a_call_over_its_time_ends_and_its_worker_is_stopped) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'timeoutMs':150}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	peer_expect_error(p, "TimedOut", "{'timeoutMs':150}");
	worker_expect_gone(w);
	harness_stop(h);
}

/* "`queueTimeoutMs` | integer from 1 | how long it may wait until its first item starts" */
Test(attempts, a_call_that_waits_too_long_for_its_start_ends) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1,'options':{'queueTimeoutMs':50}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_call(
		q, "Apply",
		"{'function':'f','argument':2,'options':{'queueTimeoutMs':60,'timeoutMs':60000}}");
	peer_expect_error(q, "TimedOut", "{'timeoutMs':60}");
	/* The first one has started: it may take any time. */
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

Test(attempts, a_stream_over_its_time_ends_with_the_error) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	peer_send(p, "{'method':'io.procpool.Stream','parameters':{'function':'f',"
		     "'options':{'timeoutMs':80}},'upgrade':true}");
	peer_expect(p, "{'parameters':{'request':'1', ...}}");
	peer_expect(p, "{'error':'io.procpool.TimedOut','parameters':{'timeoutMs':80}}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* ---- what the pool says ---- */

Test(attempts, a_pool_says_how_long_an_item_may_take_where_the_call_does_not) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 item_timeout = 100ms }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1]}");
	worker_expect(w, "{'chunk':1,'clock':true, ...}");
	worker_page_begin(w, 1, 0);
	peer_expect(p, "{'parameters':{'errors':[{'kind':'ItemTimeout',"
		       "'message':'the item took longer than 100 ms', ...}], ...}}");
	w = harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':[1],'options':{'itemTimeoutMs':60000}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_begin(w, 1, 0);
	harness_measure(h, 200);
	worker_answer(w, 1, 0, "[10]");
	peer_expect(p, "{'parameters':{'results':[10], ...}}");
	harness_stop(h);
}

Test(attempts, a_pool_says_how_long_a_call_may_wait_where_it_does_not) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 queue_timeout = 50ms }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(q, "Apply", "{'function':'f','argument':2}");
	peer_expect_error(q, "TimedOut", "{'timeoutMs':50}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

Test(attempts, a_slow_item_is_logged) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 slow_item = 100ms }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'times':true, ...}");
	worker_send(w, "{'chunk':1,'results':[10],'us':[5,100000]}");
	worker_send(w, "{'chunk':1,'results':[20,30],'us':[6,2500000,7,3]}");
	/* It did not ask for timings. */
	peer_expect(p, "{'parameters':{'request':'1','results':[10,20,30],'summary':{...}}}");
	harness_expect_log(h, "slow item: default/f, item 1 of request 1 of uid");
	cr_assert(harness_log_has(h, "took 2.500 s"));
	cr_assert_not(harness_log_has(h, "item 0 of"));
	cr_assert_not(harness_log_has(h, "item 2 of"));
	harness_stop(h);
}
