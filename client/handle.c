#include "client/handle.h"

#include <poll.h>

/* A call that did not start is sent again at most so often: a daemon that keeps going away is one that is
 * not there. */
#define REPEATS 2

/* How long to wait for a daemon that went away, and how often to look: it may be starting again. */
#define PATIENCE_MS (10 * 1000)
#define LOOK_MS     20
#define LOOK_MAX_MS 500

struct procpool *procpool_new(const char *path) {
	struct procpool *procpool = calloc(1, sizeof(*procpool));

	if (!procpool)
		return NULL;
	connection_init(&procpool->connection, -1);
	failure_init(&procpool->failure);
	procpool->patience_ms = PATIENCE_MS;
	if (path) {
		procpool->path = strdup(path);
		if (!procpool->path)
			return procpool_free(procpool);
	}
	return procpool;
}

struct procpool *procpool_free(struct procpool *procpool) {
	if (!procpool)
		return NULL;
	batch_done(&procpool->batch);
	summary_done(&procpool->summary);
	rest_done(&procpool->rest);
	bytes_done(&procpool->call);
	connection_done(&procpool->connection);
	failure_done(&procpool->failure);
	free(procpool->path);
	free(procpool);
	return NULL;
}

const struct procpool_error *procpool_last_error(const struct procpool *procpool) {
	return &procpool->failure.error;
}

int procpool_connect(struct procpool *procpool) {
	int fd, r;

	if (procpool->connection.fd >= 0) {
		if (!connection_stale(&procpool->connection))
			return 0;
		connection_done(&procpool->connection);
	}
	r = connection_dial(procpool->path, &fd, &procpool->failure);
	if (r == 0)
		connection_init(&procpool->connection, fd);
	return r;
}

int handle_reconnect(struct procpool *procpool) {
	int r = procpool_connect(procpool), wait = LOOK_MS;

	for (int left = procpool->patience_ms; r == PROCPOOL_E_NO_DAEMON && left > 0;) {
		/* No descriptor: this is a sleep. A signal may cut it short. */
		poll(NULL, 0, wait < left ? wait : left);
		left -= wait;
		wait = 2 * wait < LOOK_MAX_MS ? 2 * wait : LOOK_MAX_MS;
		r = procpool_connect(procpool);
	}
	if (r != PROCPOOL_E_NO_DAEMON)
		return r;
	return failure_set(&procpool->failure, PROCPOOL_E_LOST,
			   "the connection to the daemon was lost, and none listened within %d s; "
			   "whether the call ran is not known",
			   procpool->patience_ms / 1000);
}

/* ---- one exchange ---- */

static int lost(struct procpool *procpool, bool not_started) {
	if (not_started)
		failure_set(&procpool->failure, PROCPOOL_E_LOST,
			    "the daemon closed the connection before it took the call");
	else
		failure_set(&procpool->failure, PROCPOOL_E_LOST,
			    "the connection to the daemon was lost before its answer; whether the "
			    "call ran is not known");
	procpool->failure.error.not_started = not_started;
	return PROCPOOL_E_LOST;
}

static int broken(struct procpool *procpool, int r) {
	if (r == -EBADMSG)
		return failure_set(&procpool->failure, PROCPOOL_E_BAD_REPLY,
				   "the daemon's reply is not valid JSON: %s at byte %zu",
				   procpool->connection.doc.reason ? procpool->connection.doc.reason
								   : "too deep or too large",
				   procpool->connection.doc.offset);
	return failure_errno(&procpool->failure, r, "the connection to the daemon failed");
}

/* Sends the call; stops early when the daemon takes no more of it. */
static int transmit(struct procpool *procpool, bool *ret_whole) {
	struct connection *connection = &procpool->connection;
	size_t sent = 0, size = bytes_size(&procpool->call);

	for (;;) {
		ssize_t n =
			connection_send(connection, bytes_at(&procpool->call) + sent, size - sent);
		int r;

		if (n < 0)
			return broken(procpool, (int) n);
		sent += (size_t) n;
		*ret_whole = sent == size;
		if (*ret_whole || connection->deaf)
			return 0;
		r = n == 0 ? connection_wait(connection, POLLOUT, -1) : 0;
		if (r < 0)
			return broken(procpool, r);
	}
}

static int decode(struct procpool *procpool, enum reply_kind kind, struct reply *ret) {
	struct connection *connection = &procpool->connection;
	struct reply reply;
	const char *reason;
	int r;

	if (reply_decode(&reply, kind, &connection->doc, connection_text(connection), &reason) != 0)
		return failure_set(&procpool->failure, PROCPOOL_E_BAD_REPLY,
				   "the daemon's reply makes no sense: %s", reason);
	if (reply.error) {
		rest_renumber(&procpool->rest, reply.parameters);
		rest_renumber(&procpool->rest, json_object_get(reply.parameters, "item"));
		r = failure_answer(&procpool->failure, reply.error, reply.parameters);
		reply_done(&reply);
		return r;
	}
	*ret = reply;
	return 0;
}

/* whole: all of the call was sent. */
static int receive(struct procpool *procpool, enum reply_kind kind, bool whole, struct reply *ret) {
	struct connection *connection = &procpool->connection;
	int r;

	while ((r = connection_next(connection)) == 0) {
		if (connection->ended)
			return lost(procpool, !whole);
		r = connection_wait(connection, POLLIN, -1);
		if (r >= 0)
			r = connection_read(connection);
		if (r < 0)
			break;
	}
	return r < 0 ? broken(procpool, r) : decode(procpool, kind, ret);
}

static int exchange(struct procpool *procpool, enum reply_kind kind, struct reply *ret) {
	bool whole = false;
	int r = procpool_connect(procpool);

	if (r != 0)
		return r;
	connection_expect(&procpool->connection, kind);
	r = transmit(procpool, &whole);
	if (r == 0)
		r = receive(procpool, kind, whole, ret);
	/* After ShuttingDown the daemon closes; after any other answer the connection serves on. */
	if (r != 0 && (r != PROCPOOL_E_ANSWER || procpool->failure.error.not_started))
		connection_done(&procpool->connection);
	return r;
}

/* An exchange, and again if that certainly did not start. */
static int start(struct procpool *procpool, enum reply_kind kind, struct reply *ret) {
	for (int i = 0;; i++) {
		int r = exchange(procpool, kind, ret);

		if (i == REPEATS || (r != PROCPOOL_E_LOST && r != PROCPOOL_E_ANSWER) ||
		    !procpool->failure.error.not_started)
			return r;
	}
}

int handle_exchange(struct procpool *procpool, enum reply_kind kind, bool idempotent,
		    struct reply *ret) {
	bool may_have_run = false;
	int r;

	batch_done(&procpool->batch);
	summary_done(&procpool->summary);
	r = start(procpool, kind, ret);
	for (int i = 0; idempotent && r == PROCPOOL_E_LOST && i < HANDLE_REPEATS; i++) {
		may_have_run |= !procpool->failure.error.not_started;
		r = handle_reconnect(procpool);
		if (r != 0)
			break;
		r = start(procpool, kind, ret);
	}
	/* What is true of the last attempt is not of the others. */
	if (r != 0 && may_have_run)
		procpool->failure.error.not_started = false;
	bytes_done(&procpool->call);
	return r;
}

int handle_receive(struct procpool *procpool, enum reply_kind kind, struct reply *ret) {
	int r = receive(procpool, kind, true, ret);

	if (r != 0 && r != PROCPOOL_E_ANSWER)
		connection_done(&procpool->connection);
	return r;
}

int handle_stop(struct procpool *procpool) {
	connection_done(&procpool->connection);
	return failure_set(&procpool->failure, PROCPOOL_E_STOPPED, "stopped by its callback");
}
