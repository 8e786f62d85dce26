#include "daemon/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/conn_inside.h"
#include "tests/unit/unit.h"

/*
 * A connection from its acceptance to its end, with each allocation in between failing in turn, those of libevent and
 * jansson included: it is refused, or it is served, or it ends, and its peer can tell; nothing is left of it.
 */

#define WHOLE(text_) text_, sizeof(text_)

struct bench {
	struct event_base *base;
	struct channel_loop loop;
	struct quota quota;
	struct intake_limits limits;
	struct conn_interface interface;
	struct conn_list all;
	struct conn_setup setup;
	int peer, fd; /* the two ends; fd is the connection's, once there is one */
};

static void echo(void *context, struct conn *conn, struct conn_call *call) {
	(void) context, (void) call;
	conn_reply(conn, json_pack("{ss}", "said", "yes"), false);
}

static const struct conn_method methods[] = {
	{.name = "Echo", .run = echo},
	{.name = NULL},
};

static void quiet(int severity, const char *message) {
	(void) severity, (void) message;
}

static void *resize(void *block, size_t size) {
	return realloc(block, size);
}

static void bench_init(struct bench *bench, uint64_t connections) {
	struct quota_limits limits = {
		.connections = 10,
		.user_connections = connections,
		.user_items = UINT64_MAX / 4,
		.user_bytes = UINT64_MAX / 4,
		.total_bytes = UINT64_MAX / 4,
	};
	int fds[2];

	*bench = (struct bench) {
		.limits =
			{
				.call = {.message = 1 << 20, .envelope = 1 << 16},
				.message_timeout = 1000000,
				.message_timeout_total = UINT64_MAX,
			},
		.interface = {.name = "t.t", .description = "", .methods = methods},
	};
	event_set_mem_functions(malloc, resize, free);
	event_set_log_callback(quiet);
	bench->base = event_base_new();
	bench->loop.base = bench->base;
	bench->loop.scratch = malloc(CHANNEL_SCRATCH);
	quota_init(&bench->quota, &limits);
	TAILQ_INIT(&bench->all);
	bench->setup = (struct conn_setup) {
		.loop = &bench->loop,
		.interfaces = &bench->interface,
		.n_interfaces = 1,
		.limits = &bench->limits,
		.quota = &bench->quota,
		.all = &bench->all,
	};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	bench->peer = fds[0];
	bench->fd = fds[1];
}

static void bench_done(struct bench *bench) {
	conn_free_all(&bench->all);
	quota_done(&bench->quota);
	event_base_free(bench->base);
	free(bench->loop.scratch);
}

/* All that can happen without time passing. */
static void turn(struct bench *bench) {
	for (int i = 0; i < 10; i++)
		event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

/* What the peer sees now. */
struct view {
	char text[1024];
	size_t size;
	bool ended;
};

static struct view look(const struct bench *bench) {
	struct view view = {.size = 0};
	ssize_t n;

	do {
		n = recv(bench->peer, view.text + view.size, sizeof(view.text) - view.size, 0);
		if (n > 0)
			view.size += (size_t) n;
	} while (n > 0);
	view.ended = n == 0 || errno != EAGAIN;
	return view;
}

/* A connection that is there and was not ended waits for something that will come. */
static void assert_in_time(const struct bench *bench, size_t n) {
	const struct conn *conn = TAILQ_FIRST(&bench->all);

	if (!conn)
		return;
	cr_assert(conn->state != CONN_CLOSED, "allocation %zu: closed and not freed", n);
	if (conn->state == CONN_DRAINING)
		cr_assert(event_pending(conn->reap, EV_TIMEOUT, NULL),
			  "allocation %zu: draining for ever", n);
	else if (channel_unread(conn->channel) > 0)
		cr_assert(event_pending(conn->intake.timer, EV_TIMEOUT, NULL),
			  "allocation %zu: waiting for the rest of a message for ever", n);
}

/* Connects, says something, and hears what becomes of it, with the nth allocation failing. Returns whether it did. */
static bool converse(size_t n, const char *said, size_t size, uint64_t connections,
		     const char *answer) {
	const struct peer peer = {.uid = 1000, .gid = 1000, .pid = 1};
	struct bench bench;
	struct view view;
	bool failed;
	int r;

	bench_init(&bench, connections);
	cr_assert_eq(send(bench.peer, said, size, 0), (ssize_t) size);
	unit_fail(n);
	r = conn_new(&bench.setup, bench.fd, &peer);
	turn(&bench);
	failed = unit_failed();

	if (r < 0) {
		cr_assert(failed);
		cr_assert_eq(r, -ENOMEM);
		cr_assert_geq(fcntl(bench.fd, F_GETFD), 0, "allocation %zu: the fd was closed", n);
		cr_assert(TAILQ_EMPTY(&bench.all));
		cr_assert_eq(bench.quota.held[QUOTA_CONNECTIONS], 0);
		close(bench.fd);
	} else {
		view = look(&bench);
		if (answer && !failed)
			cr_assert(memmem(view.text, view.size, answer, strlen(answer)), "%.*s",
				  (int) view.size, view.text);
		if (answer)
			cr_assert(view.ended || (view.size > 0 && !view.text[view.size - 1]),
				  "allocation %zu: neither an answer nor an end", n);
		assert_in_time(&bench, n);
	}
	close(bench.peer);
	turn(&bench);
	cr_assert(TAILQ_EMPTY(&bench.all), "allocation %zu: it is still there", n);
	cr_assert_eq(bench.quota.held[QUOTA_CONNECTIONS], 0);
	cr_assert_eq(bench.quota.held[QUOTA_UNSENT], 0);
	bench_done(&bench);
	return failed;
}

/* answer: part of what is heard when none fails; NULL: nothing is heard. */
static void fail_each(const char *said, size_t size, uint64_t connections, const char *answer) {
	size_t n = 0;

	while (converse(++n, said, size, connections, answer))
		;
	cr_assert_gt(n, 5);
}

UNIT_TEST(conn, one_call_without_memory) {
	fail_each(WHOLE("{\"method\":\"t.t.Echo\"}"), 10, "{\"parameters\":{\"said\":\"yes\"}}");
}

UNIT_TEST(conn, calls_one_after_the_other_without_memory) {
	fail_each(WHOLE("{\"method\":\"t.t.Echo\"}\0{\"method\":\"t.t.Echo\",\"oneway\":true}\0"
			"{\"method\":\"t.t.None\"}"),
		  10, "MethodNotFound");
}

UNIT_TEST(conn, half_a_call_without_memory) {
	fail_each("{\"method\":\"t.t", 12, 10, NULL);
}

UNIT_TEST(conn, what_is_no_call_without_memory) {
	fail_each(WHOLE("{\"method\"]"), 10, "MalformedMessage");
}

UNIT_TEST(conn, one_connection_too_many_without_memory) {
	fail_each(WHOLE("{\"method\":\"t.t.Echo\"}"), 0, "TooManyConnections");
}
