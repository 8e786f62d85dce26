#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <limits.h>

/* The linker gives the calls of all our objects to __wrap_x, and libc's own to __real_x. */
#define WRAP(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

static size_t live;
static size_t fail_in; /* allocations until the one that fails, itself included; 0 = none fails */
static bool has_failed;

static bool fails(void) {
	if (fail_in == 0 || --fail_in > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

static void *counted(void *block) {
	if (block)
		live++;
	return block;
}

WRAP(void *, malloc, size_t size) {
	return fails() ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, size_t count, size_t size) {
	return fails() ? NULL : counted(__real_calloc(count, size));
}

WRAP(void *, realloc, void *block, size_t size) {
	if (fails())
		return NULL;
	return block ? __real_realloc(block, size) : counted(__real_realloc(NULL, size));
}

WRAP(void *, reallocarray, void *block, size_t count, size_t size) {
	if (fails())
		return NULL;
	return block ? __real_reallocarray(block, count, size)
		     : counted(__real_reallocarray(NULL, count, size));
}

WRAP(char *, strdup, const char *string) {
	return fails() ? NULL : counted(__real_strdup(string));
}

WRAP(char *, strndup, const char *string, size_t size) {
	return fails() ? NULL : counted(__real_strndup(string, size));
}

WRAP(int, posix_memalign, void **ret, size_t alignment, size_t size) {
	int r = fails() ? ENOMEM : __real_posix_memalign(ret, alignment, size);

	if (r == 0)
		live++;
	return r;
}

WRAP(int, vasprintf, char **ret, const char *format, va_list arguments) {
	int r = fails() ? -1 : __real_vasprintf(ret, format, arguments);

	if (r >= 0)
		live++;
	return r;
}

int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap_asprintf(char **ret, const char *format, ...) {
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = __wrap_vasprintf(ret, format, arguments);
	va_end(arguments);
	return r;
}

/* Its entries and their array are the caller's to free. */
WRAP(int, scandir, const char *path, struct dirent ***ret, int (*filter)(const struct dirent *),
     int (*compare)(const struct dirent **, const struct dirent **)) {
	int n = __real_scandir(path, ret, filter, compare);

	if (n >= 0)
		live += (size_t) n + (*ret != NULL);
	return n;
}

WRAP(void, free, void *block) {
	if (block)
		live--;
	__real_free(block);
}

size_t unit_live(void) {
	return live;
}

void unit_fail(size_t nth) {
	fail_in = nth;
	has_failed = false;
}

bool unit_failed(void) {
	fail_in = 0;
	return has_failed;
}

long unit_leaks(void (*test)(void)) {
	size_t before = live;

	json_set_alloc_funcs(malloc, free);
	json_object_seed(1);
	test();
	unit_failed();
	return (long) (live - before);
}

void unit_run(void (*test)(void)) {
	long leaks = unit_leaks(test);

	cr_assert_eq(leaks, 0, "allocations that were not freed: %ld", leaks);
}

char *unit_copy(const char *text, size_t size) {
	char *copy = malloc(size ? size : 1);

	cr_assert_not_null(copy);
	return memcpy(copy, text, size);
}

unsigned unit_random(unsigned long long *state, unsigned below) {
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned) ((*state * 0x2545f4914f6cdd1dULL >> 32) % below);
}

void unit_put_file(const char *root, const char *path, const char *text) {
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof full, "%s%s", root, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		cr_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(full, "w");
	cr_assert_not_null(file, "%s", full);
	fputs(text, file);
	fclose(file);
}
