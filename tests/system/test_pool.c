#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* Workers start, die and are replaced; pools fail and recover; what a worker's process is given. */

TestSuite(pool, .timeout = 60);

static long elapsed_ms(const struct timespec *since) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* ---- replacement ---- */

Test(pool, a_worker_that_dies_idle_is_replaced) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	/* It has worked before: its death is none of its command's. */
	peer_call(p, "Apply", "{'function':'f'}");
	w = harness_expect_any(h, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	worker_order(w, "signal %d", SIGKILL);
	harness_ready_worker(h, "f");
	peer_call(p, "Apply", "{'function':'f'}");
	w = harness_expect_any(h, "{'chunk':1, ...}");
	peer_call(peer_connect(h), "Status", "{}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'pools':[{'name':'default','state':'running','workers':2,"
		       "'restarts':1, ...}], ...}}");
	harness_stop(h);
}

Test(pool, every_death_is_logged_with_its_reason) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "print the disk is full");
	worker_order(w, "exit 42");
	peer_expect_error(p, "ItemFailed", "*");
	harness_expect_log(h, "exited with status 42");
	harness_expect_log(h, "the disk is full");
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* ---- failing ---- */

/* Whether the only pool has an idle worker. */
static bool pool_is_running(void *data) {
	struct peer *p = data;
	json_t *status, *pool;
	bool running;

	peer_call(p, "Status", "{}");
	status = peer_receive(p);
	pool = json_array_get(json_object_get(json_object_get(status, "parameters"), "pools"), 0);
	running = json_integer_value(json_object_get(pool, "idle")) > 0;
	json_decref(status);
	return running;
}

#define BAD_POOL \
	"pool bad { command = {'/bin/sh', '-c', 'echo no such module >&2; exit 3'} workers = 2 " \
	"}\n"

/* "`io.procpool.PoolFailed` | `pool`, `reason` | the pool's workers cannot start; the daemon keeps
 * trying | stays"
 * "The state of a pool is `starting`, `running` or `failed`, that of a worker `starting`, `idle`,
 * `busy` or `stopping`."
 * "`pools` | for each pool `name`, `state`, `workers`, `idle`, `busy`, `restarts`, the
 * `reason` if it has failed, the fewest and the most workers (`min`, `max`), and `slots`: whether its chunks
 * count" */
Test(pool, a_command_that_fails_makes_its_pool_fail_and_others_work) {
	struct harness *h = harness_start(BAD_POOL "pool good { command = FAKE workers = 1 }\n");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'bad/f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'bad','reason':'~has:no such module'}");
	peer_call(p, "Apply", "{'function':'bad/f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'bad','reason':'~has:status 3'}");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	/* An unknown name might be the failed pool's. */
	peer_call(p, "Apply", "{'function':'g'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'bad', ...}");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'pools':[{'name':'bad','state':'failed',"
		       "'reason':'~has:no such module','idle':0, ...},"
		       "{'name':'good','state':'running','min':1,'max':1,'slots':true, ...}], "
		       "...}}");
	harness_stop(h);
}

Test(pool, the_daemon_is_ready_though_a_pool_failed) {
	struct harness *h = harness_start(BAD_POOL);

	harness_expect_notify(h, "READY=1");
	harness_stop(h);
}

Test(pool, a_command_that_is_not_there_is_named) {
	struct harness *h =
		harness_start("pool default { command = {'/no/such/worker'} workers = 1 }");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:/no/such/worker'}");
	harness_stop(h);
}

static bool has_three_lines(void *data) {
	FILE *file = fopen(data, "re");
	int lines = 0, c;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines >= 3;
}

/* "The daemon waits before the next start: 100 ms, and twice as long each time, up to 30 s." */
Test(pool, starts_that_fail_are_repeated_at_growing_intervals) {
	char template[] = "/tmp/procpool-starts-XXXXXX", conf[300];
	struct timespec since;
	struct harness *h;

	close(mkstemp(template));
	snprintf(conf, sizeof(conf),
		 "pool bad { command = {'/bin/sh', '-c', 'echo x >>%s; exit 1'} workers = 1 }",
		 template);
	clock_gettime(CLOCK_MONOTONIC, &since);
	h = harness_start(conf);
	harness_wait(h, "three starts", has_three_lines, template);
	/* 100 ms after the first, 200 ms after the second. */
	cr_assert_geq(elapsed_ms(&since), 300);
	harness_stop(h);
	unlink(template);
}

/* "A pool has failed when it has no worker and two starts in a row came to nothing."
 * "It works again, without anybody's help, as soon as one of its workers says hello." */
Test(pool, a_failed_pool_works_again_without_a_restart) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);
	struct fake *w;

	for (int i = 0; i < 2; i++) {
		w = harness_worker(h);
		worker_order(w, "print no database");
		worker_order(w, "exit 1");
	}
	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:no database'}");
	w = harness_ready_worker(h, "f");
	/* A call that comes while it is still failed is refused; the next one is not. */
	harness_expect_log(h, "failed -> running");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* "A pool has failed when it has no worker and two starts in a row came to nothing."
 * "Calls that wait for it fail then." */
Test(pool, calls_that_wait_for_a_pool_fail_with_it) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_call(q, "Apply", "{'function':'default/g'}");
	for (int i = 0; i < 2; i++)
		worker_order(harness_worker(h), "exit 1");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:status 1'}");
	peer_expect_error(q, "PoolFailed", "{'pool':'default','reason':'~has:status 1'}");
	harness_stop(h);
}

/* "One that has not sent it after `start_timeout` (30 s) is killed." */
Test(pool, a_worker_that_never_says_hello_is_killed) {
	struct harness *h = harness_start("pool default { command = FAKE workers = 1 "
					  "start_timeout = 100ms }");
	struct peer *p = peer_connect(h);
	struct fake *w;

	for (int i = 0; i < 2; i++) {
		w = harness_worker(h);
		worker_expect_gone(w);
	}
	peer_call(p, "Apply", "{'function':'default/f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:start_timeout'}");
	harness_stop(h);
}

/* "A worker that ends before its hello, or within a second after it without having been given
 * anything, could not start." */
Test(pool, workers_that_end_right_after_hello_count_as_failed_starts) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	for (int i = 0; i < 2; i++) {
		struct fake *w = harness_ready_worker(h, "f");

		/* It is warm when its function is known. */
		harness_wait(h, "the hello to be read", pool_is_running, p);
		worker_order(w, "exit 5");
	}
	peer_call(p, "Apply", "{'function':'default/f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:status 5'}");
	harness_stop(h);
}

/* Whether one item runs and one waits. */
static bool one_waits(void *data) {
	struct peer *p = data;
	json_t *status, *facts;
	bool waits;

	peer_call(p, "Status", "{}");
	status = peer_receive(p);
	facts = json_object_get(status, "parameters");
	waits = json_integer_value(json_object_get(facts, "itemsRunning")) == 1 &&
		json_integer_value(json_object_get(facts, "itemsQueued")) == 1;
	json_decref(status);
	return waits;
}

/* ---- what a worker is given ---- */

static char *proc_text(struct fake *w, const char *file, size_t *ret_size) {
	static char text[65536];
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int) worker_pid(w), file);
	in = fopen(path, "re");
	cr_assert(in, "%s", path);
	*ret_size = fread(text, 1, sizeof(text) - 1, in);
	text[*ret_size] = '\0';
	fclose(in);
	return text;
}

static bool environment_has(struct fake *w, const char *word) {
	size_t size;
	const char *text = proc_text(w, "environ", &size), *end = text + size;

	for (; text < end; text += strlen(text) + 1)
		if (strncmp(text, word, strlen(word)) == 0)
			return true;
	return false;
}

/* "`PROCPOOL_WORKER_FD` | in the environment: the number of the descriptor that is its socket to
 * the daemon"
 * "`PROCPOOL_WORKER_PAGE_FD` | in the environment: the number of the descriptor of its page (2.5)"
 * "`PROCPOOL_POOL` | in the environment: the name of the pool"
 * "environment | `PATH`, `HOME` and `LANG`; `PROCPOOL_SOCKET`, where the daemon listens; `OMP_NUM_THREADS=1` and its
 * relatives; then the pool's `environment`, which may replace all of these" */
Test(pool, workers_have_a_clean_environment) {
	static const char *const ours[] = {"SECRET_OF_THE_DAEMON=1", "OMP_NUM_THREADS=7", NULL};
	struct harness *h = harness_start_with(&(struct start) {
		.conf = "pool default { command = FAKE workers = 1 "
			"environment = {'KEY=some value', 'OPENBLAS_NUM_THREADS=3'} }",
		.environment = ours,
	});
	struct fake *w = harness_worker(h);

	cr_assert(environment_has(w, "PATH=/"));
	cr_assert(environment_has(w, "KEY=some value"));
	cr_assert(environment_has(w, "OMP_NUM_THREADS=1"));
	cr_assert(environment_has(w, "OPENBLAS_NUM_THREADS=3"));
	cr_assert(environment_has(w, "PROCPOOL_POOL=default"));
	cr_assert(environment_has(w, "PROCPOOL_SOCKET=/"));
	cr_assert(environment_has(w, "PROCPOOL_WORKER_FD=3"));
	cr_assert(environment_has(w, "PROCPOOL_WORKER_PAGE_FD=4"));
	cr_assert_not(environment_has(w, "SECRET_OF_THE_DAEMON"));
	cr_assert_not(environment_has(w, "NOTIFY_SOCKET"));
	harness_stop(h);
}

static const char *proc_link(struct fake *w, const char *file) {
	static char target[PATH_MAX];
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int) worker_pid(w), file);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return target;
}

/* "standard input | `/dev/null`"
 * "No other descriptor is open."
 * "The command from the configuration is run as it stands there, without a shell, in a process
 * group of its own." */
Test(pool, workers_have_a_group_of_their_own_and_no_foreign_fds) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	struct peer *p = peer_connect(h);
	char path[64];
	DIR *dir;
	int n = 0;

	worker_hello(w, "f");
	peer_call(p, "ListFunctions", "{}");
	cr_assert_eq(getpgid(worker_pid(w)), worker_pid(w));
	cr_assert_str_eq(proc_link(w, "cwd"), "/");
	cr_assert_str_eq(proc_link(w, "fd/0"), "/dev/null");
	snprintf(path, sizeof(path), "/proc/%d/fd", (int) worker_pid(w));
	dir = opendir(path);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	/* Standard three, socket, page; and the fake's own connection to this test. */
	cr_assert_eq(n, 6);
	harness_stop(h);
}

/* "directory | `/`, or the pool's `directory`" */
Test(pool, workers_start_in_the_directory_of_their_pool) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 directory = '/usr' }");

	cr_assert_str_eq(proc_link(harness_worker(h), "cwd"), "/usr");
	harness_stop(h);
}

/* "The page is 4096 bytes to be mapped shared, readable and writable."
 * "Its size cannot be changed."
 * "At the start the limit is all ones and the others are 0."
 * "The command from the configuration is run as it stands there, without a shell, in a process
 * group of its own." */
Test(pool, a_command_is_no_shells) {
	struct harness *h = harness_start("pool default { workers = 1 command = {'/bin/sh', '-c', "
					  "'echo \\\"$1\\\" >&2; exit 3', 'sh', '$HOME *; two'} }");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:$HOME *; two'}");
	harness_stop(h);
}

/* The signals of a line of /proc/PID/status. */
static unsigned long long signals_of(struct fake *w, const char *line) {
	size_t size;
	const char *found = strstr(proc_text(w, "status", &size), line);

	cr_assert(found);
	return strtoull(found + strlen(line), NULL, 16);
}

/* "signals | none is blocked or ignored" */
Test(pool, workers_start_with_all_signals_as_usual) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);

	cr_assert_eq(signals_of(w, "SigBlk:"), 0u);
	/* 32 and 33 are libc's own: its posix_spawn() ignores them. */
	cr_assert_eq(signals_of(w, "SigIgn:") & ~0x180000000ull, 0u);
	harness_stop(h);
}

/* "A worker is given nothing before its hello, which is its first message."
 * "`oldestWaitUs` | for how many microseconds the oldest request has waited of which nothing has
 * started; 0 if there is none"
 * "`workers` | with `workers: true`, for each worker `id`, `pool`, `pid`, `state`, `items`,
 * `ageUs`, `rssBytes`, and the `function` if it is busy with a
 * request that you see" */
Test(pool, nothing_is_given_before_the_hello) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *first = harness_ready_worker(h, "f"), *second = harness_worker(h);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(first, "{'chunk':1,'items':[1], ...}");
	peer_call(p, "ListFunctions", "{}");
	peer_call(peer_connect(h), "Apply", "{'function':'f','argument':2}");
	harness_wait(h, "the second call to wait", one_waits, q);
	peer_call(q, "Status", "{'workers':true}");
	peer_expect(q, "{'parameters':{'state':'starting','itemsQueued':1,'oldestWaitUs':'~min:1','"
		       "workers':["
		       "{'state':'starting', ...},{'state':'busy','function':'f', ...}], ...}}");
	cr_assert_not(worker_has_message(second));
	worker_hello(second, "f");
	worker_expect(second, "{'chunk':1,'items':[2], ...}");
	harness_stop(h);
}

/* "One that still lives five seconds later gets SIGTERM, and after a further second SIGKILL." */
Test(pool, a_worker_that_does_not_end_is_stopped_after_five_seconds) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w = harness_ready_worker(h, "f"), *deaf = harness_ready_worker(h, "f");
	struct timespec since;

	worker_order(w, "stay");
	worker_order(deaf, "stay");
	worker_order(deaf, "deaf");
	clock_gettime(CLOCK_MONOTONIC, &since);
	harness_signal(h, SIGTERM);
	worker_expect_eof(w);
	worker_expect_gone(w);
	cr_assert_geq(elapsed_ms(&since), 4980);
	cr_assert_not(worker_is_gone(deaf));
	worker_expect_gone(deaf);
	cr_assert_geq(elapsed_ms(&since), 5980);
	harness_expect_exit(h, 0);
}

/* "The page is 4096 bytes to be mapped shared, readable and writable."
 * "Its size cannot be changed."
 * "At the start the limit is all ones and the others are 0." */
Test(pool, the_page_is_sealed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);
	uint64_t words[512];
	struct stat st;

	cr_assert_lt(ftruncate(worker_page_fd(w), 0), 0);
	cr_assert_lt(ftruncate(worker_page_fd(w), 1 << 20), 0);
	cr_assert(fstat(worker_page_fd(w), &st) == 0 && st.st_size == 4096);
	cr_assert_eq(pread(worker_page_fd(w), words, sizeof(words), 0), 4096);
	for (size_t i = 0; i < 512; i++)
		cr_assert_eq(words[i], i == 64 / 8 ? UINT64_MAX : 0, "word %zu", i);
	harness_stop(h);
}

/* "The kernel sends it SIGKILL when the daemon dies, however that comes." */
Test(pool, workers_go_with_a_daemon_that_is_killed) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *a = harness_ready_worker(h, "f"), *b = harness_ready_worker(h, "f");

	worker_order(a, "stay");
	worker_order(b, "stay");
	worker_order(b, "deaf");
	harness_kill(h);
}

/* "standard output and error | pipes to the daemon, which logs the lines; nothing written there is
 * protocol" */
Test(pool, what_workers_print_goes_to_the_log_and_harms_nothing) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	worker_order(w, "print {\"chunk\":1,\"results\":[666]}");
	harness_expect_log(h, "666");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* "Of what a worker prints the daemon logs `stderr_rate` lines (200) a second, of both pipes together, and five times as
 * many at once if it was quiet before."
 * "It reads on, and tells once a second how many lines it did not log." */
Test(pool, who_prints_too_much_is_logged_in_part) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	harness_freeze(h);
	for (int i = 0; i < 1300; i++)
		worker_order(w, "print line-%d-", i);
	harness_thaw(h);
	/* While it lives. */
	harness_expect_log(h, "more lines were not logged");
	/* What it prints later is logged again. */
	harness_measure(h, 100);
	worker_order(w, "print and so on");
	harness_expect_log(h, "default/1: and so on");
	cr_assert(harness_log_has(h, "line-999-"));
	cr_assert_not(harness_log_has(h, "line-1299-"));
	harness_stop(h);
}

/* "A line has 512 bytes in the log; a longer one becomes several." */
Test(pool, a_long_line_becomes_several) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'print','argument':{'text':'%0600d and then\\n'}}", 7);
	peer_expect(p, "{'parameters':'~object'}");
	harness_expect_log(h, "default/1: 0000");
	harness_expect_log(h, "0007 and then\n");
	cr_assert(harness_log_has(h, "0\nprocpoold: default/1: 0"));
	harness_stop(h);
}

/* "`slots`, `slotsBusy` | how many chunks may run at once, over all pools but those with `slots = no`, and how
 * many do" */
Test(pool, as_many_chunks_run_at_once_as_there_are_slots) {
	static const char *const environment[] = {"WATCHDOG_USEC=100000", NULL};
	struct harness *h = harness_start_with(&(struct start) {
		.conf = "daemon { slots = 1 }\npool default { command = FAKE workers = 2 }",
		.environment = environment,
	});
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *first;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	first = harness_expect_any(h, "{'items':[1], ...}");
	peer_call(p, "Apply", "{'function':'f','argument':'behind the first'}");
	peer_call(q, "Apply", "{'function':'f','argument':2}");
	harness_wait(h, "the second call to wait", one_waits, peer_connect(h));
	/* An idle worker without a slot is as it should be: the daemon is not stuck. */
	harness_forget_notifications(h);
	harness_expect_notify(h, "WATCHDOG=1");
	harness_expect_notify(h, "WATCHDOG=1\nWATCHDOG=1");
	worker_answer(first, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_expect_any(h, "{'items':[2], ...}");
	harness_stop(h);
}

/* A line of /proc/PID/status; static. */
static const char *proc_status(pid_t pid, const char *key) {
	static char line[256];
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	cr_assert(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			break;
	fclose(file);
	return line;
}

Test(pool, workers_cannot_get_privileges_that_they_have_not) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	cr_assert_str_eq(proc_status(worker_pid(w), "NoNewPrivs:"), "NoNewPrivs:\t1\n");
	harness_stop(h);
}

Test(pool, workers_run_as_the_user_that_the_pool_names) {
	struct harness *h;
	struct peer *p;
	json_t *status;
	pid_t pid;

	if (getuid() != 0)
		cr_skip_test("only root can start processes as somebody else");
	/* It says nothing, but it runs. */
	h = harness_start("pool default { command = {'/bin/sleep', '1000'} workers = 1\n"
			  "user = nobody }\n");
	p = peer_connect(h);
	peer_call(p, "Status", "{'workers':true}");
	status = peer_receive(p);
	cr_assert_eq(json_unpack(status, "{s{s[{si}]}}", "parameters", "workers", "pid", &pid), 0);
	json_decref(status);
	while (strncmp(proc_status(pid, "Name:"), "Name:\tsleep", 11) != 0)
		harness_measure(h, 5);
	cr_assert_str_eq(proc_status(pid, "Uid:"), "Uid:\t65534\t65534\t65534\t65534\n");
	cr_assert_str_eq(proc_status(pid, "Gid:"), "Gid:\t65534\t65534\t65534\t65534\n");
	/* They end with the daemon all the same. */
	harness_kill(h);
}

Test(pool, a_user_that_is_not_there_is_named) {
	struct harness *h;

	if (getuid() != 0)
		cr_skip_test("another sentence for whoever is not root");
	h = harness_start("pool default {\n command = FAKE\n user = nobody-of-this-name\n}\n");
	harness_expect_log(h,
			   "procpool.conf:4: pool 'default': there is no user nobody-of-this-name");
	harness_expect_exit(h, 78);
}
