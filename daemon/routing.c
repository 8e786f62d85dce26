#include "daemon/routing.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>

#include "daemon/binding.h"
#include "daemon/clock.h"
#include "daemon/route.h"

/* Ends a request for a reason of the daemon's own. */
static void fail(struct routing *routing, struct ticket *ticket, struct error *error) {
	request_fail(ticket->request, REQUEST_FAILED, error);
	routing->moved(routing->context, ticket);
}

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

/* Returns 0 (routed, or it waits for a pool), or 1 and *error. */
static int route(struct routing *routing, struct ticket *ticket, struct error *error) {
	struct pool *pool;

	if (route_find(routing->pools, ticket->request, &pool, error) != 0)
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
	if (binding_add(routing->binding, ticket) < 0 || deadline_watch(&ticket->deadline) < 0)
		return error_set_no_memory(error);
	return 0;
}

static void on_unrouted(evutil_socket_t fd, short what, void *context) {
	struct ticket *ticket = context;
	struct error error = {0};

	(void) fd, (void) what;
	/* The pools that could still offer it took longer to start than they may. */
	route_nowhere(ticket->request, &error);
	fail(ticket->routing, ticket, &error);
}

/* Waits as long as the slowest pool that said nothing yet may take to start. */
static int await_route(struct routing *routing, struct ticket *ticket) {
	uint64_t longest = 0;
	struct timeval interval;
	struct pool *pool;

	TAILQ_FOREACH (pool, routing->pools, link)
		if (route_allowed(pool, ticket->request) && !pool->offer->functions &&
		    pool->start_timeout > longest)
			longest = pool->start_timeout;
	ticket->unrouted = evtimer_new(routing->base, on_unrouted, ticket);
	if (!ticket->unrouted)
		return -ENOMEM;
	interval = clock_interval(longest);
	return evtimer_add(ticket->unrouted, &interval) < 0 ? -ENOMEM : 0;
}

int routing_begin(struct routing *routing, struct ticket *ticket, struct error *error) {
	int r;

	ticket->routing = routing;
	r = route(routing, ticket, error);
	return r == 0 && !ticket->pool ? await_route(routing, ticket) : r;
}

/* After another configuration the pool's workers may not know the function any more. */
static bool still_offered(const struct ticket *ticket) {
	const struct request *request = ticket->request;

	return ticket->pool->offer->unpack[request->options.unpack] &&
	       offer_match(ticket->pool->offer, request->function) > 0;
}

void routing_changed(struct routing *routing, struct pool *changed) {
	struct ticket *ticket;

	TAILQ_FOREACH (ticket, &routing->tickets->all, link) {
		struct error error = {0};

		if (!ticket->owner || ticket->request->stopped)
			continue;
		if (changed && ticket->pool == changed && changed->state == POOL_FAILED) {
			route_failed(changed, &error);
			fail(routing, ticket, &error);
		} else if (changed && ticket->pool == changed && !still_offered(ticket)) {
			route_nowhere(ticket->request, &error);
			fail(routing, ticket, &error);
		} else if (!ticket->pool) {
			if (route(routing, ticket, &error) != 0)
				fail(routing, ticket, &error);
			routing->moved(routing->context, ticket);
		}
	}
}
