#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the programs of bench/ share. Each prints one JSON object; bench/lab.py reads it. */

static inline int64_t now_ns(void) {
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

static inline double seconds_since(int64_t begin_ns) {
	return (double) (now_ns() - begin_ns) / 1e9;
}

/* A figure that is wrong is worse than none: every program ends at the first surprise. */
#define die(...) \
	do { \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
		exit(1); \
	} while (0)

static inline void *must_have(void *memory) {
	if (!memory)
		die("no memory");
	return memory;
}

/* The same work wherever it runs: what a CPU-bound item does, in workers and without any. */
static inline uint64_t loop(uint64_t turns) {
	uint64_t x = turns | 1;

	for (uint64_t i = 0; i < turns; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}
