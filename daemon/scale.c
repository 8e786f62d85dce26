#include "daemon/scale.h"

struct scale_plan scale_plan(struct scale_counts counts, struct scale_limits limits,
			     const struct scale_memory *memory, uint64_t now) {
	unsigned there = counts.starting + counts.ready;
	struct scale_plan plan = {
		.again = UINT64_MAX,
		.failed = counts.ready == 0 && memory->failures >= 2,
	};

	if (there > limits.workers) {
		plan.stop = there - limits.workers;
	} else if (there < limits.workers) {
		if (now < memory->not_before)
			plan.again = memory->not_before;
		else if (memory->failures == 0)
			plan.start = limits.workers - there;
		else if (counts.starting == 0)
			plan.start = 1; /* one tries for all, until one succeeds */
	}
	return plan;
}

void scale_failure(struct scale_memory *memory, uint64_t started, uint64_t now) {
	uint64_t backoff = SCALE_BACKOFF_MAX;

	if (now < memory->not_before || started < memory->last)
		return;
	/* 100 ms doubled nine times is over 30 s. */
	if (memory->failures < 9)
		backoff = SCALE_BACKOFF_MIN << memory->failures;
	memory->failures++;
	memory->last = now;
	memory->not_before = now + (backoff < SCALE_BACKOFF_MAX ? backoff : SCALE_BACKOFF_MAX);
}

void scale_success(struct scale_memory *memory) {
	*memory = (struct scale_memory) {0};
}
