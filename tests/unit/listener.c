#include "daemon/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/permission.h"
#include "tests/unit/unit.h"

/*
 * A socket from its making to its end, and one connection accepted from it, with each allocation in between failing in
 * turn, those of libevent included.
 */

struct heard {
	int fd;      /* of the connection; -1 = none */
	bool groups; /* those of the peer were known */
};

static void on_accepted(void *context, int fd, const struct peer *peer) {
	struct heard *heard = context;

	cr_assert_eq(peer->uid, geteuid());
	heard->fd = fd;
	heard->groups = peer->groups != NULL;
}

static const struct listener_ops ops = {.accepted = on_accepted};

static void quiet(int severity, const char *message) {
	(void) severity, (void) message;
}

static void *resize(void *block, size_t size) {
	return realloc(block, size);
}

static int call(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	cr_assert_eq(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	return fd;
}

/* Returns whether the nth allocation came, and so failed. */
static bool listen_once(const char *path, size_t n) {
	struct channel_loop loop = {.base = event_base_new()};
	struct heard heard = {.fd = -1};
	struct listener *listener = NULL;
	int client = -1, r;
	bool failed;

	unit_fail(n);
	r = listener_new(&listener, &loop, path, &ops, &heard);
	if (r == 0) {
		client = call(path);
		event_base_loop(loop.base, EVLOOP_NONBLOCK);
	}
	failed = unit_failed();

	if (r < 0) {
		cr_assert_eq(r, -ENOMEM);
		cr_assert(failed);
	} else {
		cr_assert_geq(heard.fd, 0, "allocation %zu: not accepted", n);
		cr_assert(heard.groups || failed);
		close(heard.fd);
		close(client);
		listener_free(listener);
	}
	cr_assert_neq(access(path, F_OK), 0, "allocation %zu: the socket is still there", n);
	event_base_free(loop.base);
	return failed;
}

UNIT_TEST(listener, without_memory) {
	char directory[] = "/tmp/procpool-XXXXXX", path[sizeof(directory) + 8];
	size_t n = 0;

	event_set_mem_functions(malloc, resize, free);
	event_set_log_callback(quiet);
	cr_assert_not_null(mkdtemp(directory));
	sprintf(path, "%s/socket", directory);
	while (listen_once(path, ++n))
		;
	cr_assert_gt(n, 5);
	rmdir(directory);
}
