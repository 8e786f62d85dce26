#include "daemon/keys.h"

#include <string.h>

#include "daemon/configuration.h"

static const struct setting daemon_settings[] = {
	{"slots", SETTING_AUTO_COUNT, offsetof(struct configuration, slots)},
	{"drain_timeout", SETTING_TIME, offsetof(struct configuration, drain_timeout)},
	{"log_level", SETTING_LOG_LEVEL, offsetof(struct configuration, log_level)},
	{"admin_users", SETTING_LIST, offsetof(struct configuration, admin_users)},
	{"admin_groups", SETTING_LIST, offsetof(struct configuration, admin_groups)},
	{.key = NULL},
};

#define LIMIT(key, type) \
	{ #key, type, offsetof(struct configuration, limits.key) }

static const struct setting limits_settings[] = {
	LIMIT(message, SETTING_SIZE),
	LIMIT(envelope, SETTING_SIZE),
	LIMIT(reply, SETTING_SIZE),
	LIMIT(items, SETTING_COUNT),
	LIMIT(item, SETTING_SIZE),
	LIMIT(worker_message, SETTING_SIZE),
	LIMIT(window_items, SETTING_COUNT),
	LIMIT(window_bytes, SETTING_SIZE),
	LIMIT(connections, SETTING_COUNT),
	LIMIT(user_connections, SETTING_COUNT),
	LIMIT(user_items, SETTING_COUNT),
	LIMIT(user_bytes, SETTING_LARGE_SIZE),
	LIMIT(total_bytes, SETTING_AUTO_SIZE),
	LIMIT(message_timeout, SETTING_TIME_LIMIT),
	LIMIT(message_timeout_total, SETTING_TIME_LIMIT),
	{.key = NULL},
};

#define POOL(key, type) \
	{ #key, type, offsetof(struct pool_configuration, key) }
#define LATER(key) \
	{ #key, SETTING_LATER, 0 }

static const struct setting pool_settings[] = {
	POOL(command, SETTING_LIST),
	POOL(workers, SETTING_AUTO_RANGE),
	POOL(idle_timeout, SETTING_TIME),
	POOL(slots, SETTING_BOOL),
	POOL(start_timeout, SETTING_TIME_LIMIT),
	POOL(environment, SETTING_ENVIRONMENT),
	POOL(directory, SETTING_PATH),
	LATER(template),
	POOL(user, SETTING_NAME),
	POOL(item_timeout, SETTING_TIME_LIMIT),
	POOL(queue_timeout, SETTING_TIME_LIMIT),
	POOL(slow_item, SETTING_TIME),
	{"max_items", SETTING_LARGE_COUNT, offsetof(struct pool_configuration, wear.items)},
	{"max_age", SETTING_TIME, offsetof(struct pool_configuration, wear.age)},
	{"max_rss", SETTING_LARGE_SIZE, offsetof(struct pool_configuration, wear.rss)},
	POOL(memory_max, SETTING_LARGE_SIZE),
	POOL(pids_max, SETTING_LARGE_COUNT),
	POOL(limits, SETTING_RLIMITS),
	POOL(oom_score_adj, SETTING_OOM_SCORE),
	POOL(stderr_rate, SETTING_COUNT),
	POOL(allow_users, SETTING_LIST),
	POOL(allow_groups, SETTING_LIST),
	{.key = NULL},
};

const struct setting *keys_of(const char *section) {
	if (strcmp(section, "daemon") == 0)
		return daemon_settings;
	return strcmp(section, "limits") == 0 ? limits_settings : pool_settings;
}

#define FITS(table) (sizeof(table) / sizeof *(table) <= KEYS_MOST)
_Static_assert(FITS(daemon_settings) && FITS(limits_settings) && FITS(pool_settings), "KEYS_MOST");
