#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cgroup.h"
#include "daemon/spawn.h"

struct pool_configuration;

/* What the workers of one pool are started from: its own copy of what the configuration says. */
struct recipe {
	char **command;     /* NULL-ended */
	char **environment; /* NULL-ended, complete */
	char *directory;    /* NULL = the daemon's */
	char *user;         /* NULL = the daemon's */
	char **limits;      /* NULL-ended, as rlimit_parse() takes them; NULL = as the daemon's */
	uint64_t oom_score_adj; /* SETTING_AUTO = more than the daemon's */
	struct leaf_limits most;
	char over_memory[64]; /* why a worker that has more memory is ended */
};

/* environment: the daemon's own. private: workers share it, and its directory. Returns 0 or -ENOMEM; recipe_done() is
 * fine after both. */
int recipe_init(struct recipe *recipe, const struct pool_configuration *configuration,
		char *const *environment, bool private);
void recipe_done(struct recipe *recipe);
/* Whether workers of both are the same. */
bool recipe_equal(const struct recipe *a, const struct recipe *b);

/* The plan of a start, without what does not differ between pools. Valid as long as the recipe. */
struct spawn_plan recipe_plan(const struct recipe *recipe);
