/* certification-server SOCKET: the daemon's listener, channel, conn and service, with the methods of
 * org.varlink.certification in the place of procpool's. Ends on SIGTERM. */

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/service.h"
#include "tests/varlink/certification.h"

#define SECOND UINT64_C(1000000)

struct server {
	struct channel_loop loop;
	struct event *stop;
	struct listener *listener;
	struct certification *certification;
	struct service service;
	struct conn_interface interfaces[2];
	struct intake_limits limits;
	struct conn_setup setup;
	struct conn_list conns;
};

static void on_signal(evutil_socket_t number, short what, void *context) {
	struct server *server = context;

	(void) number, (void) what;
	event_base_loopbreak(server->loop.base);
}

static void on_accepted(void *context, int fd, const struct peer *peer) {
	struct server *server = context;

	if (conn_new(&server->setup, fd, peer) < 0)
		close(fd);
}

static const struct listener_ops listener_ops = {.accepted = on_accepted};

static void fill_setups(struct server *server) {
	TAILQ_INIT(&server->conns);
	server->service = (struct service) {
		.product = "certification-server",
		.interfaces = server->interfaces,
		.n_interfaces = 2,
	};
	server->interfaces[0] = (struct conn_interface) {
		.name = SERVICE_NAME,
		.description = service_description,
		.methods = service_methods,
		.context = &server->service,
	};
	server->interfaces[1] = certification_interface(server->certification);
	server->limits = (struct intake_limits) {
		.call = {.message = LIMIT_MESSAGE,
			 .envelope = LIMIT_ENVELOPE,
			 .items = LIMIT_ITEMS,
			 .item = LIMIT_ITEM},
		.message_timeout = 30 * SECOND,
		.message_timeout_total = 600 * SECOND,
	};
	server->setup = (struct conn_setup) {
		.loop = &server->loop,
		.interfaces = server->interfaces,
		.n_interfaces = 2,
		.limits = &server->limits,
		.all = &server->conns,
	};
}

/* Returns 0, or what the process exits with. */
static int build(struct server *server, const char *path) {
	server->loop.base = event_base_new();
	server->loop.scratch = malloc(CHANNEL_SCRATCH);
	server->certification = certification_new();
	if (!server->loop.base || !server->loop.scratch || !server->certification)
		return 71;
	fill_setups(server);
	server->stop = evsignal_new(server->loop.base, SIGTERM, on_signal, server);
	if (!server->stop || event_add(server->stop, NULL) < 0)
		return 71;
	return listener_new(&server->listener, &server->loop, path, &listener_ops, server) < 0 ? 69
											       : 0;
}

static void server_done(struct server *server) {
	listener_free(server->listener);
	if (server->certification)
		conn_free_all(&server->conns);
	certification_free(server->certification);
	if (server->stop)
		event_free(server->stop);
	if (server->loop.base)
		event_base_free(server->loop.base);
	free(server->loop.scratch);
}

int main(int argc, char *argv[]) {
	struct server server = {0};
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_WARNING);
	status = build(&server, argv[1]);
	if (status)
		fprintf(stderr, "%s: cannot listen on %s\n", argv[0], argv[1]);
	else if (event_base_dispatch(server.loop.base) < 0)
		status = 71;
	server_done(&server);
	return status;
}
