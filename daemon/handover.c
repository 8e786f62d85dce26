#include "daemon/handover.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/order.h"
#include "daemon/pool.h"
#include "daemon/worker.h"

#define US_PER_S  1e6
#define US_PER_MS UINT64_C(1000)

bool handover_allowed(const struct request *request) {
	return request->options.max_workers == 0 || request->workers < request->options.max_workers;
}

bool handover_serves(const struct worker *worker, const struct request *request) {
	const struct chunk *chunk;

	TAILQ_FOREACH_REVERSE (chunk, &worker->chunks, chunk_list, link)
		if (chunk->request == request->id)
			return true;
	return false;
}

unsigned handover_workers(const struct pool *pool) {
	return pool_count(pool, WORKER_STARTING) + pool_count(pool, WORKER_IDLE) +
	       pool_count(pool, WORKER_BUSY);
}

uint32_t handover_size(struct estimate *estimate, const struct ticket *ticket) {
	const struct request *request = ticket->request;
	unsigned principals = sched_principals(ticket->sched);
	unsigned workers = handover_workers(ticket->pool) / (principals ? principals : 1);
	uint64_t items = request->items.n - request_finished(request);

	return estimate_chunk(
		estimate,
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
static void charge_guess(struct ticket *ticket, struct chunk *chunk) {
	double seconds = ticket->item_cost * chunk->count;

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

/* Whether it must be certain which item a death or a time-out is about. */
static bool needs_to_know(const struct request *request) {
	const struct run_options *options = &request->options;

	return options->item_timeout_ms > 0 || options->retries > 0 || options->no_rerun;
}

uint64_t handover_items_left(const struct worker *worker) {
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
	uint64_t left = handover_items_left(worker);

	if (needs_to_know(request) && !worker_keeps_page(worker))
		return 1;
	return left >= max ? max : left > 0 ? (uint32_t) left : 1;
}

int handover_give(struct ticket *ticket, struct worker *worker, uint32_t max, uint64_t now) {
	struct request *request = ticket->request;
	uint32_t most = chunk_most(worker, request, max), before = request->last_count;
	struct items_cut cut = request_take(request, most);
	struct chunk *chunk = cut_chunk(request, &cut);
	uint64_t item_timeout = US_PER_MS * request->options.item_timeout_ms;
	bool another = !handover_serves(worker, request);
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
		request->chunks--;
		request->running -= cut.count;
		return -ENOMEM;
	}
	request->workers += another;
	charge_guess(ticket, chunk);
	if (request->state == REQUEST_QUEUED) {
		request->state = REQUEST_RUNNING;
		request->started = now;
	}
	return 0;
}
