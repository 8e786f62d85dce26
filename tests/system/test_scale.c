#include <criterion/criterion.h>
#include <time.h>

#include "tests/system/harness.h"

/* How many workers a pool has, and how many of them work at once: growth and shrinking, slots over pools. */

TestSuite(scale, .timeout = 60);

/* ---- what the daemon counts ---- */

/* A number of the first pool's status, or of the status itself where the pool has none of this name. */
static json_int_t counted(struct peer *p, const char *member) {
	json_t *reply, *status, *value;
	json_int_t n;

	peer_call(p, "Status", "{}");
	reply = peer_receive(p);
	status = json_object_get(reply, "parameters");
	value = json_object_get(json_array_get(json_object_get(status, "pools"), 0), member);
	n = json_integer_value(value ? value : json_object_get(status, member));
	json_decref(reply);
	return n;
}

struct count {
	struct peer *peer;
	const char *member;
	json_int_t number;
};

static bool is_counted(void *data) {
	const struct count *count = data;

	return counted(count->peer, count->member) == count->number;
}

static void wait_until(struct harness *h, struct peer *p, const char *member, json_int_t number) {
	harness_wait(h, member, is_counted, &(struct count) {p, member, number});
}

static long elapsed_ms(const struct timespec *since) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* ---- calls ---- */

static struct peer *apply(struct harness *h, const char *function) {
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'%s'}", function);
	return p;
}

static void answer(struct fake *w, unsigned chunk, struct peer *p) {
	worker_answer(w, chunk, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
}

/* ---- growth ---- */

/* "A pool of `MIN..MAX` workers keeps MIN."
 * "Above MIN, one more starts when a chunk has waited for a worker for 20 ms, up to MAX."
 * "Above MIN a worker that has had nothing to do for `idle_timeout` (60 s) is not needed any more (2.7), the one
 * first that has had nothing for longest." */
Test(scale, a_pool_grows_under_load_and_shrinks_when_idle) {
	struct harness *h = harness_start("daemon { slots = 9 } pool default { command = FAKE "
					  "workers = 1..3 idle_timeout = 300ms }");
	struct fake *w[3] = {harness_ready_worker(h, "f")};
	struct peer *p[4], *q = peer_connect(h);
	struct timespec sent;

	harness_expect_notify(h, "READY=1");
	cr_assert_eq(counted(q, "workers"), 1);
	p[0] = apply(h, "f");
	worker_expect(w[0], "{'chunk':1, ...}");
	for (int i = 1; i < 3; i++) {
		clock_gettime(CLOCK_MONOTONIC, &sent);
		p[i] = apply(h, "f");
		w[i] = harness_ready_worker(h, "f");
		cr_assert_geq(elapsed_ms(&sent), 20);
		worker_expect(w[i], "{'chunk':1, ...}");
	}
	/* That is all: the next one waits for one of these. */
	p[3] = apply(h, "f");
	wait_until(h, q, "itemsQueued", 1);
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'running':1, ...},{'running':1, "
		       "...},{'running':1, ...},{'running':0,'waitsFor':'~has:worker', "
		       "...}]}}");
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'workers':3,'busy':3,'min':1,'max':3, ...}],"
		       "'itemsQueued':1, ...}}");
	answer(w[1], 1, p[1]);
	worker_expect(w[1], "{'chunk':2, ...}");
	answer(w[1], 2, p[3]);
	answer(w[2], 1, p[2]);
	answer(w[0], 1, p[0]);

	worker_expect_gone(w[1]);
	worker_expect_gone(w[2]);
	wait_until(h, q, "workers", 1);
	cr_assert_eq(counted(q, "restarts"), 0);
	/* The warmest is left. */
	p[0] = apply(h, "f");
	worker_expect(w[0], "{'chunk':2, ...}");
	answer(w[0], 2, p[0]);
	harness_stop(h);
}

Test(scale, a_worker_at_work_is_not_stopped_however_long_it_takes) {
	struct harness *h = harness_start("daemon { slots = 9 } pool default { command = FAKE "
					  "workers = 0..2 idle_timeout = 100ms }");
	struct fake *w = harness_ready_worker(h, "f"), *other;
	struct peer *p = apply(h, "f"), *q, *r = peer_connect(h);

	worker_expect(w, "{'chunk':1, ...}");
	q = apply(h, "f");
	other = harness_ready_worker(h, "f");
	worker_expect(other, "{'chunk':1, ...}");
	answer(other, 1, q);
	worker_expect_gone(other);
	wait_until(h, r, "workers", 1);
	cr_assert_eq(counted(r, "busy"), 1);
	answer(w, 1, p);
	worker_expect_gone(w);
	harness_stop(h);
}

/* "With a MIN of 0 one worker starts with the daemon, to tell what the pool offers; then there may be none until
 * somebody calls, and the next one starts at once." */
Test(scale, a_pool_of_none_serves_its_first_call) {
	struct harness *h = harness_start("pool default { command = FAKE workers = 0..2 "
					  "idle_timeout = 100ms }");
	struct fake *w = harness_worker(h);
	struct peer *p = apply(h, "f"), *q = peer_connect(h);

	/* Before anybody knows that there is an f. */
	cr_assert(!harness_notified(h, "READY=1"));
	worker_hello(w, "f");
	harness_expect_notify(h, "READY=1");
	worker_expect(w, "{'chunk':1, ...}");
	answer(w, 1, p);
	worker_expect_gone(w);
	wait_until(h, q, "workers", 0);

	/* After all have gone. */
	for (int i = 0; i < 2; i++) {
		peer_call(q, "ListFunctions", "{}");
		peer_expect(q, "{'parameters':{'functions':[{'name':'f', ...}]}}");
		p = apply(h, "f");
		w = harness_ready_worker(h, "f");
		worker_expect(w, "{'chunk':1, ...}");
		answer(w, 1, p);
		worker_expect_gone(w);
	}
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'state':'running','restarts':0, ...}], ...}}");
	harness_stop(h);
}

Test(scale, a_worker_that_cannot_start_leaves_the_others_at_work_and_is_tried_again) {
	struct harness *h = harness_start("daemon { slots = 9 } pool default { command = FAKE "
					  "workers = 1..2 }");
	struct fake *w = harness_ready_worker(h, "f"), *other;
	struct peer *p = apply(h, "f"), *q;

	worker_expect(w, "{'chunk':1, ...}");
	q = apply(h, "f");
	worker_order(harness_worker(h), "exit 3");
	harness_expect_log(h, "could not start");
	answer(w, 1, p);
	worker_expect(w, "{'chunk':2, ...}");
	p = apply(h, "f");
	other = harness_ready_worker(h, "f");
	worker_expect(other, "{'chunk':1, ...}");
	answer(other, 1, p);
	answer(w, 2, q);
	harness_stop(h);
}

/* ---- slots ---- */

#define BOTH_POOLS(of_b) \
	"pool a { command = FAKE workers = 2 } pool b { command = FAKE workers = 2 " of_b " }"

/* The workers of both pools have said hello, those of a with f, of b with g. */
static struct harness *start_both(const char *conf) {
	struct harness *h = harness_start(conf);

	for (int i = 0; i < 2; i++) {
		worker_hello(harness_worker_of(h, "a"), "f");
		worker_hello(harness_worker_of(h, "b"), "g");
	}
	harness_expect_notify(h, "READY=1");
	return h;
}

/* "`slots`, `slotsBusy` | how many chunks may run at once, over all pools but those with `slots = no`, and how
 * many do" */
Test(scale, pools_share_the_slots_and_never_exceed_them) {
	struct harness *h = start_both("daemon { slots = 3 } " BOTH_POOLS(""));
	struct peer *p[20], *q = peer_connect(h);
	struct fake *w;

	for (int i = 0; i < 20; i++)
		p[i] = apply(h, i % 2 ? "f" : "g");
	wait_until(h, q, "itemsRunning", 3);
	for (int i = 0; i < 20; i++) {
		cr_assert_leq(counted(q, "slotsBusy"), 3);
		cr_assert_leq(counted(q, "itemsRunning"), 3);
		w = harness_expect_any(h, "{'chunk':'*', ...}");
		worker_answer_last(w, "[1]");
		wait_until(h, q, "itemsFinished", i + 1);
	}
	for (int i = 0; i < 20; i++)
		peer_expect_text(p[i], "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* "Chunks of a pool with `slots = no` need no slot: they run beside full ones, as many as it has workers."
 * "`slots`, `slotsBusy` | how many chunks may run at once, over all pools but those with `slots = no`, and how
 * many do" */
Test(scale, a_pool_without_slots_runs_beside_full_ones) {
	struct harness *h = start_both("daemon { slots = 1 } " BOTH_POOLS("slots = no"));
	struct peer *f1 = apply(h, "f"), *f2, *g1, *g2, *q = peer_connect(h);
	struct fake *a = harness_expect_any(h, "{'chunk':1,'function':'f', ...}"), *b1, *b2;

	f2 = apply(h, "f");
	g1 = apply(h, "g");
	b1 = harness_expect_any(h, "{'chunk':1,'function':'g', ...}");
	g2 = apply(h, "g");
	b2 = harness_expect_any(h, "{'chunk':1,'function':'g', ...}");
	wait_until(h, q, "itemsQueued", 1);
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'slots':1,'slotsBusy':1,'itemsRunning':3,'itemsQueued':1,"
		       "'pools':[{'busy':1,'idle':1,'slots':true, ...},"
		       "{'busy':2,'slots':false, ...}], ...}}");
	answer(b1, 1, g1);
	answer(b2, 1, g2);
	/* The free workers of b are of no use to f, and neither is the other one of a. */
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'function':'f','running':1, ...},"
		       "{'function':'f','running':0,'waitsFor':'~has:slot', ...}]}}");
	answer(a, 1, f1);
	a = harness_expect_any(h, "{'function':'f', ...}");
	worker_answer_last(a, "[1]");
	peer_expect_text(f2, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* ---- all of it at once ---- */

#define CALLERS 5
#define ROUNDS  60

/* Calls of 0 to 60 ms, up to five at once, of a pool whose workers go after 20 ms without work: some start, are
 * stopped and are given work all the time. */
Test(scale, no_call_is_lost_while_workers_come_and_go) {
	struct harness *h = harness_start("daemon { slots = 9 } pool default { command = STOCK "
					  "workers = 0..3 idle_timeout = 20ms }");
	struct peer *p[CALLERS], *q = peer_connect(h);
	unsigned seed = 4, calls = 0;

	for (int i = 0; i < CALLERS; i++)
		p[i] = peer_connect(h);
	for (int round = 0; round < ROUNDS; round++) {
		int n = 1 + rand_r(&seed) % CALLERS;

		for (int i = 0; i < n; i++)
			peer_call(p[i], "Apply", "{'function':'sleep','argument':0.0%02d}",
				  rand_r(&seed) % 61);
		cr_assert_leq(counted(q, "workers"), 3);
		for (int i = 0; i < n; i++)
			peer_expect(p[i], "{'parameters':{'result':'*'}}");
		calls += (unsigned) n;
	}
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'itemsFinished':%u,'itemsFailed':0, ...}}", calls);
	wait_until(h, q, "workers", 0);
	cr_assert_eq(counted(q, "restarts"), 0);
	cr_assert(!harness_log_has(h, "is gone:"));
	cr_assert(harness_log_has(h, "it is not needed"));
	harness_stop(h);
}
