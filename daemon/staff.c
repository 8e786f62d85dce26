#include "daemon/staff.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>

#include "daemon/clock.h"

/* -------- who is there -------- */

unsigned staff_count(const struct staff *staff, enum worker_state state) {
	const struct worker *worker;
	unsigned n = 0;

	TAILQ_FOREACH (worker, &staff->workers[state], link)
		n++;
	return n;
}

unsigned staff_ready(const struct staff *staff) {
	return staff_count(staff, WORKER_IDLE) + staff_count(staff, WORKER_BUSY);
}

/* The one that has been idle longest, or NULL: who becomes idle goes to the front. */
static struct worker *coldest(const struct staff *staff) {
	return TAILQ_LAST(&staff->workers[WORKER_IDLE], worker_list);
}

/* Who goes next of those that are due: the one that has been idle longest, or NULL. */
static struct worker *due_idle(const struct staff *staff) {
	struct worker *worker;

	TAILQ_FOREACH_REVERSE (worker, &staff->workers[WORKER_IDLE], worker_list, link)
		if (worker->due)
			return worker;
	return NULL;
}

static void count_replacements(const struct staff *staff, struct scale_counts *counts) {
	const struct worker *worker;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &staff->workers[state], link) {
			counts->due += worker->due;
			counts->substitutes += worker->substitute;
		}
	counts->due_idle = due_idle(staff) != NULL;
}

static struct scale_counts count_all(const struct staff *staff) {
	const struct worker *cold = coldest(staff), *worker;
	struct scale_counts counts = {
		.starting = staff_count(staff, WORKER_STARTING),
		.ready = staff_ready(staff),
		.idle = staff_count(staff, WORKER_IDLE),
		.coldest = cold ? cold->idle_since : 0,
		.unknown = !staff->known,
	};

	TAILQ_FOREACH (worker, &staff->workers[WORKER_STOPPING], link) {
		/* Stopped because it said no hello: that may turn out to be a reason to wait with the next. */
		counts.starting += worker->warm == 0 && !worker->retired;
		counts.stopping = counts.stopping || worker->retired;
	}
	count_replacements(staff, &counts);
	return counts;
}

/* A worker that started after the last failure and has lived for a while proves that the command works again; one
 * that is older says nothing of what keeps others from starting. */
static bool has_settled(const struct staff *staff, uint64_t now) {
	const struct worker *worker;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &staff->workers[state], link)
			if (worker->warm > staff->memory.last &&
			    now - worker->warm >= SCALE_SETTLED)
				return true;
	return false;
}

/* -------- what is done -------- */

/* A timer that goes off too early does no harm, so that one is left alone. */
static void look_again(struct staff *staff, uint64_t again, uint64_t now) {
	struct timeval interval;

	if (again == UINT64_MAX || (again >= staff->again && evtimer_pending(staff->timer, NULL)))
		return;
	interval = clock_interval(again > now ? again - now : 0);
	if (evtimer_add(staff->timer, &interval) == 0)
		staff->again = again;
}

/* Substitutes in any state whose place is their own from now on: at most that many. */
static void settle_substitutes(struct staff *staff, unsigned most) {
	struct worker *worker;

	for (enum worker_state state = WORKER_BUSY; most > 0; state--) {
		TAILQ_FOREACH (worker, &staff->workers[state], link)
			if (worker->substitute && most > 0) {
				worker->substitute = false;
				most--;
			}
		if (state == WORKER_STARTING)
			break;
	}
}

static void start_substitute(struct staff *staff) {
	struct worker *worker = staff->ops->start(staff->context);

	if (worker)
		worker->substitute = true;
}

static void carry_out(struct staff *staff, const struct scale_plan *plan, uint64_t now) {
	struct worker *goes = plan->release ? due_idle(staff) : plan->stop ? coldest(staff) : NULL;

	if (plan->failed)
		staff->ops->failed(staff->context);
	for (unsigned i = 0; i < plan->start; i++)
		staff->ops->start(staff->context);
	if (plan->substitute)
		start_substitute(staff);
	look_again(staff, plan->again, now);
	if (plan->release)
		settle_substitutes(staff, 1);
	/* The worker's change of state asks for the next plan. */
	if (goes)
		staff->ops->retire(staff->context, goes);
}

void staff_look(struct staff *staff) {
	struct scale_plan plan;

	/* A start may fail at once and change the plan. */
	do {
		const struct scale_counts counts = count_all(staff);
		uint64_t now = clock_now();

		if (staff->closed)
			return;
		if (staff->memory.failures > 0 && has_settled(staff, now))
			scale_success(&staff->memory);
		/* Those that were due are gone by themselves. */
		if (counts.due == 0)
			settle_substitutes(staff, UINT_MAX);
		plan = scale_plan(&counts, &staff->limits, staff->demand, &staff->memory, now);
		carry_out(staff, &plan, now);
	} while (plan.start > 0 || plan.substitute);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct staff *staff = context;

	(void) fd, (void) what;
	staff_look(staff);
	staff->ops->looked(staff->context);
}

/* -------- what changes -------- */

/* Whether a change of state could change the plan: work begins and ends too often to ask for a plan each time. */
static bool matters(const struct staff *staff, const struct worker *worker,
		    enum worker_state before) {
	enum worker_state after = worker->state;

	if (before == WORKER_IDLE && after == WORKER_BUSY)
		return false;
	if (worker->due || before != WORKER_BUSY || after != WORKER_IDLE ||
	    staff->memory.failures > 0)
		return true;
	/* From now on it is idle: does somebody look when it has been long enough? */
	return (staff->limits.min < staff->limits.max && !evtimer_pending(staff->timer, NULL)) ||
	       staff_ready(staff) > staff->limits.max;
}

void staff_moved(struct staff *staff, struct worker *worker, enum worker_state before) {
	if (worker->state == WORKER_IDLE) {
		worker->idle_since = clock_now();
		/* One of those that were missing; the next pump tells how many still are. */
		if (before == WORKER_STARTING && staff->demand.more > 0)
			staff->demand.more--;
		/* One that works proves that its command does. */
		if (before == WORKER_BUSY && staff->memory.failures > 0 &&
		    worker->warm > staff->memory.last)
			scale_success(&staff->memory);
	}
	if (matters(staff, worker, before))
		staff_look(staff);
}

void staff_demand(struct staff *staff, struct scale_demand demand) {
	if (demand.more == staff->demand.more && demand.beyond == staff->demand.beyond)
		return;
	staff->demand = demand;
	staff_look(staff);
}

void staff_replace(struct staff *staff, struct worker *worker) {
	worker->due = true;
	staff_look(staff);
}

void staff_failure(struct staff *staff, uint64_t started) {
	scale_failure(&staff->memory, started, clock_now());
}

void staff_renew(struct staff *staff) {
	staff->known = true;
	scale_success(&staff->memory);
}

/* -------- life -------- */

void staff_close(struct staff *staff) {
	staff->closed = true;
	evtimer_del(staff->timer);
}

int staff_init(struct staff *staff, struct event_base *base, const struct worker_list *workers,
	       const struct staff_ops *ops, void *context) {
	*staff = (struct staff) {.workers = workers, .ops = ops, .context = context};
	staff->timer = evtimer_new(base, on_timer, staff);
	return staff->timer ? 0 : -ENOMEM;
}

void staff_done(struct staff *staff) {
	if (staff->timer)
		event_free(staff->timer);
}
