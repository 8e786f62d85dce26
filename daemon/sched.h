#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/fair.h"

/*
 * Whose request runs next: fair queueing (daemon/fair.h) on three levels with the same arithmetic, principal (uid) ->
 * program (client process of that uid) -> request. N requests of one program, or N programs of one user, get no more
 * than one. Pure: no clock, no descriptor; times are seconds of slot time, given by the caller.
 *
 * For each chunk the caller charges a guess when it is handed over, the excess while it runs, and corrects the sum when it
 * is over, however it ended. Principals and programs without a request are remembered while they have taken more
 * than their share (S > V), so that nobody gets rid of a charge by leaving; at most SCHED_LINGER of them beside those of the same
 * level that have requests (then the one with the least S is forgotten), and none once their level is idle.
 */

#define SCHED_LINGER  64
#define SCHED_BUCKETS 256

struct sched_group;
LIST_HEAD(sched_bucket, sched_group);
TAILQ_HEAD(sched_group_list, sched_group);

/* The flows of one level that share a parent. */
struct sched_level {
	struct fair_queue queue;
	struct sched_group_list lingering; /* without a request, least S first */
	unsigned n_lingering;
};

/* One clock: all pools with slots share one, those with `slots = no` another. Its fields are sched's own. */
struct sched {
	struct sched_level principals;
	struct sched_bucket buckets[SCHED_BUCKETS]; /* principals and programs */
	uint64_t last_age;
	unsigned n_ready;
};

/* A request's place, embedded in whatever the caller keeps about it; all zero = not in the schedule. Its fields are sched's own. */
struct sched_node {
	struct fair_flow flow;
	struct sched_group *program; /* NULL while it is not in the schedule */
	int priority;
	unsigned chunks; /* running */
};

/* What decides whether a request could use a worker now. */
struct sched_facts {
	bool startable; /* an item that its window and unsent output let start */
	bool below_max_workers;
	bool worker_idle; /* in its pool */
	bool slot_free;
};

/* The one predicate: after a pump no request satisfies it. */
static inline bool sched_runnable(const struct sched_facts *facts) {
	return facts->startable && facts->below_max_workers && facts->worker_idle &&
	       facts->slot_free;
}

void sched_init(struct sched *sched);
/* All nodes must have been removed; forgets who lingers. */
void sched_done(struct sched *sched);

/* priority: LIMIT_PRIORITY_FIRST … LIMIT_PRIORITY_LAST; the weight inside the program is 1.25^-priority, and a program weighs as its heaviest
 * request. The node is neither ready nor running. Returns 0 or -ENOMEM (the node is as it was). */
int sched_add(struct sched *sched, struct sched_node *node, uid_t uid, pid_t program, int priority);
/* What it was charged stays with its program and principal. Nothing happens to a node that is not in the schedule. */
void sched_remove(struct sched *sched, struct sched_node *node);

/* Whether the request could start an item as far as it alone can tell (sched_facts without worker and slot). Only ready
 * ones are asked by sched_pick(). cost: predicted seconds of its next chunk, for ties. Cheap when nothing changes. */
void sched_set_ready(struct sched *sched, struct sched_node *node, bool ready, double cost);

/* How many of its chunks are with workers. A flow (request, program, principal) with none of them and nothing ready is
 * idle: it comes back with S = max(S, V), and where all are idle a busy period ends and everybody starts afresh. So tell of a new chunk
 * before sched_set_ready(…, false), and of the end of the last one after its correction. Cheap when nothing changes. */
void sched_set_running(struct sched *sched, struct sched_node *node, unsigned chunks);

/* Slot time charged to request, program and principal, each over its weight; negative = a correction. */
void sched_charge(struct sched *sched, struct sched_node *node, double seconds);

/* credit: L·w = 2·T·slots, seconds: how far behind V a flow may stay. runnable(): the caller's view of worker and slot;
 * it must not call back. Returns the request whose turn it is, or NULL. Advances V; charges nothing. */
struct sched_node *sched_pick(struct sched *sched, double credit,
			      bool (*runnable)(struct sched_node *node, void *context),
			      void *context);

/* Seconds by which the turn of one comes before that of the other, of virtual time, on the level where they part.
 * Both are ready. */
double sched_lead(const struct sched_node *first, const struct sched_node *later);

/* Requests that are ready. */
unsigned sched_ready(const struct sched *sched);
/* Principals with a request that is ready. */
unsigned sched_principals(const struct sched *sched);
