#include "daemon/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

UNIT_TEST(bytes, they_live_until_the_last_owner_lets_go) {
	struct bytes *bytes = bytes_new(strdup("abc"), 3);

	cr_assert_eq(bytes_ref(bytes), bytes);
	cr_assert_null(bytes_unref(bytes));
	cr_assert_eq(memcmp(bytes->data, "abc", 3), 0);
	cr_assert_eq(unit_live(), 2);
	bytes_unref(bytes);
	cr_assert_eq(unit_live(), 0);
	cr_assert_null(bytes_unref(NULL));
}

UNIT_TEST(bytes, a_reserved_block_is_empty_and_has_room) {
	struct bytes *bytes = bytes_new_reserved(100);

	cr_assert_eq(bytes->size, 0);
	cr_assert_eq(bytes->capacity, 100);
	memset(bytes->data, 'x', 100);
	bytes_unref(bytes);
}

UNIT_TEST(bytes, without_memory_the_data_is_still_the_callers) {
	char *data = strdup("abc");

	unit_fail(1);
	cr_assert_null(bytes_new(data, 3));
	cr_assert(unit_failed());
	free(data);

	for (size_t n = 1; n <= 2; n++) {
		unit_fail(n);
		cr_assert_null(bytes_new_reserved(100));
		cr_assert(unit_failed());
		cr_assert_eq(unit_live(), 0);
	}
}
