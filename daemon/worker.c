#include "daemon/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/commons.h"
#include "daemon/log.h"
#include "daemon/oom.h"
#include "daemon/order.h"
#include "daemon/output.h"
#include "daemon/progress.h"
#include "daemon/rate.h"
#include "daemon/spawn.h"

#define SECOND UINT64_C(1000000)
/* From the store of a limit until the page tells for certain what is begun all the same: a worker looks at the limit
 * after it wrote its progress, and no processor keeps a write to itself for this long. */
#define RECALL_WAIT UINT64_C(1500)
#define READ_SIZE   CHANNEL_SCRATCH
/* A message from here on is shared with whoever keeps its results; a smaller one is copied. */
#define SHARE_MIN (16u * 1024)

/* The steps of an end that does not come by itself; the timer moves from one to the next. */
enum stop_step {
	STOP_NONE,
	STOP_START, /* the start time-out runs */
	STOP_GRACE, /* an interrupt waits for its chunks to end */
	STOP_ASKED, /* the worker's input is closed: it should exit by itself */
	STOP_TERM,
	STOP_KILL /* repeated until the exit is reaped */
};

struct worker_private {
	const struct channel_loop *loop;
	const struct worker_ops *ops;
	void *context;
	char *label; /* POOL/ID */
	struct entry_fields about;

	struct spawned process;
	struct channel *channel;
	struct output *out, *err;
	struct rate rate; /* of both */
	struct event *exited, *timer;
	struct event *recall; /* RECALL_WAIT is over */
	struct event *item;   /* an item may be over its time */
	struct document doc;

	struct progress progress;
	bool violated, ours, timed_out;
	uint64_t last_chunk;
	enum stop_step step;
	bool leaving; /* STOP_ASKED was reached: an interrupt that comes to nothing leads back there */
	uint64_t target; /* position an interrupt is meant for, 0 = whatever runs */
	const char *reason;

	struct leaf *leaf;       /* NULL where there are none */
	bool leaf_counts;        /* it knows what the kernel killed in it for memory */
	struct oom *oom;         /* who does if not */
	const char *over_memory; /* for more than its leaf's limit */

	struct commons commons;
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

static void set_step(struct worker *worker, enum stop_step step, uint64_t us) {
	struct worker_private *p = worker->private;
	struct timeval interval = clock_interval(us);

	p->step = step;
	if (step == STOP_NONE || us == UINT64_MAX)
		evtimer_del(p->timer);
	else
		evtimer_add(p->timer, &interval);
}

static void send_signal(struct worker *worker, enum stop_step step) {
	worker->private->ours = true;
	set_state(worker, WORKER_STOPPING);
	kill(-worker->pid, step == STOP_TERM ? SIGTERM : SIGKILL);
	if (step == STOP_KILL)
		leaf_kill(worker->private->leaf);
	set_step(worker, step, SECOND);
}

void worker_kill(struct worker *worker, const char *reason) {
	if (!worker->private->reason)
		worker->private->reason = reason;
	send_signal(worker, STOP_KILL);
}

/* The worker broke the protocol: what it says from here on is not read any more. */
static void violate(struct worker *worker, const char *reason) {
	log_event(ENTRY_WORKER_VIOLATED, &worker->private->about, "%s broke the protocol: %s",
		  worker->private->label, reason);
	worker->private->violated = true;
	channel_discard(worker->private->channel);
	worker_kill(worker, reason);
}

void worker_stop(struct worker *worker, uint64_t grace) {
	if (worker->private->step >= STOP_ASKED)
		return;
	worker->private->ours = true;
	set_state(worker, WORKER_STOPPING);
	worker->private->leaving = true;
	channel_finish(worker->private->channel);
	set_step(worker, STOP_ASKED, grace);
}

void worker_interrupt(struct worker *worker, const struct chunk *chunk, uint32_t offset,
		      uint64_t grace, const char *reason) {
	struct worker_private *p = worker->private;

	if (p->step != STOP_NONE && p->step != STOP_ASKED && p->step != STOP_GRACE)
		return;
	/* Of several items that are not wanted the one at work counts: no other one will begin. */
	if (p->step == STOP_GRACE && chunk && !worker_runs(worker, chunk, offset))
		return;
	p->target = chunk ? position_pack(chunk->number, offset, false) : 0;
	p->reason = reason;
	set_step(worker, STOP_GRACE, grace);
}

/* What an interrupt was meant for has ended by itself. */
static void end_interrupt(struct worker *worker) {
	struct worker_private *p = worker->private;

	p->reason = NULL;
	p->target = 0;
	set_step(worker, p->leaving ? STOP_ASKED : STOP_NONE, SECOND);
}

/* The grace of an interrupt is over: is the item it was meant for still at work? */
static bool still_meant(const struct worker *worker) {
	const struct worker_private *p = worker->private;
	struct position target = position_unpack(p->target);

	if (TAILQ_EMPTY(&worker->chunks))
		return false;
	return p->target == 0 || progress_is_at(&p->progress, target.chunk, target.offset);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;

	(void) fd, (void) what;
	switch (p->step) {
	case STOP_START: worker_kill(worker, "it did not say hello within start_timeout"); break;
	case STOP_GRACE:
		if (still_meant(worker))
			send_signal(worker, STOP_TERM);
		else
			end_interrupt(worker);
		break;
	case STOP_ASKED: send_signal(worker, STOP_TERM); break;
	default: send_signal(worker, STOP_KILL);
	}
}

/* -------- items that take too long -------- */

static void watch_item(struct worker *worker, uint64_t in) {
	struct timeval interval = clock_interval(in);

	evtimer_add(worker->private->item, &interval);
}

/* A chunk has come first in the worker, or none is left. */
static void first_chunk_changed(struct worker *worker, uint64_t now) {
	struct chunk *chunk = TAILQ_FIRST(&worker->chunks);

	if (chunk) {
		chunk->began = now;
		worker->private->about.request = (struct entry_number) {true, chunk->request};
	}
	if (chunk && chunk->item_timeout)
		watch_item(worker, chunk->item_timeout);
	else if (evtimer_pending(worker->private->item, NULL))
		evtimer_del(worker->private->item);
}

static void log_over_time(const struct worker_private *p, const struct chunk *chunk,
			  uint32_t offset) {
	struct entry_fields about = p->about;

	about.item = (struct entry_number) {true, chunk->first + offset};
	log_event(ENTRY_ITEM_TIMED_OUT, &about, "%s: an item is over its time of %llu ms", p->label,
		  (unsigned long long) chunk->item_timeout / 1000);
}

static void on_item_timer(evutil_socket_t fd, short what, void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);
	uint64_t now = clock_now();
	struct chunk_deadline deadline;

	(void) fd, (void) what;
	progress_observe(&p->progress, worker->items, now);
	deadline = chunk_deadline(chunk, p->progress.kept, progress_now(&p->progress),
				  progress_began(&p->progress), p->progress.since, now);
	if (deadline.in > 0)
		return watch_item(worker, deadline.in);
	if (p->step >= STOP_TERM)
		return;
	log_over_time(p, chunk, deadline.offset);
	p->timed_out = true;
	p->target = position_pack(chunk->number, deadline.offset, false);
	p->reason = "its item took longer than it may";
	send_signal(worker, STOP_TERM);
}

static void settle_chunks(struct worker *worker, struct worker_end *end) {
	struct worker_private *p = worker->private;
	struct chunk_evidence evidence = {
		.page = p->progress.kept,
		.progress = progress_now(&p->progress),
		.last_chunk = p->last_chunk,
		.violation = p->violated,
		.targeted = p->ours && p->target,
		.target = p->target,
	};
	struct chunk *chunk;
	bool behind = false;

	for (; (chunk = TAILQ_FIRST(&worker->chunks)); behind = true) {
		struct settlement settlement = chunk_settle(chunk, &evidence);

		/* Nothing speaks against one that only waited behind another. */
		if (behind && settlement.untouched)
			settlement = (struct settlement) {0};
		TAILQ_REMOVE(&worker->chunks, chunk, link);
		if (settlement.blamed && !end->blamed) {
			end->blamed = true;
			end->request = chunk->request;
			end->item = chunk->first + settlement.finished;
		}
		p->ops->chunk_over(p->context, worker, chunk, &settlement, end);
		free(chunk);
		/* Who could not be asked, was caught or is to blame in one chunk has not touched the next ones. */
		if (!evidence.page || evidence.violation || settlement.blamed)
			evidence =
				(struct chunk_evidence) {.page = true, .last_chunk = p->last_chunk};
	}
}

/* The kernel kills for memory with the same signal as everybody. */
static const char *why_killed(const struct worker_private *p, const siginfo_t *info) {
	static const char around[] = "out of memory, of the service or of the machine";
	enum leaf_oom oom;

	if (p->ours || info->si_code == CLD_EXITED || info->si_status != SIGKILL)
		return p->reason;
	if (!p->leaf_counts)
		return p->oom && oom_take(p->oom) ? around : p->reason;
	oom = leaf_oom(p->leaf);
	if (oom == LEAF_OOM_NONE)
		return p->reason;
	return oom == LEAF_OOM_OWN ? p->over_memory : around;
}

/* The exit decides, not the end of the channel: a child of the worker may hold that open for ever. */
static void on_exited(evutil_socket_t fd, short what, void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	siginfo_t info = {0};
	struct worker_end end;

	(void) what;
	kill(-worker->pid, SIGKILL);
	leaf_kill(p->leaf);
	channel_read_rest(p->channel);
	if (p->out)
		output_read(p->out);
	if (p->err)
		output_read(p->err);
	if (waitid(P_PIDFD, (id_t) fd, &info, WEXITED) < 0)
		log_error("%s: waitid: %s", p->label, strerror(errno));
	event_del(p->exited);
	evtimer_del(p->recall);
	evtimer_del(p->item);
	set_step(worker, STOP_NONE, 0);

	end = (struct worker_end) {
		.signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
		.status = info.si_code == CLD_EXITED ? info.si_status : 0,
		.ours = p->ours,
		.timed_out = p->timed_out,
		.reason = why_killed(p, &info),
		.stderr_tail = p->err ? output_tail(p->err) : "",
	};
	settle_chunks(worker, &end);
	set_state(worker, WORKER_GONE);
	p->ops->gone(p->context, worker, &end);
}

/* -------- what the worker says -------- */

static void chunk_finished(struct worker *worker, struct chunk *chunk,
			   const struct settlement *settlement) {
	struct worker_private *p = worker->private;

	TAILQ_REMOVE(&worker->chunks, chunk, link);
	p->ops->chunk_over(p->context, worker, chunk, settlement, NULL);
	free(chunk);
	first_chunk_changed(worker, clock_now());
	if (!TAILQ_EMPTY(&worker->chunks))
		return;

	evtimer_del(p->recall);
	progress_lift(&p->progress);
	if (p->step == STOP_GRACE)
		end_interrupt(worker);
	if (worker->state == WORKER_BUSY)
		set_state(worker, WORKER_IDLE);
}

static const char *take_hello(struct worker *worker, struct worker_hello *hello) {
	struct worker_private *p = worker->private;
	const char *refused;

	if (p->step != STOP_START && worker->state != WORKER_STOPPING)
		return "a second hello";
	p->progress.kept = hello->page;
	/* One that is being stopped does not speak for its pool any more. */
	if (worker->state == WORKER_STOPPING)
		return NULL;
	refused = p->ops->hello(p->context, worker, hello);
	if (refused)
		return refused;
	worker->warm = clock_now();
	set_step(worker, STOP_NONE, 0);
	set_state(worker, WORKER_IDLE);
	return NULL;
}

static const char *take_results(struct worker *worker, const struct worker_report *report) {
	const struct worker_results *results = report->results;
	struct worker_private *p = worker->private;
	struct chunk *chunk = TAILQ_FIRST(&worker->chunks);
	struct settlement rest = {0};
	const char *wrong;
	size_t n = report->doc->elements.count;

	if (!chunk || chunk->number != results->chunk)
		return "results for a chunk that it was not given";
	if (n > chunk->count - chunk->reported)
		return "more results than items";
	if (results->has_returned &&
	    (!p->progress.recalled || results->returned != chunk->reported + (uint32_t) n))
		return "items returned that were not asked back";

	chunk->reported += (uint32_t) n;
	if (chunk->item_timeout)
		p->progress.since = clock_now();
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

/* One whole message of length bytes without its NUL. Returns NULL, or what is wrong with it. */
static const char *take_message(struct worker *worker, char *text, size_t length) {
	struct worker_private *p = worker->private;
	struct worker_message message;
	struct bytes *bytes = NULL;
	const char *wrong = NULL;
	int r = worker_message_decode(&message, &p->doc, text, &wrong);

	if (r != 0)
		return r < 0 ? "the daemon is out of memory" : wrong;

	if (message.type == WORKER_HELLO) {
		wrong = take_hello(worker, &message.hello);
	} else {
		if (length >= SHARE_MIN && p->doc.elements.count > 0) {
			char *data = channel_take(p->channel, text, length + 1);

			bytes = data ? bytes_new(data, length + 1) : NULL;
			if (!bytes) {
				free(data);
				worker_message_done(&message);
				return "the daemon is out of memory";
			}
			text = bytes->data;
		}
		wrong = take_results(worker, &(struct worker_report) {.results = &message.results,
								      .doc = &p->doc,
								      .text = text,
								      .bytes = bytes});
		bytes_unref(bytes);
	}
	worker_message_done(&message);
	return wrong;
}

#define ENVELOPE_TOO_LARGE \
	"a message of more than " LIMIT_TEXT( \
		LIMIT_WORKER_ENVELOPE) " bytes without its hello, results, errors and us"

static const char *verdict_reason(const struct document *doc, int verdict) {
	switch (verdict) {
	case DOCUMENT_E_TOO_LARGE: return "a message over limits.worker_message";
	case DOCUMENT_E_TOO_DEEP: return "a message nested too deeply";
	case DOCUMENT_E_MALFORMED: return doc->limit ? ENVELOPE_TOO_LARGE : doc->reason;
	default: return "the daemon is out of memory";
	}
}

static ssize_t on_received(void *context, char *bytes, size_t size) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	int r = document_feed(&p->doc, bytes, size);
	const char *wrong;
	size_t length;

	if (r == DOCUMENT_MORE)
		return 0;
	if (r != DOCUMENT_WHOLE) {
		violate(worker, verdict_reason(&p->doc, r));
		return -1;
	}
	length = p->doc.length;
	wrong = take_message(worker, bytes, length);
	document_reset(&p->doc);
	if (wrong) {
		violate(worker, wrong);
		return -1;
	}
	return (ssize_t) (length + 1);
}

static void on_ended(void *context, enum channel_end end) {
	struct worker *worker = context;

	(void) end;
	/* An exit follows as a rule, and says more. */
	if (worker->private->step < STOP_ASKED) {
		worker->private->leaving = true;
		worker->private->target = 0;
		set_step(worker, STOP_ASKED, SECOND);
	}
}

static void on_drained(void *context) {
	(void) context;
}

static const struct channel_ops channel_ops = {
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
};

/* -------- what it is told -------- */

int worker_give(struct worker *worker, struct chunk *chunk, const struct order *order,
		uint64_t now) {
	struct worker_private *p = worker->private;
	int r;

	/* One user's lines are not another's to read. */
	if (p->err && worker->uid != order->uid)
		output_cut(p->err);
	worker->uid = order->uid;
	p->about.client_uid = (struct entry_number) {true, order->uid};

	r = order_write(order, p->channel, &p->commons, p->last_chunk + 1, chunk->first);
	if (r < 0) {
		/* Half a message may be on its way. */
		worker_kill(worker, "the daemon is out of memory");
		return r;
	}
	chunk->number = ++p->last_chunk;
	chunk->sent = now;
	TAILQ_INSERT_TAIL(&worker->chunks, chunk, link);
	if (TAILQ_FIRST(&worker->chunks) == chunk) {
		p->progress.since = now;
		first_chunk_changed(worker, now);
	}
	set_state(worker, WORKER_BUSY);
	return 0;
}

bool worker_keeps_page(const struct worker *worker) {
	return worker->private->progress.kept;
}

bool worker_takes_more(const struct worker *worker) {
	const struct worker_private *p = worker->private;

	return worker->state == WORKER_BUSY && p->step == STOP_NONE && !p->progress.recalled;
}

/* What the worker did not begin before it could see the limit, it never will. */
static void on_recall(evutil_socket_t fd, short what, void *context) {
	struct worker *worker = context;
	struct worker_private *p = worker->private;
	uint64_t limit = progress_limit(&p->progress), now = progress_now(&p->progress);
	struct chunk *chunk;

	(void) fd, (void) what;
	/* A page with nonsense says nothing; the worker's own word is waited for. */
	if (position_unpack(now).chunk > p->last_chunk)
		return;
	TAILQ_FOREACH (chunk, &worker->chunks, link) {
		uint32_t offset = chunk_unstarted(chunk, limit, now);

		if (offset == chunk->count)
			continue;
		p->ops->recalled(p->context, worker, chunk, offset);
		chunk->count = offset;
		chunk->cut = true;
	}
}

void worker_recall(struct worker *worker, const struct chunk *chunk, uint32_t offset) {
	struct worker_private *p = worker->private;
	struct timeval wait = clock_interval(RECALL_WAIT);

	if (progress_recall(&p->progress, chunk->number, offset))
		evtimer_add(p->recall, &wait);
}

uint64_t worker_item_age(struct worker *worker, uint64_t now) {
	struct progress *progress = &worker->private->progress;

	progress_observe(progress, worker->items, now);
	return now - progress->since;
}

bool worker_runs(const struct worker *worker, const struct chunk *chunk, uint32_t offset) {
	return progress_is_at(&worker->private->progress, chunk->number, offset);
}

/* -------- life -------- */

static int open_outputs(struct worker_private *p) {
	struct output_source about = {.label = p->label, .fields = &p->about, .priority = LOG_INFO};
	int r = 0;

	if (p->process.out >= 0)
		r = output_new(&p->out, p->loop, p->process.out, &about, &p->rate);
	if (p->out)
		p->process.out = -1;
	about.priority = LOG_NOTICE;
	if (r == 0 && p->process.err >= 0)
		r = output_new(&p->err, p->loop, p->process.err, &about, &p->rate);
	if (p->err)
		p->process.err = -1;
	return r;
}

static int open_all(struct worker *worker) {
	struct worker_private *p = worker->private;
	int r = channel_new(&p->channel, p->loop, p->process.socket, READ_SIZE, &channel_ops,
			    worker);

	if (r < 0)
		return r;
	p->process.socket = -1;
	r = open_outputs(p);
	if (r < 0)
		return r;
	p->timer = evtimer_new(p->loop->base, on_timer, worker);
	p->recall = evtimer_new(p->loop->base, on_recall, worker);
	p->item = evtimer_new(p->loop->base, on_item_timer, worker);
	p->exited = event_new(p->loop->base, p->process.pidfd, EV_READ, on_exited, worker);
	if (!p->timer || !p->recall || !p->item || !p->exited || event_add(p->exited, NULL) < 0)
		return -ENOMEM;
	return 0;
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
		.process = {.pidfd = -1, .socket = -1, .out = -1, .err = -1},
	};
	*worker = (struct worker) {
		.id = id,
		.state = WORKER_STARTING,
		.started = clock_now(),
		.uid = (uid_t) -1,
		.private = p,
	};
	TAILQ_INIT(&worker->chunks);
	return worker;
}

static int make_leaf(struct worker *worker, const struct worker_setup *setup) {
	struct worker_private *p = worker->private;

	p->oom = setup->oom;
	p->over_memory = setup->over_memory;
	p->leaf_counts = cgroup_has(setup->cgroup, CONTROLLER_MEMORY);
	return setup->cgroup ? leaf_new(&p->leaf, setup->cgroup, worker->id, &setup->most) : 0;
}

int worker_new(struct worker **ret, const struct worker_setup *setup, const struct spawn_plan *plan,
	       uint64_t id, const char *pool, const struct worker_ops *ops, void *context) {
	struct worker *worker = worker_alloc(setup->loop, id, pool, ops, context);
	struct limits limits = {.message = setup->max_message,
				.envelope = LIMIT_WORKER_ENVELOPE,
				.item = setup->max_result};
	struct spawn_plan in_leaf = *plan;
	int r;

	if (!worker)
		return -ENOMEM;
	worker->private->rate.per_second = setup->stderr_rate;
	document_init(&worker->private->doc, &worker_shape, &limits);
	r = make_leaf(worker, setup);
	in_leaf.group = leaf_directory(worker->private->leaf);
	if (r == 0)
		r = spawn_worker(&in_leaf, &worker->private->process);
	if (r < 0) {
		worker_free(worker);
		return r;
	}
	worker->pid = worker->private->process.pid;
	worker->private->about.worker_pid = (struct entry_number) {true, (uint64_t) worker->pid};
	worker->private->progress.page = worker->private->process.page;
	r = open_all(worker);
	if (r < 0) {
		kill(-worker->pid, SIGKILL);
		waitpid(worker->pid, NULL, 0);
		worker_free(worker);
		return r;
	}
	set_step(worker, STOP_START, setup->start_timeout);
	*ret = worker;
	return 0;
}

struct worker *worker_free(struct worker *worker) {
	struct worker_private *p;

	if (!worker)
		return NULL;
	p = worker->private;
	if (p->timer)
		event_free(p->timer);
	if (p->exited)
		event_free(p->exited);
	if (p->recall)
		event_free(p->recall);
	if (p->item)
		event_free(p->item);
	channel_free(p->channel);
	output_free(p->out);
	output_free(p->err);
	document_done(&p->doc);
	spawned_done(&p->process);
	leaf_free(p->leaf);
	free(p->label);
	free(p);
	free(worker);
	return NULL;
}
