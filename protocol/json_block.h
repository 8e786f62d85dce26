#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(JSON_BLOCK_PORTABLE)
#include <emmintrin.h>
#endif

/*
 * Sixteen bytes of text looked at together. The arithmetic is written with the vectors of gcc and
 * clang, which become SSE2, NEON or plain registers; only the way from a vector to a number is not
 * in their language. A comparison of vectors gives 0xff where it holds and 0x00 elsewhere.
 */
struct block {
	uint8_t bytes __attribute__((vector_size(16)));
};

#define BLOCK_SIZE 16

/* from: so many bytes must be readable; they need not be aligned. */
static inline struct block block_load(const unsigned char *from) {
	struct block block;

	memcpy(&block, from, sizeof(block));
	return block;
}

/* Of the result of a comparison: bit i is set where it holds for byte i. */
static inline uint32_t block_bits(struct block block) {
#if defined(__SSE2__) && !defined(JSON_BLOCK_PORTABLE)
	return (uint32_t) _mm_movemask_epi8((__m128i) block.bytes);
#else
	/* The product moves the top bits of eight bytes next to each other, into its top byte. */
	const uint64_t tops = UINT64_C(0x8080808080808080), gather = UINT64_C(0x0002040810204081);
	uint64_t halves[2];

	memcpy(halves, &block, sizeof(halves));
	return (uint32_t) (((le64toh(halves[0]) & tops) * gather) >> 56 |
			   ((le64toh(halves[1]) & tops) * gather) >> 56 << 8);
#endif
}

static inline struct block block_is(struct block block, uint8_t byte) {
	return (struct block) {(__typeof__(block.bytes)) (block.bytes == byte)};
}

static inline struct block block_is_digit(struct block block) {
	return (struct block) {(__typeof__(block.bytes)) (block.bytes - '0' < 10)};
}

/* What does not stand for itself in a string, or needs a closer look: its end, escapes, and what is
 * below ' ' as a signed number – control characters, and all bytes beyond ASCII. */
static inline struct block block_is_special(struct block block) {
	int8_t numbers __attribute__((vector_size(16))) = (__typeof__(numbers)) block.bytes;

	return (struct block) {(__typeof__(block.bytes)) (numbers < 0x20) |
			       block_is(block, '"').bytes | block_is(block, '\\').bytes};
}
