#include "daemon/commons.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define MIB ((size_t) 1 << 20)

/* What using value id of size bytes tells the worker: "-3 -1 +4" forgets 3 and 1, then sends 4. */
static void expect(struct commons *commons, uint64_t id, size_t size, const char *told) {
	const struct commons_plan plan = commons_use(commons, id, size);
	char text[128] = "";
	size_t n = 0;

	for (unsigned i = 0; i < plan.n_forget; i++)
		n += (size_t) snprintf(text + n, sizeof text - n, "%s-%d", n ? " " : "",
				       (int) plan.forget[i]);
	if (plan.send)
		snprintf(text + n, sizeof text - n, "%s+%d", n ? " " : "", (int) id);
	cr_assert_str_eq(text, told, "value %d: told \"%s\", not \"%s\"", (int) id, text, told);
}

UNIT_TEST(commons, a_value_is_sent_once) {
	struct commons commons = {0};

	expect(&commons, 1, 10, "+1");
	expect(&commons, 1, 10, "");
	expect(&commons, 2, 10, "+2");
	expect(&commons, 1, 10, "");
}

/* "At most 4, or 16 MiB together, are to be kept at a time: the one not used for the longest time
 * is forgotten first."
 * "A value that was forgotten is sent again, before the next chunk that names it." */
UNIT_TEST(commons, the_least_recently_used_of_four_makes_room) {
	struct commons commons = {0};

	for (uint64_t id = 1; id <= 4; id++)
		commons_use(&commons, id, 10);
	expect(&commons, 1, 10, "");
	expect(&commons, 5, 10, "-2 +5");
	expect(&commons, 2, 10, "-3 +2");
	expect(&commons, 4, 10, "");
}

/* "At most 4, or 16 MiB together, are to be kept at a time: the one not used for the longest time
 * is forgotten first." */
UNIT_TEST(commons, bytes_make_room_too) {
	struct commons commons = {0};

	expect(&commons, 1, 6 * MIB, "+1");
	expect(&commons, 2, 6 * MIB, "+2");
	expect(&commons, 3, 4 * MIB, "+3");
	expect(&commons, 4, 1, "-1 +4");
	expect(&commons, 5, 12 * MIB, "-2 -3 +5");
}

UNIT_TEST(commons, a_value_over_the_limit_is_the_only_one) {
	struct commons commons = {0};

	expect(&commons, 1, 10, "+1");
	expect(&commons, 2, 20 * MIB, "-1 +2");
	expect(&commons, 3, 1, "-2 +3");
}
