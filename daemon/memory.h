#pragma once

#include <stdint.h>
#include <sys/types.h>

/* How much memory there is for this process, in bytes: the machine's, or less if a control group says so. cgroups:
 * /proc/self/cgroup; root: where control groups are mounted, /sys/fs/cgroup. Both versions are understood; what cannot
 * be read does not count. */
uint64_t memory_limit(const char *cgroups, const char *root);

/* How much of it the process has now, in bytes; 0 if that cannot be told. */
uint64_t memory_resident(pid_t pid);
