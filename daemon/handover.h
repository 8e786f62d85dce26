#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/estimate.h"
#include "daemon/ticket.h"

struct pool;
struct request;
struct worker;

/* One chunk on its way from a request to a worker: how many items it may have, what is charged for it. */

/* Whether the request may have a chunk in one more worker. */
bool handover_allowed(const struct request *request);
/* Whether the worker has a chunk of the request. */
bool handover_serves(const struct worker *worker, const struct request *request);
/* How many more items the worker should get before another takes its place. */
uint64_t handover_items_left(const struct worker *worker);
/* Those of the pool that are there, or will be soon. */
unsigned handover_workers(const struct pool *pool);

/* How many items the request's next chunk should have. */
uint32_t handover_size(struct estimate *estimate, const struct ticket *ticket);
/* Cuts the request's next chunk, of at most max items, and hands it to the worker. Returns 0 or -ENOMEM: its items are
 * lost, and the request should fail. */
int handover_give(struct ticket *ticket, struct worker *worker, uint32_t max, uint64_t now);
