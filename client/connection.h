#pragma once

#include <stdbool.h>

#include "client/bytes.h"
#include "client/failure.h"
#include "protocol/document.h"
#include "protocol/reply.h"

/*
 * One end of a socket: bytes out, whole documents in. Never blocks but in connection_wait().
 */
struct connection {
	int fd; /* -1 = none */
	struct bytes in;
	struct bytes out;
	size_t held; /* bytes at the end of out that are not to be sent yet */
	bool wrote;  /* some of out was sent */
	bool deaf;   /* the peer takes nothing more; what it wrote is still to be read */
	bool ended;  /* all it wrote is read */
	bool hungry; /* the bytes at hand hold no whole document: read on */

	struct document doc; /* what connection_next() found */
	size_t taken;        /* bytes of in that it covers; they go with the next one */
};

/* Opens a socket. path: NULL = look for it, as procpool_new() says. Sets *ret_fd. */
int connection_dial(const char *path, int *ret_fd, struct failure *failure);

void connection_init(struct connection *connection, int fd);
/* Closes it; everything is as before connection_init(), with fd -1. */
void connection_done(struct connection *connection);

/* Says which kind of documents comes next. */
void connection_expect(struct connection *connection, enum reply_kind kind);

/* Sends some bytes, apart from out. Returns how many; sets deaf; negative errno. */
ssize_t connection_send(struct connection *connection, const char *data, size_t size);

/* Sends what out holds, as far as the socket takes it. Returns 0 (deaf may be set), negative errno. */
int connection_write(struct connection *connection);

/* Reads once. Returns 0 (ended may be set), negative errno. */
int connection_read(struct connection *connection);

/* Looks for the next document among the bytes read: 1 = there, in doc, its text at connection_text();
 * 0 = not yet; -ENOMEM; -EBADMSG. */
int connection_next(struct connection *connection);

static inline const char *connection_text(const struct connection *connection) {
	return bytes_at(&connection->in);
}

/* Waits for events of poll(2). Returns what came, 0 when timeout_ms (-1 = none) have passed, negative errno. */
int connection_wait(const struct connection *connection, short events, int timeout_ms);

/* Whether an idle connection was closed by the daemon meanwhile. */
bool connection_stale(const struct connection *connection);
