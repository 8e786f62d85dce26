#pragma once

#include <stddef.h>

/*
 * What control groups say of the CPU time that a process may use: the texts of /proc and of their files. Pure.
 * V1 is the hierarchy that has the cpu controller, V1_MEMORY that of the memory controller, V2 the unified one; a system
 * may have all of them.
 */
enum capacity_version { CAPACITY_V1, CAPACITY_V1_MEMORY, CAPACITY_V2 };

/* The control group of a process, from the text of its /proc/PID/cgroup: "/a/b". Returns it (to be freed), or NULL if
 * it is in no such hierarchy, or there is no memory. */
char *capacity_group(const char *text, enum capacity_version version);

/* Where the files of that group are, from the text of /proc/PID/mountinfo. A hierarchy can be mounted several times,
 * and not all of it: nth counts the mounts that hold the group, from 0. Returns the directory (to be freed) and in
 * *ret_top the length of its part that is the mount point; or NULL if there is no nth, or no memory. */
char *capacity_directory(const char *mountinfo, enum capacity_version version, const char *group,
			 unsigned nth, size_t *ret_top);

/* The CPUs that a quota is for, rounded up: from the text of cpu.max, or from those of cpu.cfs_quota_us and
 * cpu.cfs_period_us. 0 = no limit, or none that is understood. */
unsigned capacity_v2(const char *max);
unsigned capacity_v1(const char *quota, const char *period);

/* The directory of the process's own group, below root, where it is mounted first.
 * groups: /proc/self/cgroup; mounts: /proc/self/mountinfo. Returns memory of the caller's; NULL if there is none. */
char *capacity_own_directory(const char *root, const char *groups, const char *mounts,
			     enum capacity_version version);
