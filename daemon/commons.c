#include "daemon/commons.h"

#include <string.h>

static size_t total_size(const struct commons *commons) {
	size_t total = 0;

	for (unsigned i = 0; i < commons->n; i++)
		total += commons->held[i].size;
	return total;
}

static void forget_oldest(struct commons *commons, struct commons_plan *plan) {
	plan->forget[plan->n_forget++] = commons->held[--commons->n].id;
}

struct commons_plan commons_use(struct commons *commons, uint64_t id, size_t size) {
	struct commons_plan plan = {0};
	unsigned at = 0;

	while (at < commons->n && commons->held[at].id != id)
		at++;
	if (at == commons->n) {
		/* One value may be larger than all of them should be: it is then the only one. */
		while (commons->n == LIMIT_WORKER_COMMONS ||
		       (commons->n > 0 && total_size(commons) + size > LIMIT_WORKER_COMMON_BYTES))
			forget_oldest(commons, &plan);
		plan.send = true;
		at = commons->n++;
	}
	memmove(commons->held + 1, commons->held, at * sizeof *commons->held);
	commons->held[0] = (struct common_held) {.id = id, .size = size};
	return plan;
}
