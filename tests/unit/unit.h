#pragma once

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The frame of the unit tests. Every test counts the live allocations of the code under test, of
 * the test itself and of jansson, and fails if one is left at its end: a leak in a test's process
 * is seen by no sanitizer, for that process ends without the sanitizer's report.
 *
 * Counted are malloc, calloc, realloc, reallocarray, strdup, strndup, asprintf, vasprintf,
 * posix_memalign, scandir and free, where our own objects call them (the linker's --wrap). Memory
 * that libc allocates by itself and the caller frees (getline, open_memstream) must not be used in
 * tested code without adding it here.
 */
#define UNIT_TEST(suite, name) \
	static void suite##_##name(void); \
	Test(suite, name) { \
		unit_run(suite##_##name); \
	} \
	static void suite##_##name(void)

/* Runs the test, then asserts that everything is freed. A failed assertion in a suite's fini
 * function is not reported by Criterion 2.4.1, so this is part of the test itself. */
void unit_run(void (*test)(void));

/* Runs the test. Returns how many of its allocations are left; below 0: it freed more. */
long unit_leaks(void (*test)(void));

/* Allocations not freed now. */
size_t unit_live(void);

/* Lets one allocation fail: the nth from here, counted from 1. The loop of every such test:
 *
 *	size_t n = 0;
 *	do {
 *		unit_fail(++n);
 *		r = x_new(&x);
 *		failed = unit_failed();
 *		cr_assert_eq(r, failed ? -ENOMEM : 0);
 *		…
 *	} while (failed);
 */
void unit_fail(size_t nth);

/* Ends what unit_fail() began. Returns whether the allocation came, and so failed. */
bool unit_failed(void);

/* A copy of text[0..size) in a block of just this size, so that a sanitizer sees every byte read
 * beyond it; to be freed. */
char *unit_copy(const char *text, size_t size);

/* Random numbers that are the same on every machine (xorshift64*); *state must not be 0. */
unsigned unit_random(unsigned long long *state, unsigned below);

/* Writes the text into the file ROOT/PATH, path beginning with a slash; directories are made. */
void unit_put_file(const char *root, const char *path, const char *text);
