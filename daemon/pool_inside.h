#pragma once

#include "daemon/retirement.h"
#include "daemon/staff.h"
#include "daemon/trial.h"
#include "daemon/worker.h"

/* The inside of a pool, for pool, hiring, terms and succession only. */

struct pool;
struct pool_configuration;
struct pool_ops;
struct pool_setup;

struct pool_private {
	const struct pool_setup *setup;
	const struct pool_ops *ops;
	void *context;
	struct generation *generation; /* in force */
	struct trial trial;
	struct worker_setup worker_setup;
	struct staff staff;
	struct retirement retirement;
};

/* A worker is warm, whatever was before. */
void pool_runs(struct pool *pool);

/* Starts a worker of the generation, which is in no list yet. start_timeout: µs. Returns NULL and *ret_error (a negative
 * errno) if that fails at once. */
struct worker *pool_hire(struct pool *pool, struct generation *generation, uint64_t start_timeout,
			 int *ret_error);
/* The same in words, to be freed; NULL without memory. */
char *pool_hire_reason(int error);
/* What the machine has no more of, if that was why, as the clients are told; or NULL. */
const char *pool_hire_lacks(int error);
/* What its workers tell it, with the pool as their context. */
extern const struct worker_ops pool_worker_ops;
/* Frees a worker that is gone and in no list. */
void pool_dismiss(struct worker *worker);

/* The worker on trial is gone; about: its obituary; description, of its end, is taken. Frees it. */
void pool_trial_gone(struct pool *pool, struct worker *worker, const struct entry_fields *about,
		     char *description);

/* What needs no other workers; and who may use it, which stays as it was without memory. */
void pool_take_settings(struct pool *pool, const struct pool_configuration *configuration);
void pool_take_permission(struct pool *pool, const struct pool_configuration *configuration);
