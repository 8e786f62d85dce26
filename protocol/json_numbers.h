#pragma once

#include <stdint.h>

#include "protocol/json_block.h"

/*
 * Numbers in an array, 64 bytes at once. Each byte of the window is one bit of a word, the first
 * byte the lowest, one word for each kind of byte; then the grammar is arithmetic on words: x << 1
 * is "the byte before is x".
 */
#define WINDOW_SIZE 64

/* The bits of a window. */
struct window {
	uint64_t digits, commas, zeros;
	uint64_t minus, points, spaces; /* only if there is any byte that is none of the above */
};

static inline uint64_t lowest(uint64_t bits) {
	return bits & -bits;
}

static inline struct window window_read(const unsigned char *at) {
	struct window window = {0};

	for (unsigned i = 0; i < WINDOW_SIZE; i += BLOCK_SIZE) {
		struct block block = block_load(at + i);

		window.digits |= (uint64_t) block_bits(block_is_digit(block)) << i;
		window.commas |= (uint64_t) block_bits(block_is(block, ',')) << i;
		window.zeros |= (uint64_t) block_bits(block_is(block, '0')) << i;
	}
	if ((window.digits | window.commas) == UINT64_MAX)
		return window;
	for (unsigned i = 0; i < WINDOW_SIZE; i += BLOCK_SIZE) {
		struct block block = block_load(at + i);

		window.minus |= (uint64_t) block_bits(block_is(block, '-')) << i;
		window.points |= (uint64_t) block_bits(block_is(block, '.')) << i;
		window.spaces |= (uint64_t) block_bits(block_is(block, ' ')) << i;
	}
	return window;
}

/* Which bytes cannot be where they are, as far as the window shows; bits above the lowest one say
 * nothing. */
static inline uint64_t window_faults(const struct window *window) {
	uint64_t digits = window->digits, points = window->points;
	uint64_t behind = window->commas << 1, spaces = window->spaces & behind;
	uint64_t begins = (behind & ~spaces) | spaces << 1; /* of numbers */
	uint64_t minus = window->minus & begins;
	uint64_t firsts = (begins & ~minus) | minus << 1; /* where the first digits must be */
	uint64_t faults = (firsts & ~digits) | ((firsts & window->zeros) << 1 & digits);

	if ((digits | window->commas) == UINT64_MAX)
		return faults;
	faults |= ~(digits | window->commas | minus | points | spaces);
	/* A digit is behind a point – before it there is one, or a fault –, and no other point behind
	 * that: a bit that is added to the first digit is carried to where the digits end. */
	faults |= points << 1 & ~digits;
	return faults | (((points << 1) + digits) & ~digits & points);
}

/*
 * at: on a comma behind an element of an array; WINDOW_SIZE bytes must be readable.
 * Returns the commas that end numbers which follow each other from there on, each of them whole in
 * the window: bit i for byte i.
 */
static inline uint64_t numbers_read(const unsigned char *at) {
	struct window window = window_read(at);
	uint64_t faults = window_faults(&window), ends = window.commas & ~UINT64_C(1);

	return faults ? ends & (lowest(faults) - 1) : ends;
}
