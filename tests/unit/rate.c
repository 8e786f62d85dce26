#include "daemon/rate.h"

#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000)
/* Long enough after the machine's start. */
#define START (1000 * SECOND)

static unsigned take_all(struct rate *rate, uint64_t now) {
	unsigned n = 0;

	while (rate_take(rate, now))
		n++;
	cr_assert(rate_is_empty(rate, now));
	return n;
}

UNIT_TEST(rate, a_burst_is_what_was_saved) {
	struct rate rate = {.per_second = 10};

	cr_assert_not(rate_is_empty(&rate, START));
	cr_assert_eq(take_all(&rate, START), 50u);
	cr_assert_not(rate_take(&rate, START));
}

UNIT_TEST(rate, after_a_burst_it_is_so_many_a_second) {
	struct rate rate = {.per_second = 10};
	unsigned taken = 0;

	take_all(&rate, START);
	cr_assert(rate_is_empty(&rate, START + SECOND / 10 - 1));
	cr_assert_not(rate_is_empty(&rate, START + SECOND / 10));
	for (uint64_t us = 0; us <= 100 * SECOND; us += 1234)
		taken += rate_take(&rate, START + us);
	cr_assert_geq(taken, 999u);
	cr_assert_leq(taken, 1000u);
}

UNIT_TEST(rate, no_more_is_saved_than_five_seconds_worth) {
	static const struct {
		uint64_t seconds;
		unsigned expected;
	} table[] = {{1, 10}, {3, 30}, {5, 50}, {6, 50}, {1000000, 50}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct rate rate = {.per_second = 10};

		take_all(&rate, START);
		cr_assert_eq(take_all(&rate, START + table[i].seconds * SECOND), table[i].expected,
			     "after %u s", (unsigned) table[i].seconds);
	}
}

UNIT_TEST(rate, the_greatest_and_the_smallest_do_not_overflow) {
	struct rate most = {.per_second = RATE_MOST}, one = {.per_second = 1};

	for (int i = 0; i < 1000; i++)
		cr_assert(rate_take(&most, START + 1));
	cr_assert_not(rate_is_empty(&most, UINT64_MAX));
	cr_assert_eq(take_all(&one, START), 5u);
	cr_assert(rate_is_empty(&one, START + SECOND - 1));
	cr_assert_eq(take_all(&one, START + SECOND), 1u);
}
