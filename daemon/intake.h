#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/quota.h"
#include "protocol/document.h"

struct channel;
struct channel_loop;
struct event;

/*
 * The input of one connection: the message at hand, how long it may take to come, what is charged for it, and why
 * nothing is read for now.
 */

struct intake_limits {
	struct limits call;             /* of one message */
	uint64_t message_timeout;       /* µs without a byte of an unfinished message */
	uint64_t message_timeout_total; /* µs for one message */
};

/* Reasons to read nothing; while there is one, no message is late. */
enum intake_pause {
	INTAKE_CALL = 1,   /* a call is served */
	INTAKE_WINDOW = 2, /* the owner of the stream has enough */
	INTAKE_UNSENT = 4, /* the peer does not take its answers */
	INTAKE_QUOTA = 8   /* its user, or all users, hold too much */
};

struct intake_ops {
	/* The message at hand took longer than timeout (µs). */
	void (*timed_out)(void *context, uint64_t timeout);
	/* What reading waits for, for people; NULL: for nothing any more. */
	void (*waits_for)(void *context, const char *what);
};

struct intake {
	struct channel *channel;
	const struct intake_limits *limits;
	const struct intake_ops *ops;
	void *context;
	struct charge *charge; /* the connection's */
	struct document doc;
	struct event *timer;
	uint64_t began;  /* µs; 0 = no message is being waited for */
	uint64_t timed;  /* µs: the limit that the timer stands for */
	unsigned pauses; /* enum intake_pause */
	bool stream;     /* read objects of a stream, not calls */
	bool laden;      /* what was read before is held, and much */
	size_t unread;   /* bytes of the message at hand, and behind it */
	struct quota_waiter waiter;
};

/* All parameters must outlive it. Returns 0 or -ENOMEM; intake_done() is due either way. */
int intake_init(struct intake *intake, const struct channel_loop *loop,
		const struct intake_limits *limits, struct charge *charge,
		const struct intake_ops *ops, void *context);
void intake_done(struct intake *intake);

/* Looks at size bytes that are unread. Returns as document_feed(); the message lies in intake->doc. */
int intake_feed(struct intake *intake, char *bytes, size_t size);
/* The message at hand is not whole: waits for its rest, or for leave to read it. Returns 0, -ENOMEM: nobody would notice
 * if the rest never came. */
int intake_await(struct intake *intake);
/* The message at hand is done with, and so many bytes are unread behind it. */
void intake_next(struct intake *intake, size_t unread);
/* The message at hand is whole, but waits for room: it is offered again then. */
void intake_hold(struct intake *intake, enum quota_verdict verdict);
/* What comes from here on are objects of a stream. */
void intake_begin_stream(struct intake *intake);
/* Nothing is read any more for the sake of its contents. */
void intake_stop(struct intake *intake);

/* Whether too much is held to read on: more of the message at hand than is always read, and all in all. */
enum quota_verdict intake_verdict(const struct intake *intake);
/* Whether much of what this stream sent is held: then it has to wait for room. */
void intake_set_laden(struct intake *intake, bool laden);

void intake_pause(struct intake *intake, enum intake_pause why, bool pause);

/* Goes on with what quota_next() returned: the waiters of a quota are all of intakes. */
void intake_go_on(struct quota_waiter *waiter);
