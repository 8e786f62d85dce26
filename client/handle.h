#pragma once

#include "client/batch.h"
#include "client/connection.h"
#include "client/encode.h"
#include "client/failure.h"

/* A handle, as the files of the library share it. */
struct procpool {
	char *path; /* owned; or NULL: look for it */
	struct connection connection;
	struct failure failure;
	struct bytes call; /* being made, so that it can be repeated */
	struct procpool_batch batch;
	struct summary summary;
};

/* Sends procpool->call and waits for the first reply, repeating what certainly did not start.
 * *ret: to be freed with reply_done(); never one with an error. Returns PROCPOOL_E_*, negative errno, with
 * procpool->failure set and the connection closed, unless the daemon answered with an error. */
int handle_exchange(struct procpool *procpool, enum reply_kind kind, struct reply *ret);

/* Waits for one more reply of the call. Returns as handle_exchange(). */
int handle_receive(struct procpool *procpool, enum reply_kind kind, struct reply *ret);
