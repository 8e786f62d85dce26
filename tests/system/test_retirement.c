/* Workers that are replaced though they work: after many items, when they are old, when they have grown. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/harness.h"

TestSuite(retirement, .timeout = 60);

#define LIMITED(limit) "pool default { command = FAKE workers = 1 " limit " }\n"

static void expect_status(struct harness *h, const char *pool) {
	struct peer *p = peer_connect(h);

	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'pools':[%s], ...}}", pool);
	peer_close(p);
}

/* ---- max_items ---- */

/* "A worker is replaced when it has run `max_items` items, is older than `max_age` since its hello, or has more than
 * `max_rss` of memory beyond what it had then."
 * "The next one is started first; when it has said hello, the old one goes as in 2.7, as soon as it has finished its
 * chunk."
 * "A chunk has no more items than are left of `max_items`; then it gets one at a time, until the next one is there." */
Test(retirement, after_max_items_another_takes_the_place) {
	struct harness *h = harness_start(LIMITED("max_items = 3"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4,5,6],'options':{'chunkSize':6}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_answer(w, 1, 0, "[1,2,3]");
	v = harness_worker(h);
	worker_expect(w, "{'chunk':2,'items':[4], ...}");
	worker_hello(v, "f");
	worker_expect(v, "{'chunk':1,'items':[5,6], ...}");
	cr_assert_not(worker_is_gone(w));
	worker_answer(w, 2, 3, "[4]");
	worker_expect_gone(w);
	worker_answer(v, 1, 4, "[5,6]");
	peer_expect(p,
		    "{'parameters':{'results':[1,2,3,4,5,6],'summary':{'retried':0, ...}, ...}}");
	expect_status(h, "{'workers':1,'idle':1,'restarts':0, ...}");
	harness_stop(h);
}

Test(retirement, items_count_whatever_the_chunks) {
	struct harness *h = harness_start(LIMITED("max_items = 3"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_answer(w, 1, 0, "[1,2]");
	peer_expect(p, "{'parameters':{'results':[1,2], ...}}");
	peer_call(p, "Map", "{'function':'f','items':[3,4],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':2,'items':[3], ...}");
	worker_answer(w, 2, 0, "[3]");
	v = harness_worker(h);
	worker_expect(w, "{'chunk':3,'items':[4], ...}");
	worker_answer(w, 3, 1, "[4]");
	peer_expect(p, "{'parameters':{'results':[3,4], ...}}");
	worker_hello(v, "f");
	worker_expect_gone(w);
	harness_stop(h);
}

Test(retirement, what_is_sent_ahead_counts_as_well) {
	struct harness *h = harness_start(LIMITED("max_items = 4"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h), *q;

	/* It is known to be short: more is sent at once. */
	peer_call(p, "Apply", "{'function':'f','argument':0}");
	worker_expect(w, "{'chunk':1,'items':[0], ...}");
	worker_page_store(w, 1, 1, false);
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':10}");
	peer_expect_text(p, "{'parameters':{'result':0}}");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4,5],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':2,'items':[1,2], ...}");
	worker_expect(w, "{'chunk':3,'items':[3], ...}");
	q = peer_connect(h);
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':'~object'}");
	cr_assert_not(worker_has_message(w));
	worker_send(w, "{'chunk':2,'results':[1,2],'busyUs':20}");
	worker_send(w, "{'chunk':3,'results':[3],'busyUs':10}");
	v = harness_worker(h);
	worker_expect(w, "{'chunk':4,'items':[4], ...}");
	worker_send(w, "{'chunk':4,'results':[4],'busyUs':10}");
	worker_expect(w, "{'chunk':5,'items':[5], ...}");
	worker_send(w, "{'chunk':5,'results':[5],'busyUs':10}");
	peer_expect(p, "{'parameters':{'results':[1,2,3,4,5], ...}}");
	worker_hello(v, "f");
	worker_expect_gone(w);
	harness_stop(h);
}

/* "If no other can be started it stays." */
Test(retirement, a_worker_without_a_successor_goes_on) {
	struct harness *h = harness_start(LIMITED("max_items = 1"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	for (unsigned i = 2; i < 4; i++) {
		v = harness_worker(h);
		worker_order(v, "exit 1");
		worker_expect_gone(v);
		peer_call(p, "Apply", "{'function':'f','argument':%u}", i);
		worker_expect(w, "{'chunk':%u,'items':[%u], ...}", i, i);
		worker_answer(w, i, 0, "[1]");
		peer_expect_text(p, "{'parameters':{'result':1}}");
	}
	/* The one after these is there at last. */
	worker_hello(harness_worker(h), "f");
	worker_expect_gone(w);
	expect_status(h, "{'state':'running','workers':1,'restarts':0, ...}");
	harness_stop(h);
}

struct restarts {
	struct peer *peer;
	json_int_t expected;
};

static bool are_restarts(void *data) {
	struct restarts *restarts = data;
	json_t *reply, *pool;
	json_int_t number;

	peer_call(restarts->peer, "Status", "{}");
	reply = peer_receive(restarts->peer);
	pool = json_array_get(json_object_get(json_object_get(reply, "parameters"), "pools"), 0);
	number = json_integer_value(json_object_get(pool, "restarts"));
	json_decref(reply);
	cr_assert_leq(number, restarts->expected);
	return number == restarts->expected;
}

/* The next worker may start before the one before it was looked into. */
static void wait_for_restarts(struct harness *h, json_int_t expected) {
	struct restarts restarts = {peer_connect(h), expected};

	harness_wait(h, "the restarts", are_restarts, &restarts);
}

/* "`restarts` counts the workers that died, or were stopped for an item or a breach of the protocol; not those that could
 * not start, were not needed any more or were replaced." */
Test(retirement, restarts_are_deaths) {
	struct harness *h = harness_start("pool default { command = FAKE workers = 1 }");
	struct fake *w = harness_worker(h);

	worker_order(w, "exit 1");
	w = harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	wait_for_restarts(h, 0);
	peer_call(peer_connect(h), "Apply", "{'function':'f','options':{'itemTimeoutMs':50}}");
	worker_expect(w, "{'chunk':1, ...}");
	w = harness_ready_worker(h, "f");
	wait_for_restarts(h, 1);
	worker_send(w, "{'what':'is this'}");
	w = harness_ready_worker(h, "f");
	wait_for_restarts(h, 2);
	peer_call(peer_connect(h), "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "exit 0");
	harness_ready_worker(h, "f");
	wait_for_restarts(h, 3);
	harness_stop(h);
}

/* ---- max_age ---- */

Test(retirement, an_old_worker_goes_though_nobody_calls) {
	struct harness *h = harness_start(LIMITED("max_age = 100ms"));
	struct fake *w = harness_ready_worker(h, "f"), *v = harness_worker(h);

	cr_assert_not(worker_is_gone(w));
	worker_hello(v, "f");
	worker_expect_gone(w);
	worker_hello(harness_worker(h), "f");
	worker_expect_gone(v);
	harness_stop(h);
}

Test(retirement, an_old_worker_finishes_its_chunk) {
	struct harness *h = harness_start(LIMITED("max_age = 100ms"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	v = harness_worker(h);
	worker_hello(v, "f");
	peer_call(q, "Apply", "{'function':'f','argument':3}");
	worker_expect(v, "{'chunk':1,'items':[3], ...}");
	worker_answer(v, 1, 0, "[3]");
	peer_expect_text(q, "{'parameters':{'result':3}}");
	cr_assert_not(worker_is_gone(w));
	worker_answer(w, 1, 0, "[1,2]");
	peer_expect(p, "{'parameters':{'results':[1,2], ...}}");
	worker_expect_gone(w);
	harness_kill(h);
}

/* It must become idle in order to go. */
Test(retirement, an_old_worker_gets_nothing_ahead_of_time) {
	struct harness *h = harness_start(LIMITED("max_age = 50ms"));
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':0}");
	worker_expect(w, "{'chunk':1,'items':[0], ...}");
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':10}");
	peer_expect_text(p, "{'parameters':{'result':0}}");
	/* Its successor starts, and says no hello yet. */
	harness_worker(h);
	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':2,'items':[1], ...}");
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{...}}");
	cr_assert_not(worker_has_message(w));
	worker_send(w, "{'chunk':2,'results':[1],'busyUs':10}");
	worker_expect(w, "{'chunk':3,'items':[2], ...}");
	worker_send(w, "{'chunk':3,'results':[2],'busyUs':10}");
	peer_expect(p, "{'parameters':{'results':[1,2], ...}}");
	harness_kill(h);
}

/* ---- max_rss ---- */

#define EATER "pool default { command = STOCK workers = 1 max_rss = 64M }\n"

static json_int_t pid_of(struct peer *p) {
	json_t *reply;
	json_int_t pid;

	peer_call(p, "Apply", "{'function':'pid'}");
	reply = peer_receive(p);
	pid = json_integer_value(json_object_get(json_object_get(reply, "parameters"), "result"));
	json_decref(reply);
	cr_assert_gt(pid, 0);
	return pid;
}

struct eater {
	struct peer *peer;
	json_int_t pid;
};

/* Without giving the worker anything to do. */
static bool is_gone(void *data) {
	struct eater *eater = data;
	json_t *reply, *workers, *worker;
	bool gone = true;
	size_t i;

	peer_call(eater->peer, "Status", "{'workers':true}");
	reply = peer_receive(eater->peer);
	workers = json_object_get(json_object_get(reply, "parameters"), "workers");
	json_array_foreach(workers, i, worker) gone =
		gone && json_integer_value(json_object_get(worker, "pid")) != eater->pid;
	json_decref(reply);
	return gone;
}

/* "It looks at the memory when a worker finishes a chunk, and each second while it works; no more than once a second." */
Test(retirement, a_worker_that_has_grown_is_replaced) {
	struct harness *h = harness_start(EATER);
	struct eater eater = {.peer = peer_connect(h)};

	eater.pid = pid_of(eater.peer);
	peer_call(eater.peer, "Apply", "{'function':'eat','argument':200000000}");
	peer_expect(eater.peer, "{'parameters':'~object'}");
	harness_wait(h, "the end of the worker", is_gone, &eater);
	harness_expect_log(h, "is to be replaced for max_rss");
	expect_status(h, "{'restarts':0, ...}");
	harness_stop(h);
}

Test(retirement, a_worker_that_works_is_looked_at_too) {
	struct harness *h = harness_start(LIMITED("max_rss = 16M"));
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "eat 64000000");
	v = harness_worker(h);
	worker_hello(v, "f");
	cr_assert_not(worker_is_gone(w));
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	worker_expect_gone(w);
	harness_stop(h);
}

/* ---- recycle_storm ---- */

/* "If three workers in a row come to one of these limits in less time after their hello than they took to say it, nobody
 * is replaced for it any more, and that is logged as `recycle_storm`." */
Test(retirement, a_storm_ends_by_itself) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 2 max_items = 1 }\n");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *other = harness_ready_worker(h, "f"), *w = NULL;
	unsigned i;

	for (i = 1; i <= 4; i++) {
		struct fake *before = w;

		w = harness_worker(h);
		/* So long does it start, and much shorter does it live. */
		harness_measure(h, 400);
		cr_assert_not(harness_log_has(h, i < 4 ? "recycle_storm" : "no such text"));
		worker_hello(w, "f");
		if (before)
			worker_expect_gone(before);
		else
			harness_expect_notify(h, "READY=1");
		peer_call(p, "Apply", "{'function':'f'}");
		worker_expect(w, "{'chunk':1, ...}");
		worker_answer(w, 1, 0, "[1]");
		peer_expect_text(p, "{'parameters':{'result':1}}");
	}
	harness_expect_log(h, "pool default: recycle_storm: 3 workers in a row reached max_items");
	/* The fourth stays, and neither it nor the one that was there before has a limit for its chunks. */
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':2,'items':[1,2,3], ...}");
	peer_call(q, "Map", "{'function':'f','items':[4,5,6],'options':{'chunkSize':3}}");
	worker_expect(other, "{'chunk':1,'items':[4,5,6], ...}");
	worker_answer(w, 2, 0, "[1,2,3]");
	peer_expect(p, "{'parameters':{'results':[1,2,3], ...}}");
	worker_answer(other, 1, 0, "[4,5,6]");
	peer_expect(q, "{'parameters':{'results':[4,5,6], ...}}");
	expect_status(h, "{'workers':2,'idle':2,'restarts':0, ...}");
	harness_stop(h);
}

/* ---- another configuration ---- */

static void reload(struct harness *h, const char *conf) {
	struct peer *p = peer_connect(h);

	harness_configure(h, conf);
	peer_call(p, "Reload", "{}");
	peer_expect(p, "{'parameters':{...}}");
	peer_close(p);
}

Test(retirement, limits_come_and_go_with_the_configuration) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_answer(w, 1, 0, "[1,2,3]");
	peer_expect(p, "{'parameters':{'results':[1,2,3], ...}}");
	/* The worker is the same, and has run three already. */
	reload(h, LIMITED("max_items = 4"));
	peer_call(p, "Map", "{'function':'f','items':[4,5],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':2,'items':[4], ...}");
	worker_answer(w, 2, 0, "[4]");
	v = harness_worker(h);
	worker_expect(w, "{'chunk':3,'items':[5], ...}");
	worker_answer(w, 3, 1, "[5]");
	peer_expect(p, "{'parameters':{'results':[4,5], ...}}");
	worker_hello(v, "f");
	worker_expect_gone(w);
	reload(h, ONE_FAKE);
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4,5,6],'options':{'chunkSize':6}}");
	worker_expect(v, "{'chunk':1,'items':[1,2,3,4,5,6], ...}");
	worker_answer(v, 1, 0, "[1,2,3,4,5,6]");
	peer_expect(p, "{'parameters':{'results':'~array', ...}}");
	harness_stop(h);
}

Test(retirement, an_idle_worker_that_is_too_old_for_a_new_limit_goes) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	harness_expect_notify(h, "READY=1");
	reload(h, LIMITED("max_age = 1ms"));
	worker_hello(harness_worker(h), "f");
	worker_expect_gone(w);
	harness_kill(h);
}

Test(retirement, the_first_worker_of_a_new_configuration_has_limits_too) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	harness_configure(h, LIMITED("environment = {'A=2'} max_age = 100ms"));
	peer_call(p, "Reload", "{}");
	v = harness_ready_worker(h, "f");
	peer_expect(p, "{'parameters':{...}}");
	worker_expect_gone(w);
	worker_hello(harness_worker(h), "f");
	worker_expect_gone(v);
	harness_kill(h);
}

/* What the only worker has now. */
static json_int_t memory_of_worker(struct peer *p) {
	json_t *reply, *worker;
	json_int_t bytes;

	peer_call(p, "Status", "{'workers':true}");
	reply = peer_receive(p);
	worker =
		json_array_get(json_object_get(json_object_get(reply, "parameters"), "workers"), 0);
	bytes = json_integer_value(json_object_get(worker, "rssBytes"));
	json_decref(reply);
	cr_assert_gt(bytes, 0);
	return bytes;
}

/* With a limit below what the worker had when it was ready: it stays nevertheless. */
static void expect_stays(const char *environment) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);
	json_int_t pid;
	char conf[200];

	harness_expect_notify(h, "READY=1");
	snprintf(conf, sizeof(conf),
		 "pool default { command = STOCK workers = 1 max_rss = %lld %s }\n",
		 (long long) memory_of_worker(p) * 3 / 4, environment);
	reload(h, conf);
	pid = pid_of(p);
	harness_measure(h, 1200);
	cr_assert_eq(pid_of(p), pid);
	cr_assert_not(harness_log_has(h, "max_rss"));
	harness_stop(h);
}

Test(retirement, what_a_worker_had_from_the_start_does_not_count) {
	expect_stays("");
}

/* Its first worker was tried before the pool took it. */
Test(retirement, what_the_first_worker_of_a_new_configuration_had_does_not_count) {
	expect_stays("environment = {'A=2'}");
}
