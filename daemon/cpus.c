#include "daemon/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/capacity.h"
#include "daemon/file.h"

/* More CPUs than any kernel knows. */
#define CPUS_MAX (1u << 20)

unsigned cpus_allowed(void) {
	/* The kernel takes no set smaller than its own. */
	for (unsigned n = CPU_SETSIZE; n <= CPUS_MAX; n *= 2) {
		cpu_set_t *set = CPU_ALLOC(n);
		int r = set ? sched_getaffinity(0, CPU_ALLOC_SIZE(n), set) : -1;
		int saved = errno, count = r == 0 ? CPU_COUNT_S(CPU_ALLOC_SIZE(n), set) : 0;

		CPU_FREE(set);
		if (count > 0)
			return (unsigned) count;
		if (saved != EINVAL)
			break;
	}
	return 1;
}

/* What the group in this directory itself says. */
static unsigned own_quota(const char *root, const char *directory, enum capacity_version version) {
	bool v2 = version == CAPACITY_V2;
	char *quota = file_read_in(root, directory, v2 ? "cpu.max" : "cpu.cfs_quota_us");
	char *period = v2 ? NULL : file_read_in(root, directory, "cpu.cfs_period_us");
	unsigned cpus = 0;

	if (v2 && quota)
		cpus = capacity_v2(quota);
	else if (quota && period)
		cpus = capacity_v1(quota, period);
	free(quota);
	free(period);
	return cpus;
}

static unsigned lesser(unsigned a, unsigned b) {
	return a == 0 || (b > 0 && b < a) ? b : a;
}

/* The least one from the directory up to the mount point, which is the first top bytes of it. */
static unsigned quota_upward(const char *root, char *directory, size_t top,
			     enum capacity_version version) {
	unsigned cpus = own_quota(root, directory, version);

	while (strlen(directory) > top) {
		*strrchr(directory, '/') = '\0';
		cpus = lesser(cpus, own_quota(root, directory, version));
	}
	return cpus;
}

static unsigned quota_of(const char *root, const char *groups, const char *mounts,
			 enum capacity_version version) {
	char *group = capacity_group(groups, version), *directory;
	unsigned cpus = 0;
	size_t top = 0;

	/* Of several mounts one may show what another hides. */
	for (unsigned nth = 0;
	     group && (directory = capacity_directory(mounts, version, group, nth, &top)); nth++) {
		cpus = lesser(cpus, quota_upward(root, directory, top, version));
		free(directory);
	}
	free(group);
	return cpus;
}

unsigned cpus_quota(const char *root) {
	char *groups = file_read_in(root, "/proc/self", "cgroup");
	char *mounts = file_read_in(root, "/proc/self", "mountinfo");
	unsigned cpus = 0;

	if (groups && mounts)
		cpus = lesser(quota_of(root, groups, mounts, CAPACITY_V1),
			      quota_of(root, groups, mounts, CAPACITY_V2));
	free(groups);
	free(mounts);
	return cpus;
}
