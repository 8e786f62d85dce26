#include "daemon/configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/setting.h"
#include "daemon/strings.h"

#define SECOND UINT64_C(1000000)

struct pool_configuration *configuration_pool(const struct configuration *configuration,
					      const char *name) {
	for (size_t i = 0; i < configuration->n_pools; i++)
		if (strcmp(configuration->pools[i].name, name) == 0)
			return &configuration->pools[i];
	return NULL;
}

struct pool_configuration *configuration_add_pool(struct configuration *configuration,
						  const char *name, char *where) {
	struct pool_configuration *pools =
		reallocarray(configuration->pools, configuration->n_pools + 1, sizeof *pools);
	struct pool_configuration *pool;

	if (!pools) {
		free(where);
		return NULL;
	}
	configuration->pools = pools;
	pool = &pools[configuration->n_pools];
	*pool = (struct pool_configuration) {
		.name = strdup(name),
		.where = where,
		.workers = {SETTING_AUTO, SETTING_AUTO},
		.slots = true,
		.idle_timeout = 60 * SECOND,
		.start_timeout = 30 * SECOND,
		.item_timeout = UINT64_MAX,
		.queue_timeout = UINT64_MAX,
		.slow_item = UINT64_MAX,
		.stderr_rate = 200,
		.wear = {UINT64_MAX, UINT64_MAX, UINT64_MAX},
		.memory_max = UINT64_MAX,
		.pids_max = UINT64_MAX,
		.oom_score_adj = SETTING_AUTO,
	};
	if (!pool->name || !pool->where) {
		free(pool->name);
		free(pool->where);
		return NULL;
	}
	configuration->n_pools++;
	return pool;
}

void configuration_init(struct configuration *configuration) {
	*configuration = (struct configuration) {
		.slots = SETTING_AUTO,
		.drain_timeout = 60 * SECOND,
		.log_level = SETTING_AUTO,
		.limits =
			{
				.message = LIMIT_MESSAGE,
				.envelope = LIMIT_ENVELOPE,
				.reply = LIMIT_REPLY,
				.items = LIMIT_ITEMS,
				.item = LIMIT_ITEM,
				.worker_message = LIMIT_WORKER_MESSAGE,
				.window_items = LIMIT_WINDOW_ITEMS,
				.window_bytes = LIMIT_WINDOW_BYTES,
				.connections = LIMIT_CONNECTIONS,
				.user_connections = LIMIT_USER_CONNECTIONS,
				.user_items = LIMIT_USER_ITEMS,
				.user_bytes = LIMIT_USER_BYTES,
				.message_timeout = 30 * SECOND,
				.message_timeout_total = 600 * SECOND,
			},
	};
}

void configuration_done(struct configuration *configuration) {
	for (size_t i = 0; i < configuration->n_pools; i++) {
		struct pool_configuration *pool = &configuration->pools[i];

		free(pool->name);
		strings_free(pool->command);
		strings_free(pool->environment);
		strings_free(pool->limits);
		free(pool->directory);
		free(pool->user);
		strings_free(pool->allow_users);
		strings_free(pool->allow_groups);
		permission_done(&pool->allowed);
		free(pool->where);
	}
	free(configuration->pools);
	strings_free(configuration->admin_users);
	strings_free(configuration->admin_groups);
	permission_done(&configuration->administrators);
	*configuration = (struct configuration) {0};
}

int configuration_check(const struct configuration *configuration,
			struct configuration_error *error) {
	if (configuration->n_pools == 0) {
		snprintf(
			error->text, sizeof error->text,
			"the configuration has no pool; add: pool default { command = {\"...\"} }");
		return 1;
	}
	for (size_t i = 0; i < configuration->n_pools; i++) {
		const struct pool_configuration *pool = &configuration->pools[i];

		if (pool->command && pool->command[0])
			continue;
		snprintf(error->text, sizeof error->text, "%s: pool '%s' has no command",
			 pool->where, pool->name);
		return 1;
	}
	return 0;
}
