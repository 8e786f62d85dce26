#include "daemon/scale.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

#define NEVER UINT64_MAX

/* What is asked; what is not named is 0. */
struct ask {
	unsigned min, max;
	unsigned starting, ready, idle;
	uint64_t cold; /* since when the coldest is idle */
	unsigned more, beyond;
	bool stopping, unknown;
	unsigned due, substitutes;
	bool due_idle;
	uint64_t timeout; /* 0: NEVER */
};

static void expect(const char *what, const struct ask *ask, struct scale_memory *memory,
		   uint64_t now, const char *expected) {
	const struct scale_counts counts = {.starting = ask->starting,
					    .ready = ask->ready,
					    .idle = ask->idle,
					    .coldest = ask->cold,
					    .stopping = ask->stopping,
					    .due = ask->due,
					    .substitutes = ask->substitutes,
					    .due_idle = ask->due_idle,
					    .unknown = ask->unknown};
	const struct scale_limits limits = {ask->min, ask->max,
					    ask->timeout ? ask->timeout : NEVER};
	struct scale_plan plan = scale_plan(
		&counts, &limits, (struct scale_demand) {ask->more, ask->beyond}, memory, now);
	char line[112], again[24] = "-";

	if (plan.again != NEVER)
		snprintf(again, sizeof again, "%llu", (unsigned long long) plan.again);
	snprintf(line, sizeof line, "start %u%s%s%s again %s%s", plan.start,
		 plan.substitute ? " substitute" : "", plan.release ? " release" : "",
		 plan.stop ? " stop" : "", again, plan.failed ? " failed" : "");
	cr_assert_str_eq(line, expected, "%s: %s and not %s", what, line, expected);
}

#define EXPECT(what, memory, now, expected, ...) \
	expect(what, &(const struct ask) {__VA_ARGS__}, memory, now, expected)

/* -------- a fixed number -------- */

UNIT_TEST(scale, a_pool_of_a_fixed_number_has_that_many) {
	static const struct {
		unsigned number, starting, ready;
		const char *plan;
	} table[] = {
		{4, 0, 0, "start 4 again -"}, {4, 3, 0, "start 1 again -"},
		{4, 1, 2, "start 1 again -"}, {4, 4, 0, "start 0 again -"},
		{4, 0, 4, "start 0 again -"}, {4, 2, 4, "start 0 again -"},
		{1, 0, 0, "start 1 again -"}, {1, 0, 1, "start 0 again -"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct scale_memory memory = {0};

		for (unsigned more = 0; more < 20; more += 7)
			EXPECT("table", &memory, 1000 * MS, table[i].plan, .min = table[i].number,
			       .max = table[i].number, .starting = table[i].starting,
			       .ready = table[i].ready, .more = more);
	}
}

/* -------- growth -------- */

UNIT_TEST(scale, work_must_wait_for_20_ms_before_a_worker_is_started_for_it) {
	struct scale_memory memory = {0};

	EXPECT("it begins", &memory, 100 * MS, "start 0 again 120000", .min = 1, .max = 4,
	       .ready = 1, .more = 2);
	EXPECT("it lasts", &memory, 120 * MS - 1, "start 0 again 120000", .min = 1, .max = 4,
	       .ready = 1, .more = 2);
	EXPECT("long enough", &memory, 120 * MS, "start 2 again -", .min = 1, .max = 4, .ready = 1,
	       .more = 2);
	EXPECT("they start", &memory, 120 * MS, "start 0 again -", .min = 1, .max = 4, .ready = 1,
	       .starting = 2, .more = 2);
	EXPECT("one is there", &memory, 300 * MS, "start 0 again -", .min = 1, .max = 4, .ready = 2,
	       .starting = 1, .more = 1);
}

UNIT_TEST(scale, work_that_comes_and_goes_starts_nothing) {
	struct scale_memory memory = {0};

	for (uint64_t now = 0; now < SECOND; now += 2 * MS) {
		char until[48];

		snprintf(until, sizeof until, "start 0 again %llu",
			 (unsigned long long) (now + 20 * MS));
		EXPECT("it comes", &memory, now, until, .min = 1, .max = 4, .ready = 1, .more = 3);
		EXPECT("it goes", &memory, now + MS, "start 0 again -", .min = 1, .max = 4,
		       .ready = 1);
	}
}

UNIT_TEST(scale, as_many_start_as_were_missing_all_the_time) {
	static const unsigned waves[] = {5, 3, 7, 2, 6};
	struct scale_memory memory = {0};

	for (size_t i = 0; i < sizeof waves / sizeof *waves; i++)
		EXPECT("waves", &memory, i * MS, "start 0 again 20000", .min = 1, .max = 9,
		       .ready = 1, .more = waves[i]);
	EXPECT("the least", &memory, 20 * MS, "start 2 again -", .min = 1, .max = 9, .ready = 1,
	       .more = 6);
	EXPECT("the others anew", &memory, 20 * MS, "start 0 again 40000", .min = 1, .max = 9,
	       .starting = 2, .ready = 1, .more = 6);
	EXPECT("they were missing, too", &memory, 40 * MS, "start 4 again -", .min = 1, .max = 9,
	       .starting = 2, .ready = 1, .more = 6);
}

UNIT_TEST(scale, a_pool_never_grows_beyond_its_maximum) {
	struct scale_memory memory = {0};

	EXPECT("one place", &memory, 0, "start 0 again 20000", .min = 1, .max = 4, .starting = 1,
	       .ready = 2, .more = 4000000000);
	EXPECT("one worker", &memory, 20 * MS, "start 1 again -", .min = 1, .max = 4, .starting = 1,
	       .ready = 2, .more = 4000000000);
	EXPECT("full: nobody looks in vain", &memory, 20 * MS, "start 0 again -", .min = 1,
	       .max = 4, .starting = 2, .ready = 2, .more = 4000000000);
	EXPECT("nor later", &memory, 900 * MS, "start 0 again -", .min = 1, .max = 4, .ready = 4,
	       .more = 4000000000);
}

UNIT_TEST(scale, an_empty_pool_starts_one_at_once_and_the_others_when_the_work_lasts) {
	struct scale_memory memory = {0};

	EXPECT("empty", &memory, 100 * MS, "start 0 again -", .max = 4);
	EXPECT("a call", &memory, 100 * MS, "start 1 again -", .max = 4, .more = 1);
	EXPECT("it starts", &memory, 100 * MS, "start 0 again -", .max = 4, .starting = 1,
	       .more = 1);
	EXPECT("further calls", &memory, 101 * MS, "start 0 again 121000", .max = 4, .starting = 1,
	       .more = 3);
	EXPECT("lasting", &memory, 121 * MS, "start 2 again -", .max = 4, .starting = 1, .more = 3);
}

UNIT_TEST(scale, a_pool_of_none_starts_one_to_learn_what_it_offers) {
	struct scale_memory memory = {0};

	EXPECT("at first", &memory, 0, "start 1 again -", .max = 4, .unknown = true);
	EXPECT("it starts", &memory, 0, "start 0 again -", .max = 4, .starting = 1,
	       .unknown = true);
	EXPECT("known", &memory, 50 * MS, "start 0 again 60050000", .max = 4, .ready = 1, .idle = 1,
	       .cold = 50 * MS, .timeout = 60 * SECOND);
	EXPECT("not needed", &memory, 60050 * MS, "start 0 stop again -", .max = 4, .ready = 1,
	       .idle = 1, .cold = 50 * MS, .timeout = 60 * SECOND);
}

/* -------- above the maximum -------- */

UNIT_TEST(scale, who_waits_behind_long_items_gets_a_worker_above_the_maximum_at_once) {
	struct scale_memory memory = {0};

	EXPECT("all hold long items", &memory, 0, "start 1 again -", .min = 2, .max = 2, .ready = 2,
	       .beyond = 1);
	EXPECT("it starts", &memory, 0, "start 0 again -", .min = 2, .max = 2, .starting = 1,
	       .ready = 2, .beyond = 1);
	EXPECT("it is at work", &memory, 50 * MS, "start 0 again -", .min = 2, .max = 2,
	       .ready = 3);
	EXPECT("another waits as well", &memory, 60 * MS, "start 1 again -", .min = 2, .max = 2,
	       .ready = 3, .beyond = 2);
	EXPECT("both work", &memory, 90 * MS, "start 0 again -", .min = 2, .max = 2, .ready = 4,
	       .beyond = 2);
	EXPECT("below the maximum it is one of the pool's own", &memory, 100 * MS,
	       "start 1 again -", .min = 1, .max = 8, .ready = 2, .beyond = 1);
}

UNIT_TEST(scale, a_worker_above_the_maximum_goes_soon_after_its_work) {
	struct scale_memory memory = {0};

	EXPECT("idle", &memory, 5 * SECOND, "start 0 again 6000000", .min = 2, .max = 2, .ready = 3,
	       .idle = 1, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("still wanted", &memory, 7 * SECOND, "start 0 again 65000000", .min = 2, .max = 2,
	       .ready = 3, .idle = 1, .cold = 5 * SECOND, .timeout = 60 * SECOND, .beyond = 1);
	EXPECT("unwanted", &memory, 6 * SECOND, "start 0 stop again -", .min = 2, .max = 2,
	       .ready = 3, .idle = 1, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("though the others stay for ever", &memory, 6 * SECOND, "start 0 stop again -",
	       .min = 2, .max = 2, .ready = 3, .idle = 1, .cold = 5 * SECOND);
	EXPECT("as long as all are at work nobody goes", &memory, 99 * SECOND, "start 0 again -",
	       .min = 2, .max = 2, .ready = 3, .timeout = 60 * SECOND);
}

/* -------- shrinking -------- */

UNIT_TEST(scale, the_coldest_worker_goes_when_its_time_is_over_and_then_the_next) {
	struct scale_memory memory = {0};

	EXPECT("idle", &memory, 10 * SECOND, "start 0 again 65000000", .min = 1, .max = 4,
	       .ready = 4, .idle = 3, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("just before", &memory, 65 * SECOND - 1, "start 0 again 65000000", .min = 1,
	       .max = 4, .ready = 4, .idle = 3, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("over", &memory, 65 * SECOND, "start 0 stop again -", .min = 1, .max = 4, .ready = 4,
	       .idle = 3, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("one at a time", &memory, 65 * SECOND, "start 0 again -", .min = 1, .max = 4,
	       .ready = 3, .idle = 2, .cold = 5 * SECOND, .stopping = true, .timeout = 60 * SECOND);
	EXPECT("it is gone", &memory, 65 * SECOND + 9, "start 0 stop again -", .min = 1, .max = 4,
	       .ready = 3, .idle = 2, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("the last one stays", &memory, 99 * SECOND, "start 0 again -", .min = 1, .max = 4,
	       .ready = 1, .idle = 1, .cold = 5 * SECOND, .timeout = 60 * SECOND);
	EXPECT("those at work stay", &memory, 99 * SECOND, "start 0 again -", .min = 1, .max = 4,
	       .ready = 4, .timeout = 60 * SECOND);
	EXPECT("without a time-out all stay", &memory, 99 * SECOND, "start 0 again -", .min = 1,
	       .max = 4, .ready = 4, .idle = 4);
}

UNIT_TEST(scale, a_worker_has_a_chance_to_get_work_however_short_the_time) {
	struct scale_memory memory = {0};

	EXPECT("just idle", &memory, SECOND, "start 0 again 1020000", .max = 4, .ready = 1,
	       .idle = 1, .cold = SECOND, .timeout = 1);
	EXPECT("no work came", &memory, SECOND + 20 * MS, "start 0 stop again -", .max = 4,
	       .ready = 1, .idle = 1, .cold = SECOND, .timeout = 1);
}

/* -------- make before break -------- */

UNIT_TEST(scale, who_is_due_goes_when_another_is_ready_one_after_the_other) {
	struct scale_memory memory = {0};

	EXPECT("all are due", &memory, 0, "start 0 substitute again -", .min = 2, .max = 2,
	       .ready = 2, .idle = 1, .due = 2, .due_idle = true);
	EXPECT("one starts", &memory, 0, "start 0 again -", .min = 2, .max = 2, .starting = 1,
	       .ready = 2, .idle = 1, .due = 2, .due_idle = true);
	EXPECT("it is ready", &memory, 0, "start 0 release again -", .min = 2, .max = 2, .ready = 3,
	       .idle = 2, .due = 2, .due_idle = true, .substitutes = 1);
	EXPECT("one goes", &memory, 0, "start 0 again -", .min = 2, .max = 2, .ready = 2, .idle = 1,
	       .due = 1, .stopping = true);
	EXPECT("one is gone", &memory, 0, "start 0 substitute again -", .min = 2, .max = 2,
	       .ready = 2, .idle = 1, .due = 1);
	EXPECT("both are there, the old one is at work", &memory, 9 * SECOND, "start 0 again -",
	       .min = 2, .max = 2, .ready = 3, .idle = 2, .due = 1, .substitutes = 1);
	EXPECT("it has finished", &memory, 9 * SECOND, "start 0 release again -", .min = 2,
	       .max = 2, .ready = 3, .idle = 3, .due = 1, .due_idle = true, .substitutes = 1);
	EXPECT("done", &memory, 9 * SECOND, "start 0 again -", .min = 2, .max = 2, .ready = 2,
	       .idle = 2);
}

UNIT_TEST(scale, a_replacement_waits_for_the_back_off_and_the_old_worker_stays) {
	struct scale_memory memory = {0};

	EXPECT("due", &memory, 0, "start 0 substitute again -", .min = 1, .max = 1, .ready = 1,
	       .idle = 1, .due = 1, .due_idle = true);
	scale_failure(&memory, 0, 10 * MS);
	EXPECT("it failed", &memory, 10 * MS, "start 0 again 110000", .min = 1, .max = 1,
	       .ready = 1, .idle = 1, .due = 1, .due_idle = true);
	EXPECT("later", &memory, 110 * MS, "start 0 substitute again -", .min = 1, .max = 1,
	       .ready = 1, .idle = 1, .due = 1, .due_idle = true);
}

UNIT_TEST(scale, a_replacement_keeps_as_many_workers_as_the_pool_had_grown_to) {
	struct scale_memory memory = {0};

	EXPECT("grown", &memory, 0, "start 0 substitute again -", .min = 1, .max = 8, .ready = 4,
	       .idle = 2, .due = 3, .due_idle = true, .timeout = 60 * SECOND);
	EXPECT("ready", &memory, 0, "start 0 release again -", .min = 1, .max = 8, .ready = 5,
	       .idle = 3, .due = 3, .due_idle = true, .substitutes = 1, .timeout = 60 * SECOND);
	EXPECT("growth goes on beside it", &memory, 0, "start 2 again -", .min = 7, .max = 8,
	       .ready = 5, .idle = 1, .due = 3, .due_idle = true, .substitutes = 1);
	EXPECT("two above the maximum", &memory, 0, "start 0 release again -", .min = 2, .max = 2,
	       .ready = 4, .idle = 4, .due = 4, .due_idle = true);
	EXPECT("an empty pool has nobody to replace", &memory, 0, "start 0 again -", .max = 8);
}

UNIT_TEST(scale, the_substitute_does_not_go_for_being_above_the_maximum) {
	struct scale_memory memory = {0};

	EXPECT("idle for long", &memory, 99 * SECOND, "start 0 again -", .min = 2, .max = 2,
	       .ready = 3, .idle = 1, .cold = SECOND, .due = 1, .substitutes = 1);
	EXPECT("one too many", &memory, 99 * SECOND, "start 0 stop again -", .min = 2, .max = 2,
	       .ready = 4, .idle = 1, .cold = SECOND, .due = 1, .substitutes = 1);
}

/* -------- failures -------- */

/* "The daemon waits before the next start: 100 ms, and twice as long each time, up to 30 s." */
UNIT_TEST(scale, the_back_off_doubles_from_100_ms_to_30_s) {
	static const uint64_t waits[] = {100,  200,   400,   800,   1600,  3200,
					 6400, 12800, 25600, 30000, 30000, 30000};
	struct scale_memory memory = {0};
	uint64_t now = 5000 * MS;

	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		scale_failure(&memory, now, now);
		cr_assert_eq(memory.not_before - now, waits[i] * MS, "wait %zu: %llu µs", i,
			     (unsigned long long) (memory.not_before - now));
		now = memory.not_before;
	}
	for (int i = 0; i < 100; i++, now = memory.not_before)
		scale_failure(&memory, now, now);
	scale_failure(&memory, now, now);
	cr_assert_eq(memory.not_before - now, SCALE_BACKOFF_MAX);
}

UNIT_TEST(scale, nothing_starts_before_the_back_off_is_over_and_then_one_tries_for_all) {
	struct scale_memory memory = {0};

	scale_failure(&memory, 0, 1000 * MS);
	EXPECT("at once", &memory, 1000 * MS, "start 0 again 1100000", .min = 4, .max = 4);
	EXPECT("just before", &memory, 1100 * MS - 1, "start 0 again 1100000", .min = 4, .max = 4);
	EXPECT("then", &memory, 1100 * MS, "start 1 again -", .min = 4, .max = 4);
	EXPECT("while it tries", &memory, 1100 * MS, "start 0 again -", .min = 4, .max = 4,
	       .starting = 1);

	scale_success(&memory);
	EXPECT("it succeeded", &memory, 1200 * MS, "start 3 again -", .min = 4, .max = 4,
	       .ready = 1);
	scale_failure(&memory, 1250 * MS, 1300 * MS);
	cr_assert_eq(memory.not_before, 1400 * MS, "the next back-off begins anew");
}

UNIT_TEST(scale, growth_waits_for_the_back_off_and_one_tries_for_all_too) {
	struct scale_memory memory = {0};

	scale_failure(&memory, 0, 1000 * MS);
	EXPECT("work", &memory, 1000 * MS, "start 0 again 1020000", .min = 1, .max = 8, .ready = 1,
	       .more = 5);
	EXPECT("lasting work", &memory, 1020 * MS, "start 0 again 1100000", .min = 1, .max = 8,
	       .ready = 1, .more = 5);
	EXPECT("then", &memory, 1100 * MS, "start 1 again -", .min = 1, .max = 8, .ready = 1,
	       .more = 5);
	EXPECT("while it tries", &memory, 1100 * MS, "start 0 again -", .min = 1, .max = 8,
	       .starting = 1, .ready = 1, .more = 5);
	scale_success(&memory);
	EXPECT("it succeeded", &memory, 1200 * MS, "start 4 again -", .min = 1, .max = 8,
	       .ready = 2, .more = 4);
}

UNIT_TEST(scale, an_empty_pool_that_failed_tries_without_work_until_it_succeeds) {
	struct scale_memory memory = {0};

	scale_failure(&memory, 0, 10 * MS);
	EXPECT("nobody waits", &memory, 10 * MS, "start 0 again 110000", .max = 4);
	EXPECT("it tries", &memory, 110 * MS, "start 1 again -", .max = 4);
	scale_failure(&memory, 110 * MS, 111 * MS);
	EXPECT("failed", &memory, 111 * MS, "start 0 again 311000 failed", .max = 4);
	EXPECT("it tries again", &memory, 311 * MS, "start 1 again - failed", .max = 4);
	EXPECT("hello: has it settled?", &memory, 400 * MS, "start 0 again 1400000", .max = 4,
	       .ready = 1, .idle = 1, .cold = 400 * MS, .timeout = 30 * MS);
	EXPECT("not yet, so it stays", &memory, 500 * MS, "start 0 again 1500000", .max = 4,
	       .ready = 1, .idle = 1, .cold = 400 * MS, .timeout = 30 * MS);
	scale_success(&memory);
	EXPECT("it has, so it may go", &memory, 1400 * MS, "start 0 stop again -", .max = 4,
	       .ready = 1, .idle = 1, .cold = 400 * MS, .timeout = 30 * MS);
}

UNIT_TEST(scale, workers_that_were_started_together_fail_once) {
	/* Of eight that start at 0 some fail at once, some after their slow imports. */
	static const uint64_t fail[] = {50, 51, 140, 400, 900, 2000, 2001, 9000};
	struct scale_memory memory = {0};

	for (size_t i = 0; i < sizeof fail / sizeof *fail; i++)
		scale_failure(&memory, 0, fail[i] * MS);
	cr_assert_eq(memory.failures, 1);
	cr_assert_eq(memory.not_before, 150 * MS);

	scale_failure(&memory, 9000 * MS, 9100 * MS);
	cr_assert_eq(memory.failures, 2, "the one that was started after them is a new round");
	cr_assert_eq(memory.not_before, 9300 * MS);
}

UNIT_TEST(scale, a_process_that_cannot_be_started_at_all_is_a_round_each_time) {
	struct scale_memory memory = {0};

	scale_failure(&memory, 10 * MS, 10 * MS);
	scale_failure(&memory, 110 * MS, 110 * MS);
	cr_assert_eq(memory.failures, 2);
}

UNIT_TEST(scale, a_pool_has_failed_when_none_lives_after_a_whole_back_off) {
	struct scale_memory memory = {0};

	EXPECT("new", &memory, 0, "start 2 again -", .min = 2, .max = 2);
	scale_failure(&memory, 0, 1 * MS);
	EXPECT("a first failure", &memory, 1 * MS, "start 0 again 101000", .min = 2, .max = 2);
	EXPECT("the second try", &memory, 101 * MS, "start 0 again -", .min = 2, .max = 2,
	       .starting = 1);
	scale_failure(&memory, 101 * MS, 102 * MS);
	EXPECT("it failed too", &memory, 102 * MS, "start 0 again 302000 failed", .min = 2,
	       .max = 2);
	EXPECT("though one starts", &memory, 302 * MS, "start 0 again - failed", .min = 2, .max = 2,
	       .starting = 1);
	EXPECT("one lives", &memory, 302 * MS, "start 1 again -", .min = 2, .max = 2, .ready = 1);
}

/* -------- a pool in time -------- */

#define SIM_WORKERS 16

/* A pool whose workers need 100 ms to start and 5 ms to go, in steps of 1 ms. */
struct sim {
	struct scale_limits limits;
	struct scale_memory memory;
	uint64_t now, again;
	enum { NONE, STARTING, IDLE, BUSY, STOPPING } states[SIM_WORKERS];
	uint64_t until[SIM_WORKERS]; /* of a state that ends by itself */
	uint64_t idle_since[SIM_WORKERS];
	bool due[SIM_WORKERS], substitute[SIM_WORKERS];
	uint64_t queue[1000]; /* times of the items that wait */
	unsigned n_queue;
	unsigned starts, stops, most;
};

static unsigned sim_count(const struct sim *sim, int state) {
	unsigned n = 0;

	for (int i = 0; i < SIM_WORKERS; i++)
		n += (int) sim->states[i] == state;
	return n;
}

/* The idle worker that is the warmest (sign 1) or the coldest (-1); -1 if there is none. */
static int sim_idle(const struct sim *sim, int sign) {
	int best = -1;

	for (int i = 0; i < SIM_WORKERS; i++)
		if (sim->states[i] == IDLE &&
		    (best < 0 || (sign > 0 ? sim->idle_since[i] > sim->idle_since[best]
					   : sim->idle_since[i] < sim->idle_since[best])))
			best = i;
	return best;
}

static void sim_enter(struct sim *sim, int worker, int state, uint64_t us) {
	cr_assert_geq(worker, 0);
	sim->states[worker] = state;
	sim->due[worker] = sim->due[worker] && state != STOPPING && state != STARTING;
	sim->until[worker] = sim->now + us;
	sim->idle_since[worker] = sim->now;
}

static int sim_free_place(const struct sim *sim);

static unsigned sim_ready(const struct sim *sim, const bool *mark) {
	unsigned n = 0;

	for (int i = 0; i < SIM_WORKERS; i++)
		n += (sim->states[i] == IDLE || sim->states[i] == BUSY) && (!mark || mark[i]);
	return n;
}

/* An idle worker that is due, or -1. */
static int sim_due_idle(const struct sim *sim) {
	for (int i = 0; i < SIM_WORKERS; i++)
		if (sim->states[i] == IDLE && sim->due[i])
			return i;
	return -1;
}

/* As the staff does. */
static void sim_replace(struct sim *sim, const struct scale_plan *plan) {
	int place = sim_free_place(sim), goes = sim_due_idle(sim);

	if (plan->substitute) {
		sim_enter(sim, place, STARTING, 100 * MS);
		sim->substitute[place] = true;
	}
	if (plan->release) {
		for (int i = 0, n = 1; i < SIM_WORKERS && n > 0; i++)
			if ((sim->states[i] == IDLE || sim->states[i] == BUSY) &&
			    sim->substitute[i]) {
				sim->substitute[i] = false;
				n--;
			}
		sim_enter(sim, goes, STOPPING, 5 * MS);
	}
}

static int sim_free_place(const struct sim *sim) {
	for (int i = 0; i < SIM_WORKERS; i++)
		if (sim->states[i] == NONE)
			return i;
	return -1;
}

static void sim_plan(struct sim *sim) {
	struct scale_plan plan;

	do {
		int coldest = sim_idle(sim, -1);
		const struct scale_counts counts = {
			.starting = sim_count(sim, STARTING),
			.ready = sim_count(sim, IDLE) + sim_count(sim, BUSY),
			.idle = sim_count(sim, IDLE),
			.coldest = coldest < 0 ? 0 : sim->idle_since[coldest],
			.stopping = sim_count(sim, STOPPING) > 0,
			.due = sim_ready(sim, sim->due),
			.substitutes = sim_ready(sim, sim->substitute),
			.due_idle = sim_due_idle(sim) >= 0,
		};

		plan = scale_plan(&counts, &sim->limits, (struct scale_demand) {sim->n_queue, 0},
				  &sim->memory, sim->now);
		for (unsigned i = 0; i < plan.start; i++)
			sim_enter(sim, sim_free_place(sim), STARTING, 100 * MS);
		if (plan.stop)
			sim_enter(sim, coldest, STOPPING, 5 * MS);
		sim_replace(sim, &plan);
		sim->starts += plan.start + plan.substitute;
		sim->stops += plan.stop + plan.release;
	} while (plan.start > 0 || plan.stop || plan.substitute || plan.release);
	sim->again = plan.again;
}

/* One more millisecond, in which `items` of us each arrive. */
static void sim_step(struct sim *sim, unsigned items, uint64_t us) {
	unsigned before = sim->n_queue + sim_count(sim, IDLE) * 100 + sim_count(sim, NONE) * 10000;
	unsigned there;
	int worker;

	for (int i = 0; i < SIM_WORKERS; i++)
		if ((sim->states[i] == STARTING || sim->states[i] == BUSY) &&
		    sim->until[i] <= sim->now)
			sim_enter(sim, i, IDLE, 0);
		else if (sim->states[i] == STOPPING && sim->until[i] <= sim->now)
			sim->states[i] = NONE;
	while (items-- > 0)
		sim->queue[sim->n_queue++] = us;
	while (sim->n_queue > 0 && (worker = sim_idle(sim, 1)) >= 0)
		sim_enter(sim, worker, BUSY, sim->queue[--sim->n_queue]);
	/* As the pool does: when something changed, and when it wanted to look again. */
	if (sim->again <= sim->now ||
	    before != sim->n_queue + sim_count(sim, IDLE) * 100 + sim_count(sim, NONE) * 10000)
		sim_plan(sim);
	there = sim_count(sim, STARTING) + sim_count(sim, IDLE) + sim_count(sim, BUSY);
	if (there > sim->most)
		sim->most = there;
	cr_assert_geq(there, sim->limits.min);
	cr_assert_leq(there, sim->limits.max + (sim_ready(sim, sim->due) > 0));
	sim->now += MS;
}

/* So many callers, each of whom sends the next item of us when it has its result. */
static void sim_callers(struct sim *sim, unsigned callers, uint64_t us, unsigned ms) {
	while (ms-- > 0) {
		unsigned under_way = sim->n_queue;

		for (int i = 0; i < SIM_WORKERS; i++)
			under_way += sim->states[i] == BUSY && sim->until[i] > sim->now;
		sim_step(sim, callers > under_way ? callers - under_way : 0, us);
	}
}

static void sim_run(struct sim *sim, uint64_t us) {
	for (uint64_t end = sim->now + us; sim->now < end;)
		sim_step(sim, 0, 0);
}

static struct sim sim_start(unsigned min, unsigned max, uint64_t idle) {
	struct sim sim = {.limits = {min, max, idle}, .now = SECOND};

	sim_plan(&sim);
	sim_run(&sim, SECOND);
	cr_assert_eq(sim_count(&sim, IDLE), min);
	return sim;
}

UNIT_TEST(scale, a_pool_grows_under_load_and_shrinks_when_it_is_over) {
	struct sim sim = sim_start(1, 4, 60 * SECOND);

	sim_callers(&sim, 3, 150 * MS, 10000);
	cr_assert_eq(sim.most, 3);
	sim_run(&sim, 59 * SECOND);
	cr_assert_eq(sim_count(&sim, IDLE), 3);
	sim_run(&sim, 2 * SECOND);
	cr_assert_eq(sim_count(&sim, IDLE), 1);
	cr_assert_eq(sim.starts, 3);
	cr_assert_eq(sim.stops, 2);
	sim_run(&sim, 3600 * SECOND);
	cr_assert_eq(sim.starts + sim.stops, 5, "nothing moves in an hour without work");
}

UNIT_TEST(scale, load_that_comes_back_within_the_idle_time_starts_nobody_anew) {
	struct sim sim = sim_start(0, 8, 60 * SECOND);

	for (int i = 0; i < 30; i++) {
		for (int j = 0; j < 1000; j++)
			sim_step(&sim, j == 0 ? 40 : 0, 200 * MS);
		cr_assert_eq(sim_count(&sim, IDLE) + sim_count(&sim, BUSY), 8);
		sim_run(&sim, 55 * SECOND);
	}
	cr_assert_eq(sim.starts, 8);
	cr_assert_eq(sim.stops, 0);
	sim_run(&sim, 66 * SECOND);
	cr_assert_eq(sim_count(&sim, NONE), SIM_WORKERS);
}

UNIT_TEST(scale, of_a_load_that_shrank_only_the_surplus_goes) {
	struct sim sim = sim_start(1, 8, 10 * SECOND);

	sim_callers(&sim, 6, 50 * MS, 2000);
	cr_assert_eq(sim_count(&sim, IDLE) + sim_count(&sim, BUSY), 6);
	sim_callers(&sim, 2, 50 * MS, 60000);
	cr_assert_eq(sim_count(&sim, IDLE) + sim_count(&sim, BUSY), 2);
	cr_assert_eq(sim.starts, 6);
	cr_assert_eq(sim.stops, 4);
}

UNIT_TEST(scale, bursts_of_tiny_items_start_no_process) {
	struct sim sim = sim_start(1, 8, 60 * SECOND);

	srand(4);
	for (int i = 0; i < 60000; i++)
		sim_step(&sim, i % 40 == 0 ? (unsigned) rand() % 18 : 0, MS);
	cr_assert_eq(sim.starts, 1);
}

/* Whatever arrives: never above the maximum nor below the minimum (sim_step), and once it is over and the time has
 * passed the pool is as it was. */
UNIT_TEST(scale, random_loads_leave_the_pool_as_it_was) {
	srand(2026);
	for (int round = 0; round < 200; round++) {
		unsigned min = (unsigned) rand() % 4, max = min + 1 + (unsigned) rand() % 8;
		struct sim sim = sim_start(min, max, (1 + (unsigned) rand() % 5000) * MS);
		int rate = 1 + rand() % 200, size = 1 + rand() % 300;

		for (int i = 0; i < 3000; i++)
			sim_step(&sim,
				 sim.n_queue < 900 && rand() % rate == 0 ? (unsigned) rand() % 9
									 : 0,
				 (1 + (unsigned) rand() % (unsigned) size) * MS);
		while (sim.n_queue > 0)
			sim_step(&sim, 0, 0);
		sim_run(&sim, 6 * SECOND);
		cr_assert_eq(sim_count(&sim, IDLE), min, "round %d", round);
		cr_assert_eq(sim.starts - sim.stops, min, "round %d", round);
	}
}

/* Whenever workers become due, and however they work: as many as before are ready all the time, never more than one is
 * too many, and in the end all were replaced. */
UNIT_TEST(scale, replacing_never_leaves_a_pool_with_fewer_workers) {
	srand(27);
	for (int round = 0; round < 200; round++) {
		unsigned n = 1 + (unsigned) rand() % 8, marked = 0, i;
		struct sim sim = sim_start(n, n, NEVER);
		int rate = 1 + rand() % 100, size = 1 + rand() % 300;

		for (i = 0; i < 5000; i++) {
			int place = rand() % SIM_WORKERS;

			if (rand() % 400 == 0 &&
			    (sim.states[place] == IDLE || sim.states[place] == BUSY) &&
			    !sim.due[place] && !sim.substitute[place]) {
				sim.due[place] = true;
				marked++;
				sim_plan(&sim);
			}
			sim_step(&sim, sim.n_queue < 900 && rand() % rate == 0,
				 (1 + (unsigned) rand() % (unsigned) size) * MS);
			cr_assert_geq(sim_ready(&sim, NULL), n, "round %d, %u ms", round, i);
		}
		while (sim.n_queue > 0)
			sim_step(&sim, 0, 0);
		sim_run(&sim, 5 * SECOND);
		cr_assert_eq(sim_ready(&sim, sim.due), 0, "round %d", round);
		cr_assert_eq(sim_ready(&sim, NULL), n, "round %d", round);
		cr_assert_eq(sim.starts - n, marked, "round %d", round);
		cr_assert_eq(sim.stops, marked, "round %d", round);
	}
}
