/*
 * How a worker of a pool is started from its generation; where that fails at once, why.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cgroup.h"
#include "daemon/generation.h"
#include "daemon/pool.h"
#include "daemon/pool_inside.h"
#include "daemon/spawn.h"

/* What its leaf does not see to. */
static uint64_t watched_memory(const struct cgroup *cgroup, const struct recipe *recipe) {
	uint64_t most = recipe->most.memory;

	return most == UINT64_MAX || cgroup_has(cgroup, CONTROLLER_MEMORY) ? 0 : most;
}

struct worker *pool_hire(struct pool *pool, struct generation *generation, uint64_t start_timeout,
			 int *ret_error) {
	const struct pool_setup *setup = pool->private->setup;
	struct spawn_plan plan = recipe_plan(&generation->recipe);
	struct worker_setup worker_setup = pool->private->worker_setup;
	struct worker *worker;
	int r;

	plan.launcher = setup->launcher;
	plan.share_stderr = setup->private;
	plan.no_new_privileges = !setup->private;
	plan.nofile = setup->nofile;
	worker_setup.start_timeout = start_timeout;
	worker_setup.process.most = generation->recipe.most;
	worker_setup.process.over_memory = generation->recipe.over_memory;
	r = worker_new(&worker, &worker_setup, &plan, (*setup->next_worker)++, pool->name,
		       &pool_worker_ops, pool);
	if (r < 0) {
		*ret_error = r;
		return NULL;
	}
	worker->generation = generation;
	worker->most_memory = watched_memory(setup->cgroup, &generation->recipe);
	generation_join(generation);
	return worker;
}

char *pool_hire_reason(int error) {
	/* Nothing else has to be found for it. */
	const char *what = error == -ENOENT || error == -EACCES ? "procpool-launch" : "a process";
	char *reason;

	return asprintf(&reason, "cannot start %s: %s", what, strerror(-error)) < 0 ? NULL : reason;
}

/* As the clients are told. */
const char *pool_hire_lacks(int error) {
	switch (error) {
	case -EAGAIN: return "processes";
	case -EMFILE:
	case -ENFILE: return "descriptors";
	case -ENOMEM: return "memory";
	default: return NULL;
	}
}
