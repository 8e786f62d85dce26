#include <errno.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/generation.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/pool_inside.h"

/* One generation of a pool after the other: a first worker is tried, then the new one is in force, and the workers of
 * the one before are due. */

static void start_trial(struct pool *pool) {
	struct trial *trial = &pool->private->trial;
	int error;

	trial->worker = pool_hire(pool, trial->generation, trial->start_timeout, &error);
	/* Nobody else would tell. */
	while (!trial->worker &&
	       trial_ended(trial, clock_now(), clock_now(), pool_hire_reason(error)))
		trial->worker = pool_hire(pool, trial->generation, trial->start_timeout, &error);
}

void pool_trial_gone(struct pool *pool, struct worker *worker, const struct entry_fields *about,
		     char *description) {
	struct pool_private *p = pool->private;

	log_event(ENTRY_WORKER_NOT_STARTED, about,
		  "pool %s: a worker of the new configuration could not start: %s", pool->name,
		  description ? description : "");
	if (trial_ended(&p->trial, worker->started, clock_now(), description))
		start_trial(pool);
	pool_dismiss(worker);
	p->ops->changed(p->context, pool);
}

int pool_try(struct pool *pool, const struct pool_configuration *configuration, bool always) {
	struct pool_private *p = pool->private;
	struct generation *next;
	int r = generation_new(&next, configuration, p->setup->environment, p->setup->private);

	if (r < 0)
		return r;
	if (!always && recipe_equal(&next->recipe, &p->generation->recipe)) {
		generation_free(next);
		return 0;
	}
	trial_begin(&p->trial, next, configuration->start_timeout);
	start_trial(pool);
	p->ops->changed(p->context, pool);
	return 0;
}

const struct trial *pool_trial(const struct pool *pool) {
	return &pool->private->trial;
}

void pool_abandon(struct pool *pool) {
	struct trial *trial = &pool->private->trial;
	struct worker *worker = trial->worker;

	if (trial->state == TRIAL_NONE)
		return;
	if (worker) {
		worker->retired = true;
		worker_kill(worker, "its configuration was not taken");
		trial->worker = NULL;
		TAILQ_INSERT_HEAD(&pool->workers[worker->state], worker, link);
	}
	generation_replace(trial->generation, 0);
	trial_over(trial);
}

/* Workers that are not warm yet are of no use any more; the others are replaced. */
static void replace_workers(struct pool *pool) {
	struct pool_private *p = pool->private;
	struct worker *worker, *next;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &pool->workers[state], link) {
			worker->due |= worker->generation != p->generation;
			worker->substitute = worker->generation == p->generation;
		}
	for (worker = TAILQ_FIRST(&pool->workers[WORKER_STARTING]); worker; worker = next) {
		next = TAILQ_NEXT(worker, link);
		if (worker->generation == p->generation)
			continue;
		worker->retired = true;
		worker_kill(worker, "its configuration was replaced");
	}
}

static void switch_generation(struct pool *pool, uint64_t reload) {
	struct pool_private *p = pool->private;
	struct generation *before = p->generation;
	struct worker *first = p->trial.worker;

	p->generation = p->trial.generation;
	pool->offer = &p->generation->offer;
	pool->offer_changed = true;
	trial_over(&p->trial);
	first->idle_since = clock_now();
	TAILQ_INSERT_HEAD(&pool->workers[WORKER_IDLE], first, link);
	retirement_moved(&p->retirement, first, WORKER_STARTING);
	staff_renew(&p->staff);
	replace_workers(pool);
	generation_replace(before, reload);
	pool_runs(pool);
}

void pool_adopt(struct pool *pool, const struct pool_configuration *configuration,
		uint64_t reload) {
	struct pool_private *p = pool->private;

	pool_take_settings(pool, configuration);
	pool_take_permission(pool, configuration);
	if (p->trial.state == TRIAL_READY)
		switch_generation(pool, reload);
	staff_look(&p->staff);
	p->ops->changed(p->context, pool);
}

unsigned pool_outdated(const struct pool *pool, uint64_t reload) {
	const struct worker *worker;
	unsigned n = 0;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &pool->workers[state], link)
			n += worker->generation->until <= reload;
	return n;
}
