#include "protocol/page.h"

#include <stddef.h>

#include "tests/unit/unit.h"

/* "It has three words of 64 bits, aligned, in the machine's byte order, each to be read and
 * written atomically:"
 * "0 | progress | worker | before an item: its position with running = 1; after it: the position
 * of the next with running = 0"
 * "64 | limit | daemon | the first position that must not be begun; all ones: none"
 * "128 | began | worker | if the chunk has `clock`: `CLOCK_MONOTONIC` in microseconds when the
 * item began" */
UNIT_TEST(page, its_words_lie_on_lines_of_their_own_within_one_page) {
	cr_assert_eq(offsetof(struct page, progress), 0);
	cr_assert_eq(offsetof(struct page, limit), 64);
	cr_assert_eq(offsetof(struct page, began), 128);
	cr_assert_leq(sizeof(struct page), PAGE_SIZE);
	cr_assert(atomic_is_lock_free(&((struct page) {0}).progress));
}

/* "A position is `chunk << 21 | offset << 1 | running`, with the number of the chunk and the
 * offset of the item in it." */
UNIT_TEST(page, a_position_unpacks_to_what_was_packed) {
	static const uint64_t chunks[] = {0, 1, 2, 1000, PAGE_CHUNK_MAX - 1, PAGE_CHUNK_MAX};
	static const uint32_t offsets[] = {0, 1, 65535, PAGE_OFFSET_MAX - 1, PAGE_OFFSET_MAX};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		for (size_t j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++) {
			for (int running = 0; running <= 1; running++) {
				struct position position = position_unpack(
					position_pack(chunks[i], offsets[j], running));

				cr_assert_eq(position.chunk, chunks[i]);
				cr_assert_eq(position.offset, offsets[j]);
				cr_assert_eq(position.running, running);
			}
		}
	}
}

/* "A later position is a greater number." */
UNIT_TEST(page, positions_grow_in_the_order_in_which_a_worker_takes_them) {
	/* Before an item, after it, before the next; the end of a chunk, the begin of the next
	 * one. */
	const uint64_t order[] = {
		0,
		position_pack(1, 0, false),
		position_pack(1, 0, true),
		position_pack(1, 1, false),
		position_pack(1, 1, true),
		position_pack(1, PAGE_OFFSET_MAX, false),
		position_pack(1, PAGE_OFFSET_MAX, true),
		position_pack(2, 0, false),
		position_pack(PAGE_CHUNK_MAX, 0, true),
		position_pack(PAGE_CHUNK_MAX, PAGE_OFFSET_MAX, false),
	};

	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		cr_assert_lt(order[i - 1], order[i], "%zu", i);
	cr_assert_lt(order[sizeof(order) / sizeof(order[0]) - 1], PAGE_NO_LIMIT);
}
