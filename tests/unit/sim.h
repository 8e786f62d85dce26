#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/estimate.h"
#include "daemon/sched.h"

/*
 * A day of the daemon in no time: workers, requests with items of known cost, a clock that jumps from event to event, and
 * the schedule under test. Chunks are cut and charged as the daemon does it: by a guess, by the excess every 100 ms
 * while they run, and corrected in the end.
 */

#define SIM_WORKERS  16
#define SIM_REQUESTS 256
#define SIM_FOREVER  1e12
/* Seconds. */
#define SIM_CHUNK  0.020 /* what a chunk should take: T */
#define SIM_EXCESS 0.100

/* One request, and what happens to it: it comes, its items run, it ends; another one takes its place, or not. */
struct sim_request {
	const char *name;
	uid_t uid;
	pid_t pid;
	int priority;
	unsigned pool;
	double items; /* how many; SIM_FOREVER */
	double cost;  /* seconds an item takes */
	double sigma; /* 0: each takes cost; else log-normal with this sigma, and cost is the median */
	double wrong; /* the guess is so many times the truth, and never learnt; 0: taken from daemon/estimate */
	unsigned max_workers; /* 0: any number */
	double first;         /* when it comes first */
	bool again;           /* when it is over, the same comes again, after pause seconds */
	double pause;
	bool new_program;    /* and then from another process */
	double cancel_after; /* its client cancels it so many seconds after it came; 0 = never */

	/* What came out. */
	double got; /* seconds of slot time */
	unsigned done;
	double waited, waited_most; /* from its coming to its first chunk */
	double over;                /* when it ended last */

	/* While it runs. */
	struct sched_node node;
	bool is_here, is_started;
	double came, left;
	unsigned chunks, previous;
};

struct sim_worker {
	unsigned pool;
	struct sim_request *request; /* NULL: idle */
	double began, ends, looked, charged;
	double items;
};

struct sim {
	struct sched sched;
	struct estimate estimate;
	double now;
	unsigned slots, n_workers;
	size_t n_requests;
	struct sim_worker workers[SIM_WORKERS];
	struct sim_request requests[SIM_REQUESTS];
	unsigned long long random;
	double sum, most; /* of the items' costs so far: all, and the largest */
	pid_t last_pid;
	bool alone; /* chunks as long as for one who is alone */
};

/* slots workers in pool 0, and as many slots. */
void sim_init(struct sim *sim, unsigned slots);
void sim_done(struct sim *sim);
void sim_add_workers(struct sim *sim, unsigned pool, unsigned n);
/* Returns the request, for its outcome. */
struct sim_request *sim_add(struct sim *sim, struct sim_request request);
/* Until the time, or until nothing is left to do. */
void sim_run(struct sim *sim, double until);

/* Slot time that requests of this name got; of this user, whatever the name, if it is NULL. */
double sim_got(const struct sim *sim, const char *name, uid_t uid);
/* Forgets what was got and waited so far. */
void sim_reset(struct sim *sim);
/* Prints who got what. Names with several requests are one line. */
void sim_show(const struct sim *sim, const char *title);
