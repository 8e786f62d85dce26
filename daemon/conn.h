#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/intake.h"
#include "daemon/listener.h"
#include "daemon/method.h"
#include "daemon/quota.h"
#include "protocol/call.h"
#include "protocol/error.h"

struct bytes;
struct channel_loop;

/*
 * One Varlink peer: order, flags, oneway, upgrade, errors. What it can be asked is in the tables of
 * interfaces it is given; it knows nothing about pools.
 */
struct conn;

/* One call, while its method looks at it. */
struct conn_call {
	const struct call *call;
	const struct document *doc; /* parameters and items */
	char *text;                 /* what the document's offsets count from */
	struct bytes *(*take)(
		struct conn_call *call); /* the text to share: a new reference, or NULL */
};

/* What the owner of the active call, or of the stream, is told. */
struct conn_ops {
	/* One object of a stream arrived. */
	void (*object)(void *owner, struct conn_call *object);
	/* The peer of a stream sends no more. error: a reason to end the stream at once, or NULL; it is taken. */
	void (*input_ended)(void *owner, struct error *error);
	/* The peer is gone: nobody waits for an answer any more. */
	void (*hung_up)(void *owner);
	/* Unsent output fell below the low-water mark. */
	void (*drained)(void *owner);
	/* What the stream is not read for, for people; NULL: it is read again. NULL for whoever has no stream. */
	void (*waits_for)(void *owner, const char *what);
};

TAILQ_HEAD(conn_list, conn);

/* What connections share. */
struct conn_setup {
	const struct channel_loop *loop;
	const struct conn_interface *interfaces;
	size_t n_interfaces;
	const struct intake_limits *limits;
	struct quota *quota;           /* NULL: nothing is charged */
	struct conn_list *all;         /* connections add and remove themselves */
	void (*closed)(void *context); /* a connection is gone; may be NULL */
	void *context;                 /* for closed() */
};

/* fd: connected, non-blocking; the connection's, which frees itself when the peer is gone and after
 * errors; one too many is told so. Returns 0, or -ENOMEM (fd stays open). */
int conn_new(const struct conn_setup *setup, int fd, const struct peer *peer);
/* Drops all of them without a word. */
void conn_free_all(struct conn_list *all);

unsigned conn_count(const struct conn_list *all);
/* Nothing written to any of them waits for the kernel. */
bool conn_all_sent(const struct conn_list *all);
/* No call is accepted any more: active ones get their answer, complete ones that wait ShuttingDown. */
void conn_shut_all(struct conn_list *all);

/* Nobody is given more than two seconds any more to take what is sent. */
void conn_hurry_all(struct conn_list *all);

const struct peer *conn_peer(const struct conn *conn);
/* The active call, which must be oneway, cannot be run yet: its method is called again when there is room. */
void conn_hold(struct conn *conn, enum quota_verdict verdict);

/* Whether there is room for a large answer that is no result: not while its user leaves too many untaken. */
enum quota_verdict conn_may_answer(const struct conn *conn);

/* Who is told about the active call from now on; NULL = nobody. */
void conn_own(struct conn *conn, const struct conn_ops *ops, void *owner);

/* The last reply of the active call, or one of several. parameters: object, taken; NULL = empty. */
void conn_reply(struct conn *conn, json_t *parameters, bool continues);
/* The error of the active call, moved. */
void conn_fail(struct conn *conn, struct error *error);
/* The same for an error that the method's own interface defines: name is the whole name, as sent.
 * parameters: object, taken; NULL = none. */
void conn_fail_as(struct conn *conn, const char *name, json_t *parameters);

/* A reply in pieces: everything up to the final NUL is the caller's. */
void conn_write(struct conn *conn, const void *data, size_t size);
void conn_write_bytes(struct conn *conn, struct bytes *bytes, size_t begin, size_t end);
/* The active call was answered in full: the next one may come. */
void conn_call_over(struct conn *conn);

/* The reply that turns the connection into a stream; objects go to ops->object until conn_close_stream(). */
void conn_upgrade(struct conn *conn, json_t *parameters, const struct conn_ops *ops, void *owner);
/* No more objects are read for now, or again. */
void conn_pause_stream(struct conn *conn, bool pause);
/* Whether much of what the stream sent is held: then it is not read while its user holds too much. */
void conn_set_laden(struct conn *conn, bool laden);
/* Nothing more is sent: the connection closes when the output is. */
void conn_close_stream(struct conn *conn);

size_t conn_unsent(const struct conn *conn);
