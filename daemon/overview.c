#include "daemon/dispatch.h"
#include "daemon/dispatch_inside.h"

/* What can be seen of the dispatch: its requests, its workers, what waits for what. Changes nothing. */

struct request *dispatch_find(const struct dispatch *dispatch, uint64_t id) {
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, id);

	return ticket && !ticket->request->stopped ? ticket->request : NULL;
}

void dispatch_each(const struct dispatch *dispatch,
		   void (*visit)(const struct request *request, void *context), void *context) {
	const struct ticket *ticket;

	TAILQ_FOREACH (ticket, &dispatch->private->tickets.all, link)
		if (ticket->owner)
			visit(ticket->request, context);
}

const struct worker *dispatch_worker_of_group(const struct dispatch *dispatch, pid_t group) {
	const struct worker *worker;
	const struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		for (enum worker_state state = 0; state < WORKER_GONE; state++)
			TAILQ_FOREACH (worker, &pool->workers[state], link)
				if (worker->pid == group)
					return worker;
	return NULL;
}

bool dispatch_has_requests(const struct dispatch *dispatch) {
	return !TAILQ_EMPTY(&dispatch->private->tickets.all);
}

const char *dispatch_waits_for(const struct dispatch *dispatch, const struct request *request) {
	const struct ticket *ticket = dispatch_ticket(dispatch, request);
	struct sched_facts facts;

	if (request->running > 0)
		return NULL;
	if (!ticket->pool)
		return "a pool that offers the function to start";
	facts = binding_facts(&dispatch->private->binding, ticket);
	if (!facts.startable && request_pending(request) == 0 && request->results.items == 0 &&
	    !request->input_ended)
		return request->held_back ? request->held_back : "its client to send items";
	if (!facts.startable)
		return "its client to read results";
	if (!facts.slot_free)
		return "a free slot";
	return facts.worker_idle ? NULL : "an idle worker of its pool";
}

unsigned dispatch_busy(const struct dispatch *dispatch) {
	return binding_slots_busy(&dispatch->private->binding);
}

bool dispatch_is_stuck(struct dispatch *dispatch) {
	struct ticket *ticket;

	TAILQ_FOREACH (ticket, &dispatch->private->tickets.all, link) {
		const struct sched_facts facts = binding_facts(&dispatch->private->binding, ticket);

		if (sched_runnable(&facts))
			return true;
	}
	return false;
}
