#pragma once

#include <procpool/worker.h>
#include <stdbool.h>
#include <stddef.h>

#include "worker/buffer.h"

/* The functions a worker offers: the tables it was given, and where each came from. */

struct source {
	char *name; /* owned; for people: a file, or "built in" */
	const struct procpool_table *table;
	void *state; /* what its init stored */
	bool started;
};

struct entry {
	const struct procpool_function *function;
	size_t source; /* its place in sources */
};

struct registry {
	struct source *sources; /* owned */
	size_t n_sources;
	struct entry *entries; /* owned; by name */
	size_t n_entries;
	char reason[1024]; /* of the last REGISTRY_E_*: a sentence */
};

enum { REGISTRY_E_BAD = 1 };

/* Returns the registry, empty. */
struct registry *registry_new(void);
struct registry *registry_free(struct registry *registry);

/* Adds a table, which must stay; source says where it is from. All its functions, or none.
 * Returns 0; REGISTRY_E_BAD and registry->reason; -ENOMEM. */
int registry_add(struct registry *registry, const struct procpool_table *table, const char *source);

/* Runs the init hooks, in the order of adding. Returns as registry_add(). */
int registry_start(struct registry *registry);
/* Runs the exit hooks of what was started, last first. */
void registry_stop(struct registry *registry);

/* Returns NULL if there is none. */
const struct entry *registry_find(const struct registry *registry, const char *name);

/* Appends the hello message, its NUL included. */
void registry_hello(const struct registry *registry, bool page, struct buffer *buffer);
