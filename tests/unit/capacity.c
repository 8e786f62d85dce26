#include "daemon/capacity.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cpus.h"
#include "tests/unit/unit.h"

/* Quota of CPU time, from texts as kernels and containers write them. */

#define GROUPS_DESKTOP "0::/user.slice/user-1000.slice/session-2.scope\n"
#define MOUNTS_DESKTOP \
	"22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw\n" \
	"28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n" \
	"35 23 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 " \
	"rw,nsdelegate,memory_recursiveprot\n"

/* A container in the namespaces of its host: the mount shows the group only, the path is the host's. */
#define GROUPS_DOCKER_V1 \
	"12:freezer:/docker/5c0f\n" \
	"11:cpuset:/docker/5c0f\n" \
	"5:cpuacct,cpu:/docker/5c0f\n" \
	"1:name=systemd:/docker/5c0f\n"
#define MOUNTS_DOCKER_V1 \
	"715 640 0:67 / / rw,relatime master:282 - overlay overlay rw,lowerdir=/l/A:/l/B\n" \
	"716 715 0:70 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n" \
	"720 719 0:30 /docker/5c0f /sys/fs/cgroup/systemd ro,nosuid master:11 - cgroup cgroup " \
	"rw,xattr,name=systemd\n" \
	"722 719 0:35 /docker/5c0f /sys/fs/cgroup/cpuset ro,nosuid,nodev,noexec,relatime " \
	"master:16 - cgroup cgroup rw,cpuset\n" \
	"724 719 0:37 /docker/5c0f /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime " \
	"master:18 - cgroup cgroup rw,cpu,cpuacct\n"

/* A pod of Kubernetes, likewise, whose process made a group of its own. */
#define GROUPS_POD "4:cpu,cpuacct:/kubepods/burstable/pod1f2e/9a8b/mine\n0::/\n"
#define MOUNTS_POD \
	"1 2 0:37 /kubepods/burstable/pod1f2e/9a8b /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup " \
	"rw,cpu,cpuacct\n"

/* Both hierarchies; the unified one is without controllers. */
#define GROUPS_HYBRID "2:cpuacct:/\n1:cpu:/batch\n0::/system.slice/procpool.service\n"
#define MOUNTS_HYBRID \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" \
	"32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n" \
	"33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"

/* A container with a namespace of groups. */
#define GROUPS_PRIVATE "0::/\n"
#define MOUNTS_PRIVATE \
	"1300 1299 0:30 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup " \
	"rw,nsdelegate\n"

/* The same seen from a process outside of that namespace's part of the tree. */
#define GROUPS_OUTSIDE "0::/../other.scope\n"
#define MOUNTS_ABOVE   "40 1 0:30 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

UNIT_TEST(capacity, the_group_is_that_of_the_hierarchy) {
	static const struct {
		const char *text, *v1, *v2;
	} table[] = {
		{GROUPS_DESKTOP, "-", "/user.slice/user-1000.slice/session-2.scope"},
		{GROUPS_DOCKER_V1, "/docker/5c0f", "-"},
		{GROUPS_POD, "/kubepods/burstable/pod1f2e/9a8b/mine", "/"},
		{GROUPS_HYBRID, "/batch", "/system.slice/procpool.service"},
		{GROUPS_OUTSIDE, "-", "/../other.scope"},
		{"3:cpuset,cpuacct:/a\n2:cpu:/b:c\n", "/b:c", "-"},
		{"0::/with blank (deleted)\n", "-", "/with blank (deleted)"},
		{"0::/no end", "-", "/no end"},
		{"", "-", "-"},
		{"\n\n:\n::\n:::\n0:\n0::\n0::relative\n1:cpu\n1:cpu:\n", "-", "-"},
		{"0:cpu:/a\n", "/a", "-"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char *v1 = capacity_group(table[i].text, CAPACITY_V1);
		char *v2 = capacity_group(table[i].text, CAPACITY_V2);

		cr_assert_str_eq(v1 ? v1 : "-", table[i].v1);
		cr_assert_str_eq(v2 ? v2 : "-", table[i].v2);
		free(v1);
		free(v2);
	}
}

UNIT_TEST(capacity, the_directory_is_below_the_mount_that_holds_the_group) {
	static const struct {
		const char *what, *mounts;
		enum capacity_version version;
		const char *group, *directory;
		size_t top;
	} table[] = {
		{"a desktop", MOUNTS_DESKTOP, CAPACITY_V2, "/user.slice/user-1000.slice",
		 "/sys/fs/cgroup/user.slice/user-1000.slice", 14},
		{"the root", MOUNTS_DESKTOP, CAPACITY_V2, "/", "/sys/fs/cgroup", 14},
		{"no such hierarchy", MOUNTS_DESKTOP, CAPACITY_V1, "/", "-", 0},
		{"a container", MOUNTS_DOCKER_V1, CAPACITY_V1, "/docker/5c0f",
		 "/sys/fs/cgroup/cpu,cpuacct", 26},
		{"another one's", MOUNTS_DOCKER_V1, CAPACITY_V1, "/docker/5c0f1", "-", 0},
		{"above it", MOUNTS_DOCKER_V1, CAPACITY_V1, "/docker", "-", 0},
		{"a pod", MOUNTS_POD, CAPACITY_V1, "/kubepods/burstable/pod1f2e/9a8b/mine",
		 "/sys/fs/cgroup/cpu,cpuacct/mine", 26},
		{"both, v1", MOUNTS_HYBRID, CAPACITY_V1, "/batch", "/sys/fs/cgroup/cpu/batch", 18},
		{"both, v2", MOUNTS_HYBRID, CAPACITY_V2, "/a", "/sys/fs/cgroup/unified/a", 22},
		{"a namespace", MOUNTS_PRIVATE, CAPACITY_V2, "/", "/sys/fs/cgroup", 14},
		{"outside of it", MOUNTS_PRIVATE, CAPACITY_V2, "/../other.scope", "-", 0},
		{"inside, the mount from outside", MOUNTS_ABOVE, CAPACITY_V2, "/", "-", 0},
		{"both outside", MOUNTS_ABOVE, CAPACITY_V2, "/../other.scope",
		 "/sys/fs/cgroup/other.scope", 14},
		{"further outside", MOUNTS_ABOVE, CAPACITY_V2, "/../../x", "-", 0},
		{"blanks", "1 2 0:3 /a\\040b /mnt/c\\040\\134d rw - cgroup2 none rw", CAPACITY_V2,
		 "/a b/e", "/mnt/c \\d/e", 9},
		{"no escapes", "1 2 0:3 / /mnt\\04/\\0000/\\9 rw - cgroup2 none rw", CAPACITY_V2,
		 "/", "/mnt\\04/\\0000/\\9", 16},
		{"many optional fields",
		 "1 2 0:3 / /m rw shared:1 master:2 unbindable - cgroup2 x rw", CAPACITY_V2, "/g",
		 "/m/g", 2},
		{"no end of them", "1 2 0:3 / /m rw cgroup2 x rw", CAPACITY_V2, "/g", "-", 0},
		{"a mount at the root", "1 2 0:3 / / rw - cgroup2 x rw", CAPACITY_V2, "/g", "//g",
		 1},
		{"nothing", "", CAPACITY_V2, "/", "-", 0},
		{"no mount", "\n \n- - -\n1 2 3 relative /m rw - cgroup2 x rw\n", CAPACITY_V2, "/",
		 "-", 0},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t top = 0;
		char *directory = capacity_directory(table[i].mounts, table[i].version,
						     table[i].group, 0, &top);

		cr_assert_str_eq(directory ? directory : "-", table[i].directory, "%s: %s",
				 table[i].what, directory ? directory : "-");
		cr_assert_eq(top, table[i].top, "%s: %zu", table[i].what, top);
		free(directory);
	}
}

UNIT_TEST(capacity, of_several_mounts_each_that_holds_the_group_is_found) {
	static const char mounts[] = "1 0 0:3 /other /a rw - cgroup2 x rw\n"
				     "2 0 0:3 / /b rw - cgroup2 x rw\n"
				     "3 0 0:4 / /c rw - cgroup x rw,cpu\n"
				     "4 0 0:3 /g /d rw - cgroup2 x rw\n";
	size_t top;
	char *directory = capacity_directory(mounts, CAPACITY_V2, "/g/h", 0, &top);

	cr_assert_str_eq(directory, "/b/g/h");
	free(directory);
	directory = capacity_directory(mounts, CAPACITY_V2, "/g/h", 1, &top);
	cr_assert_str_eq(directory, "/d/h");
	free(directory);
	cr_assert_null(capacity_directory(mounts, CAPACITY_V2, "/g/h", 2, &top));
}

UNIT_TEST(capacity, a_quota_is_rounded_up) {
	static const struct {
		const char *max;
		unsigned cpus;
	} table[] = {
		{"max 100000\n", 0},
		{"100000 100000\n", 1},
		{"100001 100000\n", 2},
		{"150000 100000", 2},
		{"1000 1000000\n", 1},
		{"800000 100000\n", 8},
		{"20000 10000\n", 2},
		{"", 0},
		{"\n", 0},
		{"max", 0},
		{"100000", 0},
		{"100000 ", 0},
		{"100000 0\n", 0},
		{"0 100000\n", 0},
		{"-1 100000\n", 0},
		{"100000 -100000\n", 0},
		{"100000  100000", 0},
		{"1e5 100000\n", 0},
		{" 1 1", 0},
		{"99999999999999999999 1", 0},
		{"18446744073709551615 1", 0},
		{"18446744073709551615 18446744073709551615", 1},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		cr_assert_eq(capacity_v2(table[i].max), table[i].cpus, "%s: %u", table[i].max,
			     capacity_v2(table[i].max));
	cr_assert_eq(capacity_v1("-1\n", "100000\n"), 0);
	cr_assert_eq(capacity_v1("250000\n", "100000\n"), 3);
	cr_assert_eq(capacity_v1("50000\n", "100000\n"), 1);
	cr_assert_eq(capacity_v1("50000\n", ""), 0);
	cr_assert_eq(capacity_v1("50000\n", "0\n"), 0);
}

/* -------- random texts -------- */

/* A sample with some of its bytes changed, doubled or left out. */
static char *damaged(const char *sample) {
	static const char bytes[] = "/: ,.-\\0417\ncpugro2\t";
	size_t length = strlen(sample), n = 0;
	char *text = malloc(2 * length + 1);

	for (size_t i = 0; i < length; i++) {
		int dice = rand() % 60;

		if (dice == 0)
			continue;
		text[n++] = dice == 1 ? bytes[(size_t) rand() % (sizeof bytes - 1)] : sample[i];
		if (dice == 2)
			text[n++] = sample[i];
	}
	text[n] = '\0';
	return text;
}

static void check_directory(const char *mounts, enum capacity_version version, const char *group) {
	size_t top = 0;
	char *directory;

	for (unsigned nth = 0; (directory = capacity_directory(mounts, version, group, nth, &top));
	     nth++) {
		cr_assert_lt(nth, 100);
		cr_assert_eq(directory[0], '/');
		cr_assert_leq(top, strlen(directory));
		cr_assert(directory[top] == '\0' || directory[top] == '/');
		cr_assert_null(strstr(directory + top, "/../"));
		/* What is below the mount point is an end of the group's path. */
		cr_assert_leq(strlen(directory + top), strlen(group));
		cr_assert_str_eq(directory + top,
				 group[1] ? group + strlen(group) - strlen(directory + top) : "");
		free(directory);
	}
}

UNIT_TEST(capacity, damaged_texts_never_lead_out_of_the_mount) {
	static const char *const groups[] = {GROUPS_DESKTOP, GROUPS_DOCKER_V1, GROUPS_POD,
					     GROUPS_HYBRID,  GROUPS_PRIVATE,   GROUPS_OUTSIDE};
	static const char *const mounts[] = {MOUNTS_DESKTOP, MOUNTS_DOCKER_V1, MOUNTS_POD,
					     MOUNTS_HYBRID,  MOUNTS_PRIVATE,   MOUNTS_ABOVE};
	unsigned found = 0;

	srand(7);
	for (int i = 0; i < 30000; i++) {
		size_t which = (size_t) rand() % (sizeof groups / sizeof *groups);
		char *of = damaged(groups[which]), *in = damaged(mounts[which]);
		enum capacity_version version = rand() % 2 ? CAPACITY_V1 : CAPACITY_V2;
		char *group = capacity_group(of, version);

		if (group) {
			cr_assert_eq(group[0], '/');
			cr_assert_null(strchr(group, '\n'));
			check_directory(in, version, group);
			found++;
		}
		capacity_v2(of);
		capacity_v1(in, of);
		free(group);
		free(of);
		free(in);
	}
	cr_assert_gt(found, 5000);
}

/* -------- a tree of files -------- */

/* A directory with these files, as PATH, TEXT, …, NULL; what quota is found in it. */
static unsigned quota_in(const char *const *files) {
	char root[] = "/tmp/capacity-XXXXXX", command[64];
	unsigned cpus;

	cr_assert_not_null(mkdtemp(root));
	for (; *files; files += 2)
		unit_put_file(root, files[0], files[1]);
	cpus = cpus_quota(root);
	snprintf(command, sizeof command, "rm -r %s", root);
	cr_assert_eq(system(command), 0);
	return cpus;
}

#define QUOTA(...) quota_in((const char *const[]) {__VA_ARGS__, NULL})
#define PROC(name) "/proc/self/cgroup", GROUPS_##name, "/proc/self/mountinfo", MOUNTS_##name

UNIT_TEST(capacity, the_least_quota_on_the_way_up_holds) {
	cr_assert_eq(QUOTA(PROC(DESKTOP)), 0, "no file");
	cr_assert_eq(QUOTA(PROC(DESKTOP),
			   "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/cpu.max",
			   "max 100000\n", "/sys/fs/cgroup/user.slice/user-1000.slice/cpu.max",
			   "350000 100000\n", "/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
		     4, "the one above");
	cr_assert_eq(QUOTA(PROC(DESKTOP),
			   "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/cpu.max",
			   "800000 100000\n", "/sys/fs/cgroup/user.slice/cpu.max",
			   "200000 100000\n"),
		     2, "the one further above is less");
	cr_assert_eq(QUOTA(PROC(DESKTOP),
			   "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/cpu.max",
			   "100000 100000\n", "/sys/fs/cgroup/user.slice/cpu.max",
			   "200000 100000\n"),
		     1, "its own is less");
	cr_assert_eq(QUOTA(PROC(DESKTOP), "/sys/fs/cgroup/cpu.max", "50000 100000\n"), 1,
		     "at the mount point");
	cr_assert_eq(QUOTA(PROC(DESKTOP), "/sys/fs/cpu.max", "50000 100000\n"), 0,
		     "above the mount point there is none");
}

UNIT_TEST(capacity, containers_of_both_versions_have_their_quota) {
	cr_assert_eq(QUOTA(PROC(DOCKER_V1), "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us",
			   "150000\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
		     2);
	cr_assert_eq(QUOTA(PROC(DOCKER_V1), "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n",
			   "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
		     0);
	cr_assert_eq(QUOTA(PROC(POD), "/sys/fs/cgroup/cpu,cpuacct/mine/cpu.cfs_quota_us", "-1\n",
			   "/sys/fs/cgroup/cpu,cpuacct/mine/cpu.cfs_period_us", "100000\n",
			   "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n",
			   "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
		     3);
	cr_assert_eq(QUOTA(PROC(PRIVATE), "/sys/fs/cgroup/cpu.max", "400000 100000\n"), 4);
	cr_assert_eq(QUOTA(PROC(HYBRID), "/sys/fs/cgroup/cpu/batch/cpu.cfs_quota_us", "120000\n",
			   "/sys/fs/cgroup/cpu/batch/cpu.cfs_period_us", "50000\n"),
		     3);
	cr_assert_eq(QUOTA("/proc/self/mountinfo", MOUNTS_PRIVATE), 0, "no groups");
	cr_assert_eq(QUOTA("/proc/self/cgroup", GROUPS_PRIVATE), 0, "no mounts");
	cr_assert_eq(cpus_quota("/nonexistent"), 0);
}

UNIT_TEST(capacity, a_long_list_of_mounts_is_read_whole) {
	char *mounts = malloc(200000);
	size_t n = 0;

	while (n < 150000)
		n += (size_t) sprintf(mounts + n, "%zu 1 0:3 / /mnt/%zu rw - tmpfs tmpfs rw\n", n,
				      n);
	strcpy(mounts + n, MOUNTS_PRIVATE);
	cr_assert_eq(QUOTA("/proc/self/cgroup", GROUPS_PRIVATE, "/proc/self/mountinfo", mounts,
			   "/sys/fs/cgroup/cpu.max", "400000 100000\n"),
		     4);
	free(mounts);
}

UNIT_TEST(capacity, without_memory_there_is_no_quota) {
	unsigned failures = 0;

	for (size_t nth = 1; nth < 40; nth++) {
		unit_fail(nth);
		cpus_quota("");
		cr_assert_geq(cpus_allowed(), 1);
		failures += unit_failed();
	}
	cr_assert_gt(failures, 5);
}

UNIT_TEST(capacity, some_cpu_is_allowed) {
	cr_assert_geq(cpus_allowed(), 1);
	cr_assert_leq(cpus_allowed(), (unsigned) sysconf(_SC_NPROCESSORS_CONF));
}
