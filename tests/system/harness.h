#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The harness of the system tests: it runs the real daemon in a directory of its own and plays both of its
 * neighbours, clients ("peers") and workers ("fakes"), so that a test reads as one transcript of both
 * conversations.
 *
 * Every wait has a deadline; when it passes, or when something else than the expected arrives, the test
 * fails with the transcript so far and with the daemon's log. Nothing here returns an error.
 *
 * Texts are printf() formats of JSON in which ' stands for ". In patterns, * stands for any value, ... for
 * further members or elements, and a string that begins with ~ for a class of values: see pattern.c.
 */

struct harness; /* a daemon, its directory, and everybody who talks to it */
struct peer;    /* a client's connection */
struct fake;    /* a worker that the test plays: the process is real, its words are the test's */

#define PRINTF(text, first) __attribute__((format(printf, text, first)))

/* ---- the daemon ---- */

/* A configuration: FAKE in it stands for the command of a fake worker, STOCK for the stock worker with the
 * test functions, and ' for ". */
#define ONE_FAKE   "pool default { command = FAKE workers = 1 }\n"
#define TWO_FAKES  "daemon { slots = 4 } pool default { command = FAKE workers = 2 }\n"
#define ONE_STOCK  "pool default { command = STOCK workers = 1 }\n"
#define TWO_STOCKS "daemon { slots = 4 } pool default { command = STOCK workers = 2 }\n"

struct start {
	const char *conf; /* text of the configuration file; NULL: no --config */
	const char *const
		*argv; /* further arguments, NULL-ended, or NULL; FAKE and STOCK as in conf */
	const char *const *environment; /* further NAME=VALUE, NULL-ended, or NULL */
	bool no_socket;                 /* leave out --socket */
	bool private;                   /* --private: see harness_lifeline() */
	unsigned nofile;                /* RLIMIT_NOFILE, soft and hard; 0 = as it is */
	bool activate;                  /* pass a listening socket as a service manager does */
	const char *socket;             /* another path than the harness's own */
	bool journal;                   /* stderr is the journal's, and the test plays that */
};

/* Starts the daemon; it need not listen yet: peer_connect() waits for that. */
struct harness *harness_start(const char *conf);
struct harness *harness_start_with(const struct start *start);

/* Writes another text into the configuration file. */
void harness_configure(struct harness *h, const char *text);

/* Sends SIGTERM and expects a clean end: exit status 0, no process left, the socket removed, nothing of a
 * sanitizer in the log. Frees everything. */
void harness_stop(struct harness *h);
/* Expects the daemon to end by itself, or after harness_signal(), with this exit status; then as above. */
void harness_expect_exit(struct harness *h, int status);
/* The same of one of several daemons: the others are not looked at, nor is it looked for processes. */
void harness_expect_status(struct harness *h, int status);
/* So many processes may be left that functions made on purpose; they end by themselves. */
void harness_expect_strays(struct harness *h, int n);
/* Kills the daemon, which cannot tidy up then, and waits until nobody is left. */
void harness_kill(struct harness *h);
void harness_signal(struct harness *h, int signal);
/* Stops the daemon's process, so that what happens meanwhile comes to it all at once. */
void harness_freeze(struct harness *h);
void harness_thaw(struct harness *h);
pid_t harness_pid(struct harness *h);

/* Waits until the log contains the text. */
void harness_expect_log(struct harness *h, const char *text);
bool harness_log_has(struct harness *h, const char *text);
/* Waits for a notification (sd_notify) that has a line that begins with the text. */
void harness_expect_notify(struct harness *h, const char *line);
/* Those that came so far do not count any more. */
void harness_forget_notifications(struct harness *h);
bool harness_notified(struct harness *h, const char *line);
/* The fields of an entry in the journal: FIELD=value, those of several lines with | for each newline. */
#define FIELDS(...) ((const char *const[]) {__VA_ARGS__, NULL})
/* Waits for an entry that has all of these. */
void harness_expect_entry(struct harness *h, const char *const *fields);
unsigned harness_count_entries(struct harness *h, const char *const *fields);
/* All entries so far, an empty line behind each; valid until the next one is read. */
const char *harness_entries(struct harness *h);
/* What a private daemon writes to its starter; and the starter's end. */
void harness_expect_lifeline(struct harness *h, const char *text);
void harness_cut_lifeline(struct harness *h);

/* The path of a file in the harness's directory; valid until the next call. */
const char *harness_path(struct harness *h, const char *name);
const char *harness_socket(struct harness *h);
const char *harness_directory(struct harness *h);
/* Writes a file there. */
void harness_write(struct harness *h, const char *name, const char *text);

/* Waits until check(data) is true; what: for the report. */
void harness_wait(struct harness *h, const char *what, bool (*check)(void *data), void *data);

/* Lets so much time pass, for what is measured over time: never to wait for something. */
void harness_measure(struct harness *h, int ms);

/* ---- clients ---- */

struct peer *peer_connect(struct harness *h);
/* Connects as another user; only root can. */
struct peer *peer_connect_as(struct harness *h, uid_t uid);
/* The same, with that group and one further one. */
struct peer *peer_connect_in(struct harness *h, uid_t uid, gid_t group, gid_t further);
/* Connects as another process of the same user, of which nothing is left but the connection. The daemon must listen. */
struct peer *peer_connect_elsewhere(struct harness *h);
/* One attempt to connect: 0 or a negative errno. */
int harness_try_connect(struct harness *h, uid_t uid);

void peer_send(struct peer *p, const char *format, ...) PRINTF(2, 3);
/* {"method": "io.procpool.METHOD", "parameters": PARAMETERS}, with flags between them:
 * "" or "'more':true," and so on. */
void peer_call(struct peer *p, const char *method, const char *parameters, ...) PRINTF(3, 4);
void peer_call_more(struct peer *p, const char *method, const char *parameters, ...) PRINTF(3, 4);
/* Sends what can be sent: a peer that closes in the middle is no failure. Returns how many bytes went out. */
size_t peer_send_raw(struct peer *p, const void *bytes, size_t size);
/* Sends until the daemon takes no more: returns how many bytes it took. */
size_t peer_send_until_full(struct peer *p, const void *bytes, size_t size);

void peer_expect(struct peer *p, const char *pattern, ...) PRINTF(2, 3);
/* The very bytes of the next message. */
void peer_expect_text(struct peer *p, const char *text, ...) PRINTF(2, 3);
/* The next message has these very bytes in it. */
void peer_expect_containing(struct peer *p, const char *text, ...) PRINTF(2, 3);
/* An error reply; a name without dot is one of io.procpool's; parameters: a pattern, or NULL for none. */
void peer_expect_error(struct peer *p, const char *name, const char *parameters, ...) PRINTF(3, 4);
void peer_expect_eof(struct peer *p);
/* Nothing has arrived so far. Only sensible after something that must have come later. */
void peer_expect_nothing(struct peer *p);
/* The next message, for whoever looks into it; a new reference. */
json_t *peer_receive(struct peer *p);
/* How many bytes have arrived that nobody expected yet. */
size_t peer_pending(struct peer *p);

void peer_half_close(struct peer *p);
void peer_close(struct peer *p);

/* ---- workers ---- */

/* The next fake worker that the daemon started (and whose predecessors were taken). */
struct fake *harness_worker(struct harness *h);
/* The next one of this pool. */
struct fake *harness_worker_of(struct harness *h, const char *pool);
/* harness_worker() and worker_hello(). */
struct fake *harness_ready_worker(struct harness *h, const char *functions);
/* Waits until one of the workers gets this message as its next, and returns the worker. */
struct fake *harness_expect_any(struct harness *h, const char *pattern, ...) PRINTF(2, 3);

/* Says hello with these functions (names separated by spaces), a page, and all ways of unpacking. */
void worker_hello(struct fake *w, const char *functions);
void worker_send(struct fake *w, const char *format, ...) PRINTF(2, 3);
size_t worker_send_raw(struct fake *w, const void *bytes, size_t size);
void worker_expect(struct fake *w, const char *pattern, ...) PRINTF(2, 3);
/* The next message has these very bytes in it. */
void worker_expect_containing(struct fake *w, const char *text, ...) PRINTF(2, 3);
void worker_expect_eof(struct fake *w);
json_t *worker_receive(struct fake *w);
bool worker_has_message(struct fake *w);
/* Results for the chunk's next items, as a worker that took 50 ms for each (so that none is handed further
 * chunks in advance); stores their end in the page. */
void worker_answer(struct fake *w, uint64_t chunk, uint32_t offset, const char *results);

/* The same for the whole chunk with which harness_expect_any() returned the worker. */
void worker_answer_last(struct fake *w, const char *results);

void worker_page_store(struct fake *w, uint64_t chunk, uint32_t offset, bool running);
/* Says also when: now. */
void worker_page_begin(struct fake *w, uint64_t chunk, uint32_t offset);
void worker_page_store_word(struct fake *w, uint64_t word);
uint64_t worker_page_limit(struct fake *w);
int worker_page_fd(struct fake *w);

/* What the process shall do; each returns when it is done.
 * exit N, signal N: it ends, and with it its end of the socket, unless somebody else holds it.
 * close: closes its socket. fork: leaves a child in a session of its own that holds all its fds; child: in its
 * process group.
 * stay: no longer ends by itself when the daemon ends the conversation. deaf: ignores SIGTERM.
 * print TEXT: to its stderr. eat BYTES: takes so much memory. overeat BYTES: the same, done when it is
 * begun: it may not live to see the end. */
void worker_order(struct fake *w, const char *order, ...) PRINTF(2, 3);
/* Keeps the test's copy of the socket open when the process ends, as a stray child would. */
void worker_hold_socket(struct fake *w);
/* Waits until the process is gone. */
void worker_expect_gone(struct fake *w);
/* Waits until its children are gone, too. */
void worker_expect_family_gone(struct fake *w);
bool worker_is_gone(struct fake *w);
pid_t worker_pid(struct fake *w);

/* ---- where in the test we are, for the report ---- */

void here_set(const char *file, int line);
#define HERE here_set(__FILE__, __LINE__)

#ifndef HARNESS_IMPLEMENTATION
#define harness_start(...)            (HERE, harness_start(__VA_ARGS__))
#define harness_start_with(...)       (HERE, harness_start_with(__VA_ARGS__))
#define harness_kill(...)             (HERE, harness_kill(__VA_ARGS__))
#define harness_stop(...)             (HERE, harness_stop(__VA_ARGS__))
#define harness_expect_status(...)    (HERE, harness_expect_status(__VA_ARGS__))
#define harness_expect_exit(...)      (HERE, harness_expect_exit(__VA_ARGS__))
#define harness_expect_log(...)       (HERE, harness_expect_log(__VA_ARGS__))
#define harness_expect_notify(...)    (HERE, harness_expect_notify(__VA_ARGS__))
#define harness_expect_entry(...)     (HERE, harness_expect_entry(__VA_ARGS__))
#define harness_expect_lifeline(...)  (HERE, harness_expect_lifeline(__VA_ARGS__))
#define harness_wait(...)             (HERE, harness_wait(__VA_ARGS__))
#define harness_worker(...)           (HERE, harness_worker(__VA_ARGS__))
#define harness_worker_of(...)        (HERE, harness_worker_of(__VA_ARGS__))
#define harness_ready_worker(...)     (HERE, harness_ready_worker(__VA_ARGS__))
#define harness_expect_any(...)       (HERE, harness_expect_any(__VA_ARGS__))
#define peer_connect(...)             (HERE, peer_connect(__VA_ARGS__))
#define peer_connect_as(...)          (HERE, peer_connect_as(__VA_ARGS__))
#define peer_connect_in(...)          (HERE, peer_connect_in(__VA_ARGS__))
#define peer_connect_elsewhere(...)   (HERE, peer_connect_elsewhere(__VA_ARGS__))
#define peer_send(...)                (HERE, peer_send(__VA_ARGS__))
#define peer_call(...)                (HERE, peer_call(__VA_ARGS__))
#define peer_call_more(...)           (HERE, peer_call_more(__VA_ARGS__))
#define peer_send_raw(...)            (HERE, peer_send_raw(__VA_ARGS__))
#define peer_expect(...)              (HERE, peer_expect(__VA_ARGS__))
#define peer_expect_text(...)         (HERE, peer_expect_text(__VA_ARGS__))
#define peer_expect_containing(...)   (HERE, peer_expect_containing(__VA_ARGS__))
#define peer_expect_error(...)        (HERE, peer_expect_error(__VA_ARGS__))
#define peer_expect_eof(...)          (HERE, peer_expect_eof(__VA_ARGS__))
#define peer_expect_nothing(...)      (HERE, peer_expect_nothing(__VA_ARGS__))
#define peer_receive(...)             (HERE, peer_receive(__VA_ARGS__))
#define worker_hello(...)             (HERE, worker_hello(__VA_ARGS__))
#define worker_send(...)              (HERE, worker_send(__VA_ARGS__))
#define worker_expect(...)            (HERE, worker_expect(__VA_ARGS__))
#define worker_expect_containing(...) (HERE, worker_expect_containing(__VA_ARGS__))
#define worker_expect_eof(...)        (HERE, worker_expect_eof(__VA_ARGS__))
#define worker_receive(...)           (HERE, worker_receive(__VA_ARGS__))
#define worker_answer(...)            (HERE, worker_answer(__VA_ARGS__))
#define worker_answer_last(...)       (HERE, worker_answer_last(__VA_ARGS__))
#define worker_order(...)             (HERE, worker_order(__VA_ARGS__))
#define worker_expect_gone(...)       (HERE, worker_expect_gone(__VA_ARGS__))
#endif
