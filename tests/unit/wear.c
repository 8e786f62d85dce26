#include "daemon/wear.h"

#include "tests/unit/unit.h"

/* When workers are replaced, and when that is given up. */

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECOND       UINT64_C(1000000)

UNIT_TEST(wear, the_first_limit_that_is_reached_is_the_reason) {
	static const struct {
		struct wear_limits limits;
		struct wear_facts facts;
		enum wear expected;
	} table[] = {
		/* No limits. */
		{{0}, {.items = 1000, .age = 1000, .grown = 1000}, WEAR_NONE},
		{{UINT64_MAX, UINT64_MAX, UINT64_MAX},
		 {.items = UINT64_MAX, .age = UINT64_MAX, .grown = UINT64_MAX},
		 WEAR_NONE},
		/* Each by itself. */
		{{.items = 10}, {.items = 9, .age = 1000, .grown = 1000}, WEAR_NONE},
		{{.items = 10}, {.items = 10}, WEAR_ITEMS},
		{{.items = 10}, {.items = 11}, WEAR_ITEMS},
		{{.age = 10}, {.items = 1000, .age = 9, .grown = 1000}, WEAR_NONE},
		{{.age = 10}, {.age = 10}, WEAR_AGE},
		{{.rss = 10}, {.items = 1000, .age = 1000, .grown = 10}, WEAR_NONE},
		{{.rss = 10}, {.grown = 11}, WEAR_RSS},
		/* Several. */
		{{10, 10, 10}, {.items = 9, .age = 9, .grown = 10}, WEAR_NONE},
		{{10, 10, 10}, {.items = 10, .age = 10, .grown = 11}, WEAR_ITEMS},
		{{10, 10, 10}, {.items = 9, .age = 9, .grown = 11}, WEAR_RSS},
	};
	const struct wear_memory memory = {0};

	for (size_t i = 0; i < COUNT(table); i++)
		cr_assert_eq(wear_of(&table[i].limits, &memory, &table[i].facts), table[i].expected,
			     "row %zu", i);
}

/* Notes workers that took a second to start and lived as long as the letters say: s = shorter, l = longer. Returns how
 * many were replaced before it was given up; 0 = it was not. */
static unsigned note_all(struct wear_memory *memory, const char *lives) {
	for (unsigned i = 0; lives[i]; i++) {
		const struct wear_facts facts = {
			.items = 1, .age = lives[i] == 's' ? SECOND - 1 : SECOND, .start = SECOND};

		if (wear_note(memory, WEAR_RSS, &facts))
			return i + 1;
	}
	return 0;
}

UNIT_TEST(wear, three_short_lives_in_a_row_are_a_storm) {
	static const struct {
		const char *lives;
		unsigned expected;
	} table[] = {
		{"", 0},     {"ss", 0},    {"sss", 3},    {"llllll", 0},
		{"ssls", 0}, {"sslss", 0}, {"sslsss", 6}, {"lsss", 4},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct wear_memory memory = {0};

		cr_assert_eq(note_all(&memory, table[i].lives), table[i].expected, "%s",
			     table[i].lives);
	}
}

UNIT_TEST(wear, one_reason_is_given_up_and_the_others_stay) {
	const struct wear_limits limits = {10, 10, 10};
	const struct wear_facts worn = {.items = 9, .age = 10, .grown = 11};
	struct wear_memory memory = {0};

	cr_assert_eq(note_all(&memory, "sss"), 3u);
	cr_assert_eq(wear_in_force(&limits, &memory).rss, 0u);
	cr_assert_eq(wear_in_force(&limits, &memory).items, 10u);
	cr_assert_eq(wear_of(&limits, &memory, &worn), WEAR_AGE);
	cr_assert_eq(wear_of(&limits, &memory, &(struct wear_facts) {.grown = 11}), WEAR_NONE);
}

UNIT_TEST(wear, the_reasons_do_not_add_up) {
	const struct wear_facts facts = {.age = 1, .start = 2};
	struct wear_memory memory = {0};

	cr_assert_not(wear_note(&memory, WEAR_ITEMS, &facts));
	cr_assert_not(wear_note(&memory, WEAR_AGE, &facts));
	cr_assert_not(wear_note(&memory, WEAR_ITEMS, &facts));
	cr_assert_not(wear_note(&memory, WEAR_RSS, &facts));
	cr_assert(wear_note(&memory, WEAR_ITEMS, &facts));
}
