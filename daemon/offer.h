#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/work.h"

/* What the workers of a pool offer: the first one's hello says it, all others say the same. Pure. Zeroed, it is that of
 * a pool of which none has said anything. */
struct offer {
	json_t *functions; /* name or prefix* → description or null; NULL until the first hello */
	bool unpack[UNPACK_BOTH + 1];
	char *runtime; /* NULL until the first hello */
};

void offer_done(struct offer *offer);

/* Takes a hello in, and from it what it needs. Returns NULL, or why the worker cannot be one of the pool's. */
const char *offer_take(struct offer *offer, struct worker_hello *hello);

/* How well a function is offered: 0 not at all; more for a longer prefix, most for the exact name. */
size_t offer_match(const struct offer *offer, const char *function);
