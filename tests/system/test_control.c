#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* Cancel, ListRequests and Status; clients that vanish. */

TestSuite(control, .timeout = 60);

static long elapsed_ms(const struct timespec *since) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* ---- Cancel ---- */

/* "`parameters` | the result, or the details of the error; left out if empty"
 * "Success is the absence of `error`, never the presence of a value."
 * "`Cancel(request) → ()` ends a request: the call that is cancelled gets `Cancelled`, nothing
 * more of it starts, and what still runs after 100 ms is stopped."
 * "`io.procpool.Cancelled` | | somebody cancelled the request | stays" */
Test(control, cancel_ends_a_call_of_another_connection) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	/* Its worker had the grace to finish; nothing else of the call starts. */
	worker_answer(w, 1, 0, "[1]");
	peer_call(p, "Apply", "{'function':'f','argument':'next'}");
	worker_expect(w, "{'chunk':2,'items':['next'], ...}");
	worker_answer(w, 2, 0, "[true]");
	peer_expect_text(p, "{'parameters':{'result':true}}");
	harness_stop(h);
}

Test(control, a_cancelled_call_with_more_ends_in_the_error) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect(p, "{'parameters':{'request':'1','first':0,'results':[1]},'continues':true}");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	harness_stop(h);
}

/* "The last object is either `{"summary": …}` or `{"error": NAME, "parameters": …}`, with the
 * errors of 1.8, and then the daemon closes." */
Test(control, a_cancelled_stream_ends_in_the_error) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_send(p,
		  "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f'}}");
	peer_expect(p, "{'parameters':{'request':'1','window':'~int'}}");
	peer_send(p, "{'items':[1]}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect(p, "{'error':'io.procpool.Cancelled'}");
	peer_expect_eof(p);
	harness_stop(h);
}

static bool has_limit(void *data) {
	return worker_page_limit(data) != UINT64_MAX;
}

Test(control, cancel_recalls_what_a_worker_has_not_begun) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_page_store(w, 1, 0, true);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	harness_wait(h, "the limit", has_limit, w);
	worker_page_store(w, 1, 1, false);
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':50000}");
	worker_send(w, "{'chunk':1,'returned':1}");
	/* It did what was asked of it: it lives, and works on. */
	peer_call(p, "Apply", "{'function':'f','argument':'next'}");
	worker_expect(w, "{'chunk':2,'items':['next'], ...}");
	cr_assert_eq(worker_page_limit(w), UINT64_MAX);
	worker_answer(w, 2, 0, "[true]");
	peer_expect_text(p, "{'parameters':{'result':true}}");
	harness_stop(h);
}

/* "`Cancel(request) → ()` ends a request: the call that is cancelled gets `Cancelled`, nothing
 * more of it starts, and what still runs after 100 ms is stopped." */
Test(control, a_running_item_that_ignores_cancel_loses_its_worker) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *next;
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct timespec since;

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	worker_expect_gone(w);
	cr_assert_geq(elapsed_ms(&since), 90);
	cr_assert_lt(elapsed_ms(&since), 1000);
	next = harness_ready_worker(h, "f");
	peer_call(p, "Apply", "{'function':'f','argument':2}");
	worker_expect(next, "{'chunk':1,'items':[2], ...}");
	harness_stop(h);
}

/* "To stop an item the daemon sends SIGTERM to the process group of its worker, and a second later
 * SIGKILL." */
Test(control, a_worker_deaf_to_term_is_killed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct timespec since;

	worker_order(w, "deaf");
	worker_order(w, "stay");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	worker_expect_gone(w);
	/* The grace of a cancellation, then a second. */
	cr_assert_geq(elapsed_ms(&since), 1080);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* The child of a worker that is told so; 0: it has none, or that is dead already. */
static pid_t child_of(struct fake *w) {
	char path[64], state = 'Z';
	int child = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) worker_pid(w),
		 (int) worker_pid(w));
	in = fopen(path, "re");
	if (in) {
		if (fscanf(in, "%d", &child) != 1)
			child = 0;
		fclose(in);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	in = child ? fopen(path, "re") : NULL;
	if (in) {
		if (fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(in);
	}
	return state == 'Z' ? 0 : child;
}

static bool has_no_child(void *data) {
	return child_of(data) == 0;
}

/* "To stop an item the daemon sends SIGTERM to the process group of its worker, and a second later
 * SIGKILL." */
Test(control, term_reaches_the_children_of_a_worker) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	worker_order(w, "child");
	worker_order(w, "deaf");
	worker_order(w, "stay");
	cr_assert_gt(child_of(w), 0);
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	harness_wait(h, "TERM", has_no_child, w);
	/* The worker itself is deaf to it; it has a second. */
	cr_assert_not(worker_is_gone(w));
	worker_expect_gone(w);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* Expects the next answer in which this is the state. */
static void expect_state(struct peer *p, const char *state) {
	for (;;) {
		json_t *reply = peer_receive(p);
		const char *actual = json_string_value(
			json_object_get(json_object_get(reply, "parameters"), "state"));
		bool same = strcmp(actual, state) == 0;

		json_decref(reply);
		if (same)
			return;
	}
}

/* "`state` | `starting` until all workers have said hello, `running`, or `draining` after SIGTERM
 * and `Drain`"
 * "The state of a pool is `starting`, `running` or `failed`, that of a worker `starting`, `idle`,
 * `busy` or `stopping`." */
Test(control, status_tells_the_state_of_the_daemon) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call_more(q, "Status", "{'workers':true}");
	peer_expect(q, "{'parameters':{'state':'starting','pools':[{'state':'starting', ...}],"
		       "'workers':[{'state':'starting', ...}], ...},'continues':true}");
	worker_hello(w, "f");
	expect_state(q, "running");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	harness_signal(h, SIGTERM);
	expect_state(q, "draining");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_expect_exit(h, 0);
}

/* "`io.procpool.NoSuchRequest` | `request` | it never was, is finished, or is somebody else's |
 * stays" */
Test(control, there_is_no_such_request) {
	static const char *const ids[] = {"1", "99", "0",  "",
					  "x", "1x", "-1", "18446744073709551617"};
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		peer_call(p, "Cancel", "{'request':'%s'}", ids[i]);
		peer_expect_error(p, "NoSuchRequest", "{'request':'%s'}", ids[i]);
	}
	harness_stop(h);
}

/* "`io.procpool.NoSuchRequest` | `request` | it never was, is finished, or is somebody else's |
 * stays" */
Test(control, a_finished_request_cannot_be_cancelled) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(p, "Cancel", "{'request':'1'}");
	peer_expect_error(p, "NoSuchRequest", "{'request':'1'}");
	harness_stop(h);
}

/* "Who you are is what the kernel says about your end of the socket."
 * "One may cancel the requests of one's own user; administrators may cancel any."
 * "`io.procpool.NoSuchRequest` | `request` | it never was, is finished, or is somebody else's |
 * stays" */
Test(control, nobody_cancels_the_calls_of_others) {
	struct harness *h;
	struct fake *w;
	struct peer *p, *stranger;

	if (getuid() != 0)
		cr_skip_test("only root can be somebody else");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	stranger = peer_connect_as(h, 65534);
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(stranger, "Cancel", "{'request':'1'}");
	peer_expect_error(stranger, "NoSuchRequest", "{'request':'1'}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	/* Administrators may. */
	peer_call(stranger, "Apply", "{'function':'f','argument':2}");
	worker_expect(w, "{'chunk':2, ...}");
	peer_call(p, "Cancel", "{'request':'2'}");
	peer_expect_text(p, "{}");
	peer_expect_error(stranger, "Cancelled", NULL);
	harness_stop(h);
}

/* ---- ListRequests ---- */

/* "Who you are is what the kernel says about your end of the socket."
 * "`ListRequests() → (requests)` has one object for each request of your user that is not over,
 * oldest first."
 * "`id`, `function` | its name, and what it runs"
 * "`uid`, `pid` | the client: user and process"
 * "`items`, `finished`, `failed`, `running` | how many there are so far, have ended, have ended in
 * an error, and are in workers' hands"
 * "`ageUs` | microseconds since it was accepted"
 * "`waitsFor` | what it waits for, for people; left out while it runs" */
Test(control, list_requests_shows_what_runs_and_what_the_others_wait_for) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r = peer_connect(h);

	peer_call(r, "ListRequests", "{}");
	peer_expect_text(r, "{'parameters':{'requests':[]}}");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_send(w, "{'chunk':1,'results':[null],'busyUs':50000,'errors':[{'offset':0}]}");
	worker_expect(w, "{'chunk':2, ...}");
	peer_call(q, "Apply", "{'function':'default/f'}");
	peer_call(r, "ListFunctions", "{}");
	peer_expect(r, "{'parameters':'~object'}");
	peer_call(r, "ListRequests", "{}");
	peer_expect(r,
		    "{'parameters':{'requests':["
		    "{'id':'1','function':'f','uid':%d,'pid':%d,'program':'~string','items':3,"
		    "'finished':1,'failed':1,'running':1,'ageUs':'~min:0'},"
		    "{'id':'2','function':'~has:f','uid':%d,'pid':%d,'program':'~string','items':1,"
		    "'finished':0,'failed':0,'running':0,'ageUs':'~min:0','waitsFor':'~string'}]}}",
		    (int) getuid(), (int) getpid(), (int) getuid(), (int) getpid());
	harness_stop(h);
}

/* "With `more` it replies again, within a second after something changed, until you close." */
Test(control, list_requests_with_more_goes_on) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct timespec since;

	peer_call_more(q, "ListRequests", "{}");
	peer_expect_text(q, "{'parameters':{'requests':[]},'continues':true}");
	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_expect(q, "{'parameters':{'requests':[{'id':'1', ...}]},'continues':true}");
	/* A second, and what a busy machine adds. */
	cr_assert_lt(elapsed_ms(&since), 2000);
	harness_stop(h);
}

/* "`loopLagUs` | for how many microseconds something that was due has waited for the daemon's event loop, at most, in
 * this second of work or the one before; 0 where nothing has waited for two seconds" */
Test(control, status_tells_how_long_what_is_due_has_to_wait) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	json_int_t lag = 0;
	json_t *reply;

	/* A wait of less than a microsecond is one of 0. */
	for (unsigned i = 1; lag == 0; i++) {
		peer_call(p, "Apply", "{'function':'f','argument':1}");
		worker_expect(w, "{'chunk':%u, ...}", i);
		worker_answer(w, i, 0, "[1]");
		peer_expect_text(p, "{'parameters':{'result':1}}");
		peer_call(p, "Status", "{}");
		reply = peer_receive(p);
		cr_assert_eq(json_unpack(reply, "{s{sI}}", "parameters", "loopLagUs", &lag), 0);
		json_decref(reply);
	}
	cr_assert_lt(lag, 10 * 1000000);
	harness_measure(h, 2100);
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'loopLagUs':0, ...}}");
	harness_stop(h);
}

/* ---- Status ---- */

/* "`Status(workers?) → (…)` counts."
 * "`version`, `pid`, `uptimeUs` | of the daemon; microseconds since it started"
 * "`slots`, `slotsBusy` | how many chunks may run at once, over all pools but those with
 * `slots = no`, and how many do"
 * "`connections` | how many there are, this one included"
 * "`itemsQueued`, `itemsRunning` | items that wait, and that are in workers' hands"
 * "`itemsFinished`, `itemsFailed` | since the daemon started; the failed ones are among the
 * finished"
 * "`oldestWaitUs` | for how many microseconds the oldest request has waited of which nothing has
 * started; 0 if there is none"
 * "`pools` | for each pool `name`, `state`, `workers`, `idle`, `busy`, `restarts`, the
 * `reason` if it has failed, the fewest and the most workers (`min`, `max`), and `slots`: whether its chunks
 * count"
 * "`workers` | with `workers: true`, for each worker `id`, `pool`, `pid`, `state`, `items`,
 * `ageUs`, `rssBytes`, and the `function` if it is busy with a request that you see"
 * "The state of a pool is `starting`, `running` or `failed`, that of a worker `starting`, `idle`,
 * `busy` or `stopping`." */
Test(control, status_counts_pools_workers_and_items) {
	struct harness *h = harness_start("daemon { slots = 5 }\n"
					  "pool a { command = FAKE workers = 2 }\n"
					  "pool b { command = FAKE workers = 1 }\n");
	struct fake *a1 = harness_worker_of(h, "a"), *b = harness_worker_of(h, "b"), *busy;
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	worker_hello(a1, "f");
	worker_hello(harness_worker_of(h, "a"), "f");
	worker_hello(b, "g");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Map",
		  "{'function':'f','items':[1,2,3],"
		  "'options':{'chunkSize':1,'maxWorkers':1}}");
	busy = harness_expect_any(h, "{'chunk':1, ...}");
	worker_send(busy, "{'chunk':1,'results':[null],'busyUs':50000,'errors':[{'offset':0}]}");
	worker_expect(busy, "{'chunk':2, ...}");
	peer_call(q, "Status", "{'workers':true}");
	peer_expect(
		q,
		"{'parameters':{'state':'running','version':'~string','pid':%d,'uptimeUs':'~min:0',"
		"'slots':5,'slotsBusy':1,'connections':2,'itemsQueued':1,'itemsRunning':1,"
		"'itemsFinished':1,'itemsFailed':1,'oldestWaitUs':0,'loopLagUs':'~int','pools':["
		"{'name':'a','state':'running','workers':2,'idle':1,'busy':1,'restarts':0,"
		"'min':2,'max':2,'slots':true},"
		"{'name':'b','state':'running','workers':1,'idle':1,'busy':0,'restarts':0,"
		"'min':1,'max':1,'slots':true}],"
		"'workers':[{'id':'~int','pool':'a','pid':'~int','state':'~string','items':'~int',"
		"'ageUs':'~int','rssBytes':'~int', ...},{'pool':'a', ...},"
		"{'pool':'b','pid':%d,'state':'idle','items':0, ...}]}}",
		(int) harness_pid(h), (int) worker_pid(b));
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'state':'running','version':'*','pid':'*','uptimeUs':'*',"
		       "'slots':5,'slotsBusy':1,'connections':2,'itemsQueued':1,'itemsRunning':1,"
		       "'itemsFinished':1,'itemsFailed':1,'oldestWaitUs':'*','loopLagUs':'*','"
		       "pools':'~array'}}");
	harness_stop(h);
}

/* "`Status` with `more` replies again as `ListRequests` does." */
Test(control, status_with_more_goes_on_while_something_changes) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	peer_call_more(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'itemsRunning':0, ...},'continues':true}");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_expect(q, "{'parameters':{'itemsRunning':1,'connections':2, ...},'continues':true}");
	harness_stop(h);
}

/* ---- clients that vanish ---- */

/* "Closing the connection cancels the call it is serving: nothing new starts, and what still runs
 * after 100 ms is stopped." */
Test(control, the_items_of_a_vanished_client_never_start) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_close(p);
	worker_answer(w, 1, 0, "[1]");
	peer_call(q, "Apply", "{'function':'f','argument':'other'}");
	worker_expect(w, "{'chunk':2,'items':['other'], ...}");
	worker_answer(w, 2, 0, "[true]");
	peer_expect_text(q, "{'parameters':{'result':true}}");
	harness_stop(h);
}

/* "Closing the connection cancels the call it is serving: nothing new starts, and what still runs
 * after 100 ms is stopped." */
Test(control, a_worker_is_stopped_for_a_vanished_client_only_after_a_grace) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	struct timespec since;

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_close(p);
	worker_expect_gone(w);
	cr_assert_geq(elapsed_ms(&since), 90);
	cr_assert_lt(elapsed_ms(&since), 1000);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* The kernel reports such an end otherwise than one of a client that has read everything. */
static void expect_cancelled_unread(bool half_close) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	if (half_close)
		peer_half_close(p);
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2, ...}");
	worker_page_store(w, 2, 0, true);
	/* The first batch was sent before this is answered. */
	peer_call(q, "ListFunctions", "{}");
	peer_expect(q, "{'parameters':'~object'}");
	peer_close(p);
	worker_expect_gone(w);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* "Closing the connection cancels the call it is serving: nothing new starts, and what still runs
 * after 100 ms is stopped." */
Test(control, a_client_that_vanishes_with_results_unread_cancels_its_call) {
	expect_cancelled_unread(false);
	expect_cancelled_unread(true);
}

Test(control, a_client_that_vanishes_before_the_pool_is_ready_leaves_nothing) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':'gone'}");
	peer_call(q, "ListFunctions", "{}");
	peer_expect_text(q, "{'parameters':{'functions':[]}}");
	peer_close(p);
	peer_call(q, "Apply", "{'function':'f','argument':'here'}");
	worker_hello(w, "f");
	worker_expect(w, "{'chunk':1,'items':['here'], ...}");
	harness_stop(h);
}

Test(control, many_clients_that_vanish_in_the_middle_of_a_call_leave_nothing) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':'first'}");
	worker_expect(w, "{'chunk':1,'items':['first'], ...}");
	for (unsigned i = 0; i < 300; i++) {
		struct peer *q = peer_connect(h);

		peer_call(q, "Map", "{'function':'f','items':[1,2,3]}");
		peer_close(q);
	}
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	/* Some of them may have been accepted after p; each holds the worker for no more than the grace. */
	peer_call(p, "Apply", "{'function':'f','argument':'last'}");
	for (unsigned chunk = 2;; chunk++) {
		json_t *message = worker_receive(w);
		bool last = json_equal(json_object_get(message, "items"), json_pack("[s]", "last"));

		json_decref(message);
		worker_answer(w, chunk, 0, "[true]");
		if (last)
			break;
	}
	peer_expect_text(p, "{'parameters':{'result':true}}");
	peer_call(p, "ListRequests", "{}");
	peer_expect_text(p, "{'parameters':{'requests':[]}}");
	harness_stop(h);
}
