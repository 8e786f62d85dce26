#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * How many processes of the daemon's control group the kernel has killed for memory. It tells only how many: so a worker
 * that was killed while the number rose was, most likely, one of them.
 */
struct oom {
	char *path; /* of the file that counts; NULL = none does */
	uint64_t seen;
};

/* root: "", or a directory that holds proc and the mounts instead of /. To be called before the daemon leaves the group it
 * was started in. Where nobody counts, nothing is ever seen. */
void oom_init(struct oom *oom, const char *root);
void oom_done(struct oom *oom);
/* Whether there is one that was not told of yet; it counts as told. */
bool oom_take(struct oom *oom);
