#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/scale.h"
#include "daemon/worker.h"

struct event;
struct event_base;

/*
 * The number of workers of one pool: tells scale_plan() of them, whenever something changed and when a time has come,
 * and has its plan carried out.
 */

struct staff_ops {
	/* One more worker; returns it, or NULL: it failed at once, which is a staff_failure(). */
	struct worker *(*start)(void *context);
	/* This idle worker is not needed any more: there are enough, or it is due and another has taken its place. */
	void (*retire)(void *context, struct worker *worker);
	/* No worker lives, and none could be started for a while. */
	void (*failed)(void *context);
	/* A time had come, and what was to be done then is done. */
	void (*looked)(void *context);
};

struct staff {
	const struct worker_list *workers; /* the pool's, by state */
	const struct staff_ops *ops;
	void *context;
	struct scale_limits limits;
	struct scale_demand demand;
	struct scale_memory memory;
	bool known;          /* a worker has said what the pool offers */
	bool closed;         /* nobody is started or stopped any more */
	struct event *timer; /* to look again */
	uint64_t again;      /* when, if it is pending */
};

/* workers and ops must outlive it. Returns 0 or -ENOMEM; staff_done() is fine after both. */
int staff_init(struct staff *staff, struct event_base *base, const struct worker_list *workers,
	       const struct staff_ops *ops, void *context);
void staff_done(struct staff *staff);

unsigned staff_count(const struct staff *staff, enum worker_state state);
/* Idle and busy ones. */
unsigned staff_ready(const struct staff *staff);

/* Does what is to be done now: after a change that none of the following tells. */
void staff_look(struct staff *staff);
/* The worker is in another state, and in its list. */
void staff_moved(struct staff *staff, struct worker *worker, enum worker_state before);
/* See pool_demand(). */
void staff_demand(struct staff *staff, struct scale_demand demand);
/* The worker is to be replaced, make before break: a new one says hello, then this one goes, when it has no chunk. */
void staff_replace(struct staff *staff, struct worker *worker);
/* A worker that was started then could not start; staff_look() may follow. */
void staff_failure(struct staff *staff, uint64_t started);
/* A worker of another recipe says what the pool offers now: what failed before is forgotten. */
void staff_renew(struct staff *staff);
/* From now on nothing is done. */
void staff_close(struct staff *staff);
