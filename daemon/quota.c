#include "daemon/quota.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "protocol/error.h"

TAILQ_HEAD(quota_waiter_list, quota_waiter);

struct quota_user {
	TAILQ_ENTRY(quota_user) link; /* in quota.waiting, if somebody waits */
	uid_t uid;                    /* key of the tree */
	unsigned charges;
	uint64_t held[QUOTA_KINDS];
	struct quota_waiter_list waiters;
	struct quota_waiter *turn; /* who has it, or NULL */
};

/* -------- users -------- */

static int compare_users(const void *a, const void *b) {
	uid_t x = ((const struct quota_user *) a)->uid, y = ((const struct quota_user *) b)->uid;

	return x < y ? -1 : x > y;
}

/* The user's entry, made if there is none; NULL without memory. */
static struct quota_user *get_user(struct quota *quota, uid_t uid) {
	struct quota_user key = {.uid = uid}, *user;
	void *node = tfind(&key, &quota->users, compare_users);

	if (node)
		return *(struct quota_user **) node;
	user = calloc(1, sizeof *user);
	if (!user)
		return NULL;
	user->uid = uid;
	TAILQ_INIT(&user->waiters);
	if (!tsearch(user, &quota->users, compare_users)) {
		free(user);
		return NULL;
	}
	return user;
}

void quota_init(struct quota *quota, const struct quota_limits *limits) {
	*quota = (struct quota) {.limits = *limits};
	TAILQ_INIT(&quota->waiting);
}

void quota_done(struct quota *quota) {
	assert(!quota->users);
	(void) quota;
}

/* -------- charges -------- */

static void tell_released(const struct quota *quota) {
	if (quota->released && !TAILQ_EMPTY(&quota->waiting))
		quota->released(quota->context);
}

int charge_open(struct charge *ret, struct quota *quota, uid_t uid) {
	struct quota_user *user = get_user(quota, uid);

	if (!user)
		return -ENOMEM;
	user->charges++;
	*ret = (struct charge) {.quota = quota, .user = user};
	return 0;
}

void charge_set(struct charge *charge, enum quota_kind kind, uint64_t amount) {
	uint64_t before = charge->held[kind];

	if (!charge->user || amount == before)
		return;
	charge->held[kind] = amount;
	charge->user->held[kind] += amount - before;
	charge->quota->held[kind] += amount - before;
	if (amount < before)
		tell_released(charge->quota);
}

void charge_close(struct charge *charge) {
	struct quota_user *user = charge->user;

	if (!user)
		return;
	for (enum quota_kind kind = 0; kind < QUOTA_KINDS; kind++)
		charge_set(charge, kind, 0);
	if (--user->charges == 0) {
		assert(TAILQ_EMPTY(&user->waiters) && !user->turn);
		tdelete(user, &charge->quota->users, compare_users);
		free(user);
	}
	*charge = (struct charge) {0};
}

/* -------- limits -------- */

enum quota_verdict quota_connects(const struct charge *charge) {
	const struct quota *quota = charge->quota;

	if (!charge->user)
		return QUOTA_OK;
	if (charge->user->held[QUOTA_CONNECTIONS] > quota->limits.user_connections)
		return QUOTA_OVER_USER_CONNECTIONS;
	if (quota->held[QUOTA_CONNECTIONS] > quota->limits.connections)
		return QUOTA_OVER_CONNECTIONS;
	return QUOTA_OK;
}

/* What gates admission; and with what is unread, reading. */
static uint64_t bytes_of(const uint64_t *held) {
	return held[QUOTA_BYTES] + held[QUOTA_UNSENT];
}

static enum quota_verdict admits_user(const struct quota *quota, const struct quota_user *user) {
	if (user->held[QUOTA_ITEMS] >= quota->limits.user_items)
		return QUOTA_OVER_USER_ITEMS;
	if (bytes_of(user->held) >= quota->limits.user_bytes)
		return QUOTA_OVER_USER_BYTES;
	if (bytes_of(quota->held) >= quota->limits.total_bytes)
		return QUOTA_OVER_TOTAL_BYTES;
	return QUOTA_OK;
}

static enum quota_verdict reads_user(const struct quota *quota, const struct quota_user *user) {
	if (user->held[QUOTA_ITEMS] >= quota->limits.user_items)
		return QUOTA_OVER_USER_ITEMS;
	if (bytes_of(user->held) + user->held[QUOTA_UNREAD] >= quota->limits.user_bytes)
		return QUOTA_OVER_USER_BYTES;
	if (bytes_of(quota->held) + quota->held[QUOTA_UNREAD] >= quota->limits.total_bytes)
		return QUOTA_OVER_TOTAL_BYTES;
	return QUOTA_OK;
}

enum quota_verdict quota_admits(const struct charge *charge) {
	return charge->user ? admits_user(charge->quota, charge->user) : QUOTA_OK;
}

enum quota_verdict quota_reads(const struct charge *charge) {
	return charge->user ? reads_user(charge->quota, charge->user) : QUOTA_OK;
}

/* How far results may overdraw, in halves of the limit. */
#define USER_OVERDRAFT  4
#define TOTAL_OVERDRAFT 3

/* Whether held is over numerator / 2 of the limit. */
static bool is_over(uint64_t held, uint64_t limit, unsigned numerator) {
	return limit <= UINT64_MAX / numerator && held > limit * numerator / 2;
}

enum quota_verdict quota_answers(const struct charge *charge) {
	const struct quota *quota = charge->quota;

	if (!charge->user)
		return QUOTA_OK;
	if (is_over(charge->user->held[QUOTA_UNSENT], quota->limits.user_bytes, USER_OVERDRAFT))
		return QUOTA_OVER_USER_BYTES;
	if (is_over(quota->held[QUOTA_UNSENT], quota->limits.total_bytes, TOTAL_OVERDRAFT))
		return QUOTA_OVER_TOTAL_BYTES;
	return QUOTA_OK;
}

enum quota_verdict quota_overdrawn(const struct charge *charge) {
	const struct quota *quota = charge->quota;

	if (!charge->user)
		return QUOTA_OK;
	if (is_over(bytes_of(charge->user->held), quota->limits.user_bytes, USER_OVERDRAFT))
		return QUOTA_OVER_USER_BYTES;
	if (is_over(bytes_of(quota->held), quota->limits.total_bytes, TOTAL_OVERDRAFT))
		return QUOTA_OVER_TOTAL_BYTES;
	return QUOTA_OK;
}

int quota_error(const struct quota *quota, enum quota_verdict verdict, struct error *error) {
	const struct quota_limits *limits = &quota->limits;
	const struct {
		enum error_id id;
		uint64_t limit;
		const char *scope;
	} errors[] = {
		[QUOTA_OVER_CONNECTIONS] = {ERROR_TOO_MANY_CONNECTIONS, limits->connections,
					    "server"},
		[QUOTA_OVER_USER_CONNECTIONS] = {ERROR_TOO_MANY_CONNECTIONS,
						 limits->user_connections, "user"},
		[QUOTA_OVER_USER_ITEMS] = {ERROR_QUEUE_FULL, limits->user_items, "user"},
		[QUOTA_OVER_USER_BYTES] = {ERROR_QUEUE_FULL, limits->user_bytes, "user"},
		[QUOTA_OVER_TOTAL_BYTES] = {ERROR_QUEUE_FULL, limits->total_bytes, "server"},
	};

	return error_set(error, errors[verdict].id, "{sI ss}", "limit",
			 (json_int_t) errors[verdict].limit, "scope", errors[verdict].scope);
}

const char *quota_waits_for(enum quota_verdict verdict) {
	switch (verdict) {
	case QUOTA_OVER_USER_ITEMS: return "its user to hold less (limits.user_items)";
	case QUOTA_OVER_USER_BYTES: return "its user to hold less (limits.user_bytes)";
	case QUOTA_OVER_TOTAL_BYTES: return "all users to hold less (limits.total_bytes)";
	default: return NULL;
	}
}

/* -------- waiting -------- */

bool quota_is_waiting(const struct quota_waiter *waiter) {
	return waiter->user && !waiter->turn;
}

void quota_wait(struct quota_waiter *waiter, const struct charge *charge) {
	if (!charge->user || quota_is_waiting(waiter))
		return;
	quota_leave(waiter);
	waiter->user = charge->user;
	waiter->quota = charge->quota;
	if (TAILQ_EMPTY(&waiter->user->waiters))
		TAILQ_INSERT_TAIL(&waiter->quota->waiting, waiter->user, link);
	TAILQ_INSERT_TAIL(&waiter->user->waiters, waiter, link);
	tell_released(waiter->quota);
}

static void take_out(struct quota_waiter *waiter) {
	TAILQ_REMOVE(&waiter->user->waiters, waiter, link);
	if (TAILQ_EMPTY(&waiter->user->waiters))
		TAILQ_REMOVE(&waiter->quota->waiting, waiter->user, link);
}

void quota_leave(struct quota_waiter *waiter) {
	struct quota *quota = waiter->quota;

	if (!waiter->user)
		return;
	if (waiter->turn)
		waiter->user->turn = NULL;
	else
		take_out(waiter);
	*waiter = (struct quota_waiter) {0};
	tell_released(quota);
}

struct quota_waiter *quota_next(struct quota *quota) {
	struct quota_waiter *waiter;
	struct quota_user *user;
	bool room;

	TAILQ_FOREACH (user, &quota->waiting, link) {
		room = reads_user(quota, user) == QUOTA_OK;
		if (room || (!user->turn && admits_user(quota, user) == QUOTA_OK))
			break;
	}
	if (!user)
		return NULL;
	/* The other users first, next time. */
	TAILQ_REMOVE(&quota->waiting, user, link);
	TAILQ_INSERT_TAIL(&quota->waiting, user, link);
	waiter = TAILQ_FIRST(&user->waiters);
	take_out(waiter);
	if (room) {
		waiter->user = NULL;
	} else {
		waiter->turn = true;
		user->turn = waiter;
	}
	return waiter;
}
