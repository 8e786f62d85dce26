#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* What the service manager is told and when, and the end of a daemon that nobody needs. */

TestSuite(service, .timeout = 60);

enum { EXIT_USAGE = 2 };

/* ---- start, stop ---- */

Test(service, more_time_is_asked_for_while_workers_start) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h);

	harness_expect_notify(h, "EXTEND_TIMEOUT_USEC=30000000");
	cr_assert_not(harness_notified(h, "READY=1"));
	worker_hello(w, "f");
	harness_expect_notify(h, "READY=1");
	harness_stop(h);
}

Test(service, a_pool_that_has_failed_holds_no_readiness_up) {
	struct harness *h = harness_start(
		"pool good { command = FAKE workers = 1 } "
		"pool bad { command = {'/bin/false'} workers = 1 start_timeout = 1s }");
	struct fake *w = harness_worker_of(h, "good");

	harness_expect_log(h, "pool bad failed");
	cr_assert_not(harness_notified(h, "READY=1"));
	worker_hello(w, "f");
	harness_expect_notify(h, "READY=1");
	harness_stop(h);
}

Test(service, a_stop_is_told_first_and_then_asks_for_more_time) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	harness_forget_notifications(h);
	harness_signal(h, SIGTERM);
	harness_expect_notify(h, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_expect_exit(h, 0);
}

Test(service, a_stop_asks_for_no_more_time_once_drain_timeout_is_over) {
	struct harness *h = harness_start(
		"daemon { drain_timeout = 100ms } pool default { command = FAKE workers = 1 }");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	worker_order(w, "stay");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	harness_forget_notifications(h);
	harness_signal(h, SIGTERM);
	harness_expect_log(h, "drain_timeout is over");
	harness_expect_notify(h, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\n"
				 "EXTEND_TIMEOUT_USEC=30000000");
	peer_expect_containing(p, "Cancelled");
	harness_expect_exit(h, 0);
}

/* ---- a reload ---- */

Test(service, a_reload_says_when_it_began_in_the_same_message_and_when_it_failed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	harness_forget_notifications(h);
	harness_configure(h, "pool default { comand = FAKE }");
	peer_call(p, "Reload", "{}");
	peer_expect_error(p, "BadConfiguration", "{'reason':'~string'}");
	harness_expect_notify(h, "RELOADING=1\nMONOTONIC_USEC=");
	harness_expect_notify(h, "READY=1");
	harness_stop(h);
}

/* ---- status, watchdog ---- */

Test(service, the_status_line_says_who_is_busy_and_who_waits) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4,5],'options':{'chunkSize':1}}");
	peer_send(q, "{'method':'org.varlink.service.GetInfo'}");
	peer_expect(q, "{'parameters':'~object'}");
	harness_expect_notify(h, "STATUS=2/4 busy, 2 clients, 3 queued, oldest wait 0.");
	harness_stop(h);
}

Test(service, news_that_no_pump_has_seen_do_not_starve_the_watchdog) {
	static const char *const environment[] = {"WATCHDOG_USEC=200000", NULL};
	struct harness *h =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .environment = environment});
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	for (unsigned chunk = 1; chunk <= 3; chunk++) {
		/* The call and the timer come at once. */
		harness_freeze(h);
		harness_forget_notifications(h);
		peer_call(p, "Apply", "{'function':'f'}");
		harness_measure(h, 150);
		harness_thaw(h);
		worker_expect(w, "{'chunk':%u, ...}", chunk);
		worker_answer(w, chunk, 0, "[1]");
		peer_expect_text(p, "{'parameters':{'result':1}}");
		harness_expect_notify(h, "WATCHDOG=1");
	}
	cr_assert_not(harness_log_has(h, "side by side"));
	harness_stop(h);
}

/* ---- nobody needs it ---- */

static struct harness *start_idle(const char *conf, const char *time) {
	const char *argv[] = {"--exit-on-idle", time, NULL};

	return harness_start_with(&(struct start) {.conf = conf, .argv = argv, .activate = true});
}

Test(service, an_idle_daemon_goes_and_leaves_the_socket) {
	struct harness *h = start_idle(ONE_FAKE, "200ms");

	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	harness_expect_notify(h, "STOPPING=1");
	harness_expect_log(h, "idle for 0.2 s: the next connection starts it again");
	harness_expect_exit(h, 0);
}

Test(service, whoever_is_connected_or_waits_for_work_keeps_it) {
	struct harness *h = start_idle(ONE_FAKE, "100ms");
	struct peer *p = peer_connect(h);
	struct fake *w = harness_ready_worker(h, "f");

	harness_expect_notify(h, "READY=1");
	harness_measure(h, 300);
	/* Nobody waits for the answer, and nobody is connected; but there is a request. */
	peer_send(p, "{'method':'io.procpool.Apply','oneway':true,'parameters':{'function':'f'}}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_close(p);
	harness_measure(h, 300);
	cr_assert_not(harness_notified(h, "STOPPING=1"));
	worker_answer(w, 1, 0, "[1]");
	harness_expect_notify(h, "STOPPING=1");
	harness_expect_exit(h, 0);
}

Test(service, it_does_not_go_while_it_starts_or_is_drained) {
	struct harness *h = start_idle(ONE_FAKE, "100ms");
	struct fake *w = harness_worker(h);
	struct peer *p;

	harness_measure(h, 300);
	cr_assert_not(harness_notified(h, "STOPPING=1"));
	p = peer_connect(h);
	peer_call(p, "Drain", "{}");
	peer_expect(p, "{'parameters':'~object'}");
	worker_hello(w, "f");
	harness_expect_notify(h, "READY=1");
	peer_close(p);
	harness_measure(h, 300);
	cr_assert_not(harness_notified(h, "STOPPING=1"));
	p = peer_connect(h);
	peer_call(p, "Resume", "{}");
	peer_expect_text(p, "{}");
	peer_close(p);
	harness_expect_notify(h, "STOPPING=1");
	harness_expect_exit(h, 0);
}

/* Who connects when the time is over, but before the daemon has seen either, is served. */
Test(service, a_connection_that_comes_with_the_last_moment_is_served) {
	struct harness *h = start_idle(ONE_FAKE, "500ms");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p;

	harness_expect_notify(h, "READY=1");
	harness_signal(h, SIGSTOP);
	harness_measure(h, 700);
	p = peer_connect(h);
	peer_call(p, "Apply", "{'function':'f'}");
	harness_thaw(h);
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_close(p);
	harness_expect_notify(h, "STOPPING=1");
	harness_expect_exit(h, 0);
}

Test(service, without_a_passed_socket_it_is_refused_by_name) {
	static const char *const argv[] = {"--exit-on-idle=1min", NULL};
	struct harness *h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .argv = argv});

	harness_expect_log(h, "--exit-on-idle takes a socket that the service manager passed");
	harness_expect_exit(h, EXIT_USAGE);
}
