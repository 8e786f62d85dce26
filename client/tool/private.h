#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "client/tool/command.h"

/*
 * A daemon for one command. It goes when its lifeline closes, so it goes with the tool however that ends.
 */
struct private_daemon {
	pid_t pid;                       /* 0 = none */
	int pid_fd;                      /* -1 = none */
	int lifeline;                    /* -1 = none */
	char directory[80], socket[100]; /* empty = none */
};

#define PRIVATE_DAEMON_INIT \
	{ .pid_fd = -1, .lifeline = -1 }

/* Starts it and waits until its socket listens. Returns 0, or an exit code after saying what is wrong; then,
 * too, private_stop() must be called. */
int private_start(struct private_daemon *daemon, const struct common *common);

/* Stops it, waits for it, removes its directory. Safe in a signal handler; does nothing the second time. */
void private_stop(struct private_daemon *daemon);
