#include "daemon/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/conversation.h"
#include "daemon/hands.h"
#include "daemon/log.h"
#include "daemon/order.h"
#include "daemon/output.h"
#include "daemon/rate.h"
#include "daemon/stop.h"

struct worker_private {
	const struct channel_loop *loop;
	const struct worker_ops *ops;
	void *context;
	char *label; /* POOL/ID */
	struct entry_fields about;

	struct process process;
	struct stop stop;
	struct conversation conversation;
	struct hands hands;
	struct output *out, *err;
	struct rate rate; /* of both */
};

static const char *const state_names[WORKER_STATES] = {
	[WORKER_STARTING] = "starting", [WORKER_IDLE] = "idle", [WORKER_BUSY] = "busy",
	[WORKER_STOPPING] = "stopping", [WORKER_GONE] = "gone",
};

const char *worker_state_name(enum worker_state state) {
	return state_names[state];
}

void *worker_context(const struct worker *worker) {
	return worker->private->context;
}

const struct entry_fields *worker_fields(const struct worker *worker) {
	return &worker->private->about;
}

static void set_state(struct worker *worker, enum worker_state state) {
	enum worker_state before = worker->state;

	if (state == before)
		return;
	log_event(before == WORKER_STARTING && state == WORKER_IDLE ? ENTRY_WORKER_READY
								    : ENTRY_WORKER_CHANGED,
		  &worker->private->about, "%s: %s -> %s", worker->private->label,
		  state_names[before], state_names[state]);
	worker->state = state;
	worker->private->ops->state(worker->private->context, worker, before);
}

/* -------- the end -------- */

static void on_stopping(void *context) {
	set_state(context, WORKER_STOPPING);
}

static void on_ask(void *context) {
	const struct worker *worker = context;

	conversation_finish(&worker->private->conversation);
}

static bool is_at_work(void *context, uint64_t target) {
	const struct worker *worker = context;
	struct position position = position_unpack(target);

	if (TAILQ_EMPTY(&worker->chunks))
		return false;
	return target == 0 ||
	       progress_is_at(&worker->private->hands.progress, position.chunk, position.offset);
}

static const struct stop_ops stop_ops = {
	.stopping = on_stopping,
	.ask = on_ask,
	.is_at_work = is_at_work,
};

void worker_kill(struct worker *worker, const char *reason) {
	stop_kill(&worker->private->stop, reason);
}

void worker_stop(struct worker *worker, uint64_t grace) {
	stop_ask(&worker->private->stop, grace);
}

void worker_interrupt(struct worker *worker, const struct chunk *chunk, uint32_t offset,
		      uint64_t grace, const char *reason) {
	uint64_t target = chunk ? position_pack(chunk->number, offset, false) : 0;

	stop_interrupt(&worker->private->stop, target, grace, reason);
}

static const char *why_killed(const struct worker_private *p, const struct process_exit *exit) {
	const char *reason = NULL;

	if (!p->stop.ours && exit->signal == SIGKILL)
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
static void on_exited(void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	struct process_exit exit;
	struct worker_end end;

	process_signal(&p->process, SIGKILL);
	conversation_read_rest(&p->conversation);
	if (p->out)
		output_read(p->out);
	if (p->err)
		output_read(p->err);
	exit = process_reap(&p->process, p->label);
	hands_rest(&p->hands);
	stop_rest(&p->stop);

	end = (struct worker_end) {
		.signal = exit.signal,
		.status = exit.status,
		.ours = p->stop.ours,
		.timed_out = p->stop.timed_out,
		.reason = why_killed(p, &exit),
		.stderr_tail = p->err ? output_tail(p->err) : "",
	};
	settle_chunks(worker, &end);
	set_state(worker, WORKER_GONE);
	p->ops->gone(p->context, worker, &end);
}

/* -------- what the worker says -------- */

/* Which request it is at, for the log. */
static void note_request(struct worker *worker) {
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	if (chunk)
		worker->private->about.request = (struct entry_number) {true, chunk->request};
}

static void chunk_finished(struct worker *worker, struct chunk *chunk,
			   const struct settlement *settlement) {
	struct worker_private *p = worker->private;

	TAILQ_REMOVE(&worker->chunks, chunk, link);
	p->ops->chunk_over(p->context, worker, chunk, settlement, NULL);
	free(chunk);
	hands_advance(&p->hands, clock_now());
	note_request(worker);
	if (!TAILQ_EMPTY(&worker->chunks))
		return;

	stop_spare(&p->stop);
	if (worker->state == WORKER_BUSY)
		set_state(worker, WORKER_IDLE);
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
	set_state(worker, WORKER_IDLE);
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

static const struct conversation_ops conversation_ops = {
	.hello = on_hello,
	.results = on_results,
	.violated = on_violated,
	.ended = on_ended,
};

/* -------- what it is told, and asked -------- */

int worker_give(struct worker *worker, struct chunk *chunk, const struct order *order,
		uint64_t now) {
	struct worker_private *p = worker->private;
	int r;

	/* One user's lines are not another's to read. */
	if (p->err && worker->uid != order->uid)
		output_cut(p->err);
	worker->uid = order->uid;
	p->about.client_uid = (struct entry_number) {true, order->uid};

	r = conversation_order(&p->conversation, order, p->hands.last_chunk + 1, chunk->first);
	if (r < 0) {
		/* Half a message may be on its way. */
		worker_kill(worker, "the daemon is out of memory");
		return r;
	}
	hands_add(&p->hands, chunk, now);
	note_request(worker);
	set_state(worker, WORKER_BUSY);
	return 0;
}

bool worker_keeps_page(const struct worker *worker) {
	return worker->private->hands.progress.kept;
}

bool worker_takes_more(const struct worker *worker) {
	const struct worker_private *p = worker->private;

	return worker->state == WORKER_BUSY && p->stop.step == STOP_NONE &&
	       !p->hands.progress.recalled;
}

void worker_recall(struct worker *worker, const struct chunk *chunk, uint32_t offset) {
	hands_recall(&worker->private->hands, chunk, offset);
}

uint64_t worker_item_age(struct worker *worker, uint64_t now) {
	return hands_item_age(&worker->private->hands, now);
}

bool worker_runs(const struct worker *worker, const struct chunk *chunk, uint32_t offset) {
	return progress_is_at(&worker->private->hands.progress, chunk->number, offset);
}

static void on_recalled(void *context, const struct chunk *chunk, uint32_t offset) {
	struct worker *worker = context;

	worker->private->ops->recalled(worker->private->context, worker, chunk, offset);
}

static void log_over_time(const struct worker_private *p, const struct chunk *chunk,
			  uint32_t offset) {
	struct entry_fields about = p->about;

	about.item = (struct entry_number) {true, chunk->first + offset};
	log_event(ENTRY_ITEM_TIMED_OUT, &about, "%s: an item is over its time of %llu ms", p->label,
		  (unsigned long long) chunk->item_timeout / 1000);
}

static void on_overdue(void *context, const struct chunk *chunk, uint32_t offset) {
	const struct worker *worker = context;
	struct worker_private *p = worker->private;

	if (p->stop.step >= STOP_TERM)
		return;
	log_over_time(p, chunk, offset);
	stop_overdue(&p->stop, position_pack(chunk->number, offset, false),
		     "its item took longer than it may");
}

static const struct hands_ops hands_ops = {
	.recalled = on_recalled,
	.overdue = on_overdue,
};

/* -------- life -------- */

static int open_outputs(struct worker_private *p) {
	struct output_source about = {.label = p->label, .fields = &p->about, .priority = LOG_INFO};
	struct spawned *process = &p->process.spawned;
	int r = 0;

	if (process->out >= 0)
		r = output_new(&p->out, p->loop, process->out, &about, &p->rate);
	if (p->out)
		process->out = -1;
	about.priority = LOG_NOTICE;
	if (r == 0 && process->err >= 0)
		r = output_new(&p->err, p->loop, process->err, &about, &p->rate);
	if (p->err)
		process->err = -1;
	return r;
}

static int open_all(struct worker *worker, const struct worker_setup *setup) {
	struct worker_private *p = worker->private;
	struct event_base *base = p->loop->base;
	int r = conversation_open(&p->conversation, p->loop, p->process.spawned.socket,
				  setup->max_message, setup->max_result, &conversation_ops, worker);

	if (r < 0)
		return r;
	p->process.spawned.socket = -1;
	r = open_outputs(p);
	if (r == 0)
		r = stop_init(&p->stop, base, &p->process, &stop_ops, worker);
	if (r == 0)
		r = hands_init(&p->hands, base, &hands_ops, worker);
	return r == 0 ? process_watch(&p->process, base, on_exited, worker) : r;
}

static struct worker *worker_alloc(const struct channel_loop *loop, uint64_t id, const char *pool,
				   const struct worker_ops *ops, void *context) {
	struct worker *worker = malloc(sizeof *worker);
	struct worker_private *p = calloc(1, sizeof *p);
	char *label;

	if (asprintf(&label, "%s/%llu", pool, (unsigned long long) id) < 0)
		label = NULL;
	if (!worker || !p || !label) {
		free(worker);
		free(p);
		free(label);
		return NULL;
	}
	*p = (struct worker_private) {
		.loop = loop,
		.ops = ops,
		.context = context,
		.label = label,
		.about = {.pool = pool, .worker = {true, id}},
		.hands = {.chunks = &worker->chunks, .items = &worker->items},
	};
	*worker = (struct worker) {
		.id = id,
		.state = WORKER_STARTING,
		.started = clock_now(),
		.uid = (uid_t) -1,
		.private = p,
	};
	process_init(&p->process);
	TAILQ_INIT(&worker->chunks);
	return worker;
}

int worker_new(struct worker **ret, const struct worker_setup *setup, const struct spawn_plan *plan,
	       uint64_t id, const char *pool, const struct worker_ops *ops, void *context) {
	struct worker *worker = worker_alloc(setup->loop, id, pool, ops, context);
	struct worker_private *p;
	int r;

	if (!worker)
		return -ENOMEM;
	p = worker->private;
	p->rate.per_second = setup->stderr_rate;
	r = process_start(&p->process, &setup->process, plan, id);
	if (r < 0) {
		worker_free(worker);
		return r;
	}
	worker->pid = p->process.spawned.pid;
	p->about.worker_pid = (struct entry_number) {true, (uint64_t) worker->pid};
	p->hands.progress.page = p->process.spawned.page;
	r = open_all(worker, setup);
	if (r < 0) {
		process_abort(&p->process);
		worker_free(worker);
		return r;
	}
	stop_expect_hello(&p->stop, setup->start_timeout);
	*ret = worker;
	return 0;
}

struct worker *worker_free(struct worker *worker) {
	struct worker_private *p;

	if (!worker)
		return NULL;
	p = worker->private;
	stop_done(&p->stop);
	hands_done(&p->hands);
	conversation_done(&p->conversation);
	output_free(p->out);
	output_free(p->err);
	process_done(&p->process);
	free(p->label);
	free(p);
	free(worker);
	return NULL;
}
