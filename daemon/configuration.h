#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/permission.h"
#include "daemon/setting.h"
#include "daemon/wear.h"
#include "protocol/limits.h"

/*
 * What the configuration files and --set say, checked. Times in microseconds, sizes in bytes;
 * UINT64_MAX is "infinity".
 */

struct pool_configuration {
	char *name;
	char **command;     /* NULL-ended, at least one word */
	char **environment; /* NULL-ended "KEY=value", or NULL */
	char *directory;    /* absolute; NULL = / */
	struct setting_range workers;
	uint64_t idle_timeout; /* of a worker above workers.min */
	bool slots;            /* its chunks count against the slots */
	uint64_t start_timeout;
	uint64_t item_timeout, queue_timeout; /* of calls that do not say; UINT64_MAX = none */
	uint64_t slow_item;                   /* one that takes longer is logged */
	uint64_t stderr_rate;          /* lines a second of a worker's output that are logged */
	struct wear_limits wear;       /* when workers are replaced */
	uint64_t memory_max, pids_max; /* of one worker with all it starts; UINT64_MAX = any */
	char **limits;                 /* NULL-ended, as rlimit_parse() takes them, or NULL */
	uint64_t oom_score_adj;        /* SETTING_AUTO = more than the daemon's */
	char *user;                    /* of the workers; NULL = the daemon's */
	char **allow_users, **allow_groups; /* names or numbers; both NULL = everybody */
	struct permission allowed;          /* the same, by users_resolve() */
	char *where;                        /* "FILE:LINE" where its section ends, for messages */
};

struct configuration {
	uint64_t slots; /* SETTING_AUTO = usable CPUs */
	uint64_t drain_timeout;
	uint64_t log_level;                 /* LOG_ERR … LOG_DEBUG; SETTING_AUTO = not said */
	char **admin_users, **admin_groups; /* names or numbers, or NULL */
	struct permission administrators;   /* the same, by users_resolve() */
	struct {
		uint64_t message, envelope, reply, items, item, worker_message;
		uint64_t window_items, window_bytes;
		uint64_t connections, user_connections;
		uint64_t user_items, user_bytes;
		uint64_t total_bytes;           /* 0 = as the machine has memory */
		uint64_t message_timeout;       /* without a byte of an unfinished message */
		uint64_t message_timeout_total; /* for one message in all */
	} limits;
	struct pool_configuration *pools; /* owned */
	size_t n_pools;
};

/* A sentence for the administrator. */
struct configuration_error {
	char text[512];
};

void configuration_init(struct configuration *configuration);
void configuration_done(struct configuration *configuration);

/* Reads one file on top of what is there; a key that the file sets replaces the earlier value.
 * Returns 0; -errno if the file cannot be opened; 1 for a mistake. Both set *error. */
int configuration_read(struct configuration *configuration, const char *path,
		       struct configuration_error *error);

/* Sets "SECTION.KEY=VALUE": SECTION is daemon, limits or a pool's name; an unknown pool is created.
 * Returns 0, or 1 and *error. */
int configuration_set(struct configuration *configuration, const char *assignment,
		      struct configuration_error *error);

/* What only the whole can tell: every pool has a command, there is a pool. Returns 0, or 1 and *error. */
int configuration_check(const struct configuration *configuration,
			struct configuration_error *error);

/* The pool of that name, or NULL. */
struct pool_configuration *configuration_pool(const struct configuration *configuration,
					      const char *name);
/* A new one with what holds where nothing is said. where: "FILE:LINE" for messages; taken, NULL = no memory for it.
 * Returns NULL without memory. */
struct pool_configuration *configuration_add_pool(struct configuration *configuration,
						  const char *name, char *where);
