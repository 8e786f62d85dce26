#include "daemon/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/binding.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/ticket.h"
#include "daemon/outcome.h"
#include "daemon/recall.h"
#include "daemon/route.h"

/* How long a running item of a cancelled request may go on before its worker is stopped. */
#define CANCEL_GRACE UINT64_C(100000)
/* How long the workers of a pool that goes may take once their input is closed. */
#define STOP_GRACE UINT64_C(5000000)

struct dispatch_private {
	const struct channel_loop *loop;
	const struct dispatch_ops *ops;
	void *context;
	struct ticket_table tickets;
	struct binding binding;
	uint64_t last_id;
	struct event *pump;
	uint64_t woken;     /* µs, since when the pump is due; 0 = it is not */
	struct event *tick; /* while something runs */
};

static struct ticket *ticket_of(const struct dispatch *dispatch, const struct request *request) {
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, request->id);

	assert(ticket && ticket->request == request);
	return ticket;
}

void dispatch_wake(struct dispatch *dispatch) {
	if (!dispatch->private->woken)
		dispatch->private->woken = clock_now();
	event_active(dispatch->private->pump, EV_TIMEOUT, 1);
}

static void mark_dirty(struct dispatch *dispatch, struct ticket *ticket) {
	ticket_mark_dirty(&dispatch->private->tickets, ticket);
	dispatch_wake(dispatch);
}

void dispatch_touch(struct dispatch *dispatch, struct request *request) {
	mark_dirty(dispatch, ticket_of(dispatch, request));
}

/* Ends a request for a reason of the daemon's own. */
static void fail_ticket(struct dispatch *dispatch, struct ticket *ticket, struct error *error) {
	request_fail(ticket->request, REQUEST_FAILED, error);
	mark_dirty(dispatch, ticket);
}

/* -------- which pool -------- */

/* µs as whole milliseconds, at least one; 0 for none. */
static uint32_t default_ms(uint64_t us) {
	if (us == UINT64_MAX)
		return 0;
	us /= 1000;
	return us == 0 ? 1 : us < UINT32_MAX ? (uint32_t) us : UINT32_MAX;
}

/* What the call does not say, its pool does. */
static void take_defaults(struct run_options *options, const struct pool *pool) {
	if (!options->item_timeout_ms)
		options->item_timeout_ms = default_ms(pool->item_timeout);
	if (!options->queue_timeout_ms)
		options->queue_timeout_ms = default_ms(pool->queue_timeout);
}

static int watch_deadline(struct dispatch *dispatch, struct ticket *ticket);

/* Returns 0 (routed, or it waits for a pool), or 1 and *error. */
static int route(struct dispatch *dispatch, struct ticket *ticket, struct error *error) {
	struct pool *pool;

	if (route_find(&dispatch->pools, ticket->request, &pool, error) != 0)
		return 1;
	if (!pool)
		return 0;
	if (!pool->offer->unpack[ticket->request->options.unpack])
		return error_set(error, ERROR_INVALID_PARAMETER, "{ss}", "parameter",
				 "options.unpack");
	if (asprintf(&ticket->function, "%s/%s", pool->name, ticket->request->function) < 0) {
		ticket->function = NULL;
		return error_set_no_memory(error);
	}
	if (ticket->unrouted)
		event_free(ticket->unrouted);
	ticket->unrouted = NULL;
	ticket->pool = pool;
	take_defaults(&ticket->request->options, pool);
	if (binding_add(&dispatch->private->binding, ticket) < 0 ||
	    watch_deadline(dispatch, ticket) < 0)
		return error_set_no_memory(error);
	return 0;
}

static void on_unrouted(evutil_socket_t fd, short what, void *context) {
	struct ticket *ticket = context;
	struct error error = {0};

	(void) fd, (void) what;
	/* The pools that could still offer it took longer to start than they may. */
	route_nowhere(ticket->request, &error);
	fail_ticket(ticket->dispatch, ticket, &error);
}

/* Waits as long as the slowest pool that said nothing yet may take to start. */
static int await_route(struct dispatch *dispatch, struct ticket *ticket) {
	uint64_t longest = 0;
	struct timeval interval;
	struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		if (route_allowed(pool, ticket->request) && !pool->offer->functions &&
		    pool->start_timeout > longest)
			longest = pool->start_timeout;
	ticket->unrouted = evtimer_new(dispatch->private->loop->base, on_unrouted, ticket);
	if (!ticket->unrouted)
		return -ENOMEM;
	interval = clock_interval(longest);
	return evtimer_add(ticket->unrouted, &interval) < 0 ? -ENOMEM : 0;
}

/* After another configuration the pool's workers may not know the function any more. */
static bool still_offered(const struct ticket *ticket) {
	const struct request *request = ticket->request;

	return ticket->pool->offer->unpack[request->options.unpack] &&
	       offer_match(ticket->pool->offer, request->function) > 0;
}

/* A pool said hello, failed or came back: what waited for it moves. */
static void reroute(struct dispatch *dispatch, struct pool *changed) {
	struct ticket *ticket;

	TAILQ_FOREACH (ticket, &dispatch->private->tickets.all, link) {
		struct error error = {0};

		if (!ticket->owner || ticket->request->stopped)
			continue;
		if (changed && ticket->pool == changed && changed->state == POOL_FAILED) {
			route_failed(changed, &error);
			fail_ticket(dispatch, ticket, &error);
		} else if (changed && ticket->pool == changed && !still_offered(ticket)) {
			route_nowhere(ticket->request, &error);
			fail_ticket(dispatch, ticket, &error);
		} else if (!ticket->pool) {
			if (route(dispatch, ticket, &error) != 0)
				fail_ticket(dispatch, ticket, &error);
			mark_dirty(dispatch, ticket);
		}
	}
}

/* -------- the pump -------- */

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

/* Tells the owners of what moved; a request that nobody owns is let go when its last chunk is over. */
static void visit_dirty(struct dispatch *dispatch, uint64_t now) {
	struct dispatch_private *p = dispatch->private;
	struct ticket *ticket;
	uint64_t id;

	while ((ticket = TAILQ_FIRST(&p->tickets.dirty))) {
		ticket_clear_dirty(&p->tickets, ticket);
		id = ticket->id;
		if (ticket->owner)
			p->ops->progressed(ticket->owner, ticket->request);
		else if (ticket->request->chunks == 0)
			ticket_free(&p->tickets, ticket);
		ticket = ticket_find(&p->tickets, id);
		if (ticket)
			binding_refresh(&p->binding, ticket, now);
	}
}

static void start_tick(struct dispatch *dispatch) {
	struct timeval interval = clock_interval(RECALL_PERIOD);

	if (!evtimer_pending(dispatch->private->tick, NULL))
		evtimer_add(dispatch->private->tick, &interval);
}

static bool anything_runs(const struct dispatch *dispatch) {
	const struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		if (!TAILQ_EMPTY(&pool->workers[WORKER_BUSY]))
			return true;
	return false;
}

static bool has_tickets(const struct dispatch *dispatch, const struct pool *pool) {
	const struct ticket *ticket;

	TAILQ_FOREACH (ticket, &dispatch->private->tickets.all, link)
		if (ticket->pool == pool)
			return true;
	return false;
}

/* A pool that is not configured any more ends with its last request, and is freed with its last worker. */
static void see_off_pools(struct dispatch *dispatch) {
	struct pool *pool, *next;

	for (pool = TAILQ_FIRST(&dispatch->pools); pool; pool = next) {
		next = TAILQ_NEXT(pool, link);
		if (!pool->leaving || has_tickets(dispatch, pool))
			continue;
		if (pool->state != POOL_STOPPED)
			pool_stop(pool, STOP_GRACE);
		if (pool_is_empty(pool)) {
			TAILQ_REMOVE(&dispatch->pools, pool, link);
			pool_free(pool);
		}
	}
}

static void on_pump(evutil_socket_t fd, short what, void *context) {
	struct dispatch *dispatch = context;
	struct dispatch_private *p = dispatch->private;
	uint64_t now = clock_now();

	(void) fd, (void) what;
	lag_note(&dispatch->lag, p->woken, now);
	p->woken = 0;
	visit_dirty(dispatch, now);
	binding_bind(&p->binding, now);
	recall_for_waiting(&p->binding, now);
	binding_demand(&p->binding);
	see_off_pools(dispatch);
	if (!TAILQ_EMPTY(&p->tickets.dirty))
		dispatch_wake(dispatch);
	if (anything_runs(dispatch))
		start_tick(dispatch);
	p->ops->pumped(p->context);
}

static void on_tick(evutil_socket_t fd, short what, void *context) {
	struct dispatch *dispatch = context;

	(void) fd, (void) what;
	recall_tick(&dispatch->private->binding, clock_now());
	if (!anything_runs(dispatch))
		return;
	start_tick(dispatch);
	dispatch_wake(dispatch);
}

/* -------- what workers do -------- */

static void log_slow_item(const struct ticket *ticket, const struct worker *worker, uint64_t item,
			  uint64_t us) {
	struct entry_fields about = *worker_fields(worker);

	about.function = ticket->request->function;
	about.request = (struct entry_number) {true, ticket->id};
	about.item = (struct entry_number) {true, item};
	about.client_uid = (struct entry_number) {true, ticket->request->uid};
	about.run_us = (struct entry_number) {true, us};
	log_event(ENTRY_ITEM_SLOW, &about,
		  "slow item: %s, item %llu of request %llu of uid %u took %.3f s",
		  ticket->function, (unsigned long long) item, (unsigned long long) ticket->id,
		  ticket->request->uid, (double) us / 1e6);
}

static void log_slow_items(const struct ticket *ticket, const struct worker *worker,
			   const struct chunk *chunk, const struct worker_report *report) {
	uint64_t slow = ticket->pool->slow_item;
	uint64_t first = chunk->first + chunk->reported - report->doc->elements.count;

	if (slow == UINT64_MAX)
		return;
	/* Pairs of start and duration. */
	for (size_t i = 1; i < json_array_size(report->results->us); i += 2) {
		uint64_t us = (uint64_t) json_integer_value(json_array_get(report->results->us, i));

		if (us > slow)
			log_slow_item(ticket, worker, first + i / 2, us);
	}
}

static const char *on_results(void *context, struct worker *worker, const struct chunk *chunk,
			      const struct worker_report *report) {
	struct dispatch *dispatch = context;
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, chunk->request);
	struct request *request = ticket->request;
	uint64_t failed = request->failed;
	struct error error = {0};
	const char *wrong;

	if (report->results->unknown) {
		route_nowhere(request, &error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	wrong = outcome_report(request, chunk, report);
	if (wrong)
		return wrong;
	log_slow_items(ticket, worker, chunk, report);
	dispatch->items_finished += report->doc->elements.count;
	dispatch->items_failed += request->failed - failed;
	estimate_learn(&dispatch->private->binding.estimate, ticket->function,
		       (uint32_t) report->doc->elements.count, report->results->busy_us,
		       report->doc->length);
	mark_dirty(dispatch, ticket);
	return NULL;
}

static void on_chunk_over(void *context, struct worker *worker, struct chunk *chunk,
			  const struct settlement *settlement, const struct worker_end *end) {
	struct dispatch *dispatch = context;
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, chunk->request);
	struct request *request = ticket->request;
	uint64_t failed = request->failed;
	struct error error = {0};

	binding_chunk_over(&dispatch->private->binding, ticket, worker, chunk, clock_now());
	if (settlement && outcome_settle(request, chunk, settlement, end) < 0) {
		error_set_no_memory(&error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	dispatch->items_finished += request->failed - failed;
	dispatch->items_failed += request->failed - failed;
	mark_dirty(dispatch, ticket);
}

static void on_recalled(void *context, struct worker *worker, const struct chunk *chunk,
			uint32_t offset) {
	struct dispatch *dispatch = context;
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, chunk->request);
	struct error error = {0};

	(void) worker;
	if (request_put_back(ticket->request, chunk->first + offset, chunk->count - offset,
			     chunk->handed, chunk->attempts) < 0) {
		error_set_no_memory(&error);
		request_fail(ticket->request, REQUEST_FAILED, &error);
	}
	mark_dirty(dispatch, ticket);
}

static void on_pool_changed(void *context, struct pool *pool) {
	struct dispatch *dispatch = context;

	/* Not for each worker that becomes idle: it looks at all requests. */
	if (pool->offer_changed)
		reroute(dispatch, pool);
	pool->offer_changed = false;
	dispatch_wake(dispatch);
}

const struct pool_ops dispatch_pool_ops = {
	.results = on_results,
	.chunk_over = on_chunk_over,
	.recalled = on_recalled,
	.changed = on_pool_changed,
};

/* -------- time-outs of calls -------- */

static void on_deadline(evutil_socket_t fd, short what, void *context) {
	struct ticket *ticket = context;
	struct error error = {0};
	uint32_t ms;

	(void) fd, (void) what;
	if (!ticket->owner || ticket->request->stopped)
		return;
	/* It may have started since this was set. */
	if (request_deadline(ticket->request, &ms) > clock_now()) {
		watch_deadline(ticket->dispatch, ticket);
		return;
	}
	error_set(&error, ERROR_TIMED_OUT, "{sI}", "timeoutMs", (json_int_t) ms);
	dispatch_cancel(ticket->dispatch, ticket->request, &error);
}

/* Waits for the next deadline of the call, if it has one. */
static int watch_deadline(struct dispatch *dispatch, struct ticket *ticket) {
	uint32_t ms;
	uint64_t deadline = request_deadline(ticket->request, &ms), now = clock_now();
	struct timeval interval = clock_interval(deadline > now ? deadline - now : 0);

	if (deadline == UINT64_MAX)
		return 0;
	if (!ticket->deadline)
		ticket->deadline = evtimer_new(dispatch->private->loop->base, on_deadline, ticket);
	return ticket->deadline && evtimer_add(ticket->deadline, &interval) == 0 ? 0 : -ENOMEM;
}

/* -------- what owners do -------- */

int dispatch_submit(struct dispatch *dispatch, struct request *request, void *owner,
		    struct error *error) {
	struct dispatch_private *p = dispatch->private;
	struct ticket *ticket = ticket_new(&p->tickets, request, owner);
	int r;

	if (!ticket)
		return -ENOMEM;
	ticket->dispatch = dispatch;
	r = route(dispatch, ticket, error);
	if (r == 0 && !ticket->pool)
		r = await_route(dispatch, ticket);
	if (r == 0)
		r = watch_deadline(dispatch, ticket);
	if (r != 0) {
		ticket->request = NULL;
		ticket_free(&p->tickets, ticket);
		return r;
	}
	mark_dirty(dispatch, ticket);
	return 0;
}

static void log_finished(const struct ticket *ticket, uint64_t now) {
	const struct request *request = ticket->request;
	uint64_t started = request->started ? request->started : now;
	const struct entry_fields about = {
		.pool = ticket->pool ? ticket->pool->name : NULL,
		.function = request->function,
		.request = {true, request->id},
		.client_uid = {true, request->uid},
		.wait_us = {true, started - request->accepted},
		.run_us = {true, now - started},
	};

	log_event(ENTRY_REQUEST_FINISHED, &about,
		  "request %llu: %s of uid %u: %llu items finished, %llu of them failed; it waited "
		  "%.3f s and ran %.3f s",
		  (unsigned long long) request->id, request->function, request->uid,
		  (unsigned long long) request_finished(request),
		  (unsigned long long) request->failed, (double) about.wait_us.value / 1e6,
		  (double) about.run_us.value / 1e6);
}

void dispatch_release(struct dispatch *dispatch, struct request *request) {
	struct ticket *ticket = ticket_of(dispatch, request);

	log_finished(ticket, clock_now());
	request_stop(request);
	ticket->owner = NULL;
	mark_dirty(dispatch, ticket);
}

/* Calls visit for every chunk of the request that a worker has. */
static void each_chunk(struct dispatch *dispatch, const struct request *request,
		       void (*visit)(struct worker *worker, struct chunk *chunk, void *context),
		       void *context) {
	struct worker *worker, *next;
	struct pool *pool;
	struct chunk *chunk;

	TAILQ_FOREACH (pool, &dispatch->pools, link) {
		for (worker = TAILQ_FIRST(&pool->workers[WORKER_BUSY]); worker; worker = next) {
			next = TAILQ_NEXT(worker, link);
			TAILQ_FOREACH (chunk, &worker->chunks, link)
				if (chunk->request == request->id)
					visit(worker, chunk, context);
		}
	}
}

static void cancel_chunk(struct worker *worker, struct chunk *chunk, void *context) {
	(void) context;
	worker_recall(worker, chunk, 0);
	worker_interrupt(worker, NULL, 0, CANCEL_GRACE, "its request was cancelled");
}

void dispatch_cancel(struct dispatch *dispatch, struct request *request, struct error *error) {
	request_fail(request, REQUEST_CANCELLED, error);
	each_chunk(dispatch, request, cancel_chunk, NULL);
	mark_dirty(dispatch, ticket_of(dispatch, request));
}

void dispatch_cancel_all(struct dispatch *dispatch) {
	struct ticket *ticket;
	struct error error = {0};

	TAILQ_FOREACH (ticket, &dispatch->private->tickets.all, link) {
		error_set(&error, ERROR_CANCELLED, NULL);
		dispatch_cancel(dispatch, ticket->request, &error);
	}
}

static void cancel_in_chunk(struct worker *worker, struct chunk *chunk, void *context) {
	uint64_t index = *(uint64_t *) context;
	uint32_t offset = (uint32_t) (index - chunk->first);

	if (index < chunk->first + chunk->reported || index >= chunk->first + chunk->count)
		return;
	worker_recall(worker, chunk, offset);
	worker_interrupt(worker, chunk, offset, CANCEL_GRACE, "its item was cancelled");
}

void dispatch_cancel_item(struct dispatch *dispatch, struct request *request, uint64_t index) {
	struct error error = {0};

	if (request_cancel_item(request, index) < 0) {
		error_set_no_memory(&error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	if (request_is_cancelling(request, index))
		each_chunk(dispatch, request, cancel_in_chunk, &index);
	mark_dirty(dispatch, ticket_of(dispatch, request));
}

/* -------- what can be seen -------- */

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
	const struct ticket *ticket = ticket_of(dispatch, request);
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

/* -------- life -------- */

struct pool *dispatch_pool(const struct dispatch *dispatch, const char *name) {
	struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		if (!pool->leaving && strcmp(pool->name, name) == 0)
			return pool;
	return NULL;
}

void dispatch_remove_pool(struct dispatch *dispatch, struct pool *pool) {
	pool->leaving = true;
	reroute(dispatch, NULL);
	dispatch_wake(dispatch);
}

void dispatch_set_slots(struct dispatch *dispatch, unsigned slots) {
	dispatch->slots = dispatch->private->binding.slots = slots;
	dispatch_wake(dispatch);
}

uint64_t dispatch_new_id(struct dispatch *dispatch) {
	return ++dispatch->private->last_id;
}

void dispatch_add_pool(struct dispatch *dispatch, struct pool *pool) {
	TAILQ_INSERT_TAIL(&dispatch->pools, pool, link);
}

int dispatch_new(struct dispatch **ret, const struct channel_loop *loop, unsigned slots,
		 const struct dispatch_ops *ops, void *context) {
	struct dispatch *dispatch = calloc(1, sizeof *dispatch);
	struct dispatch_private *p = calloc(1, sizeof *p);

	if (!dispatch || !p) {
		free(dispatch);
		free(p);
		return -ENOMEM;
	}
	dispatch->private = p;
	dispatch->slots = slots;
	TAILQ_INIT(&dispatch->pools);
	p->loop = loop;
	p->ops = ops;
	p->context = context;
	ticket_table_init(&p->tickets);
	binding_init(&p->binding, &dispatch->pools, &p->tickets, slots);
	p->pump = evtimer_new(loop->base, on_pump, dispatch);
	p->tick = evtimer_new(loop->base, on_tick, dispatch);
	if (!p->pump || !p->tick) {
		dispatch_free(dispatch);
		return -ENOMEM;
	}
	*ret = dispatch;
	return 0;
}

struct dispatch *dispatch_free(struct dispatch *dispatch) {
	struct dispatch_private *p;
	struct pool *pool;

	if (!dispatch)
		return NULL;
	p = dispatch->private;
	while (!TAILQ_EMPTY(&p->tickets.all))
		ticket_free(&p->tickets, TAILQ_FIRST(&p->tickets.all));
	while ((pool = TAILQ_FIRST(&dispatch->pools))) {
		TAILQ_REMOVE(&dispatch->pools, pool, link);
		pool_free(pool);
	}
	if (p->pump)
		event_free(p->pump);
	if (p->tick)
		event_free(p->tick);
	binding_done(&p->binding);
	free(p);
	free(dispatch);
	return NULL;
}
