#include "daemon/dispatch.h"
#include "daemon/dispatch_inside.h"

/* The end of requests and items that nobody wants any more: nothing new of them starts, and what runs is stopped. */

/* How long a running item of a cancelled request may go on before its worker is stopped. */
#define CANCEL_GRACE UINT64_C(100000)

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
	dispatch_touch(dispatch, request);
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
	dispatch_touch(dispatch, request);
}
