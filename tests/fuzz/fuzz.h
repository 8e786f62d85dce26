#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A fuzz target takes any bytes and aborts when a promise is broken. With clang's libFuzzer (make
 * fuzz) bytes are made up; linked with replay.c the target reads its corpus,
 * tests/fuzz/corpus/NAME, in make check. Once a bug is found its input becomes a file there.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(promise) \
	do { \
		if (!(promise)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
			abort(); \
		} \
	} while (0)

/* A copy in a block of just this size, so that a sanitizer sees every byte read beyond it. */
static inline char *fuzz_copy(const void *data, size_t size) {
	char *copy = malloc(size ? size : 1);

	FUZZ_CHECK(copy);
	for (size_t i = 0; i < size; i++)
		copy[i] = ((const char *) data)[i];
	return copy;
}

/* Sizes of reads that depend on the input alone, so that an input that aborts once does so
 * again. */
static inline uint32_t fuzz_seed(const uint8_t *data, size_t size) {
	uint32_t seed = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 16777619;
	return seed;
}

static inline size_t fuzz_next(uint32_t *seed, size_t below) {
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}
