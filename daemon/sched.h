#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/*
 * Whose request runs next. Pure: no clock, no fd; the facts come from the caller. Requests take turns within their
 * principal, and principals take turns, so that many requests of one user do not count for more than one of another.
 */

struct sched_principal;

/* A request's place, embedded in whatever the caller keeps about it. */
struct sched_node {
	TAILQ_ENTRY(sched_node) link;
	struct sched_principal *principal; /* NULL while it is not in the schedule */
};

TAILQ_HEAD(sched_principal_list, sched_principal);

struct sched {
	struct sched_principal_list principals; /* next turn first */
	unsigned n_principals;
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
/* All nodes must have been removed. */
void sched_done(struct sched *sched);

/* Returns 0 or -ENOMEM. */
int sched_add(struct sched *sched, struct sched_node *node, uid_t uid);
void sched_remove(struct sched *sched, struct sched_node *node);

/* The request whose turn it is among those that runnable() says yes to, or NULL. Its turn is over then. */
struct sched_node *sched_pick(struct sched *sched, bool (*runnable)(struct sched_node *, void *),
			      void *context);
