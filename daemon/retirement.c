#include "daemon/retirement.h"

#include <errno.h>
#include <event2/event.h>

#include "daemon/clock.h"
#include "daemon/generation.h"
#include "daemon/log.h"
#include "daemon/memory.h"
#include "daemon/staff.h"

/* The memory of a worker is looked at no more often than this, µs. */
#define SAMPLE_PERIOD UINT64_C(1000000)

/* -------- one worker -------- */

static struct wear_facts facts_of(const struct worker *worker, uint64_t now) {
	return (struct wear_facts) {
		.items = worker->items,
		.age = now - worker->warm,
		.start = worker->warm - worker->started,
		.grown = worker->rss > worker->rss_warm ? worker->rss - worker->rss_warm : 0,
	};
}

static void sample(struct worker *worker, uint64_t now) {
	worker->rss = memory_resident(worker->pid);
	worker->sampled = now;
	worker->sampled_items = worker->items;
}

/* A limit of its pool, or one of its own, is about its memory. */
static bool is_sampled(const struct wear_limits *limits, const struct worker *worker) {
	return (limits->rss && !worker->due) || worker->most_memory > 0;
}

/* It did something since its memory was looked at, or does. */
static bool is_stale(const struct worker *worker) {
	return worker->state == WORKER_BUSY || worker->items != worker->sampled_items;
}

static void log_due(const struct retirement *retirement, const struct worker *worker,
		    enum wear reason, const struct wear_facts *facts) {
	static const char *const keys[WEAR_KINDS] = {
		[WEAR_ITEMS] = "max_items", [WEAR_AGE] = "max_age", [WEAR_RSS] = "max_rss"};

	log_event(ENTRY_WORKER_DUE, worker_fields(worker),
		  "pool %s: worker %llu is to be replaced for %s: it ran %llu items in %.1f s, and "
		  "grew by %.1f MiB",
		  retirement->pool, (unsigned long long) worker->id, keys[reason],
		  (unsigned long long) facts->items, (double) facts->age / 1e6,
		  (double) facts->grown / 1048576);
	if (retirement->memory.given_up[reason])
		log_event(ENTRY_RECYCLE_STORM, &(struct entry_fields) {.pool = retirement->pool},
			  "pool %s: recycle_storm: %d workers in a row reached %s sooner than "
			  "they had started; until the configuration is loaded again nobody is "
			  "replaced for it; make it larger",
			  retirement->pool, WEAR_STORM, keys[reason]);
}

static void set_most_items(struct retirement *retirement) {
	uint64_t most = wear_in_force(&retirement->limits, &retirement->memory).items;
	struct worker *worker;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &retirement->staff->workers[state], link)
			worker->most_items = most;
}

/* Returns whether it is due from now on. */
static bool judge(struct retirement *retirement, struct worker *worker, uint64_t now) {
	const struct wear_facts facts = facts_of(worker, now);
	enum wear reason = wear_of(&retirement->limits, &retirement->memory, &facts);

	if (reason == WEAR_NONE || worker->due)
		return false;
	worker->due = true;
	if (wear_note(&retirement->memory, reason, &facts))
		set_most_items(retirement);
	log_due(retirement, worker, reason, &facts);
	return true;
}

/* -------- when to look -------- */

static uint64_t earlier(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static bool is_over_memory(const struct worker *worker) {
	return worker->most_memory > 0 && worker->rss > worker->most_memory;
}

/* When the worker is to be looked at again though nothing happens to it. */
static uint64_t next_look(const struct wear_limits *limits, const struct worker *worker) {
	uint64_t at = UINT64_MAX;

	if (is_over_memory(worker))
		return 0;
	if (limits->age && !worker->due)
		at = worker->warm + limits->age;
	if (is_sampled(limits, worker) && is_stale(worker))
		at = earlier(at, worker->sampled + SAMPLE_PERIOD);
	return at;
}

static void look_again(struct retirement *retirement, uint64_t now) {
	const struct wear_limits limits = wear_in_force(&retirement->limits, &retirement->memory);
	uint64_t at = UINT64_MAX;
	const struct worker *worker;
	struct timeval interval;

	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++)
		TAILQ_FOREACH (worker, &retirement->staff->workers[state], link)
			at = earlier(at, next_look(&limits, worker));
	if (at == UINT64_MAX)
		return;
	interval = clock_interval(at > now ? at - now : 0);
	evtimer_add(retirement->timer, &interval);
}

/* It leaves its list. */
static void end_over_memory(const struct retirement *retirement, struct worker *worker) {
	log_warning("pool %s: worker %llu has %.1f MiB of memory and is ended: "
		    "%s",
		    retirement->pool, (unsigned long long) worker->id,
		    (double) worker->rss / 1048576, worker->generation->recipe.over_memory);
	worker->over_memory = true;
	worker_kill(worker, worker->generation->recipe.over_memory);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct retirement *retirement = context;
	const struct wear_limits limits = wear_in_force(&retirement->limits, &retirement->memory);
	uint64_t now = clock_now();
	struct worker *worker, *next;
	bool due = false;

	(void) fd, (void) what;
	for (enum worker_state state = WORKER_IDLE; state <= WORKER_BUSY; state++) {
		for (worker = TAILQ_FIRST(&retirement->staff->workers[state]); worker;
		     worker = next) {
			next = TAILQ_NEXT(worker, link);
			if (is_sampled(&limits, worker) && is_stale(worker) &&
			    now - worker->sampled >= SAMPLE_PERIOD)
				sample(worker, now);
			due = judge(retirement, worker, now) || due;
			if (is_over_memory(worker))
				end_over_memory(retirement, worker);
		}
	}
	look_again(retirement, now);
	if (due)
		staff_look(retirement->staff);
}

/* It said hello: what it is compared with later. */
static void begin(struct retirement *retirement, struct worker *worker, uint64_t now) {
	sample(worker, now);
	worker->rss_warm = worker->rss;
	worker->most_items = wear_in_force(&retirement->limits, &retirement->memory).items;
	look_again(retirement, now);
}

void retirement_moved(struct retirement *retirement, struct worker *worker,
		      enum worker_state before) {
	const struct wear_limits limits = wear_in_force(&retirement->limits, &retirement->memory);
	uint64_t now;

	if (worker->state != WORKER_IDLE && worker->state != WORKER_BUSY)
		return;
	if (before == WORKER_STARTING)
		return begin(retirement, worker, clock_now());
	if (!limits.items && !limits.age && !is_sampled(&limits, worker))
		return;
	now = clock_now();
	if (worker->state == WORKER_IDLE) {
		if (is_sampled(&limits, worker) && now - worker->sampled >= SAMPLE_PERIOD)
			sample(worker, now);
		judge(retirement, worker, now);
	}
	if (is_over_memory(worker))
		look_again(retirement, now);
	else if (is_sampled(&limits, worker) && !evtimer_pending(retirement->timer, NULL))
		look_again(retirement, now);
}

/* -------- life -------- */

void retirement_set(struct retirement *retirement, const struct wear_limits *limits) {
	retirement->limits = *limits;
	retirement->memory = (struct wear_memory) {0};
	set_most_items(retirement);
	look_again(retirement, clock_now());
}

int retirement_init(struct retirement *retirement, struct event_base *base, struct staff *staff,
		    const char *pool) {
	*retirement = (struct retirement) {.staff = staff, .pool = pool};
	retirement->timer = evtimer_new(base, on_timer, retirement);
	return retirement->timer ? 0 : -ENOMEM;
}

void retirement_done(struct retirement *retirement) {
	if (retirement->timer)
		event_free(retirement->timer);
}
