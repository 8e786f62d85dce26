#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct channel_loop;
struct groups;

/* The socket that clients connect to: passed by the service manager, or bound by path. */

/* Who connected, as the kernel knows it. */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	struct groups *groups; /* its effective one and all others; NULL = not known */
};

struct listener_ops {
	/* fd: connected, non-blocking; the callee's. Of the peer's groups it takes a reference. */
	void (*accepted)(void *context, int fd, const struct peer *peer);
};

struct listener;

/* path: where to bind if the service manager passed no socket. The directory of the path is made if its parent
 * exists. Logs what it refuses. Returns 0 and *ret; -EADDRINUSE if a live daemon answers there; -errno. */
int listener_new(struct listener **ret, const struct channel_loop *loop, const char *path,
		 const struct listener_ops *ops, void *context);
/* Removes the socket if it is this daemon's own. Always returns NULL. */
struct listener *listener_free(struct listener *listener);

/* Whether the service manager passed a socket to this process. */
bool listener_is_passed(void);
/* The absolute path at which clients find the passed socket, or else one that is bound to path: in ret, of size bytes.
 * Returns 0; -ENAMETOOLONG; -EADDRNOTAVAIL for a passed socket without a path; -errno. */
int listener_address(const char *path, char *ret, size_t size);
/* Whether somebody has connected who was not accepted yet. */
bool listener_is_awaited(const struct listener *listener);

/* No more connections are accepted. Those that wait on this daemon's own socket still are, and the socket is
 * removed; those on a passed one stay in the backlog. */
void listener_stop(struct listener *listener);
