#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/offer.h"
#include "daemon/permission.h"
#include "daemon/trial.h"
#include "daemon/worker.h"

struct cgroup;
struct channel_loop;
struct oom;
struct pool_configuration;
struct request;

/*
 * The workers of one pool: a list per state, started and replaced as scale_plan() says.
 *
 *   STARTING ──first hello──► RUNNING ◄──hello / no worker lives──► FAILED ; any ──► STOPPED
 */
enum pool_state { POOL_STARTING, POOL_RUNNING, POOL_FAILED, POOL_STOPPED };

struct pool;

struct pool_ops {
	/* As struct worker_ops'. */
	const char *(*results)(void *context, struct worker *worker, const struct chunk *chunk,
			       const struct worker_report *report);
	void (*chunk_over)(void *context, struct worker *worker, struct chunk *chunk,
			   const struct settlement *settlement, const struct worker_end *end);
	void (*recalled)(void *context, struct worker *worker, const struct chunk *chunk,
			 uint32_t offset);
	/* A worker came, went or became idle, or the state or the functions changed. */
	void (*changed)(void *context, struct pool *pool);
};

/* What every pool of a daemon shares. */
struct pool_setup {
	const struct channel_loop *loop;
	const char *launcher;     /* path of procpool-launch */
	char *const *environment; /* the daemon's own */
	bool private;             /* workers share the daemon's environment, directory and stderr */
	uint64_t nofile;          /* soft limit of descriptors in a worker */
	unsigned auto_workers;    /* for workers = auto */
	size_t max_message, max_result; /* bytes */
	uint64_t *next_worker;          /* ids are unique in the daemon */
	struct cgroup *cgroup;          /* where workers get leaves; NULL = nowhere */
	struct oom *oom;
};

struct pool {
	TAILQ_ENTRY(pool) link; /* in the daemon's list */
	char *name;
	enum pool_state state;
	struct worker_list workers[WORKER_STATES]; /* IDLE: most recently used first */
	const struct offer *offer;                 /* of the generation in force */
	struct permission allowed;                 /* who may use it */
	char *reason;                              /* why the last worker could not start; NULL */
	const char *lacks; /* what the machine has no more of, if that was why; NULL */
	uint64_t start_timeout;
	/* µs, UINT64_MAX = none: of calls that do not say, and from where on an item is logged. */
	uint64_t item_timeout, queue_timeout, slow_item;
	unsigned min, max;  /* workers */
	bool slots;         /* its chunks count against the slots */
	uint64_t restarts;  /* workers that replaced another */
	bool offer_changed; /* state or functions, since who is told of it has looked */
	bool leaving;       /* it is not configured any more: it gets no new requests */

	struct pool_private *private;
};

TAILQ_HEAD(pool_list, pool);

/* setup must outlive the pool; the configuration is copied. Nothing is started yet.
 * Returns 0 and *ret, or -ENOMEM. */
int pool_new(struct pool **ret, const struct pool_configuration *configuration,
	     const struct pool_setup *setup, const struct pool_ops *ops, void *context);
/* All workers must be gone. Always returns NULL. */
struct pool *pool_free(struct pool *pool);

/* Starts, or looks after, the workers. */
void pool_start(struct pool *pool);
/* What the pool's requests could use now, to be told after every pump: so many workers on top of the idle and busy ones
 * could be given a chunk at once; and so many may be above max, for a user who waits behind long items. */
void pool_demand(struct pool *pool, unsigned more, unsigned beyond);
/* So many workers, at least and at most, from now on. Those that are too many go when they are idle. */
void pool_resize(struct pool *pool, unsigned workers);
/* Lets all workers finish and go; those that do not within grace µs are ended. */
void pool_stop(struct pool *pool, uint64_t grace);
/* KILL for all. */
void pool_kill(struct pool *pool);

unsigned pool_count(const struct pool *pool, enum worker_state state);
/* No worker is left, not even a stopping one. */
bool pool_is_empty(const struct pool *pool);
/* As many workers as it has at least said hello, or it failed. */
bool pool_is_warm(const struct pool *pool);
/* The most recently used idle worker, or NULL. */
struct worker *pool_idle(const struct pool *pool);
/* The same of those that serve the request; one that is due only if there is no other. */
struct worker *pool_idle_for(const struct pool *pool, const struct request *request);
/* Whether the worker, one of the pool's, offers what the request wants: older generations may not. */
bool pool_serves(const struct pool *pool, const struct worker *worker,
		 const struct request *request);

/* -------- another configuration -------- */

/* Starts a worker to try this configuration, if its workers would be others than those of the one in force; or always.
 * Returns 0 or -ENOMEM. changed() tells when to look at pool_trial(). */
int pool_try(struct pool *pool, const struct pool_configuration *configuration, bool always);
const struct trial *pool_trial(const struct pool *pool);
/* The new generation is not wanted: its worker, if there is one, goes. */
void pool_abandon(struct pool *pool);
/* The configuration is in force from now on, with the generation that was tried, if one was and is ready. The workers of
 * the one before are replaced, make before break. reload: number of the reload, greater than those before. */
void pool_adopt(struct pool *pool, const struct pool_configuration *configuration, uint64_t reload);
/* Warm workers of generations that this reload, or an earlier one, replaced. */
unsigned pool_outdated(const struct pool *pool, uint64_t reload);

const char *pool_state_name(enum pool_state state);
