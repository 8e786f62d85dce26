#include "daemon/route.h"

#include <string.h>

int route_failed(const struct pool *pool, struct error *error) {
	if (pool->lacks)
		return error_set(error, ERROR_RESOURCE_EXHAUSTED, "{ss}", "resource", pool->lacks);
	return error_set(error, ERROR_POOL_FAILED, "{ssss}", "pool", pool->name, "reason",
			 pool->reason ? pool->reason : "");
}

int route_nowhere(const struct request *request, struct error *error) {
	return error_set(error, ERROR_NO_SUCH_FUNCTION, "{ss}", "function", request->function);
}

/* What the pools offer for one function. */
struct offers {
	struct pool *best;         /* NULL = none */
	size_t match;              /* of the best */
	unsigned equals;           /* pools that match as well as the best, it included */
	const struct pool *failed; /* one that never said hello and cannot start */
	bool unknown;              /* a pool has not said hello yet */
	bool named;                /* the pool that the request names exists */
};

static void add_offer(struct offers *offers, struct pool *pool, const char *function) {
	size_t match = offer_match(pool->offer, function);

	offers->named = true;
	if (!pool->offer->functions && pool->state == POOL_FAILED)
		offers->failed = pool;
	else if (!pool->offer->functions)
		offers->unknown = true;
	if (match > offers->match) {
		offers->best = pool;
		offers->match = match;
		offers->equals = 0;
	}
	if (match > 0 && match == offers->match)
		offers->equals++;
}

bool route_allowed(const struct pool *pool, const struct request *request) {
	return !pool->leaving && permission_holds(&pool->allowed, request->uid, request->groups);
}

static struct offers collect(const struct pool_list *pools, const struct request *request) {
	struct offers offers = {0};
	struct pool *pool;

	TAILQ_FOREACH (pool, pools, link)
		if (route_allowed(pool, request) &&
		    (!request->pool || strcmp(pool->name, request->pool) == 0))
			add_offer(&offers, pool, request->function);
	return offers;
}

static int ambiguous(const struct pool_list *pools, const struct request *request, size_t match,
		     struct error *error) {
	json_t *names = json_array();
	struct pool *pool;

	TAILQ_FOREACH (pool, pools, link)
		if (route_allowed(pool, request) &&
		    offer_match(pool->offer, request->function) == match)
			json_array_append_new(names, json_string(pool->name));
	return error_set(error, ERROR_AMBIGUOUS_FUNCTION, "{ssso}", "function", request->function,
			 "pools", names);
}

int route_find(const struct pool_list *pools, const struct request *request, struct pool **ret,
	       struct error *error) {
	const struct offers offers = collect(pools, request);

	*ret = NULL;
	if (request->pool && !offers.named)
		return error_set(error, ERROR_NO_SUCH_POOL, "{ss}", "pool", request->pool);
	if (offers.equals > 1)
		return ambiguous(pools, request, offers.match, error);
	if (!offers.best && offers.unknown)
		return 0;
	if (!offers.best)
		return offers.failed ? route_failed(offers.failed, error)
				     : route_nowhere(request, error);
	if (offers.best->state == POOL_FAILED)
		return route_failed(offers.best, error);
	*ret = offers.best;
	return 0;
}
