#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/deadline.h"
#include "daemon/request.h"
#include "daemon/sched.h"

struct event;
struct pool;
struct routing;

/*
 * What the dispatch keeps about each request, found by id: the only way to it across events.
 */
struct ticket {
	TAILQ_ENTRY(ticket) link;         /* in all, oldest first */
	TAILQ_ENTRY(ticket) dirty_link;   /* in dirty, if is_dirty */
	TAILQ_ENTRY(ticket) waiting_link; /* in waiting, if is_waiting */
	bool is_dirty;                    /* its owner is to look at it */
	bool is_waiting;                  /* it could start, and nothing of it runs */
	bool helped;                      /* since it waits, something was recalled for it */
	bool starved; /* it waits behind long items: more slots than there are may be used for it */
	uint64_t waiting_since; /* µs, or 0 */
	bool is_known;          /* somebody has run the function: */
	double item_cost;       /* seconds an item of it takes; 0 while that is not known */

	void *owner; /* NULL once released */
	uint64_t id; /* the request's */
	struct request *request;
	struct sched *sched; /* the clock of its pool; NULL while that is not known */
	struct sched_node node;
	struct pool *pool; /* NULL while no pool is known to offer the function */
	char *function;    /* "pool/name", for estimates; NULL as long */
	struct routing *routing;
	struct event *unrouted; /* when waiting for a pool ends; NULL once routed */
	struct deadline deadline;
};

TAILQ_HEAD(ticket_list, ticket);

struct ticket_table {
	struct ticket_list all, dirty;
	struct ticket_list waiting; /* longest first */
	void *tree;                 /* by id: tsearch(3) */
};

void ticket_table_init(struct ticket_table *table);

/* The request is taken over, if that succeeds. Returns NULL without memory. */
struct ticket *ticket_new(struct ticket_table *table, struct request *request, void *owner);
/* Frees the request too, if there is one. Nothing may run any more. Always returns NULL. */
struct ticket *ticket_free(struct ticket_table *table, struct ticket *ticket);

/* Returns NULL if there is none of that id. */
struct ticket *ticket_find(const struct ticket_table *table, uint64_t id);
struct ticket *ticket_of_node(struct sched_node *node);

void ticket_mark_dirty(struct ticket_table *table, struct ticket *ticket);
void ticket_clear_dirty(struct ticket_table *table, struct ticket *ticket);
/* since: µs, when it began; 0 = it does not wait (any more). Without effect if it does already. */
void ticket_set_waiting(struct ticket_table *table, struct ticket *ticket, uint64_t since);
