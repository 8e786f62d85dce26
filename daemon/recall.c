#include "daemon/recall.h"

#include "daemon/worker.h"

/* A chunk with less than this to go, in µs, is waited for. */
#define WORTH_A_RECALL UINT64_C(5000)
/* Who has waited this long, in µs, behind nothing but items that are as old, starves. */
#define STARVED_AFTER UINT64_C(200000)

/* -------- one worker -------- */

/* Whether something could be taken back from it. */
static bool is_recallable(const struct worker *worker) {
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	return worker_takes_more(worker) &&
	       (chunk->count - chunk->reported > 1 || TAILQ_NEXT(chunk, link));
}

/* All but the next item, begun or not: one that is slow to begin would else get the same items again and again. */
static void recall_rest(struct worker *worker) {
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	worker_recall(worker, chunk, chunk->reported + 1);
}

/* -------- for who waits -------- */

static bool has_free_slot(const struct binding *binding) {
	return binding_slots_busy(binding) < binding->slots;
}

/* µs that its chunks should still take; the most for those that nobody can predict. */
static uint64_t remaining(const struct worker *worker, uint64_t now) {
	const struct chunk *chunk;
	uint64_t sum = 0;

	TAILQ_FOREACH (chunk, &worker->chunks, link) {
		uint64_t us = chunk_remaining(chunk, now);

		if (us == CHUNK_UNKNOWN)
			return now - chunk->sent > WORTH_A_RECALL ? CHUNK_UNKNOWN : 0;
		sum += us;
	}
	return sum;
}

/* The worker of the pool that has longest to go, if that is longer than *most; of those that serve the request, if it is
 * not NULL. */
static struct worker *longest(const struct pool *pool, const struct request *request, uint64_t now,
			      uint64_t *most) {
	struct worker *worker, *found = NULL;

	TAILQ_FOREACH (worker, &pool->workers[WORKER_BUSY], link) {
		uint64_t us = is_recallable(worker) ? remaining(worker, now) : 0;

		if (us > *most && (!request || pool_serves(pool, worker, request))) {
			*most = us;
			found = worker;
		}
	}
	return found;
}

/* A slot may be freed in any pool that has them; a worker only in its own. */
static struct worker *find_victim(const struct binding *binding, const struct ticket *ticket,
				  uint64_t now) {
	uint64_t most = WORTH_A_RECALL;
	struct worker *worker, *found = NULL;
	const struct pool *pool;

	if (!pool_idle_for(ticket->pool, ticket->request))
		return longest(ticket->pool, ticket->request, now, &most);
	TAILQ_FOREACH (pool, binding->pools, link)
		if (pool->slots && (worker = longest(pool, NULL, now, &most)))
			found = worker;
	return found;
}

void recall_for_waiting(struct binding *binding, uint64_t now) {
	struct ticket *ticket;
	unsigned looked_at = 0;

	/* More than there are slots need not be helped at once. */
	TAILQ_FOREACH (ticket, &binding->tickets->waiting, waiting_link) {
		struct worker *worker;

		if (looked_at++ == binding->slots)
			break;
		if (ticket->helped ||
		    (pool_idle_for(ticket->pool, ticket->request) && has_free_slot(binding)))
			continue;
		worker = find_victim(binding, ticket, now);
		if (worker)
			recall_rest(worker);
		ticket->helped = worker;
	}
}

/* -------- overdue -------- */

static bool somebody_could_run_it(const struct binding *binding, const struct pool *pool) {
	if (!TAILQ_EMPTY(&binding->tickets->waiting))
		return true;
	return pool_idle(pool) && (!pool->slots || has_free_slot(binding));
}

static void look_at_worker(struct binding *binding, const struct pool *pool, struct worker *worker,
			   uint64_t now) {
	struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	worker_item_age(worker, now);
	binding_charge_running(binding, ticket_find(binding->tickets, chunk->request), chunk, now);
	if (chunk_is_overdue(chunk, now) && is_recallable(worker) &&
	    somebody_could_run_it(binding, pool))
		recall_rest(worker);
}

/* -------- starving -------- */

/* Whether every slot has been held by one item for long. */
static bool slots_are_stuck(const struct binding *binding, uint64_t now) {
	struct worker *worker;
	const struct pool *pool;

	if (has_free_slot(binding))
		return false;
	TAILQ_FOREACH (pool, binding->pools, link) {
		if (!pool->slots)
			continue;
		TAILQ_FOREACH (worker, &pool->workers[WORKER_BUSY], link)
			if (worker_item_age(worker, now) < STARVED_AFTER)
				return false;
	}
	return true;
}

static bool runs_something(const struct binding *binding, uid_t uid) {
	const struct ticket *ticket;

	TAILQ_FOREACH (ticket, &binding->tickets->all, link)
		if (ticket->request->uid == uid && ticket->request->chunks > 0)
			return true;
	return false;
}

static void look_for_starved(struct binding *binding, uint64_t now) {
	bool stuck = !TAILQ_EMPTY(&binding->tickets->waiting) && slots_are_stuck(binding, now);
	unsigned most = stuck ? (binding->slots + 7) / 8 : 0, found = 0;
	struct ticket *ticket;

	TAILQ_FOREACH (ticket, &binding->tickets->waiting, waiting_link) {
		ticket->starved = found < most && ticket->pool->slots &&
				  now - ticket->waiting_since >= STARVED_AFTER &&
				  !runs_something(binding, ticket->request->uid);
		found += ticket->starved;
	}
	binding->extra = found;
}

void recall_tick(struct binding *binding, uint64_t now) {
	struct worker *worker, *next;
	const struct pool *pool;

	TAILQ_FOREACH (pool, binding->pools, link) {
		for (worker = TAILQ_FIRST(&pool->workers[WORKER_BUSY]); worker; worker = next) {
			next = TAILQ_NEXT(worker, link);
			look_at_worker(binding, pool, worker, now);
		}
	}
	look_for_starved(binding, now);
}
