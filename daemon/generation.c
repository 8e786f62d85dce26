#include "daemon/generation.h"

#include <errno.h>
#include <stdlib.h>

int generation_new(struct generation **ret, const struct pool_configuration *configuration,
		   char *const *environment, bool private) {
	struct generation *generation = calloc(1, sizeof *generation);

	if (!generation)
		return -ENOMEM;
	generation->until = UINT64_MAX;
	if (recipe_init(&generation->recipe, configuration, environment, private) < 0) {
		generation_free(generation);
		return -ENOMEM;
	}
	*ret = generation;
	return 0;
}

struct generation *generation_free(struct generation *generation) {
	if (!generation)
		return NULL;
	recipe_done(&generation->recipe);
	offer_done(&generation->offer);
	free(generation);
	return NULL;
}

static void free_unused(struct generation *generation) {
	if (generation->until != UINT64_MAX && generation->workers == 0)
		generation_free(generation);
}

void generation_join(struct generation *generation) {
	generation->workers++;
}

void generation_leave(struct generation *generation) {
	generation->workers--;
	free_unused(generation);
}

void generation_replace(struct generation *generation, uint64_t reload) {
	generation->until = reload;
	free_unused(generation);
}

bool generation_serves(const struct generation *generation, const char *function,
		       enum unpack unpack) {
	return generation->offer.unpack[unpack] && offer_match(&generation->offer, function) > 0;
}
