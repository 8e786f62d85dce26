#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/ticket.h"

struct pool;
struct worker;

/* What a busy worker gets ahead of time: as much as it will have run before a message could go to and fro. */

/* A worker may hold chunks behind the one it runs while all of them should take less than this, in µs, … */
#define AHEAD_TIME UINT64_C(1000)
/* … and at most this many. */
#define AHEAD_CHUNKS 64

/* The search for a chunk that may follow those of a worker. */
struct ahead {
	struct worker *worker;
	struct pool *pool;         /* its */
	uint64_t room;             /* µs that chunk may take */
	struct sched_node *passed; /* the first that has to wait until a worker is idle, or NULL */
};

/* µs that chunks behind those in the worker may take; 0 = it takes none. */
uint64_t ahead_room(const struct worker *worker, uint64_t now);
/* For sched_pick(); context: the search. A worker that is given more and more is never idle: whoever is passed over for
 * it is so for AHEAD_TIME only. */
bool ahead_can_follow(struct sched_node *node, void *context);
/* How many items fit there of a chunk of that size. */
uint32_t ahead_size(const struct ahead *ahead, const struct ticket *ticket, uint32_t size);
