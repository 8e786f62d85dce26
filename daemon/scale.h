#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How many workers a pool should start or stop now. Pure: numbers in, numbers out. Times in µs. */

#define SCALE_BACKOFF_MIN UINT64_C(100000)
#define SCALE_BACKOFF_MAX UINT64_C(30000000)
/* A worker that ends this soon after its hello, without having started an item, failed to start. */
#define SCALE_SETTLED UINT64_C(1000000)

struct scale_counts {
	unsigned starting;
	unsigned ready; /* idle and busy */
};

struct scale_limits {
	unsigned workers; /* wanted */
};

/* Zeroed, it remembers no failure. */
struct scale_memory {
	unsigned failures;   /* rounds of starts in a row that failed */
	uint64_t last;       /* when the last one was counted */
	uint64_t not_before; /* of the next start */
};

struct scale_plan {
	unsigned start, stop;
	uint64_t again; /* look again then; UINT64_MAX = when something changes */
	bool failed;    /* the pool has no worker, and could not get one after a back-off */
};

struct scale_plan scale_plan(struct scale_counts counts, struct scale_limits limits,
			     const struct scale_memory *memory, uint64_t now);

/* A worker that was started at `started` could not start. Workers that were started together count once, however far
 * apart they fail. */
void scale_failure(struct scale_memory *memory, uint64_t started, uint64_t now);
/* A worker is at work: what failed before is forgotten. */
void scale_success(struct scale_memory *memory);
