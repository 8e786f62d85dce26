/* What a worker may have: memory, limits by setrlimit(2), its place in the order in which the kernel kills. The groups that
 * the service gives its workers are shown by tests/show/cgroup-*.sh and tests/systemd/resources.sh. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/harness.h"

TestSuite(resources, .timeout = 60);

#define POOL(keys) "pool default { command = STOCK workers = 1 " keys " }\n"

static void expect_shell(struct peer *p, const char *command, const char *printed) {
	peer_call(p, "Apply", "{'function':'shell','argument':'%s'}", command);
	peer_expect_text(p, "{'parameters':{'result':'%s\\n'}}", printed);
}

/* ---- limits ---- */

/* "The pool's `limits` are set as both the soft and the hard limit (`setrlimit`) of each worker." */
Test(resources, limits_are_in_force_in_the_worker) {
	struct harness *h = harness_start(
		POOL("limits = {'core=0', 'nofile=100', 'fsize=1M', 'stack=4M', 'cpu=1h'}"));
	struct peer *p = peer_connect(h);

	expect_shell(p, "echo $(ulimit -Sc) $(ulimit -Hc)", "0 0");
	expect_shell(p, "echo $(ulimit -Sn) $(ulimit -Hn)", "100 100");
	/* The shell counts in 512 bytes, and in 1024. */
	expect_shell(p, "echo $(ulimit -Sf) $(ulimit -Hf)", "2048 2048");
	expect_shell(p, "echo $(ulimit -Ss) $(ulimit -Hs)", "4096 4096");
	expect_shell(p, "ulimit -St", "3600");
	harness_stop(h);
}

Test(resources, a_worker_that_computes_too_long_gets_xcpu) {
	struct harness *h = harness_start(POOL("limits = {'cpu=1'}"));
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'spin','items':[30000]}");
	peer_expect(p,
		    "{'parameters':{'errors':[{'kind':'WorkerDied','exitSignal':24, ...}], ...}}");
	harness_stop(h);
}

/* "A worker whose limits cannot be set does not start." */
Test(resources, a_limit_that_cannot_be_set_is_the_reason_of_a_failed_start) {
	/* More than fs.nr_open nobody may have. */
	struct harness *h = harness_start(POOL("limits = {'nofile=1099511627776'}"));

	harness_expect_log(h,
			   "a worker could not start: a worker exited with status 126 before its "
			   "hello: procpool-launch: cannot set the limit nofile=1099511627776: "
			   "Operation not permitted");
	harness_stop(h);
}

/* ---- oom_score_adj ---- */

static int oom_score_of(pid_t pid) {
	char path[64];
	int score = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	file = fopen(path, "re");
	cr_assert(file && fscanf(file, "%d", &score) == 1);
	fclose(file);
	return score;
}

static int more(int score) {
	return score + 200 < 1000 ? score + 200 : 1000;
}

/* "`oom_score_adj` of a worker is the pool's, or 200 more than the daemon's." */
Test(resources, the_kernel_takes_workers_first) {
	struct harness *h =
		harness_start("pool a { command = FAKE workers = 1 }\n"
			      "pool b { command = FAKE workers = 1 oom_score_adj = 1000 }\n");
	struct fake *a = harness_worker_of(h, "a"), *b = harness_worker_of(h, "b");

	cr_assert_eq(oom_score_of(worker_pid(a)), more(oom_score_of(harness_pid(h))));
	cr_assert_eq(oom_score_of(worker_pid(b)), 1000);
	worker_hello(a, "f");
	worker_hello(b, "g");
	harness_stop(h);
}

/* ---- memory_max ---- */

#define GREEDY "memory_max = 64M"

/* "Without the first the daemon looks at the worker's memory, when and as often as for `max_rss`, and kills it if that is
 * more than `memory_max`."
 * "The `message` of a `WorkerDied` says `out of memory` where the worker was killed for its memory: by the daemon, or by the
 * kernel as far as its counters tell." */
Test(resources, an_item_that_takes_too_much_memory_says_so) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 " GREEDY " }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "overeat 100000000");
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[2], ...}");
	worker_answer(w, 1, 0, "[2]");
	peer_expect(
		p,
		"{'parameters':{'results':[null,2],'errors':[{'index':0,'kind':'WorkerDied',"
		"'exitSignal':9,'message':'the worker was lost: killed by signal 9 (KILL): out of "
		"memory (memory_max = 64M)', ...}], ...}}");
	harness_stop(h);
}

static bool is_there(void *data) {
	return !worker_is_gone(data);
}

Test(resources, a_worker_below_its_limit_stays) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 " GREEDY " }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "eat 30000000");
	/* It is looked at each second. */
	harness_measure(h, 2500);
	harness_wait(h, "it is there", is_there, w);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* Or one would be started and killed after the other. */
Test(resources, workers_that_have_too_much_from_the_start_are_failed_starts) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 " GREEDY " }\n");

	for (int i = 0; i < 3; i++) {
		struct fake *w = harness_worker(h);

		worker_order(w, "eat 100000000");
		worker_hello(w, "f");
		worker_expect_gone(w);
	}
	harness_expect_log(h, "pool default: a worker could not start: out of memory (memory_max = "
			      "64M), killed by signal 9 (KILL)");
	harness_kill(h);
}

/* Nobody is blamed who had nothing. */
Test(resources, an_idle_worker_with_too_much_goes_alone) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 " GREEDY " }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	/* It did something since it was looked at, and will be once more. */
	worker_order(w, "overeat 100000000");
	worker_expect_gone(w);
	w = harness_ready_worker(h, "f");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

Test(resources, another_limit_makes_other_workers) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 " GREEDY " }\n");
	struct fake *w = harness_ready_worker(h, "f"), *v;
	struct peer *p = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	harness_configure(h, "pool default { command = FAKE workers = 1 memory_max = 32M }\n");
	peer_call(p, "Reload", "{}");
	v = harness_ready_worker(h, "f");
	peer_expect(p, "{'parameters':{...}}");
	worker_expect_gone(w);
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(v, "{'chunk':1, ...}");
	worker_page_store(v, 1, 0, true);
	worker_order(v, "overeat 50000000");
	peer_expect_containing(p, "out of memory (memory_max = 32M)");
	harness_kill(h);
}

/* ---- pids_max ---- */

/* "Without the second `pids_max` is not in force, and that is logged." */
Test(resources, that_pids_max_is_not_in_force_is_logged) {
	struct harness *h =
		harness_start("pool many { command = FAKE workers = 1 pids_max = 5 }\n");

	worker_hello(harness_worker(h), "f");
	harness_expect_log(h, "pool many: pids_max is not in force");
	harness_stop(h);
}
