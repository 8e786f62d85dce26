#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/ticket.h"
#include "daemon/estimate.h"
#include "daemon/pool.h"
#include "daemon/sched.h"

/*
 * Which chunk goes to which worker: asks sched who is next and estimate how many items, while workers and slots are
 * free. Keeps the two clocks (of pools with slots, and without) in step with what chunks really take.
 */

struct binding {
	const struct pool_list *pools;
	struct ticket_table *tickets;
	unsigned slots;
	unsigned extra; /* slots beyond these, for tickets that are starved; 0 as a rule */
	struct sched with_slots, without_slots;
	struct estimate estimate;
};

void binding_init(struct binding *binding, const struct pool_list *pools,
		  struct ticket_table *tickets, unsigned slots);
/* No ticket may be left. */
void binding_done(struct binding *binding);

/* The ticket's pool is known now. Returns 0 or -ENOMEM. */
int binding_add(struct binding *binding, struct ticket *ticket);
/* Looks again whether the ticket's request can start anything. After each change of it. */
void binding_refresh(struct binding *binding, struct ticket *ticket, uint64_t now);

/* Hands out chunks while it can. Requests that fail for want of memory are marked dirty. */
void binding_bind(struct binding *binding, uint64_t now);

/* Tells each pool how many more workers it could put to use. */
void binding_demand(const struct binding *binding);

/* A chunk of the ticket is over; it is not in the worker's list any more. */
void binding_chunk_over(struct binding *binding, struct ticket *ticket, const struct worker *worker,
			struct chunk *chunk, uint64_t now);
/* What a running chunk took beyond what was charged for it is charged now. */
void binding_charge_running(struct binding *binding, struct ticket *ticket, struct chunk *chunk,
			    uint64_t now);

/* Workers of pools with slots that have a chunk. */
unsigned binding_slots_busy(const struct binding *binding);
/* The facts of the ticket at this moment. */
struct sched_facts binding_facts(const struct binding *binding, const struct ticket *ticket);
