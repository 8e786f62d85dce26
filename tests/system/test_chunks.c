/* When a worker gets a chunk: ahead of time where chunks are small, and not for good where they turn out long. */

#include <criterion/criterion.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* What was sent to the daemon before is done once this has its answer. */
static void settle(struct harness *h) {
	struct peer *p = peer_connect(h);

	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{...}}");
	peer_close(p);
}

/* An item of f takes so many microseconds, as far as the daemon knows. */
static void teach(struct peer *p, struct fake *w, unsigned chunk, unsigned us) {
	peer_call(p, "Apply", "{'function':'f','argument':0}");
	worker_expect(w, "{'chunk':%u,'items':[0], ...}", chunk);
	worker_page_store(w, chunk, 1, false);
	worker_send(w, "{'chunk':%u,'results':[0],'busyUs':%u}", chunk, us);
	peer_expect_text(p, "{'parameters':{'result':0}}");
}

static bool has_limit(void *data) {
	return worker_page_limit(data) != UINT64_MAX;
}

Test(chunks, small_ones_are_sent_ahead) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	teach(p, w, 1, 10);
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':2,'items':[1], ...}");
	worker_expect(w, "{'chunk':3,'items':[2], ...}");
	worker_expect(w, "{'chunk':4,'items':[3], ...}");
	worker_send(w, "{'chunk':2,'results':[1],'busyUs':10}");
	worker_send(w, "{'chunk':3,'results':[2],'busyUs':10}");
	worker_send(w, "{'chunk':4,'results':[3],'busyUs':10}");
	peer_expect(p, "{'parameters':{'results':[1,2,3], ...}}");
	harness_stop(h);
}

Test(chunks, of_a_function_that_nobody_has_run_one_is_sent_at_a_time) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	settle(h);
	cr_assert_not(worker_has_message(w));
	harness_stop(h);
}

Test(chunks, that_take_a_millisecond_are_sent_one_at_a_time) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	teach(p, w, 1, 1000);
	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':2,'items':[1], ...}");
	settle(h);
	cr_assert_not(worker_has_message(w));
	harness_stop(h);
}

Test(chunks, of_another_user_are_not_sent_ahead) {
	struct harness *h;
	struct fake *w;
	struct peer *p, *q;

	if (getuid() != 0)
		cr_skip_test("only root can be two users");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	q = peer_connect_as(h, 65534);
	teach(p, w, 1, 10);
	peer_call(p, "Apply", "{'function':'f','argument':'mine'}");
	worker_expect(w, "{'chunk':2,'items':['mine'], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':'theirs'}");
	settle(h);
	cr_assert_not(worker_has_message(w));
	worker_send(w, "{'chunk':2,'results':[1],'busyUs':10}");
	worker_expect(w, "{'chunk':3,'items':['theirs'], ...}");
	harness_stop(h);
}

Test(chunks, behind_the_one_that_killed_its_worker_run_in_the_next) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	teach(p, w, 1, 10);
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':2,'items':[1], ...}");
	worker_expect(w, "{'chunk':3,'items':[2], ...}");
	worker_expect(w, "{'chunk':4,'items':[3], ...}");
	worker_send(w, "{'chunk':2,'results':['one'],'busyUs':10}");
	worker_page_store(w, 3, 0, true);
	worker_order(w, "signal 9");
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[3], ...}");
	worker_answer(w, 1, 0, "['three']");
	peer_expect(p, "{'parameters':{'results':['one',null,'three'],'errors':[{'index':1,"
		       "'kind':'WorkerDied','exitSignal':9, ...}], ...}}");
	harness_stop(h);
}

Test(chunks, max_workers_counts_workers_and_not_chunks) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w = harness_ready_worker(h, "f"), *v = harness_ready_worker(h, "f"), *first;
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':0}");
	first = harness_expect_any(h, "{'chunk':1,'items':[0], ...}");
	worker_send(first, "{'chunk':1,'results':[0],'busyUs':10}");
	peer_expect_text(p, "{'parameters':{'result':0}}");
	peer_call(p, "Map",
		  "{'function':'f','items':[1,2],'options':{'chunkSize':1,'maxWorkers':1}}");
	first = harness_expect_any(h, "{'items':[1], ...}");
	worker_expect(first, "{'items':[2], ...}");
	settle(h);
	cr_assert_not(worker_has_message(first == w ? v : w));
	harness_stop(h);
}

/* "A millisecond and a half after it set the limit the daemon reads *progress*: the items past both run elsewhere from
 * then on, even while the worker is busy with an earlier one." */
Test(chunks, the_tail_of_one_that_takes_long_goes_to_an_idle_worker) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w, *v;
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],'options':{'chunkSize':3,'timings':true}}");
	w = harness_expect_any(h, "{'chunk':1,'items':[1,2,3], ...}");
	worker_page_store(w, 1, 0, true);
	v = harness_expect_any(h, "{'chunk':1,'items':[2,3],'first':1, ...}");
	cr_assert_neq(w, v);
	worker_answer(v, 1, 0, "[20,30]");
	worker_send(w, "{'chunk':1,'results':[10],'busyUs':500000}");
	worker_send(w, "{'chunk':1,'returned':1}");
	peer_expect(p, "{'parameters':{'results':[10,20,30],'attempts':[1,1,1], ...}}");
	/* Both work on. */
	peer_call(p, "Map", "{'function':'f','items':[4,5],'options':{'chunkSize':1}}");
	cr_assert_neq(harness_expect_any(h, "{'items':[4], ...}"),
		      harness_expect_any(h, "{'items':[5], ...}"));
	cr_assert_not(harness_log_has(h, "broke the protocol"));
	harness_stop(h);
}

Test(chunks, the_next_item_stays_with_a_worker_that_is_slow_to_begin) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w, *v;
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	w = harness_expect_any(h, "{'chunk':1,'items':[1,2,3], ...}");
	/* Its page says that it has begun nothing. */
	v = harness_expect_any(h, "{'chunk':1,'items':[2,3],'first':1, ...}");
	cr_assert_neq(w, v);
	worker_answer(v, 1, 0, "[20,30]");
	worker_answer(w, 1, 0, "[10]");
	worker_send(w, "{'chunk':1,'returned':1}");
	peer_expect(p, "{'parameters':{'results':[10,20,30], ...}}");
	harness_stop(h);
}

/* "Results for them would be more than the chunk has left." */
Test(chunks, a_worker_that_goes_on_after_a_recall_breaks_the_protocol) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w, *v;
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	w = harness_expect_any(h, "{'chunk':1,'items':[1,2,3], ...}");
	worker_page_store(w, 1, 0, true);
	v = harness_expect_any(h, "{'chunk':1,'items':[2,3], ...}");
	worker_send(w, "{'chunk':1,'results':[10,20],'busyUs':500000}");
	worker_expect_gone(w);
	harness_expect_log(h, "broke the protocol: more results than items");
	worker_answer(v, 1, 0, "[20,30]");
	peer_expect(p, "{'parameters':{'results':[null,20,30],'errors':[{'index':0,"
		       "'kind':'WorkerDied', ...}], ...}}");
	harness_stop(h);
}

Test(chunks, a_worker_that_dies_after_a_recall_takes_only_its_item_along) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w, *v;
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	w = harness_expect_any(h, "{'chunk':1,'items':[1,2,3], ...}");
	worker_page_store(w, 1, 0, true);
	v = harness_expect_any(h, "{'chunk':1,'items':[2,3], ...}");
	worker_order(w, "signal 9");
	worker_answer(v, 1, 0, "[20,30]");
	peer_expect(p, "{'parameters':{'results':[null,20,30],'errors':[{'index':0,"
		       "'kind':'WorkerDied','exitSignal':9, ...}], ...}}");
	harness_stop(h);
}

Test(chunks, a_call_that_finds_no_worker_gets_the_one_with_a_long_chunk) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	/* So long that nobody would think that it is late. */
	teach(p, w, 1, 5000000);
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4],'options':{'chunkSize':4}}");
	worker_expect(w, "{'chunk':2,'items':[1,2,3,4], ...}");
	worker_page_store(w, 2, 0, true);
	peer_call(q, "Apply", "{'function':'f','argument':'now'}");
	harness_wait(h, "the limit", has_limit, w);
	worker_page_store(w, 2, 1, false);
	worker_send(w, "{'chunk':2,'results':[10],'busyUs':50000}");
	worker_send(w, "{'chunk':2,'returned':1}");
	worker_expect(w, "{'chunk':3,'items':['now'], ...}");
	cr_assert_eq(worker_page_limit(w), UINT64_MAX, "it may begin what it is given");
	worker_answer(w, 3, 0, "[true]");
	peer_expect_text(q, "{'parameters':{'result':true}}");
	worker_expect(w, "{'chunk':4,'items':[2,3,4],'first':1, ...}");
	worker_answer(w, 4, 0, "[20,30,40]");
	peer_expect(p, "{'parameters':{'results':[10,20,30,40], ...}}");
	harness_stop(h);
}

/* ---- more slots than there are ---- */

Test(chunks, a_user_does_not_starve_behind_long_items_of_others) {
	struct harness *h;
	struct fake *w, *extra;
	struct peer *p, *q, *r;

	if (getuid() != 0)
		cr_skip_test("only root can be two users");
	h = harness_start_with(&(struct start) {
		.conf = "daemon { slots = 1 } pool default { command = FAKE workers = 1 }\n",
		.activate = true});
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	q = peer_connect(h);
	r = peer_connect_as(h, 65534);
	peer_call(p, "Apply", "{'function':'f','argument':'long'}");
	worker_expect(w, "{'chunk':1,'items':['long'], ...}");
	worker_page_store(w, 1, 0, true);
	/* The same user waits; another one gets a slot and a worker beyond all there are. */
	peer_call(q, "Apply", "{'function':'f','argument':'also mine'}");
	peer_call(r, "Apply", "{'function':'f','argument':'theirs'}");
	extra = harness_ready_worker(h, "f");
	worker_expect(extra, "{'chunk':1,'items':['theirs'], ...}");
	worker_answer(extra, 1, 0, "[1]");
	peer_expect_text(r, "{'parameters':{'result':1}}");
	worker_expect_gone(extra);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	worker_expect(w, "{'chunk':2,'items':['also mine'], ...}");
	worker_answer(w, 2, 0, "[1]");
	peer_expect_text(q, "{'parameters':{'result':1}}");
	harness_stop(h);
}
