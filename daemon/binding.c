#include "daemon/binding.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/order.h"
#include "daemon/worker.h"

#define US_PER_S  1e6
#define US_PER_MS UINT64_C(1000)

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

static bool below_max_workers(const struct request *request) {
	return request->options.max_workers == 0 || request->workers < request->options.max_workers;
}

struct sched_facts binding_facts(const struct binding *binding, const struct ticket *ticket) {
	const struct request *request = ticket->request;

	return (struct sched_facts) {
		.startable = ticket->owner && request_startable(request),
		.below_max_workers = below_max_workers(request),
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

/* -------- one chunk -------- */

/* Whether the worker has a chunk of the request. */
static bool serves(const struct worker *worker, const struct request *request) {
	const struct chunk *chunk;

	TAILQ_FOREACH_REVERSE (chunk, &worker->chunks, chunk_list, link)
		if (chunk->request == request->id)
			return true;
	return false;
}

/* Those that are there, or will be soon. */
static unsigned workers_of(const struct pool *pool) {
	return pool_count(pool, WORKER_STARTING) + pool_count(pool, WORKER_IDLE) +
	       pool_count(pool, WORKER_BUSY);
}

static uint32_t chunk_size(struct binding *binding, const struct ticket *ticket) {
	const struct request *request = ticket->request;
	unsigned principals = sched_principals(ticket->sched);
	unsigned workers = workers_of(ticket->pool) / (principals ? principals : 1);
	uint64_t items = request->items.n - request_finished(request);

	return estimate_chunk(
		&binding->estimate,
		&(struct estimate_question) {
			.function = ticket->function,
			.chunk_size = request->options.chunk_size,
			.pending = request_pending(request),
			.input_ended = request->input_ended,
			.workers = workers ? workers : 1,
			.previous = request->last_count,
			.item_bytes = items ? (double) request->items.bytes / (double) items : 0,
			.alone = sched_ready(ticket->sched) <= 1,
		});
}

/* A guess is charged until it is known better. */
static void charge_guess(const struct binding *binding, struct ticket *ticket,
			 struct chunk *chunk) {
	double seconds = ticket->item_cost * chunk->count;

	(void) binding;
	if (ticket->is_known) {
		chunk->predicted = (uint64_t) (seconds * US_PER_S);
	} else {
		chunk->predicted = CHUNK_UNKNOWN;
		seconds = ESTIMATE_CHUNK_SHARED / 4;
	}
	chunk->charged = (uint64_t) (seconds * US_PER_S);
	sched_charge(ticket->sched, &ticket->node, (double) chunk->charged / US_PER_S);
}

static struct chunk *cut_chunk(struct request *request, const struct items_cut *cut) {
	struct chunk *chunk = malloc(sizeof *chunk);

	if (chunk)
		*chunk = (struct chunk) {
			.request = request->id,
			.first = cut->first,
			.count = cut->count,
			.handed = cut->handed,
			.attempts = cut->attempts,
		};
	return chunk;
}

static void fail_for_memory(struct binding *binding, struct ticket *ticket, uint32_t count) {
	struct error error = {0};

	ticket->request->chunks--;
	ticket->request->running -= count;
	error_set_no_memory(&error);
	request_fail(ticket->request, REQUEST_FAILED, &error);
	ticket_mark_dirty(binding->tickets, ticket);
}

/* Whether it must be certain which item a death or a time-out is about. */
static bool needs_to_know(const struct request *request) {
	const struct run_options *options = &request->options;

	return options->item_timeout_ms > 0 || options->retries > 0 || options->no_rerun;
}

/* How many more items the worker should get before another takes its place. */
static uint64_t items_left(const struct worker *worker) {
	uint64_t items = worker->items;
	const struct chunk *chunk;

	if (worker->most_items == 0)
		return UINT64_MAX;
	TAILQ_FOREACH (chunk, &worker->chunks, link)
		items += chunk->count - chunk->reported;
	return items < worker->most_items ? worker->most_items - items : 0;
}

/* At most max items; one, where another worker is not there yet to take the place of this one. */
static uint32_t chunk_most(const struct worker *worker, const struct request *request,
			   uint32_t max) {
	uint64_t left = items_left(worker);

	if (needs_to_know(request) && !worker_keeps_page(worker))
		return 1;
	return left >= max ? max : left > 0 ? (uint32_t) left : 1;
}

/* Cuts the request's next chunk, of at most max items, and hands it to the worker. */
static void give(struct binding *binding, struct ticket *ticket, struct worker *worker,
		 uint32_t max, uint64_t now) {
	struct request *request = ticket->request;
	uint32_t most = chunk_most(worker, request, max), before = request->last_count;
	struct items_cut cut = request_take(request, most);
	struct chunk *chunk = cut_chunk(request, &cut);
	uint64_t item_timeout = US_PER_MS * request->options.item_timeout_ms;
	bool another = !serves(worker, request);
	const struct order order = {
		.function = request->function,
		.common = request->common,
		.common_bytes = request->common_bytes,
		.common_span = request->common_span,
		.items = cut.bytes,
		.items_span = cut.span,
		.unpack = request->options.unpack,
		.times = request->options.timings || ticket->pool->slow_item != UINT64_MAX,
		.clock = item_timeout > 0,
		.uid = request->uid,
	};

	/* A worker's limit says nothing of how large the next chunk should be. */
	if (most < max && request->last_count < before)
		request->last_count = before;
	if (chunk)
		chunk->item_timeout = item_timeout;
	if (!chunk || worker_give(worker, chunk, &order, now) < 0) {
		free(chunk);
		fail_for_memory(binding, ticket, cut.count);
	} else {
		request->workers += another;
		charge_guess(binding, ticket, chunk);
		if (request->state == REQUEST_QUEUED) {
			request->state = REQUEST_RUNNING;
			request->started = now;
		}
	}
	binding_refresh(binding, ticket, now);
}

/* -------- who is next -------- */

/* How far behind a principal may stay, in seconds of slot time. */
static double credit(const struct binding *binding) {
	return 2 * ESTIMATE_CHUNK_SHARED * binding->slots;
}

struct search {
	const struct binding *binding;
	int free;                  /* slots */
	struct worker *worker;     /* that may get one more chunk, or NULL: an idle one */
	struct pool *pool;         /* its */
	uint64_t room;             /* µs that chunk may take */
	struct sched_node *passed; /* the first that has to wait until a worker is idle, or NULL */
};

static bool can_run(struct sched_node *node, void *context) {
	const struct search *search = context;
	const struct ticket *ticket = ticket_of_node(node);

	return pool_idle_for(ticket->pool, ticket->request) && below_max_workers(ticket->request) &&
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

static void bind_idle(struct binding *binding, struct sched *sched, uint64_t now) {
	struct search search = {.binding = binding, .free = free_slots(binding)};
	struct sched_node *node;

	while (anybody_can_run(binding, sched, search.free) &&
	       (node = sched_pick(sched, credit(binding), can_run, &search))) {
		struct ticket *ticket = ticket_of_node(node);

		search.free -= ticket->pool->slots;
		give(binding, ticket, pool_idle_for(ticket->pool, ticket->request),
		     chunk_size(binding, ticket), now);
	}
}

/* -------- ahead -------- */

/* µs that chunks behind those in the worker may take; 0 = it takes none. */
static uint64_t room_ahead(const struct worker *worker, uint64_t now) {
	const struct chunk *chunk;
	uint64_t held = 0;
	unsigned n = 0;

	/* One that is due must become idle in order to go. */
	if (worker->due || !worker_takes_more(worker) || items_left(worker) == 0)
		return 0;
	TAILQ_FOREACH (chunk, &worker->chunks, link) {
		if (chunk->predicted == CHUNK_UNKNOWN || ++n == BINDING_AHEAD_CHUNKS)
			return 0;
		/* It may be what kills those who read it: they read nothing else then. */
		if (chunk->handed > 0)
			return 0;
		held += chunk_remaining(chunk, now);
	}
	/* One that is over its time may go on for long. */
	if (chunk_is_overdue(TAILQ_FIRST(&worker->chunks), now))
		return 0;
	return held < BINDING_AHEAD ? BINDING_AHEAD - held : 0;
}

/* Whether a ticket would run if the worker became idle: there, or in the slot that it holds. */
static bool wants_worker(const struct search *search, const struct ticket *ticket) {
	if (!below_max_workers(ticket->request))
		return false;
	return ticket->pool == search->pool || (ticket->pool->slots && pool_idle(ticket->pool));
}

static bool fits_behind(const struct search *search, const struct ticket *ticket) {
	const struct request *request = ticket->request;
	uint32_t size = request->options.chunk_size ? request->options.chunk_size : 1;
	uint64_t pending = request_pending(request);

	if (ticket->pool != search->pool || request->uid != search->worker->uid ||
	    !ticket->is_known || items_handed(&request->items) > 0)
		return false;
	if (!below_max_workers(request) && !serves(search->worker, request))
		return false;
	return ticket->item_cost * US_PER_S * (double) (size < pending ? size : pending) <
	       (double) search->room;
}

/* A worker that is given more and more is never idle: whoever is passed over for it is so for this long only. */
static bool can_follow(struct sched_node *node, void *context) {
	struct search *search = context;
	const struct ticket *ticket = ticket_of_node(node);

	if (!fits_behind(search, ticket)) {
		if (!search->passed && wants_worker(search, ticket))
			search->passed = node;
		return false;
	}
	return !search->passed ||
	       sched_lead(search->passed, node) * US_PER_S < (double) BINDING_AHEAD;
}

/* Gives a busy worker what it will have run before a message could go to and fro. The chunk behind what it has is what
 * fits there, and says nothing of how large the next one should be. */
static void give_ahead(struct binding *binding, struct ticket *ticket, const struct search *search,
		       uint64_t now) {
	double most = (double) search->room / (ticket->item_cost * US_PER_S);
	uint32_t size = chunk_size(binding, ticket), before = ticket->request->last_count;

	if (!ticket->request->options.chunk_size && (double) size > most)
		size = (uint32_t) most;
	give(binding, ticket, search->worker, size, now);
	if (ticket->request->last_count < before)
		ticket->request->last_count = before;
}

static void bind_ahead(struct binding *binding, struct pool *pool, struct worker *worker,
		       uint64_t now) {
	struct sched *sched = pool->slots ? &binding->with_slots : &binding->without_slots;
	struct search search = {.binding = binding, .worker = worker, .pool = pool};
	struct sched_node *node;

	while ((search.room = room_ahead(worker, now)) > 0 &&
	       (node = sched_pick(sched, credit(binding), can_follow, &search))) {
		give_ahead(binding, ticket_of_node(node), &search, now);
		search.passed = NULL;
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
		bool empty = workers_of(pool) == 0;
		bool full = workers_of(pool) >= pool->max || (free == 0 && !empty);

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
	ticket->request->workers -= !serves(worker, ticket->request);
}

void binding_charge_running(struct binding *binding, struct ticket *ticket, struct chunk *chunk,
			    uint64_t now) {
	(void) binding;
	if (chunk->began && now - chunk->began > chunk->charged)
		sched_charge(ticket->sched, &ticket->node,
			     (double) chunk_charge(chunk, now) / US_PER_S);
}
