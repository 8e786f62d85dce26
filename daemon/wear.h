#pragma once

#include <stdbool.h>
#include <stdint.h>

/* When a worker that works is replaced all the same: it has run many items, is old, or has grown. Pure. */

enum wear { WEAR_NONE, WEAR_ITEMS, WEAR_AGE, WEAR_RSS };
#define WEAR_KINDS (WEAR_RSS + 1)

/* 0 and UINT64_MAX: none. */
struct wear_limits {
	uint64_t items;
	uint64_t age; /* µs since its hello */
	uint64_t rss; /* bytes of memory more than at its hello */
};

/* Of one worker. */
struct wear_facts {
	uint64_t items;
	uint64_t age;   /* µs since its hello */
	uint64_t start; /* µs from its start to its hello */
	uint64_t grown; /* bytes more than at its hello */
};

/* So many workers in a row that lived shorter than they took to start, and the limit costs more than it helps. */
#define WEAR_STORM 3

/* Of one pool. Zeroed, it remembers nothing. */
struct wear_memory {
	unsigned storms
		[WEAR_KINDS];      /* such workers in a row, by the reason they were replaced for */
	bool given_up[WEAR_KINDS]; /* nobody is replaced for that any more */
};

/* The reason for which the worker is to be replaced now. */
enum wear wear_of(const struct wear_limits *limits, const struct wear_memory *memory,
		  const struct wear_facts *facts);
/* The worker is replaced for that reason. Returns whether the limit is given up from now on. */
bool wear_note(struct wear_memory *memory, enum wear reason, const struct wear_facts *facts);

/* The limits that are in force: 0 where there is none, or it was given up. */
struct wear_limits wear_in_force(const struct wear_limits *limits,
				 const struct wear_memory *memory);
