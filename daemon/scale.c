#include "daemon/scale.h"

static uint64_t earlier(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

static unsigned lower(unsigned a, unsigned b) {
	return a < b ? a : b;
}

static unsigned above(unsigned a, unsigned b) {
	return a > b ? a - b : 0;
}

/* Notes how many workers are missing, and since when that many. */
static void note_missing(struct scale_memory *memory, unsigned missing, uint64_t now) {
	if (missing > 0 && memory->lasting == 0)
		memory->since = now;
	if (missing < memory->lasting || memory->lasting == 0)
		memory->lasting = missing;
}

/* The workers there must be whether or not there is work: one must tell what a pool offers, and one must find out
 * whether workers can be started again. */
static unsigned needed(const struct scale_counts *counts, const struct scale_limits *limits,
		       const struct scale_memory *memory) {
	bool probe = counts->unknown || memory->failures > 0;

	return limits->min == 0 && probe ? 1 : limits->min;
}

/* How many to start without waiting whether the work lasts. */
static unsigned count_urgent(const struct scale_counts *counts, struct scale_demand demand,
			     unsigned least) {
	unsigned there = counts->starting + counts->ready;
	/* Somebody has waited for these long enough. */
	unsigned urgent = above(demand.beyond, counts->starting);

	if (there == 0 && demand.more > 0 && urgent == 0)
		urgent = 1;
	return urgent > above(least, there) ? urgent : above(least, there);
}

static void plan_starts(struct scale_plan *plan, const struct scale_counts *counts, unsigned urgent,
			struct scale_memory *memory, uint64_t now) {
	bool due = memory->lasting > 0 && now - memory->since >= SCALE_LASTING;
	unsigned wanted = urgent + (due ? memory->lasting : 0);

	if (memory->lasting > 0 && !due)
		plan->again = memory->since + SCALE_LASTING;
	if (wanted == 0)
		return;
	if (now < memory->not_before) {
		plan->again = earlier(plan->again, memory->not_before);
	} else if (memory->failures == 0) {
		plan->start = wanted;
		/* Those that are missing then must be so for as long again. */
		if (due)
			memory->lasting = 0;
	} else if (counts->starting == 0) {
		plan->start = 1; /* one tries for all, until one succeeds */
	}
}

static void plan_stop(struct scale_plan *plan, const struct scale_counts *counts,
		      const struct scale_limits *limits, unsigned most, unsigned least,
		      uint64_t now) {
	uint64_t hold = later(limits->idle, SCALE_LASTING);

	/* A substitute is above the maximum until the one that it replaces has finished its work. */
	most += lower(counts->due, counts->substitutes);
	if (counts->idle == 0 || counts->ready <= least || counts->stopping)
		return;
	if (counts->ready + counts->starting > most)
		hold = earlier(hold, SCALE_BEYOND_IDLE);
	if (now - counts->coldest >= hold)
		plan->stop = true;
	else if (hold != UINT64_MAX)
		plan->again = earlier(plan->again, counts->coldest + hold);
}

/* Make before break: first a substitute, one at a time and at most one above the maximum; when it is ready, one that is
 * due goes, as soon as it is idle. */
static void plan_replacement(struct scale_plan *plan, const struct scale_counts *counts,
			     const struct scale_memory *memory, unsigned most, unsigned least,
			     uint64_t now) {
	bool replaced = counts->substitutes > 0 || counts->ready > most;

	if (counts->due == 0)
		return;
	if (replaced && counts->ready > least)
		plan->release = counts->due_idle;
	else if (counts->starting > 0 || counts->stopping || counts->ready > most)
		return;
	else if (now < memory->not_before)
		plan->again = earlier(plan->again, memory->not_before);
	else
		plan->substitute = true;
}

struct scale_plan scale_plan(const struct scale_counts *counts, const struct scale_limits *limits,
			     struct scale_demand demand, struct scale_memory *memory,
			     uint64_t now) {
	unsigned most = limits->max + demand.beyond, least = needed(counts, limits, memory);
	unsigned room = above(most, counts->starting + counts->ready);
	unsigned urgent = lower(count_urgent(counts, demand, least), room);
	unsigned use = lower(demand.more, limits->max) + demand.beyond;
	struct scale_plan plan = {
		.again = UINT64_MAX,
		.failed = counts->ready == 0 && memory->failures >= 2,
	};

	note_missing(memory, lower(above(use, counts->starting + urgent), room - urgent), now);
	plan_starts(&plan, counts, urgent, memory, now);
	if (plan.start == 0)
		plan_replacement(&plan, counts, memory, most, least, now);
	if (plan.start == 0 && !plan.substitute && !plan.release)
		plan_stop(&plan, counts, limits, most, least, now);
	/* The one that proves that workers start again may go once it has. */
	if (memory->failures > 0 && counts->ready > limits->min && counts->ready <= least)
		plan.again = earlier(plan.again, now + SCALE_SETTLED);
	return plan;
}

void scale_failure(struct scale_memory *memory, uint64_t started, uint64_t now) {
	uint64_t backoff = SCALE_BACKOFF_MAX;

	if (now < memory->not_before || started < memory->last)
		return;
	/* 100 ms doubled nine times is over 30 s. */
	if (memory->failures < 9)
		backoff = SCALE_BACKOFF_MIN << memory->failures;
	memory->failures++;
	memory->last = now;
	memory->not_before = now + (backoff < SCALE_BACKOFF_MAX ? backoff : SCALE_BACKOFF_MAX);
}

void scale_success(struct scale_memory *memory) {
	memory->failures = 0;
	memory->last = memory->not_before = 0;
}
