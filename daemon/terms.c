/*
 * What a pool takes from a configuration at once, because it needs no other workers: how many, for how long, for whom.
 */

#include "daemon/cgroup.h"
#include "daemon/configuration.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/pool_inside.h"

static struct scale_limits limits_of(const struct pool_configuration *configuration,
				     const struct pool_setup *setup) {
	const struct setting_range *of = &configuration->workers;
	unsigned min = of->min == SETTING_AUTO ? setup->auto_workers : (unsigned) of->min;
	unsigned max = of->max == SETTING_AUTO ? setup->auto_workers : (unsigned) of->max;

	/* "8..auto" where there are fewer slots has eight. */
	return (struct scale_limits) {min, max < min ? min : max, configuration->idle_timeout};
}

void pool_take_settings(struct pool *pool, const struct pool_configuration *configuration) {
	const struct pool_setup *setup = pool->private->setup;
	const struct scale_limits limits = limits_of(configuration, setup);

	pool->min = limits.min;
	pool->max = limits.max;
	pool->private->staff.limits = limits;
	pool->start_timeout = configuration->start_timeout;
	pool->item_timeout = configuration->item_timeout;
	pool->queue_timeout = configuration->queue_timeout;
	pool->slow_item = configuration->slow_item;
	pool->private->worker_setup = (struct worker_setup) {
		.loop = setup->loop,
		.stderr_rate = configuration->stderr_rate,
		.max_message = setup->max_message,
		.max_result = setup->max_result,
		.process = {.cgroup = setup->cgroup, .oom = setup->oom},
	};
	if (configuration->pids_max > 0 && configuration->pids_max != UINT64_MAX &&
	    !cgroup_has(setup->cgroup, CONTROLLER_PIDS))
		log_warning(
			"pool %s: pids_max is not in force: the daemon has no control group with "
			"the pids controller to divide; limits = {\"nproc=…\"} counts all "
			"processes of a user",
			pool->name);
	retirement_set(&pool->private->retirement, &configuration->wear);
}

void pool_take_permission(struct pool *pool, const struct pool_configuration *configuration) {
	struct permission allowed;

	if (permission_copy(&allowed, &configuration->allowed) < 0) {
		log_event(ENTRY_SHORTAGE, &(struct entry_fields) {.pool = pool->name},
			  "pool %s: not enough memory for who may use it: that stays as it was",
			  pool->name);
		return;
	}
	permission_done(&pool->allowed);
	pool->allowed = allowed;
}
