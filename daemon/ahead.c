#include "daemon/ahead.h"

#include "daemon/handover.h"
#include "daemon/pool.h"
#include "daemon/worker.h"

#define US_PER_S 1e6

uint64_t ahead_room(const struct worker *worker, uint64_t now) {
	const struct chunk *chunk;
	uint64_t held = 0;
	unsigned n = 0;

	/* One that is due must become idle in order to go. */
	if (worker->due || !worker_takes_more(worker) || handover_items_left(worker) == 0)
		return 0;
	TAILQ_FOREACH (chunk, &worker->chunks, link) {
		if (chunk->predicted == CHUNK_UNKNOWN || ++n == AHEAD_CHUNKS)
			return 0;
		/* It may be what kills those who read it: they read nothing else then. */
		if (chunk->handed > 0)
			return 0;
		held += chunk_remaining(chunk, now);
	}
	/* One that is over its time may go on for long. */
	if (chunk_is_overdue(TAILQ_FIRST(&worker->chunks), now))
		return 0;
	return held < AHEAD_TIME ? AHEAD_TIME - held : 0;
}

/* Whether a ticket would run if the worker became idle: there, or in the slot that it holds. */
static bool wants_worker(const struct ahead *ahead, const struct ticket *ticket) {
	if (!handover_allowed(ticket->request))
		return false;
	return ticket->pool == ahead->pool || (ticket->pool->slots && pool_idle(ticket->pool));
}

static bool fits_behind(const struct ahead *ahead, const struct ticket *ticket) {
	const struct request *request = ticket->request;
	uint32_t size = request->options.chunk_size ? request->options.chunk_size : 1;
	uint64_t pending = request_pending(request);

	if (ticket->pool != ahead->pool || request->uid != ahead->worker->uid ||
	    !ticket->is_known || items_handed(&request->items) > 0)
		return false;
	if (!handover_allowed(request) && !handover_serves(ahead->worker, request))
		return false;
	return ticket->item_cost * US_PER_S * (double) (size < pending ? size : pending) <
	       (double) ahead->room;
}

bool ahead_can_follow(struct sched_node *node, void *context) {
	struct ahead *ahead = context;
	const struct ticket *ticket = ticket_of_node(node);

	if (!fits_behind(ahead, ticket)) {
		if (!ahead->passed && wants_worker(ahead, ticket))
			ahead->passed = node;
		return false;
	}
	return !ahead->passed || sched_lead(ahead->passed, node) * US_PER_S < (double) AHEAD_TIME;
}

uint32_t ahead_size(const struct ahead *ahead, const struct ticket *ticket, uint32_t size) {
	double most = (double) ahead->room / (ticket->item_cost * US_PER_S);

	return !ticket->request->options.chunk_size && (double) size > most ? (uint32_t) most
									    : size;
}
