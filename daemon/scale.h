#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How many workers a pool should start or stop now. Pure: numbers in, numbers out. Times in µs. */

#define SCALE_BACKOFF_MIN UINT64_C(100000)
#define SCALE_BACKOFF_MAX UINT64_C(30000000)
/* A worker that ends this soon after its hello, without having started an item, failed to start. */
#define SCALE_SETTLED UINT64_C(1000000)
/* Work must be waiting for another worker this long before one is started: a burst of tiny items is over by then. */
#define SCALE_LASTING UINT64_C(20000)
/* A worker above max is kept this long without work: its user may wait behind long items again. */
#define SCALE_BEYOND_IDLE UINT64_C(1000000)

/* The workers of a pool. */
struct scale_counts {
	unsigned starting;
	unsigned ready;   /* idle and busy */
	unsigned idle;    /* of these */
	uint64_t coldest; /* since when the one that has been idle longest is; if idle > 0 */
	bool stopping;    /* one is being stopped because it was idle */
	/* Of those that are ready: are to be replaced; and were started to take the place of such a one, which has not
	 * gone yet. */
	unsigned due, substitutes;
	bool due_idle; /* one that is due is idle */
	bool unknown;  /* no worker has ever said what the pool offers */
};

/* What the pool's requests could use; see pool_demand(). */
struct scale_demand {
	unsigned more, beyond;
};

struct scale_limits {
	unsigned min, max;
	/* A worker above min goes when it has been idle so long, SCALE_LASTING at least: the pump must have had a
	 * chance to give it something. UINT64_MAX = never. */
	uint64_t idle;
};

/* Zeroed, it remembers nothing. */
struct scale_memory {
	unsigned failures;   /* rounds of starts in a row that failed */
	uint64_t last;       /* when the last one was counted */
	uint64_t not_before; /* of the next start */
	unsigned lasting;    /* so many workers were missing ever since … */
	uint64_t since;      /* … this; if lasting > 0 */
};

struct scale_plan {
	unsigned start;
	bool stop;       /* the worker that has been idle longest */
	bool substitute; /* start one more, to take the place of one that is due */
	bool release;    /* one that is due and idle goes: its place is taken */
	uint64_t again;  /* look again then; UINT64_MAX = when something changes */
	bool failed;     /* the pool has no worker, and could not get one after a back-off */
};

/* To be asked whenever one of the numbers changed, and at plan.again; the plan counts as carried out. */
struct scale_plan scale_plan(const struct scale_counts *counts, const struct scale_limits *limits,
			     struct scale_demand demand, struct scale_memory *memory, uint64_t now);

/* A worker that was started at `started` could not start. Workers that were started together count once, however far
 * apart they fail. */
void scale_failure(struct scale_memory *memory, uint64_t started, uint64_t now);
/* A worker is at work: what failed before is forgotten. */
void scale_success(struct scale_memory *memory);
