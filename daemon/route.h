#pragma once

#include "daemon/pool.h"
#include "daemon/request.h"
#include "protocol/error.h"

/*
 * Which pool runs a function: the exact name beats a prefix, a longer prefix a shorter one, and two pools that offer it
 * equally well are one too many. A pool that the request's user may not use does not exist. Looks at pools, changes
 * nothing.
 */

/* Whether the request's user may use the pool. */
bool route_allowed(const struct pool *pool, const struct request *request);

/* Returns 0 and *ret, which is NULL while a pool that did not say hello yet could still offer the function;
 * or 1 and *error. */
int route_find(const struct pool_list *pools, const struct request *request, struct pool **ret,
	       struct error *error);

/* The error of a request whose function nobody offers. Returns 1. */
int route_nowhere(const struct request *request, struct error *error);
/* The error of a request whose pool cannot start. Returns 1. */
int route_failed(const struct pool *pool, struct error *error);
