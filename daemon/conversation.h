#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/commons.h"
#include "protocol/document.h"
#include "protocol/work.h"

struct bytes;
struct channel;
struct channel_loop;
struct order;

/*
 * What the daemon and one worker say to each other: its messages are read whole, checked and handed on; what it is told
 * is written. Who breaks the protocol is not listened to any more.
 */

/* Results that arrived in one message. */
struct worker_report {
	const struct worker_results *results;
	const struct document *doc; /* elements and flaws of the results */
	const char *text;           /* what the document's offsets count from */
	struct bytes *bytes;        /* the same text to share, or NULL where it must be copied */
};

struct conversation_ops {
	/* The worker said so; hello is the callee's to take from. Return NULL, or what is wrong with it. */
	const char *(*hello)(void *context, struct worker_hello *hello);
	const char *(*results)(void *context, const struct worker_report *report);
	/* It broke the protocol; nothing else comes from it. */
	void (*violated)(void *context, const char *reason);
	/* Its side of the socket is closed. */
	void (*ended)(void *context);
};

struct conversation {
	bool violated;
	struct channel *channel;
	struct document doc; /* the message at hand */
	struct commons commons;
	const struct conversation_ops *ops;
	void *context;
};

/* conversation is zeroed; socket: the conversation's from now on. max_message, max_result: bytes. loop and ops must
 * outlive it. Returns 0 or -ENOMEM (the socket stays open). */
int conversation_open(struct conversation *conversation, const struct channel_loop *loop,
		      int socket, size_t max_message, size_t max_result,
		      const struct conversation_ops *ops, void *context);
void conversation_done(struct conversation *conversation);

/* Tells the worker of a chunk; number and first: of the chunk. Returns 0, or -ENOMEM: half a message may be on its way
 * then. */
int conversation_order(struct conversation *conversation, const struct order *order,
		       uint64_t number, uint64_t first);
/* Closes the daemon's side. */
void conversation_finish(struct conversation *conversation);
/* Reads what a dead worker left. */
void conversation_read_rest(struct conversation *conversation);
