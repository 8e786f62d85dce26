/*
 * What the exit of a worker's process means: nothing of it is left alive, what it left is read, what it had in its hands
 * is settled.
 */

#include <signal.h>

#include "daemon/output.h"
#include "daemon/worker.h"
#include "daemon/worker_inside.h"

static const char *why_killed(const struct worker_private *p, const struct process_exit *exited) {
	const char *reason = NULL;

	if (!p->stop.ours && exited->signal == SIGKILL)
		reason = process_out_of_memory(&p->process);
	return reason ? reason : p->stop.reason;
}

/* A worker and how it ended, while its chunks are settled. */
struct settling {
	struct worker *worker;
	struct worker_end *end;
};

static void on_settled(void *context, struct chunk *chunk, const struct settlement *settlement) {
	const struct settling *settling = context;
	const struct worker_private *p = settling->worker->private;
	struct worker_end *end = settling->end;

	if (settlement->blamed && !end->blamed) {
		end->blamed = true;
		end->request = chunk->request;
		end->item = chunk->first + settlement->finished;
	}
	p->ops->chunk_over(p->context, settling->worker, chunk, settlement, end);
}

static void settle_chunks(struct worker *worker, struct worker_end *end) {
	struct worker_private *p = worker->private;
	struct settling settling = {worker, end};
	struct chunk_evidence evidence = {
		.violation = p->conversation.violated,
		.targeted = p->stop.ours && p->stop.target,
		.target = p->stop.target,
	};

	hands_settle(&p->hands, &evidence, on_settled, &settling);
}

/* The exit decides, not the end of the channel: a child of the worker may hold that open for ever. */
void worker_exited(void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	struct process_exit exited;
	struct worker_end end;

	process_signal(&p->process, SIGKILL);
	conversation_read_rest(&p->conversation);
	if (p->out)
		output_read(p->out);
	if (p->err)
		output_read(p->err);
	exited = process_reap(&p->process, p->label);
	hands_rest(&p->hands);
	stop_rest(&p->stop);

	end = (struct worker_end) {
		.signal = exited.signal,
		.status = exited.status,
		.ours = p->stop.ours,
		.timed_out = p->stop.timed_out,
		.reason = why_killed(p, &exited),
		.stderr_tail = p->err ? output_tail(p->err) : "",
	};
	settle_chunks(worker, &end);
	worker_becomes_gone(worker);
	p->ops->gone(p->context, worker, &end);
}
