#include "tests/unit/sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

void sim_init(struct sim *sim, unsigned slots) {
	memset(sim, 0, sizeof *sim);
	sched_init(&sim->sched);
	estimate_init(&sim->estimate);
	sim->slots = slots;
	sim->random = 4711;
	sim->last_pid = 1000000;
	sim_add_workers(sim, 0, slots);
}

void sim_done(struct sim *sim) {
	for (size_t i = 0; i < sim->n_requests; i++)
		sched_remove(&sim->sched, &sim->requests[i].node);
	sched_done(&sim->sched);
	estimate_done(&sim->estimate);
}

void sim_add_workers(struct sim *sim, unsigned pool, unsigned n) {
	cr_assert(sim->n_workers + n <= SIM_WORKERS);
	for (; n > 0; n--)
		sim->workers[sim->n_workers++].pool = pool;
}

struct sim_request *sim_add(struct sim *sim, struct sim_request request) {
	cr_assert(sim->n_requests < SIM_REQUESTS);
	sim->requests[sim->n_requests] = request;
	return &sim->requests[sim->n_requests++];
}

/* -------- costs -------- */

static double uniform(struct sim *sim) {
	return (unit_random(&sim->random, 1u << 30) + 0.5) / (1u << 30);
}

static double item_cost(struct sim *sim, const struct sim_request *request) {
	if (request->sigma == 0)
		return request->cost;
	/* Box and Muller. */
	return request->cost *
	       exp(request->sigma * sqrt(-2 * log(uniform(sim))) * cos(2 * M_PI * uniform(sim)));
}

static double chunk_items(struct sim *sim, const struct sim_request *request) {
	unsigned principals = sched_principals(&sim->sched);
	double n;

	if (request->wrong == 0)
		return estimate_chunk(
			&sim->estimate,
			&(struct estimate_question) {
				.function = request->name,
				.pending = (uint64_t) request->left,
				.input_ended = true,
				.workers = principals < sim->slots ? sim->slots / principals : 1,
				.previous = request->previous,
				.alone = sim->alone,
			});
	n = floor(SIM_CHUNK / (request->cost * request->wrong));
	return fmax(1, fmin(n, request->left));
}

static double guess(struct sim *sim, const struct sim_request *request, double n) {
	double cost;

	if (request->wrong)
		return n * request->cost * request->wrong;
	return estimate_cost(&sim->estimate, request->name, &cost) ? n * cost : SIM_CHUNK / 4;
}

/* -------- requests -------- */

static void arrive(struct sim *sim, struct sim_request *request) {
	if (request->new_program)
		request->pid = sim->last_pid++;
	cr_assert_eq(sched_add(&sim->sched, &request->node, request->uid, request->pid,
			       request->priority),
		     0);
	request->is_here = true;
	request->is_started = false;
	request->came = sim->now;
	request->left = request->items;
}

/* When it comes next, or is cancelled. */
static double appointment(const struct sim_request *request) {
	if (!request->is_here)
		return request->first;
	return request->cancel_after && request->left > 0 ? request->came + request->cancel_after
							  : SIM_FOREVER;
}

static void leave(struct sim *sim, struct sim_request *request) {
	sched_remove(&sim->sched, &request->node);
	request->is_here = false;
	request->over = sim->now;
	request->done++;
	request->first = request->again ? sim->now + request->pause : SIM_FOREVER;
}

static void keep_appointment(struct sim *sim, struct sim_request *request) {
	if (!request->is_here) {
		arrive(sim, request);
		return;
	}
	/* Cancelled: nothing new starts; what runs goes on, and is paid for. */
	request->left = 0;
	if (request->chunks == 0)
		leave(sim, request);
}

static void update(struct sim *sim, struct sim_request *request) {
	bool ready = request->left > 0 &&
		     (!request->max_workers || request->chunks < request->max_workers);

	if (!request->is_here)
		return;
	sched_set_running(&sim->sched, &request->node, request->chunks);
	sched_set_ready(&sim->sched, &request->node, ready,
			fmin(request->left * request->cost, SIM_CHUNK));
}

/* -------- workers -------- */

static struct sim_worker *idle_worker(struct sim *sim, unsigned pool) {
	for (unsigned i = 0; i < sim->n_workers; i++)
		if (!sim->workers[i].request && sim->workers[i].pool == pool)
			return &sim->workers[i];
	return NULL;
}

static unsigned busy_workers(const struct sim *sim) {
	unsigned busy = 0;

	for (unsigned i = 0; i < sim->n_workers; i++)
		busy += sim->workers[i].request != NULL;
	return busy;
}

static struct sim_request *request_of(struct sched_node *node) {
	return (struct sim_request *) ((char *) node - offsetof(struct sim_request, node));
}

static bool is_runnable(struct sched_node *node, void *context) {
	return idle_worker(context, request_of(node)->pool) != NULL;
}

static void begin_chunk(struct sim *sim, struct sim_request *request) {
	struct sim_worker *worker = idle_worker(sim, request->pool);
	double n = chunk_items(sim, request), seconds = 0;

	for (double i = 0; i < n; i++) {
		double cost = item_cost(sim, request);

		seconds += cost;
		sim->sum += cost;
		sim->most = fmax(sim->most, cost);
	}
	if (!request->is_started) {
		double waited = sim->now - request->came;

		request->waited += waited;
		request->waited_most = fmax(request->waited_most, waited);
	}
	request->is_started = true;
	request->left -= n;
	request->chunks++;
	request->previous = (unsigned) n;
	*worker = (struct sim_worker) {
		.pool = worker->pool,
		.request = request,
		.began = sim->now,
		.ends = sim->now + seconds,
		.looked = sim->now,
		.charged = guess(sim, request, n),
		.items = n,
	};
	sched_charge(&sim->sched, &request->node, worker->charged);
	update(sim, request);
}

static void charge_excess(struct sim *sim, struct sim_worker *worker) {
	double excess = sim->now - worker->began - worker->charged;

	worker->looked = sim->now;
	if (excess <= 0)
		return;
	worker->charged += excess;
	sched_charge(&sim->sched, &worker->request->node, excess);
}

static void end_chunk(struct sim *sim, struct sim_worker *worker) {
	struct sim_request *request = worker->request;
	double took = sim->now - worker->began;

	sched_charge(&sim->sched, &request->node, took - worker->charged);
	estimate_learn(&sim->estimate, request->name, (uint32_t) worker->items,
		       (uint64_t) (took * 1e6), 0);
	request->got += took;
	request->chunks--;
	worker->request = NULL;
	if (request->left == 0 && request->chunks == 0)
		leave(sim, request);
	else
		update(sim, request);
}

/* -------- the clock -------- */

static double next_of_worker(const struct sim_worker *worker) {
	return worker->request ? fmin(worker->ends, worker->looked + SIM_EXCESS) : SIM_FOREVER;
}

static double next_event(const struct sim *sim) {
	double next = SIM_FOREVER;

	for (unsigned i = 0; i < sim->n_workers; i++)
		next = fmin(next, next_of_worker(&sim->workers[i]));
	for (size_t i = 0; i < sim->n_requests; i++)
		next = fmin(next, appointment(&sim->requests[i]));
	return next;
}

static void handle_events(struct sim *sim) {
	for (unsigned i = 0; i < sim->n_workers; i++) {
		struct sim_worker *worker = &sim->workers[i];

		if (next_of_worker(worker) > sim->now)
			continue;
		if (worker->ends <= sim->now)
			end_chunk(sim, worker);
		else
			charge_excess(sim, worker);
	}
	for (size_t i = 0; i < sim->n_requests; i++)
		if (appointment(&sim->requests[i]) <= sim->now)
			keep_appointment(sim, &sim->requests[i]);
}

static void pump(struct sim *sim) {
	struct sched_node *node;

	for (size_t i = 0; i < sim->n_requests; i++)
		update(sim, &sim->requests[i]);
	while (busy_workers(sim) < sim->slots &&
	       (node = sched_pick(&sim->sched, 2 * SIM_CHUNK * sim->slots, is_runnable, sim)))
		begin_chunk(sim, request_of(node));
}

void sim_run(struct sim *sim, double until) {
	double next;

	while ((next = next_event(sim)) <= until) {
		sim->now = next;
		handle_events(sim);
		pump(sim);
	}
	if (until < SIM_FOREVER)
		sim->now = until;
}

/* -------- what came out -------- */

/* A chunk that runs counts as far as it is. */
static double got(const struct sim *sim, const struct sim_request *request) {
	double seconds = request->got;

	for (unsigned i = 0; i < sim->n_workers; i++)
		if (sim->workers[i].request == request)
			seconds += sim->now - sim->workers[i].began;
	return seconds;
}

double sim_got(const struct sim *sim, const char *name, uid_t uid) {
	double seconds = 0;

	for (size_t i = 0; i < sim->n_requests; i++)
		if (name ? strcmp(sim->requests[i].name, name) == 0 : sim->requests[i].uid == uid)
			seconds += got(sim, &sim->requests[i]);
	return seconds;
}

void sim_reset(struct sim *sim) {
	for (size_t i = 0; i < sim->n_requests; i++) {
		struct sim_request *request = &sim->requests[i];

		request->got -= got(sim, request);
		request->done = 0;
		request->waited = request->waited_most = 0;
	}
}

void sim_show(const struct sim *sim, const char *title) {
	double all = 0;

	for (size_t i = 0; i < sim->n_requests; i++)
		all += got(sim, &sim->requests[i]);
	printf("# %s: at %.3f s, %u slots\n", title, sim->now, sim->slots);
	printf("#   %-24s %8s %10s %7s %7s %10s\n", "who", "requests", "slot time", "share", "over",
	       "waited");
	for (size_t i = 0; i < sim->n_requests; i++) {
		const struct sim_request *request = &sim->requests[i];
		unsigned n = 0, done = 0;
		double waited = 0;
		bool shown = false;

		for (size_t j = 0; j < sim->n_requests; j++) {
			const struct sim_request *other = &sim->requests[j];

			if (strcmp(other->name, request->name) != 0)
				continue;
			shown = shown || j < i;
			n++;
			done += other->done;
			waited = fmax(waited, other->waited_most);
		}
		if (!shown)
			printf("#   %-24s %8u %8.3f s %5.1f %% %7u %8.3f s\n", request->name, n,
			       sim_got(sim, request->name, 0),
			       100 * sim_got(sim, request->name, 0) / all, done, waited);
	}
	fflush(stdout);
}
