#pragma once

#include "client/batch.h"
#include "client/connection.h"
#include "client/encode.h"
#include "client/failure.h"
#include "client/rest.h"

/* A handle, as the files of the library share it. */
struct procpool {
	char *path; /* owned; or NULL: look for it */
	struct connection connection;
	struct failure failure;
	struct bytes call; /* being made, so that it can be repeated */
	struct procpool_batch batch;
	struct summary summary;
	struct rest rest; /* of the map at hand */
	int patience_ms;  /* how long to wait for a daemon that went away */
};

/* Connects again after a loss, waiting for a daemon to listen. Returns as procpool_connect(), but PROCPOOL_E_LOST
 * where nobody listened in time. */
int handle_reconnect(struct procpool *procpool);

/* Sends procpool->call and waits for the first reply, repeating what certainly did not start; if the call is
 * idempotent, what may have started, too.
 * *ret: to be freed with reply_done(); never one with an error. Returns PROCPOOL_E_*, negative errno, with
 * procpool->failure set and the connection closed, unless the daemon answered with an error. */
int handle_exchange(struct procpool *procpool, enum reply_kind kind, bool idempotent,
		    struct reply *ret);

/* A call is repeated so often in a row without anything coming of it. */
#define HANDLE_REPEATS 3

/* Ends a call whose replies nobody wants: closing is cancelling. Returns PROCPOOL_E_STOPPED. */
int handle_stop(struct procpool *procpool);

/* Waits for one more reply of the call. Returns as handle_exchange(). */
int handle_receive(struct procpool *procpool, enum reply_kind kind, struct reply *ret);
