#pragma once

#include <stdbool.h>
#include <stdint.h>

struct generation;
struct worker;

/*
 * The first worker of a new generation, before that takes the place of the one in force: a generation whose workers
 * cannot start is not taken. The pool starts and ends the worker.
 *
 *   NONE ──begin──► STARTING ──hello──► READY ; STARTING, READY ──ended twice, or too slow──► FAILED
 */
enum trial_state { TRIAL_NONE, TRIAL_STARTING, TRIAL_READY, TRIAL_FAILED };

/* Zeroed: none. */
struct trial {
	enum trial_state state;
	struct generation *generation; /* unless NONE; owned by the pool */
	struct worker *worker;         /* NULL: none lives */
	uint64_t start_timeout;        /* µs, as the new configuration says */
	unsigned failures;
	char *reason; /* why the last one could not start; NULL */
};

void trial_begin(struct trial *trial, struct generation *generation, uint64_t start_timeout);
/* The worker is in another state. */
void trial_moved(struct trial *trial);
/* The worker, started at started, is gone. reason is taken, NULL without memory. Returns whether to start another. */
bool trial_ended(struct trial *trial, uint64_t started, uint64_t now, char *reason);
/* Back to NONE; worker and generation are the caller's. */
void trial_over(struct trial *trial);
