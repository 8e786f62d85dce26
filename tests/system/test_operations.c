/* What administrators do to a running daemon. */

#include <criterion/criterion.h>
#include <unistd.h>

#include "tests/system/harness.h"

TestSuite(operations, .timeout = 60);

/* "`Resize(pool, workers) → (before)` gives a pool another number of workers, from 1 to 4096, until the
 * configuration is read again;
 * those that are too many go when they are idle." */
Test(operations, a_pool_gets_more_workers) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	peer_call(p, "Resize", "{'pool':'default','workers':3}");
	peer_expect_text(p, "{'parameters':{'before':1}}");
	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'pools':[{'workers':3,'min':3,'max':3, ...}], ...}}");
	harness_stop(h);
}

Test(operations, a_pool_that_shrinks_lets_its_workers_finish) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w, *v;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	w = harness_expect_any(h, "{'items':[1], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':2}");
	v = harness_expect_any(h, "{'items':[2], ...}");
	peer_call(p, "Status", "{}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	peer_expect(p, "{'parameters':{...}}");
	peer_call(p, "Resize", "{'pool':'default','workers':1}");
	peer_expect_text(p, "{'parameters':{'before':2}}");
	worker_expect_gone(w);
	worker_answer(v, 1, 0, "[20]");
	peer_expect_text(q, "{'parameters':{'result':20}}");
	harness_stop(h);
}

Test(operations, what_cannot_be_resized_is_named) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	peer_call(p, "Resize", "{'pool':'other','workers':1}");
	peer_expect_error(p, "NoSuchPool", "{'pool':'other'}");
	peer_call(p, "Resize", "{'pool':'default','workers':0}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'workers'}");
	peer_call(p, "Resize", "{'pool':'default','workers':4097}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'workers'}");
	peer_call(p, "Resize", "{'pool':'default'}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'workers'}");
	harness_stop(h);
}

/* "`Drain(timeoutMs?) → (finished, itemsLeft)` takes no new work, and answers when the work at hand is finished, or the
 * time is over; calls that come get `ShuttingDown`."
 * "`Resume() → ()` takes work again." */
Test(operations, a_drained_daemon_finishes_what_it_has_and_works_again_when_resumed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(q, "Drain", "{}");
	peer_call(r, "Status", "{}");
	peer_expect(r, "{'parameters':{'state':'draining', ...}}");
	peer_call(r, "Apply", "{'function':'f','argument':2}");
	peer_expect_error(r, "ShuttingDown", NULL);
	peer_expect_nothing(q);
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	peer_expect_text(q, "{'parameters':{'finished':true,'itemsLeft':0}}");
	peer_call(q, "Resume", "{}");
	peer_expect_text(q, "{}");
	peer_call(r, "Apply", "{'function':'f','argument':2}");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_answer(w, 2, 0, "[20]");
	peer_expect_text(r, "{'parameters':{'result':20}}");
	harness_stop(h);
}

Test(operations, a_drain_that_takes_too_long_says_what_is_left) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3]}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_call(q, "Drain", "{'timeoutMs':50}");
	peer_expect_text(q, "{'parameters':{'finished':false,'itemsLeft':3}}");
	harness_kill(h);
}

Test(operations, nobody_is_answered_who_drains_without_listening) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_send(q, "{'method':'io.procpool.Drain','oneway':true}");
	peer_call(q, "Ping", "{}");
	peer_expect_error(q, "org.varlink.service.MethodNotFound", "{'method':'io.procpool.Ping'}");
	peer_close(q);
	q = peer_connect(h);
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'state':'draining', ...}}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'state':'draining', ...}}");
	harness_stop(h);
}

Test(operations, resuming_ends_the_waiting_for_a_drain) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(q, "Drain", "{'timeoutMs':60000}");
	/* One that went away waits for nothing. */
	peer_call(r, "Drain", "{}");
	peer_close(r);
	r = peer_connect(h);
	peer_call(r, "Resume", "{}");
	peer_expect_text(r, "{}");
	peer_expect_text(q, "{'parameters':{'finished':false,'itemsLeft':1}}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

/* "These methods, and `Reload`, are for administrators; others get `PermissionDenied`."
 * "`org.varlink.service.PermissionDenied` | | the method is for administrators | stays" */
Test(operations, others_may_not) {
	static const char *const calls[][2] = {
		{"Resize", "{'pool':'default','workers':2}"},
		{"Drain", "{}"},
		{"Resume", "{}"},
		{"Reload", "{}"},
	};
	struct harness *h;
	struct peer *p;

	if (getuid() != 0)
		cr_skip_test("only root can be somebody else");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	harness_ready_worker(h, "f");
	p = peer_connect_as(h, 65534);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		peer_call(p, calls[i][0], "%s", calls[i][1]);
		peer_expect_error(p, "org.varlink.service.PermissionDenied", NULL);
	}
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'state':'running','pools':[{'max':1, ...}], ...}}");
	harness_stop(h);
}
