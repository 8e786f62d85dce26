#include "daemon/recipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/environment.h"
#include "daemon/strings.h"

int recipe_init(struct recipe *recipe, const struct pool_configuration *configuration,
		char *const *environment, bool private) {
	const char *directory = configuration->directory ? configuration->directory : "/";

	*recipe = (struct recipe) {
		.command = strings_copy(configuration->command),
		.environment = environment_new(environment, private, configuration->environment,
					       configuration->name),
		.directory = private ? NULL : strdup(directory),
	};
	return recipe->command && recipe->environment && (private || recipe->directory) ? 0
											: -ENOMEM;
}

void recipe_done(struct recipe *recipe) {
	strings_free(recipe->command);
	strings_free(recipe->environment);
	free(recipe->directory);
}

struct spawn_plan recipe_plan(const struct recipe *recipe) {
	return (struct spawn_plan) {
		.command = recipe->command,
		.environment = recipe->environment,
		.directory = recipe->directory,
	};
}
