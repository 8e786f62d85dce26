#include "daemon/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/estimate.h"
#include "daemon/log.h"
#include "daemon/outcome.h"
#include "daemon/route.h"
#include "daemon/sched.h"

/* How long a running item of a cancelled request may go on before its worker is stopped. */
#define CANCEL_GRACE UINT64_C(100000)
/* Seconds of slot time, for each slot, by which a request that could not run may go before others. */
#define CREDIT (2 * ESTIMATE_CHUNK_SHARED)

/* What the dispatch keeps about one request. */
struct dispatch_entry {
	TAILQ_ENTRY(dispatch_entry) link;       /* in entries, oldest first */
	TAILQ_ENTRY(dispatch_entry) dirty_link; /* in dirty, if is_dirty */
	bool is_dirty;
	struct dispatch *dispatch;
	uint64_t id; /* the request's: key of the tree */
	struct request *request;
	void *owner; /* NULL once released */
	struct sched_node node;
	struct pool *pool;      /* NULL while no pool is known to offer the function */
	char *function;         /* "pool/name", for estimates; NULL as long */
	struct event *unrouted; /* when waiting for a pool ends; NULL once routed */
};

TAILQ_HEAD(entry_list, dispatch_entry);

struct dispatch_private {
	const struct channel_loop *loop;
	const struct dispatch_ops *ops;
	void *context;
	struct sched sched;
	struct estimate estimate;
	struct entry_list entries, dirty;
	void *tree; /* of entries, by id: tsearch(3) */
	uint64_t last_id;
	struct event *pump;
	unsigned free_slots; /* while the pump binds */
};

/* -------- entries -------- */

static int compare_entries(const void *a, const void *b) {
	uint64_t x = ((const struct dispatch_entry *) a)->id,
		 y = ((const struct dispatch_entry *) b)->id;

	return x < y ? -1 : x > y;
}

static struct dispatch_entry *find_entry(const struct dispatch *dispatch, uint64_t id) {
	struct dispatch_entry key = {.id = id};
	void *node = tfind(&key, &dispatch->private->tree, compare_entries);

	return node ? *(struct dispatch_entry **) node : NULL;
}

static struct dispatch_entry *entry_of(const struct dispatch *dispatch,
				       const struct request *request) {
	struct dispatch_entry *entry = find_entry(dispatch, request->id);

	assert(entry && entry->request == request);
	return entry;
}

void dispatch_wake(struct dispatch *dispatch) {
	event_active(dispatch->private->pump, EV_TIMEOUT, 1);
}

static void mark_dirty(struct dispatch *dispatch, struct dispatch_entry *entry) {
	if (!entry->is_dirty)
		TAILQ_INSERT_TAIL(&dispatch->private->dirty, entry, dirty_link);
	entry->is_dirty = true;
	dispatch_wake(dispatch);
}

void dispatch_touch(struct dispatch *dispatch, struct request *request) {
	mark_dirty(dispatch, entry_of(dispatch, request));
}

static void entry_free(struct dispatch *dispatch, struct dispatch_entry *entry) {
	sched_remove(&dispatch->private->sched, &entry->node);
	if (entry->is_dirty)
		TAILQ_REMOVE(&dispatch->private->dirty, entry, dirty_link);
	TAILQ_REMOVE(&dispatch->private->entries, entry, link);
	tdelete(entry, &dispatch->private->tree, compare_entries);
	if (entry->unrouted)
		event_free(entry->unrouted);
	request_free(entry->request);
	free(entry->function);
	free(entry);
}

/* Ends a request for a reason of the daemon's own. */
static void fail_entry(struct dispatch *dispatch, struct dispatch_entry *entry,
		       struct error *error) {
	request_fail(entry->request, REQUEST_FAILED, error);
	mark_dirty(dispatch, entry);
}

/* -------- which pool -------- */

/* Returns 0 (routed, or it waits for a pool), or 1 and *error. */
static int route(struct dispatch *dispatch, struct dispatch_entry *entry, struct error *error) {
	struct pool *pool;

	if (route_find(&dispatch->pools, entry->request, &pool, error) != 0)
		return 1;
	if (!pool)
		return 0;
	if (!pool->unpack[entry->request->options.unpack])
		return error_set(error, ERROR_INVALID_PARAMETER, "{ss}", "parameter",
				 "options.unpack");
	if (asprintf(&entry->function, "%s/%s", pool->name, entry->request->function) < 0) {
		entry->function = NULL;
		return error_set_no_memory(error);
	}
	if (entry->unrouted)
		event_free(entry->unrouted);
	entry->unrouted = NULL;
	entry->pool = pool;
	return 0;
}

static void on_unrouted(evutil_socket_t fd, short what, void *context) {
	struct dispatch_entry *entry = context;
	struct error error = {0};

	(void) fd, (void) what;
	/* The pools that could still offer it took longer to start than they may. */
	route_nowhere(entry->request, &error);
	fail_entry(entry->dispatch, entry, &error);
}

/* Waits as long as the slowest pool that said nothing yet may take to start. */
static int await_route(struct dispatch *dispatch, struct dispatch_entry *entry) {
	uint64_t longest = 0;
	struct timeval interval;
	struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		if (!pool->functions && pool->start_timeout > longest)
			longest = pool->start_timeout;
	entry->unrouted = evtimer_new(dispatch->private->loop->base, on_unrouted, entry);
	if (!entry->unrouted)
		return -ENOMEM;
	interval = clock_interval(longest);
	return evtimer_add(entry->unrouted, &interval) < 0 ? -ENOMEM : 0;
}

/* A pool said hello, failed or came back: what waited for it moves. */
static void reroute(struct dispatch *dispatch, struct pool *changed) {
	struct dispatch_entry *entry;

	TAILQ_FOREACH (entry, &dispatch->private->entries, link) {
		struct error error = {0};

		if (!entry->owner || entry->request->stopped)
			continue;
		if (entry->pool == changed && changed->state == POOL_FAILED) {
			route_failed(changed, &error);
			fail_entry(dispatch, entry, &error);
		} else if (!entry->pool && route(dispatch, entry, &error) != 0) {
			fail_entry(dispatch, entry, &error);
		}
	}
}

/* -------- binding -------- */

static struct sched_facts facts_of(const struct dispatch *dispatch,
				   const struct dispatch_entry *entry) {
	const struct request *request = entry->request;
	uint32_t most = request->options.max_workers;

	return (struct sched_facts) {
		.startable = request_startable(request),
		.below_max_workers = most == 0 || request->chunks < most,
		.worker_idle = entry->pool && pool_idle(entry->pool),
		.slot_free = dispatch->private->free_slots > 0,
	};
}

static struct dispatch_entry *entry_of_node(struct sched_node *node) {
	return (struct dispatch_entry *) ((char *) node - offsetof(struct dispatch_entry, node));
}

static bool is_runnable(struct sched_node *node, void *context) {
	const struct sched_facts facts = facts_of(context, entry_of_node(node));

	return sched_runnable(&facts);
}

static uint32_t chunk_size(struct dispatch *dispatch, const struct dispatch_entry *entry) {
	const struct request *request = entry->request;
	struct dispatch_private *p = dispatch->private;
	unsigned workers = entry->pool->max / sched_principals(&p->sched);
	uint64_t held = request->items.bytes;
	uint64_t items = request->items.n - request_finished(request);

	return estimate_chunk(
		&p->estimate,
		&(struct estimate_question) {
			.function = entry->function,
			.chunk_size = request->options.chunk_size,
			.pending = request_pending(request),
			.input_ended = request->input_ended,
			.workers = workers ? workers : 1,
			.previous = request->last_count,
			.item_bytes = items ? (double) held / (double) items : 0,
			.alone = TAILQ_FIRST(&p->entries) == TAILQ_LAST(&p->entries, entry_list),
		});
}

/* Cuts the request's next chunk and hands it to the pool's idle worker. */
static void bind_entry(struct dispatch *dispatch, struct dispatch_entry *entry, uint64_t now) {
	struct request *request = entry->request;
	struct items_cut cut = request_take(request, chunk_size(dispatch, entry));
	struct chunk *chunk = malloc(sizeof *chunk);
	struct error error = {0};
	const struct worker_order order = {
		.function = request->function,
		.common = request->common,
		.common_bytes = request->common_bytes,
		.common_span = request->common_span,
		.items = cut.bytes,
		.items_span = cut.span,
		.unpack = request->options.unpack,
		.times = request->options.timings,
		.uid = request->uid,
	};

	if (chunk)
		*chunk = (struct chunk) {
			.request = request->id,
			.first = cut.first,
			.count = cut.count,
			.handed = cut.handed,
			.attempts = cut.attempts,
		};
	if (!chunk || worker_give(pool_idle(entry->pool), chunk, &order, now) < 0) {
		free(chunk);
		request->chunks--;
		request->running -= cut.count;
		error_set_no_memory(&error);
		fail_entry(dispatch, entry, &error);
		return;
	}
	if (request->state == REQUEST_QUEUED) {
		request->state = REQUEST_RUNNING;
		request->started = now;
	}
}

unsigned dispatch_busy(const struct dispatch *dispatch) {
	const struct pool *pool;
	unsigned n = 0;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		n += pool_count(pool, WORKER_BUSY);
	return n;
}

static void count_free_slots(const struct dispatch *dispatch) {
	unsigned busy = dispatch_busy(dispatch);

	dispatch->private->free_slots = busy < dispatch->slots ? dispatch->slots - busy : 0;
}

bool dispatch_is_stuck(struct dispatch *dispatch) {
	struct dispatch_entry *entry;

	count_free_slots(dispatch);
	TAILQ_FOREACH (entry, &dispatch->private->entries, link) {
		const struct sched_facts facts = facts_of(dispatch, entry);

		if (sched_runnable(&facts))
			return true;
	}
	return false;
}

/* Tells the owners of what moved; a request that nobody owns is let go when its last chunk is over. */
static void visit_dirty(struct dispatch *dispatch) {
	struct dispatch_private *p = dispatch->private;
	struct dispatch_entry *entry;

	while ((entry = TAILQ_FIRST(&p->dirty))) {
		TAILQ_REMOVE(&p->dirty, entry, dirty_link);
		entry->is_dirty = false;
		if (entry->owner)
			p->ops->progressed(entry->owner, entry->request);
		else if (entry->request->chunks == 0)
			entry_free(dispatch, entry);
	}
}

/* What decides whether its request wants a turn may have changed. */
static void update_ready(struct dispatch *dispatch, struct dispatch_entry *entry) {
	const struct sched_facts facts = facts_of(dispatch, entry);
	struct sched *sched = &dispatch->private->sched;

	if (!entry->node.program)
		return;
	sched_set_running(sched, &entry->node, entry->request->chunks);
	sched_set_ready(sched, &entry->node,
			entry->pool && facts.startable && facts.below_max_workers, 0);
}

static void on_pump(evutil_socket_t fd, short what, void *context) {
	struct dispatch *dispatch = context;
	struct dispatch_private *p = dispatch->private;
	struct dispatch_entry *entry;
	struct sched_node *node;
	uint64_t now = clock_now();

	(void) fd, (void) what;
	visit_dirty(dispatch);
	count_free_slots(dispatch);
	TAILQ_FOREACH (entry, &p->entries, link)
		update_ready(dispatch, entry);
	while (p->free_slots > 0 &&
	       (node = sched_pick(&p->sched, CREDIT * dispatch->slots, is_runnable, dispatch))) {
		entry = entry_of_node(node);
		/* The same for every chunk as long as its length is not known. */
		sched_charge(&p->sched, node, ESTIMATE_CHUNK_SHARED);
		bind_entry(dispatch, entry, now);
		update_ready(dispatch, entry);
		count_free_slots(dispatch);
	}
	p->ops->pumped(p->context);
}

/* -------- what workers do -------- */

static const char *on_results(void *context, struct worker *worker, const struct chunk *chunk,
			      const struct worker_report *report) {
	struct dispatch *dispatch = context;
	struct dispatch_entry *entry = find_entry(dispatch, chunk->request);
	struct request *request = entry->request;
	uint64_t failed = request->failed;
	struct error error = {0};
	const char *wrong;

	(void) worker;
	if (report->results->unknown) {
		route_nowhere(request, &error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	wrong = outcome_report(request, chunk, report);
	if (wrong)
		return wrong;
	dispatch->items_finished += report->doc->elements.count;
	dispatch->items_failed += request->failed - failed;
	estimate_learn(&dispatch->private->estimate, entry->function,
		       (uint32_t) report->doc->elements.count, report->results->busy_us,
		       report->doc->length);
	mark_dirty(dispatch, entry);
	return NULL;
}

static void on_chunk_over(void *context, struct worker *worker, const struct chunk *chunk,
			  const struct settlement *settlement, const struct worker_end *end) {
	struct dispatch *dispatch = context;
	struct dispatch_entry *entry = find_entry(dispatch, chunk->request);
	struct request *request = entry->request;
	uint64_t failed = request->failed;
	struct error error = {0};

	(void) worker;
	request->chunks--;
	if (settlement && outcome_settle(request, chunk, settlement, end) < 0) {
		error_set_no_memory(&error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	dispatch->items_finished += request->failed - failed;
	dispatch->items_failed += request->failed - failed;
	mark_dirty(dispatch, entry);
}

static void on_pool_changed(void *context, struct pool *pool) {
	struct dispatch *dispatch = context;

	/* Not for each worker that becomes idle: it looks at all requests. */
	if (pool->offer_changed)
		reroute(dispatch, pool);
	pool->offer_changed = false;
	dispatch_wake(dispatch);
}

const struct pool_ops dispatch_pool_ops = {
	.results = on_results,
	.chunk_over = on_chunk_over,
	.changed = on_pool_changed,
};

/* -------- what owners do -------- */

int dispatch_submit(struct dispatch *dispatch, struct request *request, void *owner,
		    struct error *error) {
	struct dispatch_private *p = dispatch->private;
	struct dispatch_entry *entry = calloc(1, sizeof *entry);
	int r;

	if (!entry)
		return -ENOMEM;
	entry->dispatch = dispatch;
	entry->id = request->id;
	entry->request = request;
	entry->owner = owner;
	if (!tsearch(entry, &p->tree, compare_entries)) {
		free(entry);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&p->entries, entry, link);
	r = route(dispatch, entry, error);
	if (r == 0 && !entry->pool)
		r = await_route(dispatch, entry);
	if (r == 0)
		r = sched_add(&p->sched, &entry->node, request->uid, request->pid, 0);
	if (r != 0) {
		entry->request = NULL;
		entry_free(dispatch, entry);
		return r;
	}
	mark_dirty(dispatch, entry);
	return 0;
}

void dispatch_release(struct dispatch *dispatch, struct request *request) {
	struct dispatch_entry *entry = entry_of(dispatch, request);

	request_stop(request);
	entry->owner = NULL;
	sched_remove(&dispatch->private->sched, &entry->node);
	mark_dirty(dispatch, entry);
}

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
	mark_dirty(dispatch, entry_of(dispatch, request));
}

void dispatch_cancel_all(struct dispatch *dispatch) {
	struct dispatch_entry *entry;
	struct error error = {0};

	TAILQ_FOREACH (entry, &dispatch->private->entries, link) {
		error_set(&error, ERROR_CANCELLED, NULL);
		dispatch_cancel(dispatch, entry->request, &error);
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
	mark_dirty(dispatch, entry_of(dispatch, request));
}

/* -------- what can be seen -------- */

struct request *dispatch_find(const struct dispatch *dispatch, uint64_t id) {
	struct dispatch_entry *entry = find_entry(dispatch, id);

	return entry && !entry->request->stopped ? entry->request : NULL;
}

void dispatch_each(const struct dispatch *dispatch,
		   void (*visit)(const struct request *request, void *context), void *context) {
	const struct dispatch_entry *entry;

	TAILQ_FOREACH (entry, &dispatch->private->entries, link)
		if (entry->owner)
			visit(entry->request, context);
}

bool dispatch_has_requests(const struct dispatch *dispatch) {
	return !TAILQ_EMPTY(&dispatch->private->entries);
}

const char *dispatch_waits_for(const struct dispatch *dispatch, const struct request *request) {
	const struct dispatch_entry *entry = entry_of(dispatch, request);
	struct sched_facts facts;

	count_free_slots(dispatch);
	facts = facts_of(dispatch, entry);
	if (request->running > 0)
		return NULL;
	if (!entry->pool)
		return "a pool that offers the function to start";
	if (!facts.startable)
		return request_pending(request) > 0 ? "its client to read results"
						    : "its client to send items";
	if (!facts.slot_free)
		return "a free slot";
	return facts.worker_idle ? NULL : "an idle worker of its pool";
}

/* -------- life -------- */

uint64_t dispatch_new_id(struct dispatch *dispatch) {
	return ++dispatch->private->last_id;
}

void dispatch_add_pool(struct dispatch *dispatch, struct pool *pool) {
	TAILQ_INSERT_TAIL(&dispatch->pools, pool, link);
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
	TAILQ_INIT(&p->entries);
	TAILQ_INIT(&p->dirty);
	sched_init(&p->sched);
	estimate_init(&p->estimate);
	p->pump = evtimer_new(loop->base, on_pump, dispatch);
	if (!p->pump) {
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
	while (!TAILQ_EMPTY(&p->entries))
		entry_free(dispatch, TAILQ_FIRST(&p->entries));
	while ((pool = TAILQ_FIRST(&dispatch->pools))) {
		TAILQ_REMOVE(&dispatch->pools, pool, link);
		pool_free(pool);
	}
	if (p->pump)
		event_free(p->pump);
	estimate_done(&p->estimate);
	sched_done(&p->sched);
	free(p);
	free(dispatch);
	return NULL;
}
