#include "client/tool/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * Transcripts: "1:a 2:b" are items with their lines (elements, in an array), "E2 reason" an input that is
 * wrong at line 2.
 */
static void take(struct input *input, char *shown, size_t size) {
	struct input_item item;
	size_t n;
	int r;

	while ((r = input_next(input, &item)) == 1) {
		n = strlen(shown);
		snprintf(shown + n, size - n, "%s%llu:%.*s", n ? " " : "",
			 (unsigned long long) input->line, (int) item.size, item.text);
	}
	n = strlen(shown);
	if (r < 0)
		snprintf(shown + n, size - n, "%sE%llu %s", n ? " " : "",
			 (unsigned long long) input->line,
			 r == -INPUT_E_TOO_LONG ? "too long" : input->reason);
}

static void put(struct input *input, const char *text, size_t size) {
	size_t room;
	char *space = input_space(input, &room);

	cr_assert_geq(room, size);
	memcpy(space, text, size);
	input_filled(input, size);
}

/* Reads text in pieces of `piece` bytes. */
static const char *cut(enum input_mode mode, const char *text, size_t size, size_t piece) {
	static char shown[512];
	struct input input;

	*shown = '\0';
	input_init(&input, mode);
	for (size_t at = 0; at < size; at += piece) {
		put(&input, text + at, size - at < piece ? size - at : piece);
		take(&input, shown, sizeof(shown));
		if (input.ended)
			goto over;
	}
	input_filled(&input, 0);
	take(&input, shown, sizeof(shown));
over:
	input_done(&input);
	return shown;
}

/* Whatever the sizes of the reads, the items are the same. */
static void expect(enum input_mode mode, const char *text, size_t size, const char *expected) {
	for (size_t piece = 1; piece <= size + 1; piece++)
		cr_assert_str_eq(cut(mode, text, size, piece), expected, "in pieces of %zu: %s",
				 piece, cut(mode, text, size, piece));
}

#define EXPECT(mode, text, expected) expect(mode, text, sizeof(text) - 1, expected)

UNIT_TEST(input, a_json_value_a_line) {
	EXPECT(INPUT_JSON, "1\n{\"a\": 2}\n\"x\"\n", "1:1 2:{\"a\": 2} 3:\"x\"");
}

UNIT_TEST(input, blank_json_lines_are_passed_over_but_counted) {
	EXPECT(INPUT_JSON, "\n1\n \t\r\n\n2\n\n", "2:1 5:2");
}

UNIT_TEST(input, last_line_may_lack_its_newline) {
	EXPECT(INPUT_JSON, "1\n2", "1:1 2:2");
	EXPECT(INPUT_LINES, "a\nb", "1:a 2:b");
}

UNIT_TEST(input, raw_lines_are_kept_whole) {
	EXPECT(INPUT_LINES, "a b \n\n\r\nz\n", "1:a b  2: 3:\r 4:z");
}

UNIT_TEST(input, nul_ended_strings_may_hold_newlines) {
	EXPECT(INPUT_NULS, "a\nb\0\0c\0", "1:a\nb 2: 3:c");
	EXPECT(INPUT_NULS, "a\0b", "1:a 2:b");
}

UNIT_TEST(input, empty_input_has_no_items) {
	EXPECT(INPUT_JSON, "", "");
	EXPECT(INPUT_LINES, "", "");
	EXPECT(INPUT_ARRAY, "[]", "");
	EXPECT(INPUT_ARRAY, " [ ] \n", "");
}

UNIT_TEST(input, elements_of_an_array) {
	EXPECT(INPUT_ARRAY, "[1,2]", "1:1 2:2");
	EXPECT(INPUT_ARRAY, " [ 10 ,\n\"a,]\" , [3, [4]],{\"b\":5} , null ]\n",
	       "1:10 2:\"a,]\" 3:[3, [4]] 4:{\"b\":5} 5:null");
}

UNIT_TEST(input, wrong_arrays_are_refused_where_they_are_wrong) {
	EXPECT(INPUT_ARRAY, "{}", "E1 expected '['");
	EXPECT(INPUT_ARRAY, "[1 2]", "1:1 E2 expected ',' or ']'");
	EXPECT(INPUT_ARRAY, "[1]2", "1:1 E2 more text after the array");
	EXPECT(INPUT_ARRAY, "[1,]", "1:1 E2 expected a value");
	EXPECT(INPUT_ARRAY, "[1,2", "1:1 E2 the input ends before the array does");
	EXPECT(INPUT_ARRAY, "", "E1 the input ends before the array does");
}

UNIT_TEST(input, offsets_count_from_the_beginning_of_the_input) {
	struct input input;
	char shown[64] = "";

	input_init(&input, INPUT_ARRAY);
	put(&input, "[100,", 5);
	take(&input, shown, sizeof(shown));
	put(&input, "200", 3);
	put(&input, ",", 1);
	take(&input, shown, sizeof(shown));
	cr_assert_str_eq(shown, "1:100 2:200");
	cr_assert_eq(input.offset, 9);
	input_done(&input);
}

/* Feeds size bytes without an end of an item. Returns what input_next() says first, but "more". */
static int flood(enum input_mode mode, const char *head, size_t size) {
	struct input input;
	struct input_item item;
	size_t room, fed = 0;
	int r = 0;

	input_init(&input, mode);
	if (*head)
		put(&input, head, strlen(head));
	while (r == 0 && fed < size) {
		char *space = input_space(&input, &room);

		memset(space, '1', room);
		input_filled(&input, room);
		fed += room;
		r = input_next(&input, &item);
	}
	cr_assert_leq(input.capacity, 4 * (size_t) INPUT_ITEM_MAX);
	input_done(&input);
	return r;
}

UNIT_TEST(input, an_item_over_16_mib_is_refused) {
	size_t size = (size_t) INPUT_ITEM_MAX + (1u << 20);

	cr_assert_eq(flood(INPUT_LINES, "", size), -INPUT_E_TOO_LONG);
	cr_assert_eq(flood(INPUT_JSON, "", size), -INPUT_E_TOO_LONG);
	cr_assert_eq(flood(INPUT_ARRAY, "[", size), -INPUT_E_TOO_LONG);
	cr_assert_eq(flood(INPUT_LINES, "", size / 2), 0);
}

UNIT_TEST(input, memory_does_not_grow_with_the_number_of_items) {
	struct input input;
	struct input_item item;
	uint64_t items = 0;
	size_t room;

	input_init(&input, INPUT_JSON);
	for (int i = 0; i < 200; i++) {
		char *space = input_space(&input, &room);

		for (size_t at = 0; at + 8 <= room; at += 8)
			memcpy(space + at, "1234567\n", 8);
		input_filled(&input, room - room % 8);
		while (input_next(&input, &item) == 1)
			items++;
	}
	cr_assert_eq(items, input.items);
	cr_assert_gt(items, 1000000);
	cr_assert_leq(input.capacity, 512 * 1024);
	input_done(&input);
}

UNIT_TEST(input, no_memory_is_said) {
	struct input input;
	size_t room;

	input_init(&input, INPUT_LINES);
	unit_fail(1);
	cr_assert_null(input_space(&input, &room));
	cr_assert(unit_failed());
	input_done(&input);
}
