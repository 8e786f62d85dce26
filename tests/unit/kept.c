#include "client/tool/kept.h"

#include <stdio.h>

#include "tests/unit/unit.h"

/*
 * Which items of a map are kept, and what they are in the next stream.
 */

static void add_numbers(struct kept *kept, uint64_t first, size_t count) {
	char text[24];

	for (size_t i = 0; i < count; i++) {
		int size = snprintf(text, sizeof(text), "%llu", (unsigned long long) (first + i));

		cr_assert_eq(kept_add(kept, text, (size_t) size), 0);
	}
}

/* All that wait: position, index and text of each. */
static const char *shown(const struct kept *kept, uint64_t to) {
	static char line[512];
	size_t size, at = 0;

	line[0] = '\0';
	for (uint64_t position = 0; position < to; position++) {
		const char *text;

		if (!kept_has(kept, position, 1))
			continue;
		text = kept_text(kept, position, &size);
		at += (size_t) sprintf(line + at, "%s%llu=%llu:%.*s", at > 0 ? " " : "",
				       (unsigned long long) position,
				       (unsigned long long) kept_index(kept, position), (int) size,
				       text);
	}
	return line;
}

UNIT_TEST(kept, what_was_answered_is_not_kept) {
	struct kept kept = {0};

	add_numbers(&kept, 10, 4);
	kept_answered(&kept, 0, 1);
	cr_assert_str_eq(shown(&kept, 4), "1=1:11 2=2:12 3=3:13");
	kept_answered(&kept, 2, 1);
	cr_assert_str_eq(shown(&kept, 4), "1=1:11 3=3:13");
	cr_assert(!kept_has(&kept, 1, 2));
	kept_answered(&kept, 1, 1);
	kept_answered(&kept, 3, 1);
	cr_assert_str_eq(shown(&kept, 4), "");
	cr_assert_eq(bytes_size(&kept.texts), 0);
	kept_done(&kept);
}

UNIT_TEST(kept, a_new_stream_counts_what_is_left_from_0) {
	struct kept kept = {0};

	add_numbers(&kept, 10, 5);
	kept_answered(&kept, 0, 2);
	kept_answered(&kept, 3, 1);
	kept_restart(&kept);
	cr_assert_eq(kept.next_position, 2);
	add_numbers(&kept, 15, 2);
	cr_assert_str_eq(shown(&kept, 9), "0=2:12 1=4:14 2=5:15 3=6:16");

	kept_answered(&kept, 1, 2);
	kept_restart(&kept);
	add_numbers(&kept, 17, 1);
	cr_assert_str_eq(shown(&kept, 9), "0=2:12 1=6:16 2=7:17");
	kept_done(&kept);
}

UNIT_TEST(kept, after_all_results_a_new_stream_counts_from_0_too) {
	struct kept kept = {0};

	add_numbers(&kept, 10, 3);
	kept_answered(&kept, 0, 3);
	kept_restart(&kept);
	add_numbers(&kept, 13, 1);
	cr_assert_str_eq(shown(&kept, 3), "0=3:13");
	kept_done(&kept);
}

UNIT_TEST(kept, what_the_stream_refused_is_taken_back) {
	struct kept kept = {0};

	add_numbers(&kept, 10, 1);
	cr_assert_eq(kept_add(&kept, "[", 1), 0);
	kept_drop_last(&kept);
	add_numbers(&kept, 11, 1);
	cr_assert_str_eq(shown(&kept, 3), "0=0:10 1=1:11");
	kept_done(&kept);
}

UNIT_TEST(kept, results_of_what_does_not_wait_are_noticed) {
	struct kept kept = {0};

	cr_assert(!kept_has(&kept, 0, 1));
	add_numbers(&kept, 0, 3);
	cr_assert(kept_has(&kept, 0, 3));
	cr_assert(!kept_has(&kept, 0, 4));
	cr_assert(!kept_has(&kept, 3, 1));
	cr_assert(!kept_has(&kept, UINT64_MAX, 1));
	cr_assert(!kept_has(&kept, 1, SIZE_MAX));
	kept_done(&kept);
}

UNIT_TEST(kept, nothing_of_no_size_is_kept_too) {
	struct kept kept = {0};
	size_t size = 1;

	cr_assert_eq(kept_add(&kept, "", 0), 0);
	kept_restart(&kept);
	kept_text(&kept, 0, &size);
	cr_assert_eq(size, 0);
	kept_done(&kept);
}

/* One slow item, and a million that go past it: as many are held as wait, not as many as went. */
UNIT_TEST(kept, what_goes_past_a_slow_item_is_not_held) {
	enum { ITEMS = 1000 * 1000, WAITING = 100 };
	struct kept kept = {0};
	size_t size;

	for (uint64_t i = 0; i < ITEMS; i++) {
		add_numbers(&kept, i, 1);
		if (i > WAITING)
			kept_answered(&kept, i - WAITING, 1);
	}
	cr_assert_lt(kept.capacity, 8192);
	cr_assert_lt(kept.texts.capacity, 512 * 1024);
	kept_restart(&kept);
	cr_assert_eq(kept.next_position, WAITING + 1);
	cr_assert_eq(memcmp(kept_text(&kept, WAITING, &size), "999999", 6), 0);
	cr_assert_eq(kept_index(&kept, 1), ITEMS - WAITING);
	kept_done(&kept);
}

UNIT_TEST(kept, what_cannot_be_kept_leaves_the_rest) {
	static const char text[] = "12345678901234567890";
	size_t n = 0, size;
	bool failed;

	do {
		struct kept kept = {0};
		int r = 0;

		unit_fail(++n);
		for (int i = 0; r == 0 && i < 3000; i++)
			r = kept_add(&kept, text, 20);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0);
		kept_restart(&kept);
		cr_assert_eq(bytes_size(&kept.texts), 20 * kept.next_position);
		if (kept.next_position > 0)
			cr_assert_eq(
				memcmp(kept_text(&kept, kept.next_position - 1, &size), text, 20),
				0);
		kept_done(&kept);
	} while (failed);
}
