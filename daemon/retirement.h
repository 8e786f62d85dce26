#pragma once

#include <stdint.h>

#include "daemon/wear.h"
#include "daemon/worker.h"

struct event;
struct event_base;
struct staff;

/*
 * Which workers of one pool are due to be replaced, because they ran many items, are old or have grown: looks when a
 * worker has finished what it had, and at times. The replacing is the staff's.
 */

struct retirement {
	struct staff *staff;
	const char *pool; /* its name, for the log */
	struct wear_limits limits;
	struct wear_memory memory;
	struct event *timer;
};

/* Nobody is due before retirement_set(). staff and the name must outlive it. Returns 0 or -ENOMEM; retirement_done() is fine after both. */
int retirement_init(struct retirement *retirement, struct event_base *base, struct staff *staff,
		    const char *pool);
void retirement_done(struct retirement *retirement);

/* Other limits from now on; that one was given up is forgotten. */
void retirement_set(struct retirement *retirement, const struct wear_limits *limits);
/* The worker is in another state, and in its list; it may be due after that. Before staff_moved(). */
void retirement_moved(struct retirement *retirement, struct worker *worker,
		      enum worker_state before);
