#include "protocol/text.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/json_scan.h"
#include "tests/unit/unit.h"

/* Whether the bytes between quotes are one string, says the scanner. */
static bool is_string(const char *bytes, size_t size) {
	struct json_scan_token token;
	struct json_scan scan;
	char *text = malloc(size + 2);
	int r;

	text[0] = text[size + 1] = '"';
	memcpy(text + 1, bytes, size);
	json_scan_init(&scan, 1, 1, 0);
	do
		r = json_scan_next(&scan, text, size + 2, true, &token);
	while (r == 0 && token.event != JSON_SCAN_END);
	free(text);
	return r == 0;
}

/* Pieces that are plain, that are not, and that are cut characters. */
static size_t random_text(unsigned long long *state, char *ret) {
	static const char *const pieces[] = {
		"a",    "plain text", "\x7f",     "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xc3", "\xe2\x82",   "\xed\xa0", "\xc0\x80", "\xf4\x90",     "\xff",
		"\"",   "\\",         "\n",       "\x1f",
	};
	size_t size = 0;

	for (unsigned n = unit_random(state, 12); n > 0; n--) {
		/* Most texts get far. */
		unsigned kinds = unit_random(state, 4) ? 6 : sizeof pieces / sizeof *pieces;
		const char *piece = pieces[unit_random(state, kinds)];

		memcpy(ret + size, piece, strlen(piece));
		size += strlen(piece);
	}
	return size;
}

UNIT_TEST(text, what_is_plain_is_what_a_string_takes_as_it_is) {
	unsigned long long state = 11;
	size_t whole = 0;

	for (int i = 0; i < 20000; i++) {
		char text[256];
		size_t size = random_text(&state, text), plain;
		char *copy = unit_copy(text, size); /* ends where a sanitizer looks */

		plain = text_plain(copy, size);
		cr_assert_leq(plain, size);
		cr_assert(is_string(copy, plain));
		cr_assert_null(memchr(copy, '"', plain));
		cr_assert_null(memchr(copy, '\\', plain));
		/* No further: not by a byte, nor by a character. */
		for (size_t more = 1; more <= 4 && plain + more <= size; more++)
			cr_assert(memchr(copy + plain, '"', more) ||
				  memchr(copy + plain, '\\', more) ||
				  !is_string(copy, plain + more));
		whole += plain == size;
		free(copy);
	}
	cr_assert_gt(whole, 1000);
	cr_assert_lt(whole, 19000);
}
