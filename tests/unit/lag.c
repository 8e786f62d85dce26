#include "daemon/lag.h"

#include "tests/unit/unit.h"

#define S UINT64_C(1000000)

UNIT_TEST(lag, the_longest_wait_of_this_second_and_the_last_counts) {
	static const struct {
		uint64_t due, now, longest;
	} table[] = {
		{10 * S, 10 * S + 30, 30},
		{10 * S + 100, 10 * S + 105, 30},
		{10 * S + 200, 10 * S + 270, 70},
		{11 * S + 200, 11 * S + 220, 70}, /* the next second */
		{12 * S + 300, 12 * S + 301, 20}, /* the first one is forgotten */
		{20 * S, 20 * S + 4, 4},          /* nothing for long */
		{20 * S + 9, 20 * S + 8, 4},      /* not before its time */
	};
	struct lag lag = {0};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		lag_note(&lag, table[i].due, table[i].now);
		cr_assert_eq(lag_longest(&lag, table[i].now), table[i].longest, "row %zu: %llu", i,
			     (unsigned long long) lag_longest(&lag, table[i].now));
	}
}

UNIT_TEST(lag, is_forgotten_when_nothing_has_waited_for_two_seconds) {
	struct lag lag = {0};

	cr_assert_eq(lag_longest(&lag, 5 * S), 0);
	lag_note(&lag, 5 * S, 5 * S + 50);
	cr_assert_eq(lag_longest(&lag, 5 * S + 60), 50);
	cr_assert_eq(lag_longest(&lag, 6 * S + 60), 50);
	cr_assert_eq(lag_longest(&lag, 7 * S + 60), 0);
}
