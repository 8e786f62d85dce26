/*
 * What the words of a worker mean: the hello makes it warm, reports end its chunks and make it idle, nonsense ends it.
 */

#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/worker.h"
#include "daemon/worker_inside.h"

static void chunk_finished(struct worker *worker, struct chunk *chunk,
			   const struct settlement *settlement) {
	struct worker_private *p = worker->private;

	TAILQ_REMOVE(&worker->chunks, chunk, link);
	p->ops->chunk_over(p->context, worker, chunk, settlement, NULL);
	free(chunk);
	hands_advance(&p->hands, clock_now());
	worker_note_request(worker);
	if (!TAILQ_EMPTY(&worker->chunks))
		return;

	stop_spare(&p->stop);
	if (worker->state == WORKER_BUSY)
		worker_becomes_idle(worker);
}

static const char *on_hello(void *context, struct worker_hello *hello) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	const char *refused;

	if (p->stop.step != STOP_START && worker->state != WORKER_STOPPING)
		return "a second hello";
	p->hands.progress.kept = hello->page;
	/* One that is being stopped does not speak for its pool any more. */
	if (worker->state == WORKER_STOPPING)
		return NULL;
	refused = p->ops->hello(p->context, worker, hello);
	if (refused)
		return refused;
	worker->warm = clock_now();
	stop_rest(&p->stop);
	worker_becomes_idle(worker);
	return NULL;
}

static const char *on_results(void *context, const struct worker_report *report) {
	struct worker *worker = context;
	const struct worker_results *results = report->results;
	struct worker_private *p = worker->private;
	struct settlement rest = {0};
	size_t n = report->doc->elements.count;
	struct chunk *chunk;
	const char *wrong = hands_match(&p->hands, results, n, &chunk);

	if (wrong)
		return wrong;
	hands_reported(&p->hands, chunk, n);
	wrong = p->ops->results(p->context, worker, chunk, report);
	if (wrong) {
		/* Nothing of the message was taken: its items have no results. */
		chunk->reported -= (uint32_t) n;
		return wrong;
	}
	worker->items += n;
	if (chunk->reported == chunk->count && !chunk->cut) {
		chunk_finished(worker, chunk, NULL);
	} else if (results->has_returned || results->unknown) {
		rest.finished = rest.rest = chunk->reported;
		chunk_finished(worker, chunk, &rest);
	}
	return NULL;
}

static void on_violated(void *context, const char *reason) {
	struct worker *worker = context;

	log_event(ENTRY_WORKER_VIOLATED, &worker->private->about, "%s broke the protocol: %s",
		  worker->private->label, reason);
	worker_kill(worker, reason);
}

/* An exit follows as a rule, and says more. */
static void on_ended(void *context) {
	const struct worker *worker = context;

	stop_expect_exit(&worker->private->stop);
}

const struct conversation_ops worker_conversation_ops = {
	.hello = on_hello,
	.results = on_results,
	.violated = on_violated,
	.ended = on_ended,
};
