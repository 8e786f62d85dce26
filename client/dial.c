#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/connection.h"

/* Sets *ret_fd. Returns 0, negative errno of connect(2). */
static int dial(const char *path, int *ret_fd) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Blocks while the daemon's queue is full; a connect that is not to block would fail instead. */
	do
		r = connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static bool is_absent(int r) {
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

static int dial_failed(const char *path, int r, struct failure *failure) {
	if (is_absent(r))
		failure_set(failure, PROCPOOL_E_NO_DAEMON, "no daemon listens on %s: %s", path,
			    strerror(-r));
	else if (r == -EACCES || r == -EPERM)
		failure_set(failure, PROCPOOL_E_DENIED, "you may not use %s: %s", path,
			    strerror(-r));
	else
		failure_set(failure, r, "cannot connect to %s: %s", path, strerror(-r));
	failure->error.not_started = true;
	return failure->error.code;
}

/* The user's own daemon where there is one, else the system's. */
static int dial_any(int *ret_fd, struct failure *failure) {
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[sizeof(((struct sockaddr_un *) NULL)->sun_path)];
	int r;

	if (runtime && *runtime == '/' &&
	    (size_t) snprintf(path, sizeof(path), "%s/procpool/io.procpool", runtime) <
		    sizeof(path)) {
		r = dial(path, ret_fd);
		if (r == 0 || !is_absent(r))
			return r == 0 ? 0 : dial_failed(path, r, failure);
	}
	r = dial(PROCPOOL_SYSTEM_SOCKET, ret_fd);
	return r == 0 ? 0 : dial_failed(PROCPOOL_SYSTEM_SOCKET, r, failure);
}

int connection_dial(const char *path, int *ret_fd, struct failure *failure) {
	int r;

	if (!path)
		path = getenv("PROCPOOL_SOCKET");
	if (!path || !*path)
		return dial_any(ret_fd, failure);
	r = dial(path, ret_fd);
	return r == 0 ? 0 : dial_failed(path, r, failure);
}
