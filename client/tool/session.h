#pragma once

#include <procpool/client.h>

#include "client/tool/command.h"
#include "client/tool/private.h"

/* A command's connection to its daemon, which is started for it if it is to be private. */
struct session {
	struct procpool *procpool;
	struct private_daemon daemon;
};

/* Returns 0, or an exit code after saying what is wrong. From here on SIGINT, SIGTERM, SIGHUP and SIGPIPE
 * stop the private daemon and end the tool. */
int session_open(struct session *session, const struct common *common);

/* Stops the private daemon, waiting for it. Returns code, or what the daemon's end makes of it. */
int session_close(struct session *session, int code);

/* After a failed call: the exit code, what is wrong having been said. */
int session_failed(struct session *session);
