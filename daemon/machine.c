#include "daemon/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/configuration.h"
#include "daemon/cpus.h"
#include "daemon/log.h"
#include "daemon/memory.h"

unsigned machine_slots(const struct configuration *configuration) {
	unsigned allowed, quota;

	if (configuration->slots != SETTING_AUTO)
		return (unsigned) configuration->slots;
	allowed = cpus_allowed();
	quota = cpus_quota("");
	log_info(quota ? "slots = auto: %u CPUs by affinity, %u by CPU quota"
		       : "slots = auto: %u CPUs by affinity",
		 allowed, quota);
	return quota && quota < allowed ? quota : allowed;
}

/* All users together get at most half of what there is: the rest is for workers, and for what results overdraw. */
uint64_t machine_total_bytes(const struct configuration *configuration) {
	uint64_t half = memory_limit("/proc/self/cgroup", "/sys/fs/cgroup") / 2;

	if (configuration->limits.total_bytes)
		return configuration->limits.total_bytes;
	return half < LIMIT_TOTAL_BYTES ? half : LIMIT_TOTAL_BYTES;
}

/* The daemon needs a descriptor a client and several a worker; its workers get what was there before. */
uint64_t machine_raise_nofile(void) {
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise RLIMIT_NOFILE: %s", strerror(errno));
	return before;
}
