#include "daemon/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/permission.h"

#define BACKLOG 512
/* How long nothing is accepted when descriptors or memory are short. */
#define PAUSE_US UINT64_C(100000)
/* How long a starting daemon waits for another one that starts in the same directory: 1 s. */
#define LOCK_TRIES   100
#define LOCK_WAIT_MS 10

struct listener {
	const struct listener_ops *ops;
	void *context;
	int fd;
	struct event *readable; /* level-triggered: what is not accepted now is reported again */
	struct event *pause;
	char *path; /* of an own socket; NULL for a passed one */
};

static int wait_a_little(struct listener *listener) {
	struct timeval interval = clock_interval(PAUSE_US);

	return event_add(listener->pause, &interval);
}

static void on_pause_over(evutil_socket_t fd, short what, void *context) {
	struct listener *listener = context;

	(void) fd, (void) what;
	/* What is short may be short still. */
	if (event_add(listener->readable, NULL) < 0)
		wait_a_little(listener);
}

static void pause_accepting(struct listener *listener, int error) {
	log_event(ENTRY_SHORTAGE, NULL, "cannot accept a connection: %s", strerror(error));
	/* Nobody would be accepted any more if only the first of the two went well. */
	if (wait_a_little(listener) == 0)
		event_del(listener->readable);
}

/* The groups of whoever connected; NULL if they cannot be had, and then they give it no rights. */
static struct groups *peer_groups(int fd, gid_t gid) {
	gid_t few[64], *ids = few;
	socklen_t size = sizeof few;
	struct groups *groups = NULL;
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ids, &size);

	/* They are more, and size says how many. */
	if (r < 0 && errno == ERANGE) {
		ids = malloc(size);
		r = ids ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ids, &size) : -1;
	}
	if (r == 0)
		groups = groups_new(gid, ids, size / sizeof *ids);
	if (!groups)
		log_warning("cannot tell the groups of who connected: %s", strerror(errno));
	if (ids != few)
		free(ids);
	return groups;
}

/* Returns 0, or -errno of accept4(). */
static int accept_one(struct listener *listener) {
	struct ucred cred;
	socklen_t size = sizeof cred;
	struct peer peer;
	int client = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0)
		return -errno;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0) {
		log_error("cannot tell who connected: %s", strerror(errno));
		close(client);
		return 0;
	}
	peer = (struct peer) {.uid = cred.uid,
			      .gid = cred.gid,
			      .pid = cred.pid,
			      .groups = peer_groups(client, cred.gid)};
	listener->ops->accepted(listener->context, client, &peer);
	groups_unref(peer.groups);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context) {
	int r = accept_one(context);

	(void) fd, (void) what;
	if (r < 0 && r != -EAGAIN && r != -EINTR && r != -ECONNABORTED)
		pause_accepting(context, -r);
}

/* -------- the socket -------- */

/* The one socket passed by the service manager, or -ENOENT if there is none. */
static int passed_socket(void) {
	int n = sd_listen_fds(1);

	if (n < 0)
		return n;
	if (n == 0)
		return -ENOENT;
	if (n > 1) {
		log_error("the service manager passed %d sockets; procpoold takes one", n);
		return -EINVAL;
	}
	if (sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
		log_error("the passed descriptor is no listening Unix stream socket");
		return -EINVAL;
	}
	if (fcntl(SD_LISTEN_FDS_START, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return SD_LISTEN_FDS_START;
}

static int passed_address(char *ret, size_t size) {
	struct sockaddr_un address = {0};
	socklen_t length = sizeof address - 1;

	if (getsockname(SD_LISTEN_FDS_START, (struct sockaddr *) &address, &length) < 0)
		return -errno;
	if (address.sun_family != AF_UNIX || address.sun_path[0] != '/')
		return -EADDRNOTAVAIL;
	return (size_t) snprintf(ret, size, "%s", address.sun_path) < size ? 0 : -ENAMETOOLONG;
}

int listener_address(const char *path, char *ret, size_t size) {
	char here[PATH_MAX] = "";

	if (listener_is_passed())
		return passed_address(ret, size);
	if (*path != '/' && !getcwd(here, sizeof here))
		return -errno;
	return (size_t) snprintf(ret, size, "%s%s%s", here, *here ? "/" : "", path) < size
		       ? 0
		       : -ENAMETOOLONG;
}

bool listener_is_passed(void) {
	return sd_listen_fds(0) > 0;
}

/* Whether somebody listens at the address: 1 yes, 0 no, -errno. */
static int somebody_listens(const struct sockaddr_un *address) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *) address, sizeof *address) < 0 ? -errno : 0;
	close(fd);
	/* EAGAIN: the backlog is full, so there is one. */
	if (r == 0 || r == -EAGAIN)
		return 1;
	return r == -ECONNREFUSED || r == -ENOENT ? 0 : r;
}

/* Two daemons that start at once must not both find the socket stale: whoever has locked the directory decides, and
 * the other waits a little. The directory itself is locked, so that no file is left behind. */
static int lock_directory(const char *directory) {
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		poll(NULL, 0, LOCK_WAIT_MS);
	}
	close(fd);
	return -EADDRINUSE;
}

/* The directory of path, made if it is missing, in memory of the caller's. */
static char *socket_directory(const char *path) {
	const char *slash = strrchr(path, '/');
	char *directory =
		slash ? strndup(path, slash == path ? 1 : (size_t) (slash - path)) : strdup(".");

	if (directory && mkdir(directory, 0755) < 0 && errno != EEXIST)
		log_warning("cannot make %s: %s", directory, strerror(errno));
	return directory;
}

/* A socket that nobody listens on. Anything else under its name is somebody's file. */
static int remove_stale(const char *path) {
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	return unlink(path) < 0 ? -errno : 0;
}

static int bind_path(const struct sockaddr_un *address) {
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
	mode_t mask;

	if (fd < 0)
		return -errno;
	/* Workers run as this daemon's user: only that user may use them. A socket for others comes from the
	 * service manager, with the owner and mode that the administrator gave it. */
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *) address, sizeof *address) < 0 ||
	    listen(fd, BACKLOG) < 0)
		r = -errno;
	umask(mask);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int own_socket(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *directory;
	int lock, r;

	if (strlen(path) >= sizeof address.sun_path) {
		log_error("%s: a socket's path takes at most %zu characters", path,
			  sizeof address.sun_path - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	directory = socket_directory(path);
	lock = directory ? lock_directory(directory) : -ENOMEM;
	free(directory);
	if (lock < 0)
		return lock;
	r = somebody_listens(&address);
	if (r == 1)
		r = -EADDRINUSE;
	if (r == 0)
		r = remove_stale(path);
	if (r == 0)
		r = bind_path(&address);
	close(lock);
	return r;
}

/* -------- life -------- */

int listener_new(struct listener **ret, const struct channel_loop *loop, const char *path,
		 const struct listener_ops *ops, void *context) {
	struct listener *listener = calloc(1, sizeof *listener);
	int fd = passed_socket();

	if (!listener)
		return -ENOMEM;
	if (fd == -ENOENT) {
		fd = own_socket(path);
		listener->path = fd >= 0 ? strdup(path) : NULL;
		/* Without it the socket would be taken for a passed one, and stay. */
		if (fd >= 0 && !listener->path) {
			unlink(path);
			close(fd);
			fd = -ENOMEM;
		}
	}
	listener->fd = fd;
	if (fd < 0) {
		listener_free(listener);
		return fd;
	}
	listener->ops = ops;
	listener->context = context;
	listener->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, listener);
	listener->pause = evtimer_new(loop->base, on_pause_over, listener);
	if (!listener->readable || !listener->pause || event_add(listener->readable, NULL) < 0) {
		listener_free(listener);
		return -ENOMEM;
	}
	*ret = listener;
	return 0;
}

/* Nobody else listens on a socket of our own: who waits there is told that we stop, who comes later finds nobody.
 * One of the service manager's is left as it is, for the next daemon. */
static void withdraw(struct listener *listener) {
	while (accept_one(listener) == 0)
		;
	unlink(listener->path);
	free(listener->path);
	listener->path = NULL;
	close(listener->fd);
	listener->fd = -1;
}

bool listener_is_awaited(const struct listener *listener) {
	struct pollfd fd = {.fd = listener->fd, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

void listener_stop(struct listener *listener) {
	event_del(listener->readable);
	event_del(listener->pause);
	if (listener->path)
		withdraw(listener);
}

struct listener *listener_free(struct listener *listener) {
	if (!listener)
		return NULL;
	if (listener->readable)
		event_free(listener->readable);
	if (listener->pause)
		event_free(listener->pause);
	if (listener->path)
		unlink(listener->path);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener->path);
	free(listener);
	return NULL;
}
