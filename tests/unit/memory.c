#include "daemon/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* A tree of control groups in a directory of its own. */
static char root[] = "/tmp/memory-XXXXXX";

static void put(const char *path, const char *text) {
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void enter(void) {
	static const char *const directories[] = {"a", "a/b", "memory", "memory/c"};

	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(chdir(root), 0);
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		cr_assert_eq(mkdir(directories[i], 0700), 0);
}

static void leave(void) {
	static const char *const paths[] = {"a/b/memory.max",
					    "a/memory.max",
					    "memory/c/memory.limit_in_bytes",
					    "groups",
					    "memory/c",
					    "memory",
					    "a/b",
					    "a"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		remove(paths[i]);
	rmdir(root);
}

static uint64_t machine(void) {
	return (uint64_t) sysconf(_SC_PHYS_PAGES) * (uint64_t) sysconf(_SC_PAGESIZE);
}

UNIT_TEST(memory, without_control_groups_it_is_the_machines) {
	cr_assert_eq(memory_limit("/nonexistent", "/nonexistent"), machine());
}

UNIT_TEST(memory, the_least_limit_of_all_groups_counts) {
	enter();
	put("groups", "0::/a/b\n");
	cr_assert_eq(memory_limit("groups", root), machine());
	put("a/b/memory.max", "max\n");
	cr_assert_eq(memory_limit("groups", root), machine());
	put("a/memory.max", "40000000\n");
	cr_assert_eq(memory_limit("groups", root), 40000000u);
	put("a/b/memory.max", "30000000\n");
	cr_assert_eq(memory_limit("groups", root), 30000000u);
	put("a/memory.max", "20000000\n");
	cr_assert_eq(memory_limit("groups", root), 20000000u);
	leave();
}

UNIT_TEST(memory, control_groups_of_version_1_count_too) {
	enter();
	put("groups", "12:cpu,cpuacct:/c\n9:memory:/c\nnonsense\n1:name=systemd:/\n");
	cr_assert_eq(memory_limit("groups", root), machine());
	put("memory/c/memory.limit_in_bytes", "50000000\n");
	cr_assert_eq(memory_limit("groups", root), 50000000u);
	put("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
	cr_assert_eq(memory_limit("groups", root), machine());
	leave();
}
