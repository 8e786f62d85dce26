#include "daemon/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/generation.h"
#include "daemon/log.h"
#include "daemon/obituary.h"
#include "daemon/pool_inside.h"
#include "daemon/request.h"
#include "daemon/retirement.h"
#include "daemon/staff.h"

/* How long an idle worker may take to go once its input is closed, µs. */
#define RETIRE_GRACE UINT64_C(5000000)

static const char *const state_names[] = {
	[POOL_STARTING] = "starting",
	[POOL_RUNNING] = "running",
	[POOL_FAILED] = "failed",
	[POOL_STOPPED] = "stopped",
};

const char *pool_state_name(enum pool_state state) {
	return state_names[state];
}

static void set_state(struct pool *pool, enum pool_state state) {
	const struct entry_fields about = {.pool = pool->name};

	if (state == pool->state)
		return;
	if (state == POOL_FAILED)
		log_event(ENTRY_POOL_FAILED, &about, "pool %s failed: %s", pool->name,
			  pool->reason ? pool->reason : "");
	else
		log_event(pool->state == POOL_FAILED && state == POOL_RUNNING ? ENTRY_POOL_RECOVERED
									      : ENTRY_POOL_CHANGED,
			  &about, "pool %s: %s -> %s", pool->name, state_names[pool->state],
			  state_names[state]);
	pool->state = state;
	pool->offer_changed = true;
}

void pool_runs(struct pool *pool) {
	set_state(pool, POOL_RUNNING);
}

unsigned pool_count(const struct pool *pool, enum worker_state state) {
	return staff_count(&pool->private->staff, state);
}

bool pool_is_empty(const struct pool *pool) {
	for (enum worker_state state = 0; state < WORKER_GONE; state++)
		if (!TAILQ_EMPTY(&pool->workers[state]))
			return false;
	return !pool->private->trial.worker;
}

bool pool_is_warm(const struct pool *pool) {
	const struct staff *staff = &pool->private->staff;

	return pool->state == POOL_FAILED || (staff->known && staff_ready(staff) >= pool->min);
}

struct worker *pool_idle(const struct pool *pool) {
	return TAILQ_FIRST(&pool->workers[WORKER_IDLE]);
}

bool pool_serves(const struct pool *pool, const struct worker *worker,
		 const struct request *request) {
	return worker->generation == pool->private->generation ||
	       generation_serves(worker->generation, request->function, request->options.unpack);
}

struct worker *pool_idle_for(const struct pool *pool, const struct request *request) {
	struct worker *found = NULL, *worker;

	TAILQ_FOREACH (worker, &pool->workers[WORKER_IDLE], link) {
		if (!pool_serves(pool, worker, request))
			continue;
		if (!worker->due)
			return worker;
		if (!found)
			found = worker;
	}
	return found;
}

/* -------- workers come and go -------- */

static const char *on_hello(void *context, struct worker *worker, struct worker_hello *hello) {
	struct pool *pool = context;
	const char *refused = offer_take(&worker->generation->offer, hello);

	if (refused || worker == pool->private->trial.worker || pool->private->staff.known)
		return refused;
	pool->private->staff.known = true;
	pool->offer_changed = true;
	return NULL;
}

static void on_state(void *context, struct worker *worker, enum worker_state before) {
	struct pool *pool = context;
	struct pool_private *p = pool->private;

	if (worker == p->trial.worker) {
		trial_moved(&p->trial);
		p->ops->changed(p->context, pool);
		return;
	}
	TAILQ_REMOVE(&pool->workers[before], worker, link);
	TAILQ_INSERT_HEAD(&pool->workers[worker->state], worker, link);
	/* A worker that is gone is looked into first, by on_gone(): it may be a reason to wait. */
	if (worker->state == WORKER_GONE)
		return;
	if (before == WORKER_STARTING && worker->state == WORKER_IDLE && !p->staff.closed)
		set_state(pool, POOL_RUNNING);
	retirement_moved(&p->retirement, worker, before);
	staff_moved(&p->staff, worker, before);
	p->ops->changed(p->context, pool);
}

static const char *on_results(void *context, struct worker *worker, const struct chunk *chunk,
			      const struct worker_report *report) {
	struct pool_private *p = ((struct pool *) context)->private;

	return p->ops->results(p->context, worker, chunk, report);
}

static void on_chunk_over(void *context, struct worker *worker, struct chunk *chunk,
			  const struct settlement *settlement, const struct worker_end *end) {
	struct pool_private *p = ((struct pool *) context)->private;

	p->ops->chunk_over(p->context, worker, chunk, settlement, end);
}

static void on_recalled(void *context, struct worker *worker, const struct chunk *chunk,
			uint32_t offset) {
	struct pool_private *p = ((struct pool *) context)->private;

	p->ops->recalled(p->context, worker, chunk, offset);
}

static void note_failure(struct pool *pool, enum entry_kind kind, const struct entry_fields *about,
			 uint64_t started, char *reason) {
	log_event(kind, about, "pool %s: a worker could not start: %s", pool->name,
		  reason ? reason : "");
	free(pool->reason);
	pool->reason = reason;
	pool->lacks = NULL;
	staff_failure(&pool->private->staff, started);
}

void pool_dismiss(struct worker *worker) {
	struct generation *generation = worker->generation;

	worker_free(worker);
	generation_leave(generation);
}

static void on_gone(void *context, struct worker *worker, const struct worker_end *end) {
	struct pool *pool = context;
	char *description = obituary_text(worker, end);
	const struct entry_fields about = obituary_fields(worker, end);

	if (worker == pool->private->trial.worker)
		return pool_trial_gone(pool, worker, &about, description);
	TAILQ_REMOVE(&pool->workers[WORKER_GONE], worker, link);
	if (pool->private->staff.closed || worker->retired) {
		log_event(ENTRY_WORKER_GONE, &about, "pool %s: worker %llu is gone: %s", pool->name,
			  (unsigned long long) worker->id, description ? description : "");
		free(description);
	} else if (obituary_of_start(worker, end, clock_now())) {
		note_failure(pool, ENTRY_WORKER_NOT_STARTED, &about, worker->started, description);
	} else {
		log_event(ENTRY_WORKER_DIED, &about, "pool %s: worker %llu (pid %d) is gone: %s",
			  pool->name, (unsigned long long) worker->id, worker->pid,
			  description ? description : "");
		free(description);
		pool->restarts++;
	}
	pool_dismiss(worker);
	staff_look(&pool->private->staff);
	pool->private->ops->changed(pool->private->context, pool);
}

const struct worker_ops pool_worker_ops = {
	.hello = on_hello,
	.results = on_results,
	.chunk_over = on_chunk_over,
	.recalled = on_recalled,
	.state = on_state,
	.gone = on_gone,
};

/* -------- how many -------- */

static struct worker *start_worker(void *context) {
	struct pool *pool = context;
	const struct entry_fields about = {.pool = pool->name};
	struct worker *worker;
	int error;

	worker = pool_hire(pool, pool->private->generation, pool->start_timeout, &error);
	if (!worker) {
		note_failure(pool, ENTRY_SHORTAGE, &about, clock_now(), pool_hire_reason(error));
		pool->lacks = pool_hire_lacks(error);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&pool->workers[WORKER_STARTING], worker, link);
	return worker;
}

static void retire_worker(void *context, struct worker *worker) {
	struct pool *pool = context;

	log_event(ENTRY_WORKER_RETIRED, worker_fields(worker),
		  "pool %s: worker %llu goes: it is %s", pool->name,
		  (unsigned long long) worker->id, worker->due ? "replaced" : "not needed");
	worker->retired = true;
	worker_stop(worker, RETIRE_GRACE);
}

static void on_failed(void *context) {
	set_state(context, POOL_FAILED);
}

static void on_looked(void *context) {
	struct pool *pool = context;

	pool->private->ops->changed(pool->private->context, pool);
}

static const struct staff_ops staff_ops = {
	.start = start_worker,
	.retire = retire_worker,
	.failed = on_failed,
	.looked = on_looked,
};

void pool_demand(struct pool *pool, unsigned more, unsigned beyond) {
	staff_demand(&pool->private->staff, (struct scale_demand) {more, beyond});
}

void pool_resize(struct pool *pool, unsigned workers) {
	struct staff *staff = &pool->private->staff;

	pool->min = pool->max = workers;
	staff->limits.min = staff->limits.max = workers;
	staff_look(staff);
}

void pool_start(struct pool *pool) {
	staff_look(&pool->private->staff);
}

/* Workers change lists when they are told to stop, so the next one is found before. */
static void for_all(struct pool *pool, void (*visit)(struct worker *worker, uint64_t grace),
		    uint64_t grace) {
	for (enum worker_state state = 0; state < WORKER_GONE; state++) {
		struct worker *worker, *next;

		for (worker = TAILQ_FIRST(&pool->workers[state]); worker; worker = next) {
			next = TAILQ_NEXT(worker, link);
			visit(worker, grace);
		}
	}
}

static void kill_worker(struct worker *worker, uint64_t grace) {
	(void) grace;
	worker_kill(worker, "the daemon stops");
}

void pool_stop(struct pool *pool, uint64_t grace) {
	pool_abandon(pool);
	staff_close(&pool->private->staff);
	set_state(pool, POOL_STOPPED);
	for_all(pool, worker_stop, grace);
}

void pool_kill(struct pool *pool) {
	pool_abandon(pool);
	staff_close(&pool->private->staff);
	set_state(pool, POOL_STOPPED);
	for_all(pool, kill_worker, 0);
}

/* -------- its beginning and end -------- */

int pool_new(struct pool **ret, const struct pool_configuration *configuration,
	     const struct pool_setup *setup, const struct pool_ops *ops, void *context) {
	struct pool *pool = calloc(1, sizeof *pool);
	struct pool_private *p = calloc(1, sizeof *p);

	if (!pool || !p) {
		free(pool);
		free(p);
		return -ENOMEM;
	}
	pool->private = p;
	pool->name = strdup(configuration->name);
	pool->slots = configuration->slots;
	for (enum worker_state state = 0; state < WORKER_STATES; state++)
		TAILQ_INIT(&pool->workers[state]);

	p->setup = setup;
	p->ops = ops;
	p->context = context;
	if (staff_init(&p->staff, setup->loop->base, pool->workers, &staff_ops, pool) < 0 ||
	    permission_copy(&pool->allowed, &configuration->allowed) < 0 ||
	    retirement_init(&p->retirement, setup->loop->base, &p->staff, pool->name) < 0 ||
	    generation_new(&p->generation, configuration, setup->environment, setup->private) < 0 ||
	    !pool->name) {
		pool_free(pool);
		return -ENOMEM;
	}
	pool->offer = &p->generation->offer;
	pool_take_settings(pool, configuration);
	*ret = pool;
	return 0;
}

struct pool *pool_free(struct pool *pool) {
	struct pool_private *p;

	if (!pool)
		return NULL;
	p = pool->private;
	retirement_done(&p->retirement);
	staff_done(&p->staff);
	generation_free(p->generation);
	free(p);
	permission_done(&pool->allowed);
	free(pool->reason);
	free(pool->name);
	free(pool);
	return NULL;
}
