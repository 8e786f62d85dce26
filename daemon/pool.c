#include "daemon/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/environment.h"
#include "daemon/log.h"
#include "daemon/scale.h"
#include "daemon/setting.h"
#include "daemon/spawn.h"
#include "daemon/strings.h"

/* How long an idle worker may take to go once its input is closed, µs. */
#define RETIRE_GRACE UINT64_C(5000000)

struct pool_private {
	const struct pool_setup *setup;
	const struct pool_ops *ops;
	void *context;
	char **command;     /* owned, NULL-ended */
	char **environment; /* owned, NULL-ended */
	char *directory;
	struct scale_limits limits;
	struct scale_demand demand;
	struct scale_memory memory;
	struct event *timer; /* looks after the workers again */
	uint64_t again;      /* when, if it is pending */
	bool stopping;
};

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
	if (state == pool->state)
		return;
	if (state == POOL_FAILED)
		log_error("pool %s failed: %s", pool->name, pool->reason ? pool->reason : "");
	else
		log_info("pool %s: %s -> %s", pool->name, state_names[pool->state],
			 state_names[state]);
	pool->state = state;
	pool->offer_changed = true;
}

unsigned pool_count(const struct pool *pool, enum worker_state state) {
	const struct worker *worker;
	unsigned n = 0;

	TAILQ_FOREACH (worker, &pool->workers[state], link)
		n++;
	return n;
}

bool pool_is_empty(const struct pool *pool) {
	for (enum worker_state state = 0; state < WORKER_GONE; state++)
		if (!TAILQ_EMPTY(&pool->workers[state]))
			return false;
	return true;
}

static unsigned count_ready(const struct pool *pool) {
	return pool_count(pool, WORKER_IDLE) + pool_count(pool, WORKER_BUSY);
}

bool pool_is_warm(const struct pool *pool) {
	return pool->state == POOL_FAILED || (pool->functions && count_ready(pool) >= pool->min);
}

struct worker *pool_idle(const struct pool *pool) {
	return TAILQ_FIRST(&pool->workers[WORKER_IDLE]);
}

/* -------- functions -------- */

size_t pool_match(const struct pool *pool, const char *function) {
	size_t best = 0;
	const char *name;
	json_t *description;

	if (!pool->functions)
		return 0;
	json_object_foreach(pool->functions, name, description) {
		size_t length = strlen(name);

		if (strcmp(name, function) == 0)
			return SIZE_MAX;
		if (length > 0 && name[length - 1] == '*' &&
		    strncmp(name, function, length - 1) == 0 && length > best)
			best = length;
	}
	return best;
}

/* The hello's list as {name: description}; NULL without memory or if a name stands twice (*ret_reason). */
static json_t *function_table(const json_t *list, const char **ret_reason) {
	json_t *table = json_object(), *entry;
	size_t i;

	*ret_reason = "the daemon is out of memory";
	json_array_foreach(list, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		json_t *description = json_object_get(entry, "description");

		if (json_object_get(table, name)) {
			*ret_reason = "its hello names a function twice";
			json_decref(table);
			return NULL;
		}
		if (json_object_set_new(table, name,
					description ? json_incref(description) : json_null()) < 0) {
			json_decref(table);
			return NULL;
		}
	}
	return table;
}

static void look_after(struct pool *pool);

static const char *on_hello(void *context, struct worker *worker, struct worker_hello *hello) {
	struct pool *pool = context;
	const char *reason;
	json_t *table = function_table(hello->functions, &reason);
	bool same;

	(void) worker;
	if (!table)
		return reason;
	if (!pool->functions) {
		pool->functions = table;
		pool->offer_changed = true;
		pool->runtime = hello->runtime;
		hello->runtime = NULL;
		memcpy(pool->unpack, hello->unpack, sizeof pool->unpack);
		return NULL;
	}
	same = json_equal(pool->functions, table) &&
	       memcmp(pool->unpack, hello->unpack, sizeof pool->unpack) == 0;
	json_decref(table);
	return same ? NULL : "its functions differ from those of the pool's other workers";
}

/* -------- workers come and go -------- */

/* Whether a change of state could change the plan: work begins and ends too often to ask for a plan each time. */
static bool matters(const struct pool *pool, enum worker_state before, enum worker_state after) {
	const struct pool_private *p = pool->private;

	if (before == WORKER_IDLE && after == WORKER_BUSY)
		return false;
	if (before != WORKER_BUSY || after != WORKER_IDLE || p->memory.failures > 0)
		return true;
	/* From now on it is idle: does somebody look when it has been long enough? */
	return (pool->min < pool->max && !evtimer_pending(p->timer, NULL)) ||
	       count_ready(pool) > pool->max;
}

static void on_state(void *context, struct worker *worker, enum worker_state before) {
	struct pool *pool = context;

	TAILQ_REMOVE(&pool->workers[before], worker, link);
	TAILQ_INSERT_HEAD(&pool->workers[worker->state], worker, link);
	if (worker->state == WORKER_IDLE)
		worker->idle_since = clock_now();
	if (before == WORKER_STARTING && worker->state == WORKER_IDLE && !pool->private->stopping) {
		set_state(pool, POOL_RUNNING);
		/* One of those that were missing; the next pump tells how many still are. */
		pool->private->demand.more -= pool->private->demand.more > 0;
	}
	/* One that works proves that its command does. */
	if (before == WORKER_BUSY && worker->state == WORKER_IDLE &&
	    pool->private->memory.failures > 0 && worker->warm > pool->private->memory.last)
		scale_success(&pool->private->memory);
	/* A worker that is gone is looked into first, by on_gone(): it may be a reason to wait. */
	if (worker->state == WORKER_GONE)
		return;
	if (matters(pool, before, worker->state))
		look_after(pool);
	pool->private->ops->changed(pool->private->context, pool);
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

/* "exited with status 3: cannot load x.so", in memory of the caller's. */
static char *describe_end(const struct worker_end *end) {
	size_t tail = strlen(end->stderr_tail);
	char how[64], *text;

	if (end->signal)
		snprintf(how, sizeof how, "killed by signal %d (%s)", end->signal,
			 sigabbrev_np(end->signal) ? sigabbrev_np(end->signal) : "?");
	else
		snprintf(how, sizeof how, "exited with status %d", end->status);
	while (tail > 0 && end->stderr_tail[tail - 1] == '\n')
		tail--;
	if (asprintf(&text, "%s%s%s%s%.*s", end->reason ? end->reason : "a worker ",
		     end->reason ? ", " : "", how, tail ? ": " : "", (int) tail,
		     end->stderr_tail) < 0)
		return NULL;
	return text;
}

/* It ended before hello, or soon after it by itself without having been given anything. */
static bool failed_to_start(const struct worker *worker, const struct worker_end *end) {
	if (!worker->warm)
		return true;
	return !end->ours && worker->uid == (uid_t) -1 &&
	       clock_now() - worker->warm < SCALE_SETTLED;
}

static void note_failure(struct pool *pool, uint64_t started, char *reason) {
	log_warning("pool %s: a worker could not start: %s", pool->name, reason ? reason : "");
	free(pool->reason);
	pool->reason = reason;
	scale_failure(&pool->private->memory, started, clock_now());
}

static void on_gone(void *context, struct worker *worker, const struct worker_end *end) {
	struct pool *pool = context;
	char *description = describe_end(end);

	TAILQ_REMOVE(&pool->workers[WORKER_GONE], worker, link);
	if (pool->private->stopping || worker->retired) {
		log_debug("pool %s: worker %llu is gone: %s", pool->name,
			  (unsigned long long) worker->id, description ? description : "");
		free(description);
	} else if (failed_to_start(worker, end)) {
		note_failure(pool, worker->started, description);
	} else {
		log_warning("pool %s: worker %llu (pid %d) is gone: %s", pool->name,
			    (unsigned long long) worker->id, worker->pid,
			    description ? description : "");
		free(description);
		pool->restarts++;
	}
	worker_free(worker);
	look_after(pool);
	pool->private->ops->changed(pool->private->context, pool);
}

static const struct worker_ops worker_ops = {
	.hello = on_hello,
	.results = on_results,
	.chunk_over = on_chunk_over,
	.recalled = on_recalled,
	.state = on_state,
	.gone = on_gone,
};

static void start_worker(struct pool *pool) {
	struct pool_private *p = pool->private;
	const struct pool_setup *setup = p->setup;
	const struct spawn_plan plan = {
		.launcher = setup->launcher,
		.command = p->command,
		.environment = p->environment,
		.directory = setup->private ? NULL
			     : p->directory ? p->directory
					    : "/",
		.share_stderr = setup->private,
		.nofile = setup->nofile,
	};
	struct worker *worker;
	char label[80];
	char *reason;
	int r;

	snprintf(label, sizeof label, "%s/%llu", pool->name,
		 (unsigned long long) *setup->next_worker);
	r = worker_new(&worker, setup->loop, &plan, (*setup->next_worker)++, label,
		       pool->start_timeout, setup->max_message, setup->max_result, &worker_ops,
		       pool);
	if (r < 0) {
		if (asprintf(&reason, "cannot start a process: %s", strerror(-r)) < 0)
			reason = NULL;
		note_failure(pool, clock_now(), reason);
		return;
	}
	TAILQ_INSERT_HEAD(&pool->workers[WORKER_STARTING], worker, link);
}

static void retire_worker(struct pool *pool) {
	struct worker *coldest = TAILQ_LAST(&pool->workers[WORKER_IDLE], worker_list);

	log_info("pool %s: worker %llu goes: it is not needed", pool->name,
		 (unsigned long long) coldest->id);
	coldest->retired = true;
	worker_stop(coldest, RETIRE_GRACE);
}

/* A timer that goes off too early does no harm, so that one is left alone. */
static void look_again(struct pool_private *p, uint64_t again, uint64_t now) {
	struct timeval interval;

	if (again == UINT64_MAX || (again >= p->again && evtimer_pending(p->timer, NULL)))
		return;
	interval = clock_interval(again > now ? again - now : 0);
	if (evtimer_add(p->timer, &interval) == 0)
		p->again = again;
}

static void carry_out(struct pool *pool, const struct scale_plan *plan, uint64_t now) {
	if (plan->failed)
		set_state(pool, POOL_FAILED);
	for (unsigned i = 0; i < plan->start; i++)
		start_worker(pool);
	look_again(pool->private, plan->again, now);
	/* The worker's change of state asks for the next plan. */
	if (plan->stop)
		retire_worker(pool);
}

/* A worker that started after the last failure and has lived for a while proves that the command works again; one
 * that is older says nothing of what keeps others from starting. */
static bool has_settled(const struct pool *pool, uint64_t now) {
	const struct worker *worker;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &pool->workers[state], link)
			if (worker->warm > pool->private->memory.last &&
			    now - worker->warm >= SCALE_SETTLED)
				return true;
	return false;
}

/* Workers that may still say hello, or that are being stopped because they did not: those may turn out to be a
 * reason to wait with the next. */
static unsigned count_starting(const struct pool *pool) {
	const struct worker *worker;
	unsigned n = pool_count(pool, WORKER_STARTING);

	TAILQ_FOREACH (worker, &pool->workers[WORKER_STOPPING], link)
		n += worker->warm == 0;
	return n;
}

static bool is_retiring(const struct pool *pool) {
	const struct worker *worker;

	TAILQ_FOREACH (worker, &pool->workers[WORKER_STOPPING], link)
		if (worker->retired)
			return true;
	return false;
}

static struct scale_counts count_workers(const struct pool *pool) {
	const struct worker *coldest = TAILQ_LAST(&pool->workers[WORKER_IDLE], worker_list);

	return (struct scale_counts) {
		.starting = count_starting(pool),
		.ready = count_ready(pool),
		.idle = pool_count(pool, WORKER_IDLE),
		.coldest = coldest ? coldest->idle_since : 0,
		.stopping = is_retiring(pool),
		.unknown = !pool->functions,
	};
}

/* Does what the plan says; starting a process may fail at once and change the plan. */
static void look_after(struct pool *pool) {
	struct pool_private *p = pool->private;
	struct scale_plan plan;

	do {
		const struct scale_counts counts = count_workers(pool);
		uint64_t now = clock_now();

		if (p->stopping)
			return;
		if (p->memory.failures > 0 && has_settled(pool, now))
			scale_success(&p->memory);
		plan = scale_plan(&counts, &p->limits, p->demand, &p->memory, now);
		carry_out(pool, &plan, now);
	} while (plan.start > 0);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct pool *pool = context;

	(void) fd, (void) what;
	look_after(pool);
	pool->private->ops->changed(pool->private->context, pool);
}

void pool_demand(struct pool *pool, unsigned more, unsigned beyond) {
	struct pool_private *p = pool->private;

	if (more == p->demand.more && beyond == p->demand.beyond)
		return;
	p->demand = (struct scale_demand) {more, beyond};
	look_after(pool);
}

void pool_resize(struct pool *pool, unsigned workers) {
	pool->min = pool->max = workers;
	pool->private->limits.min = pool->private->limits.max = workers;
	look_after(pool);
}

void pool_start(struct pool *pool) {
	look_after(pool);
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
	pool->private->stopping = true;
	evtimer_del(pool->private->timer);
	set_state(pool, POOL_STOPPED);
	for_all(pool, worker_stop, grace);
}

void pool_kill(struct pool *pool) {
	pool->private->stopping = true;
	evtimer_del(pool->private->timer);
	set_state(pool, POOL_STOPPED);
	for_all(pool, kill_worker, 0);
}

/* -------- life -------- */

static unsigned workers_number(uint64_t number, const struct pool_setup *setup) {
	return number == SETTING_AUTO ? setup->auto_workers : (unsigned) number;
}

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
	pool->min = workers_number(configuration->workers.min, setup);
	pool->max = workers_number(configuration->workers.max, setup);
	/* "8..auto" where there are fewer slots. */
	if (pool->max < pool->min)
		pool->max = pool->min;
	pool->slots = configuration->slots;
	pool->start_timeout = configuration->start_timeout;
	for (enum worker_state state = 0; state < WORKER_STATES; state++)
		TAILQ_INIT(&pool->workers[state]);

	p->limits = (struct scale_limits) {
		.min = pool->min, .max = pool->max, .idle = configuration->idle_timeout};
	p->setup = setup;
	p->ops = ops;
	p->context = context;
	p->command = strings_copy(configuration->command);
	p->environment = environment_new(setup->environment, setup->private,
					 configuration->environment, configuration->name);
	p->directory = configuration->directory ? strdup(configuration->directory) : NULL;
	p->timer = evtimer_new(setup->loop->base, on_timer, pool);
	if (!pool->name || !p->command || !p->environment || !p->timer ||
	    (configuration->directory && !p->directory)) {
		pool_free(pool);
		return -ENOMEM;
	}
	*ret = pool;
	return 0;
}

struct pool *pool_free(struct pool *pool) {
	struct pool_private *p;

	if (!pool)
		return NULL;
	p = pool->private;
	if (p->timer)
		event_free(p->timer);
	strings_free(p->command);
	strings_free(p->environment);
	free(p->directory);
	free(p);
	json_decref(pool->functions);
	free(pool->runtime);
	free(pool->reason);
	free(pool->name);
	free(pool);
	return NULL;
}
