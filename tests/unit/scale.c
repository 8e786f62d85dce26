#include "daemon/scale.h"

#include <stdio.h>

#include "tests/unit/unit.h"

#define MS UINT64_C(1000)

static void expect(const char *what, unsigned wanted, unsigned starting, unsigned ready,
		   const struct scale_memory *memory, uint64_t now, const char *expected) {
	struct scale_plan plan = scale_plan((struct scale_counts) {starting, ready},
					    (struct scale_limits) {wanted}, memory, now);
	char line[96], again[24] = "-";

	if (plan.again != UINT64_MAX)
		snprintf(again, sizeof again, "%llu", (unsigned long long) plan.again);
	snprintf(line, sizeof line, "start %u stop %u again %s%s", plan.start, plan.stop, again,
		 plan.failed ? " failed" : "");
	cr_assert_str_eq(line, expected, "%s: %s and not %s", what, line, expected);
}

UNIT_TEST(scale, a_pool_has_as_many_workers_as_it_wants) {
	static const struct {
		unsigned wanted, starting, ready;
		const char *plan;
	} table[] = {
		{4, 0, 0, "start 4 stop 0 again -"}, {4, 3, 0, "start 1 stop 0 again -"},
		{4, 1, 2, "start 1 stop 0 again -"}, {4, 4, 0, "start 0 stop 0 again -"},
		{4, 0, 4, "start 0 stop 0 again -"}, {4, 2, 4, "start 0 stop 2 again -"},
		{2, 0, 5, "start 0 stop 3 again -"}, {0, 1, 1, "start 0 stop 2 again -"},
		{0, 0, 0, "start 0 stop 0 again -"},
	};
	const struct scale_memory memory = {0};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		expect("table", table[i].wanted, table[i].starting, table[i].ready, &memory,
		       1000 * MS, table[i].plan);
}

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
	expect("at once", 4, 0, 0, &memory, 1000 * MS, "start 0 stop 0 again 1100000");
	expect("just before", 4, 0, 0, &memory, 1100 * MS - 1, "start 0 stop 0 again 1100000");
	expect("then", 4, 0, 0, &memory, 1100 * MS, "start 1 stop 0 again -");
	expect("while it tries", 4, 1, 0, &memory, 1100 * MS, "start 0 stop 0 again -");
	expect("too many stop nevertheless", 4, 0, 6, &memory, 1000 * MS, "start 0 stop 2 again -");

	scale_success(&memory);
	expect("it succeeded", 4, 0, 1, &memory, 1200 * MS, "start 3 stop 0 again -");
	scale_failure(&memory, 1250 * MS, 1300 * MS);
	cr_assert_eq(memory.not_before, 1400 * MS, "the next back-off begins anew");
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

	expect("new", 2, 0, 0, &memory, 0, "start 2 stop 0 again -");
	scale_failure(&memory, 0, 1 * MS);
	expect("a first failure", 2, 0, 0, &memory, 1 * MS, "start 0 stop 0 again 101000");
	expect("the second try", 2, 1, 0, &memory, 101 * MS, "start 0 stop 0 again -");
	scale_failure(&memory, 101 * MS, 102 * MS);
	expect("it failed too", 2, 0, 0, &memory, 102 * MS, "start 0 stop 0 again 302000 failed");
	expect("though one starts", 2, 1, 0, &memory, 302 * MS, "start 0 stop 0 again - failed");
	expect("one lives", 2, 0, 1, &memory, 302 * MS, "start 1 stop 0 again -");
}
