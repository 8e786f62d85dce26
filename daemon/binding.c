#include "daemon/binding.h"

#include "daemon/ahead.h"
#include "daemon/handover.h"
#include "daemon/worker.h"

#define US_PER_S 1e6

void binding_init(struct binding *binding, const struct pool_list *pools,
		  struct ticket_table *tickets, unsigned slots) {
	*binding = (struct binding) {.pools = pools, .tickets = tickets, .slots = slots};
	sched_init(&binding->with_slots);
	sched_init(&binding->without_slots);
	estimate_init(&binding->estimate);
}

void binding_done(struct binding *binding) {
	estimate_done(&binding->estimate);
	sched_done(&binding->with_slots);
	sched_done(&binding->without_slots);
}

int binding_add(struct binding *binding, struct ticket *ticket) {
	struct sched *sched = ticket->pool->slots ? &binding->with_slots : &binding->without_slots;
	const struct request *request = ticket->request;
	int r = sched_add(sched, &ticket->node, request->uid, request->pid,
			  request->options.priority);

	if (r == 0)
		ticket->sched = sched;
	return r;
}

/* -------- facts -------- */

unsigned binding_slots_busy(const struct binding *binding) {
	const struct pool *pool;
	unsigned n = 0;

	TAILQ_FOREACH (pool, binding->pools, link)
		if (pool->slots)
			n += pool_count(pool, WORKER_BUSY);
	return n;
}

/* Negative while slots are exceeded. */
static int free_slots(const struct binding *binding) {
	return (int) binding->slots - (int) binding_slots_busy(binding);
}

static bool slot_is_free(const struct binding *binding, const struct ticket *ticket, int free) {
	if (!ticket->pool->slots || free > 0)
		return true;
	return ticket->starved && free + (int) binding->extra > 0;
}

struct sched_facts binding_facts(const struct binding *binding, const struct ticket *ticket) {
	const struct request *request = ticket->request;

	return (struct sched_facts) {
		.startable = ticket->owner && request_startable(request),
		.below_max_workers = handover_allowed(request),
		.worker_idle = ticket->pool && pool_idle_for(ticket->pool, ticket->request),
		.slot_free = ticket->pool && slot_is_free(binding, ticket, free_slots(binding)),
	};
}

void binding_refresh(struct binding *binding, struct ticket *ticket, uint64_t now) {
	const struct request *request = ticket->request;
	bool ready = ticket->owner && request_startable(request);

	if (!ticket->sched)
		return;
	ticket->is_known = estimate_cost(&binding->estimate, ticket->function, &ticket->item_cost);
	sched_set_running(ticket->sched, &ticket->node, request->chunks);
	sched_set_ready(ticket->sched, &ticket->node, ready,
			ticket->item_cost * (double) request_pending(request));
	ticket_set_waiting(binding->tickets, ticket, ready && request->chunks == 0 ? now : 0);
}

/* -------- who is next -------- */

/* How far behind a principal may stay, in seconds of slot time. */
static double credit(const struct binding *binding) {
	return 2 * ESTIMATE_CHUNK_SHARED * binding->slots;
}

struct search {
	const struct binding *binding;
	int free; /* slots */
};

static bool can_run(struct sched_node *node, void *context) {
	const struct search *search = context;
	const struct ticket *ticket = ticket_of_node(node);

	return pool_idle_for(ticket->pool, ticket->request) && handover_allowed(ticket->request) &&
	       slot_is_free(search->binding, ticket, search->free);
}

/* Whether it is worth asking the tickets, of which there can be many, at each event. */
static bool anybody_can_run(const struct binding *binding, const struct sched *sched, int free) {
	bool slots = sched == &binding->with_slots;
	const struct pool *pool;

	if (slots && free + (int) binding->extra <= 0)
		return false;
	TAILQ_FOREACH (pool, binding->pools, link)
		if (pool->slots == slots && pool_idle(pool))
			return true;
	return false;
}

static void fail_for_memory(struct binding *binding, struct ticket *ticket) {
	struct error error = {0};

	error_set_no_memory(&error);
	request_fail(ticket->request, REQUEST_FAILED, &error);
	ticket_mark_dirty(binding->tickets, ticket);
}

static void give(struct binding *binding, struct ticket *ticket, struct worker *worker,
		 uint32_t max, uint64_t now) {
	if (handover_give(ticket, worker, max, now) < 0)
		fail_for_memory(binding, ticket);
	binding_refresh(binding, ticket, now);
}

static void bind_idle(struct binding *binding, struct sched *sched, uint64_t now) {
	struct search search = {.binding = binding, .free = free_slots(binding)};
	struct sched_node *node;

	while (anybody_can_run(binding, sched, search.free) &&
	       (node = sched_pick(sched, credit(binding), can_run, &search))) {
		struct ticket *ticket = ticket_of_node(node);

		search.free -= ticket->pool->slots;
		give(binding, ticket, pool_idle_for(ticket->pool, ticket->request),
		     handover_size(&binding->estimate, ticket), now);
	}
}

/* -------- ahead -------- */

/* The chunk behind what a busy worker has is what fits there, and says nothing of how large the next one should be. */
static void give_ahead(struct binding *binding, struct ticket *ticket, const struct ahead *ahead,
		       uint64_t now) {
	uint32_t size = handover_size(&binding->estimate, ticket),
		 before = ticket->request->last_count;

	give(binding, ticket, ahead->worker, ahead_size(ahead, ticket, size), now);
	if (ticket->request->last_count < before)
		ticket->request->last_count = before;
}

static void bind_ahead(struct binding *binding, struct pool *pool, struct worker *worker,
		       uint64_t now) {
	struct sched *sched = pool->slots ? &binding->with_slots : &binding->without_slots;
	struct ahead ahead = {.worker = worker, .pool = pool};
	struct sched_node *node;

	while ((ahead.room = ahead_room(worker, now)) > 0 &&
	       (node = sched_pick(sched, credit(binding), ahead_can_follow, &ahead))) {
		give_ahead(binding, ticket_of_node(node), &ahead, now);
		ahead.passed = NULL;
	}
}

void binding_bind(struct binding *binding, uint64_t now) {
	struct worker *worker, *next;
	struct pool *pool;

	bind_idle(binding, &binding->with_slots, now);
	bind_idle(binding, &binding->without_slots, now);
	TAILQ_FOREACH (pool, binding->pools, link) {
		for (worker = TAILQ_FIRST(&pool->workers[WORKER_BUSY]); worker; worker = next) {
			next = TAILQ_NEXT(worker, link);
			bind_ahead(binding, pool, worker, now);
		}
	}
}

/* -------- demand -------- */

/* Workers that the request could use beside those it has. */
static uint64_t could_use(const struct request *request) {
	uint64_t pending = request_pending(request), most = request->options.max_workers;

	if (!request_startable(request))
		return 0;
	return most == 0 || pending < most - request->workers ? pending : most - request->workers;
}

static void demand(const struct binding *binding, struct pool *pool, unsigned free) {
	uint64_t more = 0, beyond = 0;
	const struct ticket *ticket;

	TAILQ_FOREACH (ticket, &binding->tickets->all, link) {
		if (ticket->pool != pool || !ticket->owner)
			continue;
		more += could_use(ticket->request);
		beyond += ticket->starved;
	}
	pool_demand(pool, (unsigned) (more < free ? more : free), (unsigned) beyond);
}

void binding_demand(const struct binding *binding) {
	int slots = free_slots(binding);
	struct pool *pool;

	TAILQ_FOREACH (pool, binding->pools, link) {
		unsigned free = !pool->slots ? pool->max : slots > 0 ? (unsigned) slots : 0;
		bool empty = handover_workers(pool) == 0;
		bool full = handover_workers(pool) >= pool->max || (free == 0 && !empty);

		/* Requests need not be looked at for each event while that changes nothing. */
		if (pool_idle(pool) || (full && binding->extra == 0))
			pool_demand(pool, 0, 0);
		else
			/* The first worker of a pool starts while its request waits for a slot. */
			demand(binding, pool, full ? 0 : free > 0 ? free : 1);
	}
}

/* -------- what it took -------- */

void binding_chunk_over(struct binding *binding, struct ticket *ticket, const struct worker *worker,
			struct chunk *chunk, uint64_t now) {
	(void) binding;
	sched_charge(ticket->sched, &ticket->node, (double) chunk_charge(chunk, now) / US_PER_S);
	ticket->request->chunks--;
	ticket->request->workers -= !handover_serves(worker, ticket->request);
}

void binding_charge_running(struct binding *binding, struct ticket *ticket, struct chunk *chunk,
			    uint64_t now) {
	(void) binding;
	if (chunk->began && now - chunk->began > chunk->charged)
		sched_charge(ticket->sched, &ticket->node,
			     (double) chunk_charge(chunk, now) / US_PER_S);
}
