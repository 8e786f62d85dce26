#pragma once

#include <stdint.h>

/* How much memory there is for this process, in bytes: the machine's, or less if a control group says so. cgroups:
 * /proc/self/cgroup; root: where control groups are mounted, /sys/fs/cgroup. Both versions are understood; what cannot
 * be read does not count. */
uint64_t memory_limit(const char *cgroups, const char *root);
