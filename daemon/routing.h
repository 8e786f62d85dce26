#pragma once

#include "daemon/pool.h"
#include "daemon/ticket.h"
#include "protocol/error.h"

struct binding;
struct event_base;

/*
 * Requests on the way to their pools. Each is bound to the pool that runs its function as soon as that is known. One
 * that no pool offers yet waits as long as a pool may take to start; and one whose pool fails, or knows the function
 * no longer, ends.
 */

struct routing {
	const struct pool_list *pools;
	struct ticket_table *tickets;
	struct binding *binding;
	struct event_base *base;
	/* The ticket has its pool now, or its request failed. Not from inside routing_begin(). */
	void (*moved)(void *context, struct ticket *ticket);
	void *context;
};

/* Finds the pool of a new ticket, now or when one says hello. Returns 0; or 1 and *error, or -ENOMEM: the ticket is to
 * be freed. */
int routing_begin(struct routing *routing, struct ticket *ticket, struct error *error);
/* A pool said hello, failed or came back: what waited for it moves. NULL: a pool goes, and who waits looks again. */
void routing_changed(struct routing *routing, struct pool *changed);
