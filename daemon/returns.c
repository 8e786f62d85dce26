#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/dispatch_inside.h"
#include "daemon/log.h"
#include "daemon/outcome.h"
#include "daemon/route.h"

/* What comes back from workers, and what that does to the requests it belongs to: results, ends of chunks, items
 * that were not begun. */

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
	dispatch_mark_dirty(dispatch, ticket);
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
	dispatch_mark_dirty(dispatch, ticket);
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
	dispatch_mark_dirty(dispatch, ticket);
}

static void on_pool_changed(void *context, struct pool *pool) {
	struct dispatch *dispatch = context;

	/* Not for each worker that becomes idle: it looks at all requests. */
	if (pool->offer_changed)
		routing_changed(&dispatch->private->routing, pool);
	pool->offer_changed = false;
	dispatch_wake(dispatch);
}

const struct pool_ops dispatch_pool_ops = {
	.results = on_results,
	.chunk_over = on_chunk_over,
	.recalled = on_recalled,
	.changed = on_pool_changed,
};
