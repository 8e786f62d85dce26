#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

/*
 * Which common values a worker has. It keeps at most LIMIT_WORKER_COMMONS, or LIMIT_WORKER_COMMON_BYTES, and
 * forgets what it is told to: the least recently used ones. Pure.
 */

struct common_held {
	uint64_t id;
	size_t size;
};

/* Zeroed, the worker has none. */
struct commons {
	struct common_held held[LIMIT_WORKER_COMMONS]; /* most recently used first */
	unsigned n;
};

/* What to tell the worker before a chunk that needs a value. */
struct commons_plan {
	uint64_t forget[LIMIT_WORKER_COMMONS];
	unsigned n_forget;
	bool send; /* the value itself, after the others are forgotten */
};

/* The worker needs the value of that id and size in bytes next; it counts as held afterwards. */
struct commons_plan commons_use(struct commons *commons, uint64_t id, size_t size);
