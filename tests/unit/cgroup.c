#include "daemon/cgroup.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "daemon/file.h"
#include "daemon/oom.h"
#include "tests/unit/unit.h"

/*
 * Control groups as plain directories: what is written into their files can be looked at. A kernel's directory can be
 * removed with its files in it; here they are removed first.
 */

#define GROUP "/sys/fs/cgroup/system.slice/procpool.service"
#define MOUNTS \
	"29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n" \
	"30 23 0:27 / /sys/fs/memory rw - cgroup cgroup rw,memory\n"

static char root[PATH_MAX];

static void put(const char *path, const char *text) {
	unit_put_file(root, path, text);
}

static void expect_file(const char *path, const char *text) {
	char *is = file_read_in(root, "", path);

	cr_assert_str_eq(is ? is : "(no file)", text, "%s", path);
	free(is);
}

static void drop(const char *path) {
	char full[PATH_MAX * 2];

	snprintf(full, sizeof full, "%s%s", root, path);
	cr_assert_eq(remove(full), 0, "%s: %s", full, strerror(errno));
}

static bool there(const char *path) {
	char full[PATH_MAX * 2];

	snprintf(full, sizeof full, "%s%s", root, path);
	return access(full, F_OK) == 0;
}

/* The mark of systemd on the group; NULL = none. Not every file system could have it. */
static const char *mark;

ssize_t __wrap_getxattr(const char *path, const char *name, void *value, size_t size);
ssize_t __wrap_getxattr(const char *path, const char *name, void *value, size_t size) {
	cr_assert(strstr(path, GROUP));
	cr_assert_geq(size, 2);
	if (!mark || strcmp(name, "user.delegate") != 0) {
		errno = ENODATA;
		return -1;
	}
	memcpy(value, mark, strlen(mark));
	return (ssize_t) strlen(mark);
}

/* A service's group with these controllers, delegated. */
static void enter(const char *controllers) {
	strcpy(root, "/tmp/cgroup-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	put("/proc/self/cgroup",
	    "3:memory:/system.slice/procpool.service\n0::/system.slice/procpool.service\n");
	put("/proc/self/mountinfo", MOUNTS);
	put(GROUP "/cgroup.procs", "77\n");
	put(GROUP "/cgroup.controllers", controllers);
	put(GROUP "/cgroup.subtree_control", "");
	mark = "1";
}

static void leave(void) {
	char command[PATH_MAX + 16];

	snprintf(command, sizeof command, "rm -rf '%s'", root);
	cr_assert_eq(system(command), 0);
}

static struct cgroup *begin(struct event_base *base) {
	struct cgroup *cgroup = cgroup_new(
		&(struct cgroup_setup) {.root = root, .self = 77, .exec_pid = "77", .base = base});

	cr_assert_not_null(cgroup);
	return cgroup;
}

static const struct leaf_limits some = {.memory = 64 << 20, .pids = 5};

/* Of what the daemon wrote into the directory of the workers, which the kernel would not keep. */
static void drop_files_of(const char *directory) {
	static const char *const names[] = {"memory.max", "memory.oom.group", "pids.max",
					    "cgroup.kill", "cgroup.subtree_control"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, GROUP "/%s/%s", directory, names[i]);
		if (there(path))
			drop(path);
	}
}

UNIT_TEST(cgroup, the_daemon_goes_into_a_group_of_its_own_and_back) {
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;

	enter("cpuset cpu io memory pids\n");
	cgroup = begin(base);
	expect_file(GROUP "/supervisor/cgroup.procs", "0");
	/* The last one written: a kernel takes all of them. */
	expect_file(GROUP "/cgroup.subtree_control", "+pids");
	expect_file(GROUP "/w/cgroup.subtree_control", "+pids");
	cr_assert(cgroup_has(cgroup, CONTROLLER_CPU));
	cr_assert(cgroup_has(cgroup, CONTROLLER_MEMORY));
	cr_assert(cgroup_has(cgroup, CONTROLLER_PIDS));
	drop(GROUP "/supervisor/cgroup.procs");
	drop_files_of("w");
	put(GROUP "/w/cgroup.events", "populated 0\nfrozen 0\n");
	cgroup_free(cgroup);
	expect_file(GROUP "/cgroup.procs", "0");
	expect_file(GROUP "/cgroup.subtree_control", "-pids");
	expect_file(GROUP "/w/cgroup.kill", "1");
	cr_assert_not(there(GROUP "/supervisor"));
	event_base_free(base);
	leave();
}

/* "`memory_max` is the most memory that a worker and what it started may have, and `pids_max` the most processes and
 * threads: limits of that group, if it has the controllers `memory` and `pids`." */
UNIT_TEST(cgroup, a_leaf_has_the_limits_of_its_pool) {
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;
	struct leaf *leaf, *unlimited;
	char directory[PATH_MAX * 2];

	enter("memory pids\n");
	cgroup = begin(base);
	cr_assert_eq(leaf_new(&leaf, cgroup, 12, &some), 0);
	expect_file(GROUP "/w/12/memory.max", "67108864");
	expect_file(GROUP "/w/12/memory.oom.group", "1");
	expect_file(GROUP "/w/12/pids.max", "5");
	snprintf(directory, sizeof directory, "%s" GROUP "/w/12", root);
	cr_assert_str_eq(leaf_directory(leaf), directory);
	cr_assert_eq(
		leaf_new(&unlimited, cgroup, 13, &(struct leaf_limits) {UINT64_MAX, UINT64_MAX}),
		0);
	expect_file(GROUP "/w/13/memory.max", "max");
	expect_file(GROUP "/w/13/pids.max", "max");
	cr_assert_eq(leaf_new(&unlimited, cgroup, 13, &some), -EEXIST);

	leaf_kill(leaf);
	expect_file(GROUP "/w/12/cgroup.kill", "1");
	drop_files_of("w/12");
	leaf_free(leaf);
	/* That it is killed once more before it goes leaves a file, here. */
	expect_file(GROUP "/w/12/cgroup.kill", "1");
	cr_assert(there(GROUP "/w/13"));
	drop_files_of("w/12");
	event_base_loop(base, EVLOOP_ONCE); /* the timer: it tries again, and kills again */
	drop_files_of("w/12");
	leaf_free(unlimited);
	cgroup_free(cgroup);
	event_base_free(base);
	leave();
}

UNIT_TEST(cgroup, without_controllers_a_leaf_has_no_limits) {
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;
	struct leaf *leaf;

	enter("hugetlb\n");
	cgroup = begin(base);
	cr_assert_not(cgroup_has(cgroup, CONTROLLER_CPU));
	cr_assert_not(cgroup_has(cgroup, CONTROLLER_MEMORY));
	expect_file(GROUP "/cgroup.subtree_control", "");
	cr_assert_eq(leaf_new(&leaf, cgroup, 1, &some), 0);
	cr_assert(there(GROUP "/w/1"));
	cr_assert_not(there(GROUP "/w/1/memory.max"));
	cr_assert_not(there(GROUP "/w/1/pids.max"));
	cr_assert_eq(leaf_oom(leaf), LEAF_OOM_NONE);
	leaf_free(leaf);
	cgroup_free(cgroup);
	event_base_free(base);
	leave();
}

UNIT_TEST(cgroup, a_leaf_tells_whose_memory_it_was) {
	static const struct {
		const char *events;
		enum leaf_oom oom;
	} table[] = {
		{"low 0\nhigh 0\nmax 40\noom 1\noom_kill 1\noom_group_kill 1\n", LEAF_OOM_OWN},
		{"low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n", LEAF_OOM_AROUND},
		{"low 0\nhigh 0\nmax 40\noom 1\noom_kill 0\n", LEAF_OOM_NONE},
		{"low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n", LEAF_OOM_NONE},
	};
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;
	struct leaf *leaf;

	enter("memory\n");
	cgroup = begin(base);
	cr_assert_eq(leaf_new(&leaf, cgroup, 3, &some), 0);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		put(GROUP "/w/3/memory.events", table[i].events);
		cr_assert_eq(leaf_oom(leaf), table[i].oom, "row %zu", i);
	}
	leaf_free(leaf);
	cgroup_free(cgroup);
	event_base_free(base);
	leave();
}

UNIT_TEST(cgroup, what_a_killed_daemon_left_is_removed) {
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;
	char full[PATH_MAX * 2];

	enter("hugetlb\n");
	snprintf(full, sizeof full, "%s" GROUP "/supervisor", root);
	cr_assert_eq(mkdir(full, 0755), 0);
	snprintf(full, sizeof full, "%s" GROUP "/w", root);
	cr_assert_eq(mkdir(full, 0755), 0);
	snprintf(full, sizeof full, "%s" GROUP "/w/7", root);
	cr_assert_eq(mkdir(full, 0755), 0);
	cgroup = begin(base);
	cr_assert_not(there(GROUP "/w/7"));
	cr_assert(there(GROUP "/w"));
	cgroup_free(cgroup);
	event_base_free(base);
	leave();
}

static void expect_untouched(const struct cgroup_setup *setup) {
	cr_assert_null(cgroup_new(setup));
	expect_file(GROUP "/cgroup.procs", "77\n");
	cr_assert_not(there(GROUP "/supervisor"));
	cr_assert_not(there(GROUP "/w"));
}

UNIT_TEST(cgroup, what_is_not_the_daemons_is_not_touched) {
	struct event_base *base = event_base_new();
	struct cgroup_setup setup = {.root = root, .self = 77, .exec_pid = "77", .base = base};

	enter("memory pids\n");
	setup.private = true;
	expect_untouched(&setup);
	setup.private = false;
	setup.exec_pid = NULL;
	expect_untouched(&setup);
	setup.exec_pid = "76";
	expect_untouched(&setup);
	setup.exec_pid = "77";
	mark = NULL;
	expect_untouched(&setup);
	mark = "1";
	put(GROUP "/cgroup.procs", "77\n78\n");
	cr_assert_null(cgroup_new(&setup));
	cr_assert_not(there(GROUP "/supervisor"));
	put("/proc/self/cgroup", "3:memory:/system.slice/procpool.service\n");
	put(GROUP "/cgroup.procs", "77\n");
	expect_untouched(&setup);
	event_base_free(base);
	leave();
}

/* As in a service whose tree is read-only for it. */
UNIT_TEST(cgroup, what_cannot_be_divided_is_left_as_it_was) {
	struct event_base *base = event_base_new();

	enter("memory pids\n");
	put(GROUP "/supervisor", "a file in the way");
	cr_assert_null(cgroup_new(
		&(struct cgroup_setup) {.root = root, .self = 77, .exec_pid = "77", .base = base}));
	expect_file(GROUP "/supervisor", "a file in the way");
	cr_assert_not(there(GROUP "/w"));
	event_base_free(base);
	leave();
}

UNIT_TEST(cgroup, where_there_is_none_all_of_it_does_nothing) {
	cr_assert_not(cgroup_has(NULL, CONTROLLER_MEMORY));
	cr_assert_null(cgroup_free(NULL));
	cr_assert_null(leaf_free(NULL));
	cr_assert_null(leaf_directory(NULL));
	leaf_kill(NULL);
}

UNIT_TEST(cgroup, without_memory_there_is_none) {
	struct event_base *base = event_base_new();
	struct cgroup *cgroup;
	unsigned failures = 0;

	enter("hugetlb\n");
	for (size_t nth = 1; nth < 40; nth++) {
		unit_fail(nth);
		cgroup = cgroup_new(&(struct cgroup_setup) {
			.root = root, .self = 77, .exec_pid = "77", .base = base});
		failures += unit_failed();
		if (there(GROUP "/supervisor/cgroup.procs"))
			drop(GROUP "/supervisor/cgroup.procs");
		cgroup_free(cgroup);
		put(GROUP "/cgroup.procs", "77\n");
	}
	cr_assert_gt(failures, 5);
	event_base_free(base);
	leave();
}

/* -------- who was killed -------- */

UNIT_TEST(oom, each_kill_is_told_once) {
	struct oom oom;

	enter("memory\n");
	put(GROUP "/memory.events", "oom 2\noom_kill 2\n");
	oom_init(&oom, root);
	cr_assert_not(oom_take(&oom), "those before do not count");
	put(GROUP "/memory.events", "oom 3\noom_kill 4\n");
	cr_assert(oom_take(&oom));
	cr_assert(oom_take(&oom));
	cr_assert_not(oom_take(&oom));
	oom_done(&oom);
	leave();
}

UNIT_TEST(oom, of_version_1_it_is_another_file) {
	struct oom oom;

	enter("hugetlb\n");
	put("/sys/fs/memory/system.slice/procpool.service/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	oom_init(&oom, root);
	cr_assert_not(oom_take(&oom));
	put("/sys/fs/memory/system.slice/procpool.service/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
	cr_assert(oom_take(&oom));
	cr_assert_not(oom_take(&oom));
	oom_done(&oom);
	leave();
}

UNIT_TEST(oom, where_nobody_counts_nothing_is_seen) {
	struct oom oom;

	enter("hugetlb\n");
	oom_init(&oom, root);
	cr_assert_not(oom_take(&oom));
	oom_done(&oom);
	oom_init(&oom, "/nonexistent");
	cr_assert_not(oom_take(&oom));
	oom_done(&oom);
	leave();
}
