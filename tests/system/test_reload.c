/* The configuration, read again. */

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/system/harness.h"

TestSuite(reload, .timeout = 60);

/* The fakes of one pool; the environment tells one generation from another. */
#define POOL(workers, generation) \
	"pool default { command = FAKE workers = " workers \
	" environment = {\"GENERATION=" generation "\"} }\n"

/* ---- the new generation ---- */

/* "`Reload(restart?) → (replaced, total)` reads the configuration again, and answers when it is in force: one new worker of each pool with another `command`, `environment`, `directory` or `user`, and of each new pool,
 * has said hello."
 * "The other workers of these pools are replaced one after the other: when a new one has said hello an old one goes, as
 * soon as it has no chunk."
 * "With `more` there is an answer for each, the last without `continues`."
 * "The daemon ends its workers itself: none of them counts as one that failed." */
Test(reload, a_changed_pool_gets_one_worker_after_the_other) {
	struct harness *h = harness_start(POOL("2", "1"));
	struct fake *old[2], *new[2];
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	old[0] = harness_ready_worker(h, "f");
	old[1] = harness_ready_worker(h, "f");
	harness_configure(h, POOL("2", "2"));
	peer_call_more(p, "Reload", "{}");
	new[0] = harness_worker(h);
	/* Until it says hello nothing has changed. */
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'workers':2,'idle':2, ...}], ...}}");
	peer_expect_nothing(p);
	worker_hello(new[0], "f");
	peer_expect(p, "{'parameters':{'replaced':1,'total':2},'continues':true}");
	new[1] = harness_worker(h);
	/* Of the three one still starts: two are ready, as before. */
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'workers':3,'idle':2, ...}], ...}}");
	worker_hello(new[1], "f");
	peer_expect(p, "{'parameters':{'replaced':2,'total':2}}");
	worker_expect_gone(old[0]);
	worker_expect_gone(old[1]);
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'workers':2,'idle':2,'restarts':0, ...}], ...}}");
	harness_stop(h);
}

/* "If one ends twice before that, or takes longer than `start_timeout`, the answer is `PoolFailed`; if there is a
 * mistake, or another value of `slots` for a pool, it is `BadConfiguration`."
 * "Everything stays as it was then." */
Test(reload, a_generation_that_cannot_start_changes_nothing) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct fake *old = harness_ready_worker(h, "f"), *w;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_configure(h, POOL("3", "2"));
	peer_call(p, "Reload", "{}");
	for (int i = 0; i < 2; i++) {
		w = harness_worker(h);
		worker_order(w, "print no module named x");
		worker_order(w, "exit 3");
	}
	peer_expect_error(p, "PoolFailed",
			  "{'pool':'default','reason':'a worker exited with status 3 before its "
			  "hello: no module named x'}");
	peer_call(q, "Status", "{}");
	peer_expect(q,
		    "{'parameters':{'pools':[{'state':'running','workers':1,'max':1, ...}], ...}}");
	peer_call(q, "Apply", "{'function':'f','argument':1}");
	worker_expect(old, "{'chunk':1,'items':[1], ...}");
	worker_answer(old, 1, 0, "[10]");
	peer_expect_text(q, "{'parameters':{'result':10}}");
	harness_stop(h);
}

Test(reload, one_failure_is_forgiven_but_not_a_start_that_takes_too_long) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct peer *p = peer_connect(h);
	struct fake *w;

	harness_ready_worker(h, "f");
	harness_configure(h, POOL("1", "2"));
	peer_call(p, "Reload", "{}");
	w = harness_worker(h);
	worker_order(w, "exit 1");
	harness_ready_worker(h, "f");
	peer_expect_text(p, "{'parameters':{'replaced':1,'total':1}}");
	harness_configure(h, "pool default { command = FAKE workers = 1 start_timeout = 100ms "
			     "environment = {'GENERATION=3'} }");
	peer_call(p, "Reload", "{}");
	w = harness_worker(h);
	peer_expect_error(
		p, "PoolFailed",
		"{'pool':'default','reason':'~has:did not say hello within start_timeout'}");
	worker_expect_gone(w);
	harness_stop(h);
}

/* "`io.procpool.BadConfiguration` | `reason` | what `Reload` read has a mistake, or a change that takes a restart |
 * stays" */
Test(reload, a_mistake_is_named_and_changes_nothing) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_configure(h, "pool default {\n command = FAKE\n workers = many\n}\n");
	peer_call(p, "Reload", "{}");
	peer_expect_error(p, "BadConfiguration",
			  "{'reason':'~has:procpool.conf:3: workers = many'}");
	harness_configure(h, "pool default {\n command = FAKE\n slots = no\n}\n");
	peer_call(p, "Reload", "{}");
	peer_expect_error(p, "BadConfiguration",
			  "{'reason':'~has:another value of slots takes a restart'}");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	harness_stop(h);
}

/* ---- what needs no new process ---- */

/* "All other keys are in force at once; the limits of messages, items and results for the connections and workers that
 * come from then on." */
Test(reload, what_needs_no_other_workers_is_in_force_at_once) {
	struct harness *h =
		harness_start("daemon { slots = 1 } pool default { command = FAKE workers = 1 }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q, *r;

	harness_configure(h,
			  "daemon { slots = 2 } limits { items = 2 reply = 300 user_items = 3 }\n"
			  "pool default { command = FAKE workers = 2 item_timeout = 100ms }\n");
	peer_call(p, "Reload", "{}");
	peer_expect_text(p, "{'parameters':{'replaced':0,'total':0}}");
	harness_ready_worker(h, "f");
	peer_call(p, "Status", "{}");
	peer_expect(p,
		    "{'parameters':{'slots':2,'pools':[{'workers':2,'min':2,'max':2, ...}], ...}}");
	/* For connections that come from now on. */
	q = peer_connect(h);
	peer_call(q, "Map", "{'function':'f','items':[1,2,3]}");
	peer_expect_error(q, "TooManyItems", "{'limit':2}");
	r = peer_connect(h);
	peer_call(r, "Apply", "{'function':'f','argument':1}");
	w = harness_expect_any(h, "{'chunk':1,'items':[1], ...}");
	worker_page_begin(w, 1, 0);
	peer_expect_error(r, "ItemFailed", "{'item':{'kind':'ItemTimeout', ...}}");
	harness_stop(h);
}

Test(reload, a_resized_pool_is_as_configured_again) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	peer_call(p, "Resize", "{'pool':'default','workers':2}");
	peer_expect_text(p, "{'parameters':{'before':1}}");
	harness_ready_worker(h, "f");
	peer_call(p, "Reload", "{}");
	peer_expect_text(p, "{'parameters':{'replaced':0,'total':0}}");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'pools':[{'min':1,'max':1, ...}], ...}}");
	harness_stop(h);
}

/* "With `restart` the workers of all pools are replaced so, as there may be other code under the same command."
 * "After a `Reload` this holds for those that were started since." */
Test(reload, a_restart_replaces_workers_that_did_not_change) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *old = harness_ready_worker(h, "f"), *new;
	struct peer *p = peer_connect(h);

	peer_call(p, "Reload", "{'restart':false}");
	peer_expect_text(p, "{'parameters':{'replaced':0,'total':0}}");
	peer_call(p, "Reload", "{'restart':true}");
	new = harness_worker(h);
	worker_hello(new, "f g");
	peer_expect_text(p, "{'parameters':{'replaced':1,'total':1}}");
	worker_expect_gone(old);
	peer_call(p, "Apply", "{'function':'g','argument':1}");
	worker_expect(new, "{'chunk':1,'items':[1], ...}");
	worker_answer(new, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	peer_call(p, "Reload", "{'restart':1}");
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'restart'}");
	harness_stop(h);
}

/* ---- calls in flight ---- */

Test(reload, calls_in_flight_are_finished_by_those_that_have_them) {
	struct harness *h = harness_start(POOL("2", "1"));
	struct fake *a, *b, *new[2];
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	a = harness_expect_any(h, "{'items':[1], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':2}");
	b = harness_expect_any(h, "{'items':[2], ...}");
	harness_configure(h, POOL("2", "2"));
	peer_call_more(r, "Reload", "{}");
	new[0] = harness_ready_worker(h, "f");
	peer_expect(r, "{'parameters':{'replaced':0,'total':2},'continues':true}");
	worker_answer(b, 1, 0, "[20]");
	peer_expect_text(q, "{'parameters':{'result':20}}");
	worker_expect_gone(b);
	peer_expect(r, "{'parameters':{'replaced':1,'total':2},'continues':true}");
	peer_call(q, "Apply", "{'function':'f','argument':3}");
	worker_expect(new[0], "{'items':[3], ...}");
	new[1] = harness_ready_worker(h, "f");
	worker_answer(a, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	peer_expect(r, "{'parameters':{'replaced':2,'total':2}}");
	worker_answer(new[0], 1, 0, "[30]");
	peer_expect_text(q, "{'parameters':{'result':30}}");
	peer_call(q, "Apply", "{'function':'f','argument':4}");
	harness_expect_any(h, "{'items':[4], ...}");
	worker_answer_last(new[0], "[40]");
	(void) new[1];
	harness_kill(h);
}

/* "Until they go, old workers get chunks of the functions that they know." */
Test(reload, old_workers_get_what_they_know_only) {
	struct harness *h = harness_start(POOL("2", "1"));
	struct fake *old, *new;
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	harness_ready_worker(h, "f g");
	harness_ready_worker(h, "f g");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	old = harness_expect_any(h, "{'items':[1], ...}");
	harness_configure(h, POOL("2", "2"));
	peer_call(q, "Reload", "{}");
	new = harness_worker(h);
	worker_hello(new, "f h");
	peer_expect_text(q, "{'parameters':{'replaced':1,'total':2}}");
	/* What went away is not known any more, what came is for the new one. */
	peer_call(q, "Apply", "{'function':'g','argument':2}");
	peer_expect_error(q, "NoSuchFunction", "{'function':'g'}");
	peer_call(q, "Apply", "{'function':'h','argument':3}");
	worker_expect(new, "{'items':[3], ...}");
	peer_call(r, "Apply", "{'function':'h','argument':4}");
	worker_answer(old, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	/* The old one is idle now, and served what it knows until another takes its place. */
	peer_call(p, "Apply", "{'function':'f','argument':5}");
	worker_expect(old, "{'items':[5], ...}");
	worker_answer(new, 1, 0, "[30]");
	peer_expect_text(q, "{'parameters':{'result':30}}");
	worker_expect(new, "{'items':[4], ...}");
	worker_answer(new, 2, 0, "[40]");
	peer_expect_text(r, "{'parameters':{'result':40}}");
	worker_answer(old, 2, 0, "[50]");
	peer_expect_text(p, "{'parameters':{'result':50}}");
	worker_hello(harness_worker(h), "f h");
	worker_expect_gone(old);
	harness_stop(h);
}

/* "A function that the new ones do not offer is `NoSuchFunction` from then on, for accepted calls as well." */
Test(reload, an_accepted_call_of_a_function_that_goes_away_is_told_so) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct fake *old = harness_ready_worker(h, "f g"), *new;
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(old, "{'items':[1], ...}");
	peer_call(q, "Apply", "{'function':'g','argument':2}");
	peer_call(r, "ListRequests", "{}");
	peer_expect(r, "{'parameters':{'requests':[{...},{...}]}}");
	harness_configure(h, POOL("1", "2"));
	peer_call(r, "Reload", "{}");
	new = harness_worker(h);
	worker_hello(new, "f");
	peer_expect_text(r, "{'parameters':{'replaced':0,'total':1}}");
	peer_expect_error(q, "NoSuchFunction", "{'function':'g'}");
	worker_answer(old, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	worker_expect_gone(old);
	harness_stop(h);
}

/* ---- pools come and go ---- */

static bool has_two_pools(void *data) {
	json_t *reply;
	size_t n;

	peer_call(data, "Status", "{}");
	reply = peer_receive(data);
	n = json_array_size(json_object_get(json_object_get(reply, "parameters"), "pools"));
	json_decref(reply);
	return n == 2;
}

/* "A pool that is not configured any more takes no calls, and ends when those that it had are finished." */
Test(reload, a_new_pool_comes_and_a_removed_one_finishes_what_it_has) {
	struct harness *h = harness_start("daemon { slots = 4 }\n"
					  "pool a { command = FAKE workers = 1 }\n"
					  "pool b { command = FAKE workers = 1 }\n");
	struct fake *a = harness_worker_of(h, "a"), *b = harness_worker_of(h, "b"), *c;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	worker_hello(a, "f");
	worker_hello(b, "g");
	peer_call(p, "Map", "{'function':'g','items':[1,2]}");
	worker_expect(b, "{'chunk':1,'items':[1], ...}");
	harness_configure(h, "daemon { slots = 4 }\n"
			     "pool a { command = FAKE workers = 1 }\n"
			     "pool c { command = FAKE workers = 2 }\n");
	peer_call(q, "Reload", "{}");
	c = harness_worker_of(h, "c");
	peer_expect_nothing(q);
	worker_hello(c, "h");
	peer_expect_text(q, "{'parameters':{'replaced':0,'total':0}}");
	worker_hello(harness_worker_of(h, "c"), "h");
	peer_call(q, "Apply", "{'function':'g'}");
	peer_expect_error(q, "NoSuchFunction", "{'function':'g'}");
	peer_call(q, "Apply", "{'function':'b/g'}");
	peer_expect_error(q, "NoSuchPool", "{'pool':'b'}");
	peer_call(q, "Resize", "{'pool':'b','workers':2}");
	peer_expect_error(q, "NoSuchPool", "{'pool':'b'}");
	worker_answer(b, 1, 0, "[10]");
	worker_expect(b, "{'chunk':2,'items':[2], ...}");
	worker_answer(b, 2, 0, "[20]");
	peer_expect(p, "{'parameters':{'results':[10,20], ...}}");
	worker_expect_gone(b);
	harness_wait(h, "the pool is gone", has_two_pools, q);
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'name':'a', ...},{'name':'c', ...}], ...}}");
	harness_stop(h);
}

Test(reload, a_pool_may_come_back_before_the_old_one_of_its_name_is_gone) {
	struct harness *h =
		harness_start("daemon { slots = 4 } pool a { command = FAKE workers = 1 }\n"
			      "pool b { command = FAKE workers = 1 }\n");
	struct fake *a = harness_worker_of(h, "a"), *old = harness_worker_of(h, "b"), *new;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	worker_hello(a, "f");
	worker_hello(old, "g");
	peer_call(p, "Map", "{'function':'g','items':[1,2]}");
	worker_expect(old, "{'chunk':1,'items':[1], ...}");
	harness_configure(h, "daemon { slots = 4 } pool a { command = FAKE workers = 1 }\n");
	peer_call(q, "Reload", "{}");
	peer_expect_text(q, "{'parameters':{'replaced':0,'total':0}}");
	harness_configure(h, "daemon { slots = 4 } pool a { command = FAKE workers = 1 }\n"
			     "pool b { command = FAKE workers = 1 }\n");
	peer_call(q, "Reload", "{}");
	new = harness_worker_of(h, "b");
	worker_hello(new, "g");
	peer_expect_text(q, "{'parameters':{'replaced':0,'total':0}}");
	peer_call(q, "Apply", "{'function':'b/g','argument':3}");
	worker_expect(new, "{'chunk':1,'items':[3], ...}");
	worker_answer(old, 1, 0, "[10]");
	worker_expect(old, "{'chunk':2,'items':[2], ...}");
	worker_answer(old, 2, 0, "[20]");
	peer_expect(p, "{'parameters':{'results':[10,20], ...}}");
	worker_expect_gone(old);
	worker_answer(new, 1, 0, "[30]");
	peer_expect_text(q, "{'parameters':{'result':30}}");
	harness_stop(h);
}

Test(reload, a_daemon_that_starts_takes_another_configuration) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *old = harness_worker(h);

	peer_call(q, "Apply", "{'function':'f','argument':1}");
	harness_configure(h, POOL("1", "2"));
	peer_call(p, "Reload", "{}");
	harness_ready_worker(h, "f");
	peer_expect_text(p, "{'parameters':{'replaced':0,'total':0}}");
	worker_expect_gone(old);
	harness_expect_notify(h, "READY=1");
	cr_assert_not(harness_notified(h, "RELOADING=1"));
	/* What waited for a pool is served. */
	harness_expect_any(h, "{'chunk':1,'items':[1], ...}");
	harness_kill(h);
}

Test(reload, a_new_pool_that_cannot_start_is_not_there) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_configure(h, ONE_FAKE "pool other { command = {'/nonexistent'} workers = 1 }\n");
	peer_call(p, "Reload", "{}");
	peer_expect_error(p, "PoolFailed", "{'pool':'other','reason':'~has:/nonexistent'}");
	peer_call(p, "Apply", "{'function':'other/f'}");
	peer_expect_error(p, "NoSuchPool", "{'pool':'other'}");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	harness_kill(h);
}

Test(reload, a_pool_that_failed_gets_another_command) {
	struct harness *h =
		harness_start("pool default { command = {'/nonexistent'} workers = 1 }");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_expect_log(h, "pool default failed");
	harness_configure(h, ONE_FAKE);
	peer_call(p, "Reload", "{}");
	harness_ready_worker(h, "f");
	peer_expect_text(p, "{'parameters':{'replaced':0,'total':0}}");
	peer_call(q, "Apply", "{'function':'f'}");
	harness_expect_any(h, "{'chunk':1, ...}");
	harness_kill(h);
}

/* ---- who asks ---- */

/* "SIGHUP does the same, with nobody to answer." */
Test(reload, a_signal_does_it_too_and_the_service_manager_is_told) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct fake *old = harness_ready_worker(h, "f");

	harness_expect_notify(h, "READY=1");
	harness_forget_notifications(h);
	harness_configure(h, POOL("1", "2"));
	harness_signal(h, SIGHUP);
	harness_expect_notify(h, "RELOADING=1");
	harness_expect_notify(h, "MONOTONIC_USEC=");
	cr_assert_not(harness_notified(h, "READY=1"));
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	worker_expect_gone(old);
	harness_expect_log(h, "reload: done, 1 workers were replaced");
	/* A mistake is logged, and readiness told all the same. */
	harness_forget_notifications(h);
	harness_configure(h, "pool default { }");
	harness_signal(h, SIGHUP);
	harness_expect_log(h, "reload: the old configuration stays: ");
	harness_expect_notify(h, "READY=1");
	harness_stop(h);
}

/* "Calls of `Reload` are served one after the other." */
Test(reload, one_comes_after_the_other) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);
	struct fake *w;

	harness_ready_worker(h, "f");
	harness_configure(h, POOL("1", "2"));
	peer_call(p, "Reload", "{}");
	w = harness_worker(h);
	peer_call(q, "Reload", "{}");
	peer_call(r, "Status", "{}");
	peer_expect(r, "{'parameters':{'connections':3, ...}}");
	harness_configure(h, POOL("1", "3"));
	/* Who asked went away; it goes on. */
	peer_close(p);
	worker_hello(w, "f");
	harness_ready_worker(h, "f");
	peer_expect_text(q, "{'parameters':{'replaced':1,'total':1}}");
	worker_expect_gone(w);
	harness_stop(h);
}

Test(reload, a_daemon_that_stops_tries_nothing_any_more) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *new;

	harness_ready_worker(h, "f");
	harness_configure(h, POOL("1", "2") "pool other { command = FAKE workers = 1 }\n");
	peer_call(p, "Reload", "{}");
	new = harness_worker_of(h, "default");
	harness_worker_of(h, "other");
	peer_call(q, "Reload", "{}");
	peer_call(q, "Status", "{}");
	harness_signal(h, SIGTERM);
	peer_expect_error(p, "ShuttingDown", NULL);
	worker_expect_gone(new);
	harness_expect_exit(h, 0);
}

Test(reload, what_is_about_to_be_read_is_read_once) {
	struct harness *h = harness_start(POOL("1", "1"));
	struct peer *p = peer_connect(h);
	struct fake *old[2], *new;

	old[0] = harness_ready_worker(h, "f");
	harness_configure(h, POOL("1", "2"));
	/* Of oneway calls nobody is told, as of signals. */
	peer_send(p, "{'method':'io.procpool.Reload','oneway':true}");
	old[1] = harness_worker(h);
	for (int i = 0; i < 5; i++)
		peer_send(p, "{'method':'io.procpool.Reload','oneway':true}");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'connections':1, ...}}");
	harness_configure(h, POOL("1", "3"));
	worker_hello(old[1], "f");
	worker_expect_gone(old[0]);
	new = harness_ready_worker(h, "f");
	worker_expect_gone(old[1]);
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(new, "{'chunk':1,'items':[1], ...}");
	worker_answer(new, 1, 0, "[10]");
	peer_expect_text(p, "{'parameters':{'result':10}}");
	cr_assert_not(harness_log_has(h, "in force, 0 workers"));
	harness_stop(h);
}

/* ---- nothing is lost ---- */

/* Sixteen generations while a map of 20 000 items runs; each item has one result, and no worker counts as dead. */
Test(reload, no_item_is_lost_while_generations_come_and_go) {
	struct harness *h = harness_start("daemon { slots = 4 } pool default { command = STOCK "
					  "workers = 3 environment = {'GENERATION=0'} }");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	size_t n = 20000, at = 0;
	char *items = malloc(8 * n), conf[160];
	json_t *reply, *results;

	harness_expect_notify(h, "READY=1");
	for (size_t i = 0; i < n; i++)
		at += (size_t) sprintf(items + at, "%s%zu", i ? "," : "", i);
	peer_call_more(p, "Map", "{'function':'square','items':[%s],'options':{'chunkSize':2}}",
		       items);
	for (int generation = 1; generation <= 16; generation++) {
		bool continues;

		snprintf(conf, sizeof conf,
			 "daemon { slots = 4 } pool default { command = STOCK workers = 3 "
			 "environment = {'GENERATION=%d'} }",
			 generation);
		harness_configure(h, conf);
		peer_call_more(q, "Reload", "{}");
		do {
			reply = peer_receive(q);
			cr_assert_eq(json_integer_value(json_object_get(
					     json_object_get(reply, "parameters"), "total")),
				     3);
			continues = json_is_true(json_object_get(reply, "continues"));
			json_decref(reply);
		} while (continues);
	}
	for (at = 0; at < n; at += json_array_size(results), json_decref(reply)) {
		reply = peer_receive(p);
		results = json_object_get(json_object_get(reply, "parameters"), "results");
		cr_assert_gt(json_array_size(results), 0);
		for (size_t i = 0; i < json_array_size(results); i++)
			cr_assert_eq(json_integer_value(json_array_get(results, i)),
				     (json_int_t) ((at + i) * (at + i)));
	}
	peer_expect(p,
		    "{'parameters':{'summary':{'succeeded':20000,'failed':0,'retried':0, ...}}}");
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'pools':[{'workers':3,'restarts':0, ...}], ...}}");
	free(items);
	harness_stop(h);
}
