#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/offer.h"
#include "daemon/recipe.h"

struct pool_configuration;

/* The workers of a pool that were started from the same recipe, and so offer the same. A pool has one generation, and
 * older ones while their workers are replaced. */
struct generation {
	struct recipe recipe;
	struct offer offer;
	/* The reload that put another in its place; UINT64_MAX = none has. */
	uint64_t until;
	unsigned workers; /* started from it, and not freed */
};

/* environment, private: see recipe_init(). Returns 0 and *ret, or -ENOMEM. */
int generation_new(struct generation **ret, const struct pool_configuration *configuration,
		   char *const *environment, bool private);
/* No worker of it may be left. Always returns NULL. */
struct generation *generation_free(struct generation *generation);

/* One worker of it was started, or freed. The last one of a generation that was replaced frees it. */
void generation_join(struct generation *generation);
void generation_leave(struct generation *generation);
/* It is replaced: it goes with its last worker. */
void generation_replace(struct generation *generation, uint64_t reload);

/* Whether a worker of it runs the function, with items unpacked so. */
bool generation_serves(const struct generation *generation, const char *function,
		       enum unpack unpack);
