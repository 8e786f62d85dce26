#include "daemon/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/dispatch_inside.h"
#include "daemon/log.h"
#include "daemon/recall.h"

/* How long the workers of a pool that goes may take once their input is closed. */
#define STOP_GRACE UINT64_C(5000000)

struct ticket *dispatch_ticket(const struct dispatch *dispatch, const struct request *request) {
	struct ticket *ticket = ticket_find(&dispatch->private->tickets, request->id);

	assert(ticket && ticket->request == request);
	return ticket;
}

void dispatch_wake(struct dispatch *dispatch) {
	if (!dispatch->private->woken)
		dispatch->private->woken = clock_now();
	event_active(dispatch->private->pump, EV_TIMEOUT, 1);
}

void dispatch_mark_dirty(struct dispatch *dispatch, struct ticket *ticket) {
	ticket_mark_dirty(&dispatch->private->tickets, ticket);
	dispatch_wake(dispatch);
}

void dispatch_touch(struct dispatch *dispatch, struct request *request) {
	dispatch_mark_dirty(dispatch, dispatch_ticket(dispatch, request));
}

/* -------- the pump -------- */

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

/* -------- what owners do -------- */

static void on_expired(void *context, struct request *request, uint32_t ms) {
	struct error error = {0};

	error_set(&error, ERROR_TIMED_OUT, "{sI}", "timeoutMs", (json_int_t) ms);
	dispatch_cancel(context, request, &error);
}

int dispatch_submit(struct dispatch *dispatch, struct request *request, void *owner,
		    struct error *error) {
	struct dispatch_private *p = dispatch->private;
	struct ticket *ticket = ticket_new(&p->tickets, request, owner);
	int r;

	if (!ticket)
		return -ENOMEM;
	ticket->deadline = (struct deadline) {
		.base = p->loop->base,
		.request = request,
		.expired = on_expired,
		.context = dispatch,
	};
	r = routing_begin(&p->routing, ticket, error);
	if (r == 0)
		r = deadline_watch(&ticket->deadline);
	if (r != 0) {
		ticket->request = NULL;
		ticket_free(&p->tickets, ticket);
		return r;
	}
	dispatch_mark_dirty(dispatch, ticket);
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
	struct ticket *ticket = dispatch_ticket(dispatch, request);

	log_finished(ticket, clock_now());
	request_stop(request);
	ticket->owner = NULL;
	dispatch_mark_dirty(dispatch, ticket);
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
	routing_changed(&dispatch->private->routing, NULL);
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

static void on_moved(void *context, struct ticket *ticket) {
	dispatch_mark_dirty(context, ticket);
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
	p->routing = (struct routing) {
		.pools = &dispatch->pools,
		.tickets = &p->tickets,
		.binding = &p->binding,
		.base = loop->base,
		.moved = on_moved,
		.context = dispatch,
	};
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
