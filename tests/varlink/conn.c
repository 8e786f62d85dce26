/* daemon/conn with a table of methods that procpool has never heard of. */

#include "daemon/conn.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/log.h"

static void count(void *context, struct conn *conn, struct conn_call *call) {
	(void) context, (void) call;
	conn_reply(conn, json_pack("{si}", "n", 1), true);
	conn_reply(conn, json_pack("{si}", "n", 2), false);
}

static void refuse(void *context, struct conn *conn, struct conn_call *call) {
	(void) context, (void) call;
	conn_fail_as(conn, "org.example.Refused", json_pack("{ss}", "reason", "because"));
}

static void refuse_silently(void *context, struct conn *conn, struct conn_call *call) {
	(void) context, (void) call;
	conn_fail_as(conn, "org.example.Silent", NULL);
}

static const struct conn_method methods[] = {
	{.name = "Count", .more = true, .run = count},
	{.name = "Refuse", .run = refuse},
	{.name = "RefuseSilently", .run = refuse_silently},
	{.name = "Later"},
	{.name = NULL},
};

static const struct conn_interface interface = {.name = "org.example", .methods = methods};

static void on_closed(void *context) {
	event_base_loopbreak(context);
}

static void loop_init(struct channel_loop *loop) {
	loop->base = event_base_new();
	loop->scratch = malloc(CHANNEL_SCRATCH);
	cr_assert(loop->base && loop->scratch);
}

static void loop_done(struct channel_loop *loop) {
	event_base_free(loop->base);
	free(loop->scratch);
}

/* Reads until the end; each message becomes a line. */
static void read_lines(int fd, char *lines, size_t size) {
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, lines + used, size - 1 - used)) > 0)
		used += (size_t) n;
	for (size_t i = 0; i < used; i++)
		if (lines[i] == '\0')
			lines[i] = '\n';
	lines[used] = '\0';
}

/* Sends the calls, each a line, and nothing after them; what comes back must be these lines. */
static void expect(const char *calls, const char *replies) {
	struct conn_list all = TAILQ_HEAD_INITIALIZER(all);
	const struct intake_limits limits = {
		.call = {.message = LIMIT_MESSAGE, .envelope = LIMIT_ENVELOPE},
		.message_timeout = UINT64_MAX,
		.message_timeout_total = UINT64_MAX,
	};
	struct channel_loop loop;
	struct conn_setup setup = {.loop = &loop,
				   .interfaces = &interface,
				   .n_interfaces = 1,
				   .limits = &limits,
				   .all = &all,
				   .closed = on_closed};
	const struct peer peer = {0};
	char lines[4096];
	int fds[2];

	log_set_level(LOG_ERR);
	loop_init(&loop);
	setup.context = loop.base;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	cr_assert_eq(conn_new(&setup, fds[0], &peer), 0);
	for (const char *c = calls; *c; c++)
		cr_assert_eq(write(fds[1], *c == '\n' ? "" : c, 1), 1);
	shutdown(fds[1], SHUT_WR);
	cr_assert_eq(event_base_dispatch(loop.base), 0);
	read_lines(fds[1], lines, sizeof lines);
	close(fds[1]);
	loop_done(&loop);
	cr_assert_str_eq(lines, replies);
}

Test(conn, fails_with_errors_of_the_methods_own_interface) {
	expect("{\"method\":\"org.example.Refuse\"}\n"
	       "{\"method\":\"org.example.RefuseSilently\"}\n"
	       "{\"method\":\"org.example.Count\",\"more\":true}\n",
	       "{\"error\":\"org.example.Refused\",\"parameters\":{\"reason\":\"because\"}}\n"
	       "{\"error\":\"org.example.Silent\"}\n"
	       "{\"parameters\":{\"n\":1},\"continues\":true}\n"
	       "{\"parameters\":{\"n\":2}}\n");
}

/* "`oneway` | `true`: no reply at all, neither result nor error" */
Test(conn, answers_a_oneway_call_neither_with_replies_nor_with_errors) {
	expect("{\"method\":\"org.example.Count\",\"oneway\":true}\n"
	       "{\"method\":\"org.example.Refuse\",\"oneway\":true}\n"
	       "{\"method\":\"org.example.Sing\",\"oneway\":true}\n"
	       "{\"method\":\"org.example.RefuseSilently\"}\n",
	       "{\"error\":\"org.example.Silent\"}\n");
}

Test(conn, names_the_interface_or_the_method_it_does_not_have) {
	expect("{\"method\":\"org.example.Later\"}\n"
	       "{\"method\":\"org.example.Sing\"}\n"
	       "{\"method\":\"io.procpool.Map\"}\n",
	       "{\"error\":\"org.varlink.service.MethodNotImplemented\","
	       "\"parameters\":{\"method\":\"org.example.Later\"}}\n"
	       "{\"error\":\"org.varlink.service.MethodNotFound\","
	       "\"parameters\":{\"method\":\"org.example.Sing\"}}\n"
	       "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	       "\"parameters\":{\"interface\":\"io.procpool\"}}\n");
}
