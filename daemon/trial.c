#include "daemon/trial.h"

#include <stdlib.h>

#include "daemon/worker.h"

/* Whoever cannot start may have been unlucky once. */
#define ATTEMPTS 2

void trial_begin(struct trial *trial, struct generation *generation, uint64_t start_timeout) {
	*trial = (struct trial) {
		.state = TRIAL_STARTING,
		.generation = generation,
		.start_timeout = start_timeout,
	};
}

void trial_moved(struct trial *trial) {
	if (trial->state == TRIAL_STARTING && trial->worker->state == WORKER_IDLE)
		trial->state = TRIAL_READY;
}

bool trial_ended(struct trial *trial, uint64_t started, uint64_t now, char *reason) {
	free(trial->reason);
	trial->reason = reason;
	trial->worker = NULL;
	trial->failures++;
	if (trial->failures == ATTEMPTS || now - started >= trial->start_timeout) {
		trial->state = TRIAL_FAILED;
		return false;
	}
	trial->state = TRIAL_STARTING;
	return true;
}

void trial_over(struct trial *trial) {
	free(trial->reason);
	*trial = (struct trial) {0};
}
