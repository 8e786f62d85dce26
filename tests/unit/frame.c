#include "protocol/frame.h"

#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

/* "Each message is one JSON object in UTF-8, followed by one NUL byte (`\0`), with clients and
 * with workers alike." */
UNIT_TEST(frame, the_first_nul_ends_the_message) {
	static const char window[] = "{}\0{\"a\":1}\0{";
	static const struct {
		size_t size, from, length;
	} table[] = {
		{0, 0, SIZE_MAX},  {1, 0, SIZE_MAX},   {2, 0, SIZE_MAX}, {3, 0, 2},
		{3, 2, 2},         {12, 0, 2},         {3, 3, SIZE_MAX}, {11, 3, 10},
		{10, 3, SIZE_MAX}, {12, 11, SIZE_MAX}, {2, 5, SIZE_MAX},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *copy = unit_copy(window, table[i].size);

		cr_assert_eq(frame_find(copy, table[i].size, table[i].from), table[i].length,
			     "row %zu", i);
		free(copy);
	}
}
