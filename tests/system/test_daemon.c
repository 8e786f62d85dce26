#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* The daemon as a process: configuration, socket, signals, the service manager, the private daemon. */

TestSuite(daemon, .timeout = 60);

#define INFO_CALL "{'method':'org.varlink.service.GetInfo'}"
#define INFO      "{'parameters':{'product':'procpoold', ...}}"

enum { EXIT_USAGE = 2, EXIT_SOCKET = 69, EXIT_CONFIG = 78 };

/* ---- configuration ---- */

static void expect_mistake(const char *conf, const char *set, const char *sentence) {
	const char *argv[] = {"--set", set, NULL};
	struct harness *h =
		harness_start_with(&(struct start) {.conf = conf, .argv = set ? argv : NULL});

	harness_expect_log(h, sentence);
	harness_expect_exit(h, EXIT_CONFIG);
}

Test(daemon, mistakes_in_the_configuration_are_named_with_file_and_line) {
	expect_mistake(ONE_FAKE "dragon {\n}\n", NULL, "procpool.conf:2: ");
	expect_mistake(ONE_FAKE "daemon {\n\tslots = many\n}\n", NULL, "procpool.conf:3: ");
	expect_mistake(ONE_FAKE "daemon {\n\tslot = 3\n}\n", NULL, "procpool.conf:3: ");
	expect_mistake("pool default {\n\tcommand = FAKE\n\tworkers = 0\n}\n", NULL,
		       "procpool.conf:3: ");
	expect_mistake("pool default {\n\tcommand = FAKE\n\tstart_timeout = 3 parsecs\n}\n", NULL,
		       "procpool.conf:3: ");
	expect_mistake("pool default {\n\tcommand = FAKE\n\tenvironment = {'A=1',\n\t'B'}\n}\n",
		       NULL, "procpool.conf:4: ");
	expect_mistake("pool default {\n\tcommand = FAKE\n\tdirectory = 'here'\n}\n", NULL,
		       "procpool.conf:3: ");
	expect_mistake("pool default {\n\tcommand = FAKE\n", NULL, "procpool.conf:");
	expect_mistake("pool 'a b' {\n\tcommand = FAKE\n}\n", NULL, "a b");
	/* Known where the section ends. */
	expect_mistake("\n\npool default {\n\tworkers = 1\n}\n", NULL,
		       "procpool.conf:5: pool 'default' has no command");
	expect_mistake("", NULL, "no pool");
	expect_mistake(ONE_FAKE "limits {\n\n\titem = 5\n}\n", NULL, "procpool.conf:4: ");
}

Test(daemon, keys_that_are_not_built_yet_are_refused_by_name) {
	static const char *const keys[] = {
		"template = yes",
	};
	char conf[300], name[32];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(conf, sizeof(conf), "pool default {\n\tcommand = FAKE\n\t%s\n}\n",
			 keys[i]);
		snprintf(name, sizeof(name), "%.*s", (int) strcspn(keys[i], " "), keys[i]);
		expect_mistake(conf, NULL, name);
	}
}

Test(daemon, mistakes_in_set_are_named) {
	expect_mistake(ONE_FAKE, "daemon.slots=many", "daemon.slots=many");
	expect_mistake(ONE_FAKE, "slots=3", "slots=3");
	expect_mistake(ONE_FAKE, "daemon.colour=3", "daemon.colour=3");
	expect_mistake(ONE_FAKE, "other.workers=3", "other");
}

Test(daemon, a_configuration_that_is_not_there_is_named) {
	const char *argv[] = {"--config", "/no/such/file.conf", NULL};
	struct harness *h = harness_start_with(&(struct start) {.argv = argv});

	harness_expect_log(h, "/no/such/file.conf");
	harness_expect_exit(h, EXIT_CONFIG);
}

Test(daemon, set_overrides_the_file_and_makes_pools) {
	const char *argv[] = {"--set", "daemon.slots=7",    "--set", "default.workers=2",
			      "--set", "more.command=FAKE", "--set", "more.workers=1",
			      NULL};
	struct harness *h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .argv = argv});
	struct peer *p = peer_connect(h);

	worker_hello(harness_worker_of(h, "default"), "f");
	worker_hello(harness_worker_of(h, "default"), "f");
	worker_hello(harness_worker_of(h, "more"), "g");
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'slots':7,'pools':[{'name':'default','workers':2, ...},"
		       "{'name':'more','workers':1, ...}], ...}}");
	harness_stop(h);
}

Test(daemon, a_wrong_command_line_is_told) {
	static const char *const lines[][2] = {
		{"--socket-path", "--help"},
		{"argument", "'argument'"},
		{"--private=99", "'99'"},
		{"--config", "--help"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *argv[] = {lines[i][0], NULL};
		struct harness *h =
			harness_start_with(&(struct start) {.conf = ONE_FAKE, .argv = argv});

		harness_expect_log(h, lines[i][1]);
		harness_expect_exit(h, EXIT_USAGE);
	}
}

Test(daemon, help_and_version_are_there) {
	const char *help[] = {"--help", NULL}, *version[] = {"--version", NULL};
	struct harness *h = harness_start_with(&(struct start) {.argv = help});

	harness_expect_log(h, "--socket");
	harness_expect_exit(h, 0);
	h = harness_start_with(&(struct start) {.argv = version});
	harness_expect_log(h, "procpoold ");
	harness_expect_exit(h, 0);
}

/* ---- the socket ---- */

Test(daemon, a_second_daemon_on_a_live_socket_refuses) {
	struct harness *h = harness_start(ONE_FAKE), *second;
	struct peer *p = peer_connect(h);

	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	second =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .socket = harness_socket(h)});
	harness_expect_log(second, harness_socket(h));
	/* The first daemon is a child of ours too: the second leaves nobody of its own. */
	harness_expect_status(second, EXIT_SOCKET);
	peer_send(peer_connect(h), INFO_CALL);
	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	harness_stop(h);
}

/* A bound socket that nobody listens on any more. */
static void leave_socket(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert(bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0 &&
		  listen(fd, 1) == 0);
	close(fd);
}

static void make_directory(char *path) {
	cr_assert(mkdtemp(path), "%s: %s", path, strerror(errno));
}

/* "The daemon listens on a Unix stream socket."
 * "`--socket` names its path." */
Test(daemon, a_stale_socket_is_replaced) {
	char directory[] = "/tmp/procpool-stale-XXXXXX", path[64];
	struct harness *h;
	struct peer *p;

	make_directory(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	leave_socket(path);
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .socket = path});
	p = peer_connect(h);
	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	harness_stop(h);
	cr_assert_lt(access(path, F_OK), 0);
	rmdir(directory);
}

Test(daemon, a_file_that_is_no_socket_is_left_alone) {
	char directory[] = "/tmp/procpool-file-XXXXXX", path[64];
	struct harness *h;
	FILE *file;

	make_directory(directory);
	snprintf(path, sizeof(path), "%s/precious", directory);
	file = fopen(path, "we");
	fclose(file);
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .socket = path});
	harness_expect_log(h, path);
	harness_expect_exit(h, EXIT_SOCKET);
	cr_assert_eq(access(path, F_OK), 0);
	unlink(path);
	rmdir(directory);
}

Test(daemon, a_socket_that_cannot_be_had_is_named) {
	struct harness *h = harness_start_with(
		&(struct start) {.conf = ONE_FAKE, .socket = "/no/such/directory/socket"});

	harness_expect_log(h, "/no/such/directory/socket");
	harness_expect_exit(h, EXIT_SOCKET);
}

/* "While the daemon shuts down, after its first SIGTERM, nobody can connect: it removes its
 * socket, but leaves one that the service manager passed to it." */
Test(daemon, a_socket_from_the_service_manager_is_used_and_left) {
	struct harness *h =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

Test(daemon, calls_made_before_the_daemon_started_are_served) {
	struct harness *h =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	struct peer *p = peer_connect(h);

	/* The socket listens since before the daemon was started: this may well be earlier than it. */
	peer_call(p, "Apply", "{'function':'f'}");
	peer_half_close(p);
	struct fake *w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* ---- signals ---- */

static void expect_drain(int number) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h), *idle = peer_connect(h);

	peer_send(idle, INFO_CALL);
	peer_expect(idle, INFO);
	peer_call(p, "Apply", "{'function':'f','argument':'active'}");
	peer_call(p, "Apply", "{'function':'f','argument':'queued'}");
	worker_expect(w, "{'chunk':1,'items':['active'], ...}");
	peer_call(q, "Map", "{'function':'f','items':['waiting'],'options':{'chunkSize':1}}");
	peer_call(peer_connect(h), "ListFunctions", "{}");
	peer_send(idle, INFO_CALL);
	peer_expect(idle, INFO);
	harness_signal(h, number);
	harness_expect_notify(h, "STOPPING=1");
	peer_expect_eof(idle);
	/* EPIPE: what is sent from here on was not accepted. */
	cr_assert_eq(peer_send_raw(p, "{", 1), 0u);
	cr_assert_eq(harness_try_connect(h, geteuid()), -ENOENT);
	worker_answer(w, 1, 0, "[1]");
	/* The active call is answered, the one behind it is not started; another connection's active call is. */
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect_error(p, "ShuttingDown", NULL);
	peer_expect_eof(p);
	worker_expect(w, "{'chunk':2,'items':['waiting'], ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect(q, "{'parameters':{'results':[2], ...}}");
	peer_expect_eof(q);
	harness_expect_exit(h, 0);
}

/* "While the daemon shuts down, after its first SIGTERM, nobody can connect: it removes its socket,
 * but leaves one that the service manager passed to it."
 * "The active call of each connection is finished and answered, each complete call that waits
 * behind it gets `ShuttingDown`, and the daemon closes."
 * "`io.procpool.ShuttingDown` | | the call was not started | closes; stays after `Drain`"
 * "What a client may conclude: `ShuttingDown`, or `EPIPE` before the last byte of the call was
 * written, mean that the call was **not accepted**, and it can be repeated on a new connection." */
Test(daemon, term_under_load_finishes_the_active_calls) {
	expect_drain(SIGTERM);
}

Test(daemon, int_is_as_good_as_term) {
	expect_drain(SIGINT);
}

/* "While the daemon shuts down, after its first SIGTERM, nobody can connect: it removes its
 * socket, but leaves one that the service manager passed to it."
 * "`io.procpool.ShuttingDown` | | the call was not started | closes; stays after `Drain`" */
Test(daemon, who_comes_while_it_drains_finds_nobody) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *late;

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	harness_freeze(h);
	harness_signal(h, SIGTERM);
	late = peer_connect(h);
	peer_call(late, "Apply", "{'function':'f'}");
	harness_thaw(h);
	harness_expect_notify(h, "STOPPING=1");
	/* Connected before the socket was gone: the call is told that it was not started. */
	peer_expect_error(late, "ShuttingDown", NULL);
	peer_expect_eof(late);
	cr_assert_eq(harness_try_connect(h, geteuid()), -ENOENT);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_expect_exit(h, 0);
}

/* "Streams go on until their end." */
Test(daemon, term_lets_a_stream_finish) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f',"
		     "'options':{'chunkSize':1}}}");
	peer_expect(p, "{'parameters':'~object'}");
	peer_send(p, "{'items':[1]}");
	worker_expect(w, "{'chunk':1, ...}");
	harness_signal(h, SIGTERM);
	harness_expect_notify(h, "STOPPING=1");
	worker_answer(w, 1, 0, "[1]");
	peer_expect(p, "{'first':0,'results':[1]}");
	peer_send(p, "{'items':[2],'end':true}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[4]");
	peer_expect(p, "{'first':1,'results':[4]}");
	peer_expect(p, "{'summary':{'succeeded':2, ...}}");
	peer_expect_eof(p);
	harness_expect_exit(h, 0);
}

/* "What then still runs after `drain_timeout` (60 s) ends in `Cancelled`." */
Test(daemon, a_drain_has_an_end) {
	struct harness *h = harness_start("daemon { drain_timeout = 200ms }\n" ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	harness_signal(h, SIGTERM);
	peer_expect_error(p, "Cancelled", NULL);
	peer_expect_eof(p);
	harness_expect_exit(h, 0);
}

/* "A second SIGTERM ends everything at once." */
Test(daemon, a_second_term_stops_at_once) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	worker_order(w, "deaf");
	worker_order(w, "stay");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	harness_signal(h, SIGTERM);
	harness_expect_notify(h, "STOPPING=1");
	harness_signal(h, SIGTERM);
	harness_expect_exit(h, 0);
}

Test(daemon, term_while_workers_start_stops) {
	struct harness *h = harness_start(TWO_FAKES);

	harness_worker(h);
	harness_worker(h);
	harness_stop(h);
}

Test(daemon, oneway_calls_are_finished_before_the_end) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Map','oneway':true,'parameters':{'function':'f',"
		     "'items':[1,2],'options':{'chunkSize':1}}}");
	worker_expect(w, "{'chunk':1, ...}");
	peer_close(p);
	harness_signal(h, SIGTERM);
	harness_expect_notify(h, "STOPPING=1");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_answer(w, 2, 0, "[2]");
	harness_expect_exit(h, 0);
}

/* ---- the service manager ---- */

Test(daemon, ready_is_told_when_all_workers_are_warm) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *a = harness_worker(h), *b = harness_worker(h);
	struct peer *p = peer_connect(h);

	worker_hello(a, "f");
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(a, "{'chunk':1, ...}");
	cr_assert_not(harness_notified(h, "READY=1"));
	worker_hello(b, "f");
	harness_expect_notify(h, "READY=1");
	harness_expect_notify(h, "STATUS=");
	cr_assert_not(harness_notified(h, "STOPPING=1"));
	worker_answer(a, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_signal(h, SIGTERM);
	harness_expect_notify(h, "STOPPING=1");
	harness_expect_exit(h, 0);
}

Test(daemon, the_watchdog_is_fed) {
	static const char *const environment[] = {"WATCHDOG_USEC=200000", NULL};
	struct harness *h =
		harness_start_with(&(struct start) {.conf = ONE_FAKE, .environment = environment});

	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	harness_expect_notify(h, "WATCHDOG=1\nWATCHDOG=1\nWATCHDOG=1");
	harness_stop(h);
}

/* ---- private ---- */

Test(daemon, a_private_daemon_tells_its_starter_and_goes_with_it) {
	char directory[] = "/tmp/procpool-private-XXXXXX", path[64];
	const char *argv[] = {"--set", "default.command=FAKE", "--set", "default.workers=2", NULL};
	struct harness *h;
	struct fake *w;
	struct peer *p;

	make_directory(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	h = harness_start_with(&(struct start) {.argv = argv, .socket = path, .private = true});
	harness_expect_lifeline(h, "READY=1\n");
	cr_assert_eq(harness_try_connect(h, geteuid()), 0);
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "deaf");
	worker_order(w, "stay");
	harness_cut_lifeline(h);
	harness_expect_exit(h, 0);
	cr_assert_lt(access(directory, F_OK), 0, "the directory is still there");
}

Test(daemon, a_private_daemon_leaves_a_directory_that_is_not_empty) {
	char directory[] = "/tmp/procpool-private-XXXXXX", path[64], other[64];
	const char *argv[] = {"--set", "default.command=FAKE", NULL};
	struct harness *h;

	make_directory(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	fclose(fopen(other, "we"));
	h = harness_start_with(&(struct start) {.argv = argv, .socket = path, .private = true});
	harness_expect_lifeline(h, "READY=1\n");
	harness_cut_lifeline(h);
	harness_expect_exit(h, 0);
	cr_assert_eq(access(other, F_OK), 0);
	unlink(other);
	rmdir(directory);
}

/* "A private daemon serves nobody but its own user, whatever the mode." */
Test(daemon, a_private_daemon_is_for_its_own_user) {
	const char *argv[] = {"--set", "default.command=FAKE", NULL};
	struct harness *h;
	struct stat st;

	if (geteuid() != 0)
		cr_skip_test("only root can be somebody else");
	h = harness_start_with(&(struct start) {.argv = argv, .private = true});
	harness_expect_lifeline(h, "READY=1\n");
	cr_assert_eq(harness_try_connect(h, 65534), -EACCES);
	/* Even where the file's mode would let them. */
	chmod(harness_socket(h), 0666);
	cr_assert(stat(harness_socket(h), &st) == 0);
	peer_expect_eof(peer_connect_as(h, 65534));
	harness_stop(h);
}

/* "A worker of a private daemon (`procpool --private`) has that one's environment, directory and
 * standard error instead." */
Test(daemon, private_workers_inherit_environment_directory_and_stderr) {
	static const char *const environment[] = {"MY_OWN=thing", NULL};
	const char *argv[] = {"--set", "default.command=FAKE", "--set", "default.workers=1", NULL};
	struct harness *h = harness_start_with(
		&(struct start) {.argv = argv, .private = true, .environment = environment});
	struct fake *w = harness_worker(h);
	char path[64], ours[4096], theirs[4096], text[65536];
	ssize_t n;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int) worker_pid(w));
	n = readlink(path, theirs, sizeof(theirs) - 1);
	cr_assert_gt(n, 0);
	theirs[n] = '\0';
	cr_assert_str_eq(theirs, getcwd(ours, sizeof(ours)));
	snprintf(path, sizeof(path), "/proc/%d/environ", (int) worker_pid(w));
	in = fopen(path, "re");
	n = (ssize_t) fread(text, 1, sizeof(text), in);
	fclose(in);
	cr_assert(memmem(text, (size_t) n, "MY_OWN=thing", 13));
	worker_order(w, "print straight to you");
	harness_expect_log(h, "straight to you\n");
	cr_assert_not(harness_log_has(h, ": straight to you"));
	harness_stop(h);
}

/* ---- short of descriptors ---- */

Test(daemon, descriptors_running_out_delays_clients_and_breaks_nothing) {
	struct harness *h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .nofile = 40});
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *peers[60], *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	for (size_t i = 0; i < 60; i++)
		peers[i] = peer_connect(h);
	harness_expect_log(h, "cannot accept");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_send(peers[59], INFO_CALL);
	for (size_t i = 0; i < 40; i++)
		peer_close(peers[i]);
	peer_expect(peers[59], INFO);
	harness_stop(h);
}
