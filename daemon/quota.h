#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct error;

/*
 * What users hold in the daemon: connections, items, bytes. Pure. Whatever is held on a user's behalf embeds a charge,
 * which says how much that is now and is closed with it; so nothing is released twice, and each change costs the
 * same however much is held.
 *
 * A limit gates what is let in: while its user holds that much, or all users together, a call is refused and a stream
 * is not read. What was let in may take the balance past the limit: a call by its own size, for whoever holds nothing
 * must be let in; and results, which cannot be refused.
 */

enum quota_kind {
	QUOTA_CONNECTIONS,
	QUOTA_REFUSED, /* connections that are told that there are too many */
	QUOTA_ITEMS,   /* received, and their results not sent */
	QUOTA_BYTES,   /* of requests: their items and results */
	QUOTA_UNSENT,  /* bytes of output that peers did not take */
	QUOTA_UNREAD,  /* bytes of messages that are not whole, or cannot be run yet */
	QUOTA_KINDS
};

/* UINT64_MAX: none. */
struct quota_limits {
	uint64_t connections, user_connections;
	uint64_t user_items;
	uint64_t user_bytes, total_bytes;
};

struct quota_user;
TAILQ_HEAD(quota_user_list, quota_user);

struct quota {
	struct quota_limits limits;
	uint64_t held[QUOTA_KINDS]; /* by all users */
	void *users;                /* by uid: tsearch(3); those with an open charge */
	struct quota_user_list waiting;
	/* Called when something was released and somebody waits: quota_next() may find him. Not from inside
	 * quota_next(). NULL = nobody is told. */
	void (*released)(void *context);
	void *context;
};

void quota_init(struct quota *quota, const struct quota_limits *limits);
/* All charges must have been closed. */
void quota_done(struct quota *quota);

/* Zeroed: charges nobody, and passes every check. */
struct charge {
	struct quota *quota;
	struct quota_user *user;
	uint64_t held[QUOTA_KINDS];
};

/* Returns 0, or -ENOMEM and nothing was opened. */
int charge_open(struct charge *ret, struct quota *quota, uid_t uid);
/* So much is held now. */
void charge_set(struct charge *charge, enum quota_kind kind, uint64_t amount);
/* Nothing is held any more, nor will be. A closed charge may be closed again. */
void charge_close(struct charge *charge);

/* Which limit the charge's user, or all users, have reached. */
enum quota_verdict {
	QUOTA_OK,
	QUOTA_OVER_CONNECTIONS,
	QUOTA_OVER_USER_CONNECTIONS,
	QUOTA_OVER_USER_ITEMS,
	QUOTA_OVER_USER_BYTES,
	QUOTA_OVER_TOTAL_BYTES
};

/* Whether a connection that is charged already may stay. */
enum quota_verdict quota_connects(const struct charge *charge);
/* Whether a request may be let in. Unfinished messages do not count, for only reading on ends those. */
enum quota_verdict quota_admits(const struct charge *charge);
/* Whether more may be read of a message that is not whole. */
enum quota_verdict quota_reads(const struct charge *charge);
/* Whether an answer may be written that is large and is no result: not where results could not either, and only what
 * was not taken counts. */
enum quota_verdict quota_answers(const struct charge *charge);
/* Results have taken the user to twice his limit, or all users to one and a half of theirs. */
enum quota_verdict quota_overdrawn(const struct charge *charge);

/* The error that says so. Returns 1 as error_set() does. */
int quota_error(const struct quota *quota, enum quota_verdict verdict, struct error *error);
/* What is waited for then, for people: the end of a sentence that begins "it waits for". */
const char *quota_waits_for(enum quota_verdict verdict);

/* Who waits until more may be read. Zeroed: nobody. */
struct quota_waiter {
	TAILQ_ENTRY(quota_waiter) link;
	struct quota_user *user; /* NULL: it does not wait, and has no turn */
	struct quota *quota;
	bool turn; /* it may read on, whatever unfinished messages hold, until quota_leave() */
};

/* Waits behind the others of the charge's user; does nothing if it waits. */
void quota_wait(struct quota_waiter *waiter, const struct charge *charge);
/* Does not wait any more, nor has it a turn. */
void quota_leave(struct quota_waiter *waiter);
bool quota_is_waiting(const struct quota_waiter *waiter);

/* Takes out the next one that may read on, users in turn; NULL if there is none. If a user's unfinished messages alone
 * are what is too much, one of them after the other has its turn, or none would ever be whole. */
struct quota_waiter *quota_next(struct quota *quota);
