#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/order.h"
#include "daemon/output.h"
#include "daemon/worker_inside.h"

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

void worker_becomes_idle(struct worker *worker) {
	set_state(worker, WORKER_IDLE);
}

void worker_becomes_gone(struct worker *worker) {
	set_state(worker, WORKER_GONE);
}

void worker_note_request(struct worker *worker) {
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	if (chunk)
		worker->private->about.request = (struct entry_number) {true, chunk->request};
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
	worker_note_request(worker);
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
				  setup->max_message, setup->max_result, &worker_conversation_ops,
				  worker);

	if (r < 0)
		return r;
	p->process.spawned.socket = -1;
	r = open_outputs(p);
	if (r == 0)
		r = stop_init(&p->stop, base, &p->process, &stop_ops, worker);
	if (r == 0)
		r = hands_init(&p->hands, base, &hands_ops, worker);
	return r == 0 ? process_watch(&p->process, base, worker_exited, worker) : r;
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
