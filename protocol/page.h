#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The page that each worker shares with the daemon: a sealed memfd of PAGE_SIZE bytes. Whoever reads it
 * must check the range of what it says: the other side is not trusted.
 *
 * A position is chunk << 21 | offset << 1 | running: chunks are numbered from 1 per worker, so positions of
 * one worker only grow, and comparing two of them as integers says which comes later.
 */

#define PAGE_SIZE 4096

struct page {
	/* By the worker: before an item its position with running set, after it the next item's without. */
	_Alignas(64) _Atomic uint64_t progress;
	/* By the daemon: the first position not to begin, PAGE_NO_LIMIT if there is none. */
	_Alignas(64) _Atomic uint64_t limit;
	/* By the worker: CLOCK_MONOTONIC_COARSE in microseconds when the running item began, if asked for. */
	_Alignas(64) _Atomic uint64_t began;
};

#define PAGE_NO_LIMIT UINT64_MAX

#define PAGE_OFFSET_BITS 20
#define PAGE_OFFSET_MAX  ((UINT64_C(1) << PAGE_OFFSET_BITS) - 1)
#define PAGE_CHUNK_MAX   ((UINT64_C(1) << (63 - PAGE_OFFSET_BITS)) - 1)

struct position {
	uint64_t chunk;
	uint32_t offset;
	bool running;
};

/* chunk: 1..PAGE_CHUNK_MAX; offset: 0..PAGE_OFFSET_MAX. Returns the word. */
static inline uint64_t position_pack(uint64_t chunk, uint32_t offset, bool running) {
	return chunk << (PAGE_OFFSET_BITS + 1) | (uint64_t) offset << 1 | running;
}

/* Any word unpacks; chunk 0 means that nothing was ever started. */
static inline struct position position_unpack(uint64_t word) {
	return (struct position) {
		.chunk = word >> (PAGE_OFFSET_BITS + 1),
		.offset = (uint32_t) (word >> 1 & PAGE_OFFSET_MAX),
		.running = word & 1,
	};
}
