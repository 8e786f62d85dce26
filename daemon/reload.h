#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/configuration.h"
#include "daemon/pool.h"

struct conn;
struct conn_call;
struct dispatch;
struct operations;

/*
 * The configuration, read again. One worker of each pool whose recipe changed, and of each new pool, is started first;
 * when all of them said hello the configuration is in force as a whole, and the other workers are replaced one after the
 * other in each pool. If one cannot start, or there is a mistake, everything stays as it was.
 *
 * One at a time is tried, the next one when it is in force or refused; the replacing of its workers may go on meanwhile.
 */

struct reload_ops {
	/* Reads it into *ret, which is initialised. Returns 0, or another number and *error. */
	int (*read)(void *context, struct configuration *ret, struct configuration_error *error);
	/* Something is tried from now on; that is over, one way or the other. */
	void (*began)(void *context);
	void (*ended)(void *context);
	/* The configuration says something else from now on; the pools are about to be told. */
	void (*changed)(void *context);
};

struct reload_setup {
	struct dispatch *dispatch;
	const struct operations *operations; /* who may */
	const struct pool_setup *pools;
	struct configuration *configuration; /* in force; what it says is replaced */
	const struct reload_ops *ops;
	void *context;
};

struct reload_request;
TAILQ_HEAD(reload_list, reload_request);

struct reload {
	struct reload_setup setup;
	struct reload_list waiting;   /* the first one is tried if `next` is */
	struct reload_list replacing; /* those in force, for whoever follows */
	struct configuration *next;   /* tried now; NULL: none */
	struct pool_list added;       /* its new pools */
	uint64_t number;              /* of the last reload that came into force */
};

void reload_init(struct reload *reload, const struct reload_setup *setup);
void reload_done(struct reload *reload);

/* The method; it answers the call, now or later. */
void reload_call(struct reload *reload, struct conn *conn, struct conn_call *call);
/* The same with nobody to answer. */
void reload_anonymous(struct reload *reload);
/* The daemon ends: nothing is tried any more. */
void reload_stop(struct reload *reload);

/* Whether something is tried, or is about to be. */
bool reload_is_going_on(const struct reload *reload);

/* After each pump: did what is tried succeed or fail, was somebody replaced? */
void reload_wake(struct reload *reload);
