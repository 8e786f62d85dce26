#pragma once

#include <jansson.h>

#include "daemon/chunk.h"
#include "daemon/request.h"
#include "daemon/worker.h"

/*
 * What a worker's report, or its end, means for the items of a request. Pure: changes only the request.
 */

/* Adds the results of a report to the request: items chunk->reported - n … chunk->reported - 1. Without memory the
 * request fails. Returns NULL, or what is wrong with the report; nothing was added then. */
const char *outcome_report(struct request *request, const struct chunk *chunk,
			   const struct worker_report *report);

/* Settles the items without results of a chunk that is over: what goes back, what is blamed.
 * end: of the worker, or NULL if it returned them. Returns 0; or -ENOMEM, some items are
 * lost then: the request must be failed. */
int outcome_settle(struct request *request, const struct chunk *chunk,
		   const struct settlement *settlement, const struct worker_end *end);
