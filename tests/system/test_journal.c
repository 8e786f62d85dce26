#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* What the daemon writes to the journal: fields, ids, workers' output; and what happens if that is slow or away. */

TestSuite(journal, .timeout = 60);

#define DIED          "MESSAGE_ID=c9460fb7b7ff444abf679fb2fd476cea"
#define PRINTED       "MESSAGE_ID=b39ae6a9f7264a1c80cd0ae60ad4f902"
#define FINISHED      "MESSAGE_ID=ab348d6b4b244a3eab8ed9a35a9bf888"
#define SHORTAGE      "MESSAGE_ID=4bb4b65da22c4cc384c6f528a4916c4f"
#define UNSTARTED     "MESSAGE_ID=89714f0546b1409889eda94c1147aa5d"
#define FAILED        "MESSAGE_ID=a4ea2e477ee9425290a0a4893813d07e"
#define RECOVERED     "MESSAGE_ID=fbc3595b77bb4eaea85bd9f454189982"
#define RELOAD_FAILED "MESSAGE_ID=191120e76fd44959bb1a1f84a71a0eae"
#define RELOAD_DONE   "MESSAGE_ID=23fb37d5298e48c59d349213d7ae39c5"
#define DROPPED       "MESSAGE_ID=23b57051257d449aaf478777db3b2b91"

static struct harness *start(const char *conf) {
	return harness_start_with(&(struct start) {.conf = conf, .journal = true});
}

/* A field of ours. */
static const char *uid_field(void) {
	static char text[40];

	snprintf(text, sizeof(text), "PROCPOOL_CLIENT_UID=%u", geteuid());
	return text;
}

static const char *pid_field(struct fake *w) {
	static char text[40];

	snprintf(text, sizeof(text), "PROCPOOL_WORKER_PID=%d", worker_pid(w));
	return text;
}

Test(journal, has_entries_and_stderr_has_nothing) {
	struct harness *h = start(ONE_FAKE);

	harness_ready_worker(h, "f");
	harness_expect_entry(h, FIELDS("MESSAGE=starting -> running", "PRIORITY=6",
				       "MESSAGE_ID=7bb6affb577e431db644448a79f8dd1c",
				       "SYSLOG_IDENTIFIER=procpoold"));
	harness_expect_entry(
		h, FIELDS("MESSAGE=pool default: starting -> running", "PROCPOOL_POOL=default"));
	cr_assert_not(harness_log_has(h, "running"));
	harness_stop(h);
}

Test(journal, is_not_what_another_stderr_is) {
	static const char *const environment[] = {"JOURNAL_STREAM=1:2", NULL};
	struct harness *h =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .environment = environment});

	harness_ready_worker(h, "f");
	harness_expect_log(h, "procpoold: starting -> running\n");
	harness_stop(h);
}

Test(journal, what_a_worker_prints_is_labelled) {
	struct harness *h = start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	worker_order(w, "print before any work");
	harness_expect_entry(h, FIELDS("MESSAGE=before any work", PRINTED, "PRIORITY=5",
				       "SYSLOG_IDENTIFIER=default/1", "PROCPOOL_POOL=default",
				       "PROCPOOL_WORKER=1", pid_field(w)));
	cr_assert_null(strstr(harness_entries(h), "PROCPOOL_REQUEST="));
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "print PRIORITY=0");
	harness_expect_entry(h, FIELDS("MESSAGE=PRIORITY=0", PRINTED, "PRIORITY=5",
				       "PROCPOOL_REQUEST=1", uid_field()));
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

Test(journal, what_goes_to_stdout_is_less_important) {
	struct harness *h = start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply",
		  "{'function':'print','argument':{'text':'to stdout\\n','to':'stdout'}}");
	peer_expect(p, "{'parameters':'~object'}");
	harness_expect_entry(h, FIELDS("MESSAGE=to stdout", PRINTED, "PRIORITY=6"));
	harness_stop(h);
}

Test(journal, a_death_says_how_and_of_what) {
	struct harness *h = start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char message[120];

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_page_store(w, 1, 1, true);
	worker_order(w, "print first");
	worker_order(w, "print second");
	snprintf(message, sizeof(message),
		 "MESSAGE=pool default: worker 1 (pid %d) is gone: a worker killed by signal 9 "
		 "(KILL): first|second",
		 worker_pid(w));
	worker_order(w, "signal 9");
	harness_expect_entry(h, FIELDS(message, DIED, "PRIORITY=4", "PROCPOOL_POOL=default",
				       "PROCPOOL_WORKER=1", pid_field(w), "PROCPOOL_SIGNAL=9",
				       "PROCPOOL_REQUEST=1", "PROCPOOL_ITEM=1", uid_field()));
	/* By its exit, in the one chunk that is left. */
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[3], ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "exit 7");
	harness_expect_entry(
		h, FIELDS(DIED, "PROCPOOL_WORKER=2", "PROCPOOL_EXIT_CODE=7", "PROCPOOL_ITEM=2"));
	peer_expect_containing(p, "WorkerDied");
	cr_assert_eq(
		harness_count_entries(h, FIELDS(DIED, "PROCPOOL_EXIT_CODE=7", "PROCPOOL_SIGNAL=7")),
		0u);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

Test(journal, a_slow_item_says_which_and_how_long) {
	struct harness *h = start("pool default { command = FAKE workers = 1 slow_item = 10ms }");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 2, false);
	worker_send(w, "{'results':[1,2],'chunk':1,'us':[0,9000,9000,20000],'busyUs':29000}");
	peer_expect(p, "{'parameters':'~object'}");
	harness_expect_entry(h,
			     FIELDS("MESSAGE_ID=7d4167af6cdf4ef6ad5a3c695f520dc1",
				    "PROCPOOL_FUNCTION=f", "PROCPOOL_ITEM=1", "PROCPOOL_REQUEST=1",
				    "PROCPOOL_RUN_USEC=20000", "PROCPOOL_WORKER=1", uid_field()));
	harness_stop(h);
}

/* The number of a field of the entries so far. */
static long number_of(struct harness *h, const char *field) {
	const char *at = strstr(harness_entries(h), field);

	cr_assert_not_null(at, "no %s", field);
	return atol(at + strlen(field));
}

Test(journal, a_finished_request_says_how_long_it_waited_and_ran_if_asked) {
	struct harness *h = start("daemon { log_level = debug } " ONE_FAKE);
	struct peer *p = peer_connect(h);
	struct fake *w = harness_worker(h);

	peer_call(p, "Apply", "{'function':'f'}");
	harness_measure(h, 30);
	worker_hello(w, "f");
	worker_expect(w, "{'chunk':1, ...}");
	harness_measure(h, 60);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_expect_entry(h, FIELDS(FINISHED, "PRIORITY=7", "PROCPOOL_POOL=default",
				       "PROCPOOL_FUNCTION=f", "PROCPOOL_REQUEST=1", uid_field()));
	cr_assert_geq(number_of(h, "PROCPOOL_WAIT_USEC="), 20000);
	cr_assert_geq(number_of(h, "PROCPOOL_RUN_USEC="), 60000);
	/* A reload that asks for less is honoured. */
	harness_configure(h, "daemon { log_level = warning } " ONE_FAKE);
	peer_call(p, "Reload", "{}");
	peer_expect(p, "{'parameters':'~object'}");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	worker_order(w, "signal 9");
	harness_expect_entry(h, FIELDS(DIED));
	cr_assert_eq(harness_count_entries(h, FIELDS(FINISHED)), 1u);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* "MESSAGE=NUMBER entries were dropped…" */
static unsigned missing_entries(struct harness *h) {
	const char *at = strstr(harness_entries(h), " entries were dropped");

	while (at[-1] != '=')
		at--;
	return (unsigned) atoi(at);
}

Test(journal, that_takes_nothing_holds_nobody_up_and_is_told_what_is_missing) {
	enum { LINES = 900 };
	struct harness *h = start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	unsigned got, missing;

	for (int i = 0; i < LINES; i++)
		worker_order(w, "print line-%d-", i);
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "exit 1");
	/* By then all that it printed was read. */
	peer_expect_containing(p, "WorkerDied");
	harness_ready_worker(h, "f");
	got = harness_count_entries(h, FIELDS(PRINTED));
	cr_assert_gt(got, 0u);
	cr_assert_lt(got, (unsigned) LINES);
	cr_assert_eq(harness_count_entries(h, FIELDS(DROPPED)), 0u);
	peer_call(p, "Resize", "{'pool':'default','workers':1}");
	peer_expect(p, "{'parameters':'~object'}");
	harness_expect_entry(h, FIELDS(DROPPED, "PRIORITY=4"));
	harness_expect_entry(h, FIELDS("MESSAGE_ID=81c2459bef4e46e0805945c9bedc0bcc", uid_field()));
	/* The death is among those that are missing. */
	missing = missing_entries(h);
	cr_assert_eq(harness_count_entries(h, FIELDS(DIED)), 0u);
	cr_assert_geq(got + missing, LINES + 1u, "%u and %u", got, missing);
	harness_stop(h);
}

Test(journal, a_pool_says_why_it_fails_and_that_it_recovers) {
	struct harness *h = start(ONE_FAKE);

	for (int i = 1; i <= 2; i++)
		worker_order(harness_worker(h), "exit %d", i);
	harness_expect_entry(h, FIELDS(UNSTARTED, "PROCPOOL_POOL=default", "PROCPOOL_WORKER=2",
				       "PROCPOOL_EXIT_CODE=2", "PRIORITY=4"));
	harness_expect_entry(h, FIELDS("MESSAGE=pool default failed: a worker exited with status 2 "
				       "before its hello",
				       FAILED, "PROCPOOL_POOL=default", "PRIORITY=3"));
	harness_ready_worker(h, "f");
	harness_expect_entry(h, FIELDS(RECOVERED, "PROCPOOL_POOL=default", "PRIORITY=6"));
	harness_stop(h);
}

Test(journal, a_reload_says_how_it_ended) {
	struct harness *h = start(ONE_FAKE);

	harness_ready_worker(h, "f");
	harness_expect_entry(h, FIELDS("MESSAGE=starting -> running"));
	harness_configure(h, "pool default { }");
	harness_signal(h, SIGHUP);
	harness_expect_entry(h, FIELDS(RELOAD_FAILED, "PRIORITY=3"));
	harness_configure(h, "pool default { command = FAKE workers = 1 environment = {'A=1'} }");
	harness_signal(h, SIGHUP);
	worker_order(harness_worker(h), "exit 3");
	worker_order(harness_worker(h), "exit 3");
	harness_expect_entry(h, FIELDS(RELOAD_FAILED, "PROCPOOL_POOL=default"));
	harness_signal(h, SIGHUP);
	harness_ready_worker(h, "f");
	harness_expect_entry(h, FIELDS(RELOAD_DONE, "PRIORITY=6"));
	harness_stop(h);
}

Test(journal, a_shortage_of_descriptors_is_named) {
	struct harness *h = harness_start_with(
		&(struct start) {.conf = ONE_FAKE, .nofile = 40, .journal = true});

	harness_ready_worker(h, "f");
	for (int i = 0; i < 40; i++)
		peer_connect(h);
	harness_expect_entry(h, FIELDS(SHORTAGE, "PRIORITY=4"));
	harness_stop(h);
}

/* Without a socket there is the stream. */
Test(journal, that_is_away_leaves_the_lines_on_stderr) {
	struct harness *h = start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	harness_expect_entry(h, FIELDS("MESSAGE=starting -> running"));
	cr_assert_eq(unlink(harness_path(h, "journal")), 0);
	worker_order(w, "print the journal is away");
	harness_expect_log(h, "<5>default/1: the journal is away\n");
	harness_stop(h);
}
