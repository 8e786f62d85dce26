#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The frame itself: what it counts and what it lets fail. */

UNIT_TEST(unit, every_allocating_function_is_counted) {
	void *blocks[8] = {
		malloc(1),   calloc(1, 1),     realloc(NULL, 1), reallocarray(NULL, 1, 1),
		strdup("a"), strndup("ab", 1),
	};

	cr_assert_eq(asprintf((char **) &blocks[6], "%d", 1), 1);
	cr_assert_eq(posix_memalign(&blocks[7], 64, 1), 0);
	cr_assert_eq(unit_live(), 8);
	for (size_t i = 0; i < 8; i++)
		free(blocks[i]);
	free(NULL);
	cr_assert_eq(unit_live(), 0);
}

UNIT_TEST(unit, growing_a_block_counts_once) {
	char *block = malloc(1);

	block = realloc(block, 100);
	block = reallocarray(block, 100, 100);
	cr_assert_eq(unit_live(), 1);
	free(block);
}

UNIT_TEST(unit, the_values_of_jansson_are_counted) {
	json_t *value = json_pack("{s[i]}", "a", 1);

	cr_assert_gt(unit_live(), 3);
	json_decref(value);
	cr_assert_eq(unit_live(), 0);
}

UNIT_TEST(unit, just_the_wanted_allocation_fails) {
	void *first, *second, *third;

	unit_fail(2);
	first = malloc(1);
	second = malloc(1);
	third = malloc(1);
	cr_assert(unit_failed());
	cr_assert_not_null(first);
	cr_assert_null(second);
	cr_assert_not_null(third);
	free(first);
	free(third);

	unit_fail(2);
	first = malloc(1);
	cr_assert_not(unit_failed(), "the second allocation never came");
	second = malloc(1);
	cr_assert_not_null(second, "and it is not waited for any more");
	free(first);
	free(second);
}

UNIT_TEST(unit, jansson_sees_the_failure) {
	unit_fail(1);
	cr_assert_null(json_string("a"));
	cr_assert(unit_failed());
}

static void *lost;

static void lose(void) {
	lost = malloc(1);
}

static void lose_value(void) {
	lost = json_integer(1);
}

UNIT_TEST(unit, a_leak_is_found) {
	cr_assert_eq(unit_leaks(lose), 1);
	free(lost);
	cr_assert_eq(unit_leaks(lose_value), 1);
	json_decref(lost);
}
