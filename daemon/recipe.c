#include "daemon/recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/environment.h"
#include "daemon/quantity.h"
#include "daemon/strings.h"

int recipe_init(struct recipe *recipe, const struct pool_configuration *configuration,
		char *const *environment, bool private) {
	const char *directory = configuration->directory ? configuration->directory : "/";
	const char *user = configuration->user;
	char size[24];

	*recipe = (struct recipe) {
		.command = strings_copy(configuration->command),
		.environment = environment_new(environment, private, configuration->environment,
					       configuration->name),
		.directory = private ? NULL : strdup(directory),
		.user = user ? strdup(user) : NULL,
		.limits = configuration->limits ? strings_copy(configuration->limits) : NULL,
		.oom_score_adj = configuration->oom_score_adj,
		.most = {configuration->memory_max, configuration->pids_max},
	};
	quantity_size_text(size, sizeof size, configuration->memory_max);
	snprintf(recipe->over_memory, sizeof recipe->over_memory, "out of memory (memory_max = %s)",
		 size);
	if (!recipe->command || !recipe->environment || (!private && !recipe->directory))
		return -ENOMEM;
	return (user && !recipe->user) || (configuration->limits && !recipe->limits) ? -ENOMEM : 0;
}

void recipe_done(struct recipe *recipe) {
	strings_free(recipe->command);
	strings_free(recipe->environment);
	free(recipe->directory);
	free(recipe->user);
	strings_free(recipe->limits);
}

static bool same_text(const char *a, const char *b) {
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool recipe_equal(const struct recipe *a, const struct recipe *b) {
	return strings_equal(a->command, b->command) &&
	       strings_equal(a->environment, b->environment) &&
	       same_text(a->directory, b->directory) && same_text(a->user, b->user) &&
	       strings_equal(a->limits, b->limits) && a->oom_score_adj == b->oom_score_adj &&
	       a->most.memory == b->most.memory && a->most.pids == b->most.pids;
}

struct spawn_plan recipe_plan(const struct recipe *recipe) {
	return (struct spawn_plan) {
		.command = recipe->command,
		.environment = recipe->environment,
		.directory = recipe->directory,
		.user = recipe->user,
		.limits = recipe->limits,
		.oom_score_adj = recipe->oom_score_adj,
	};
}
