#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/request.h"

struct conn;

/* Consecutive results of one request on their way out, as members of one reply. */

/* Whether at least LIMIT_BATCH_BYTES are ready. */
bool batch_is_full(const struct request *request);

/* Moves consecutive runs that are ready into the batch, until it has at least size bytes. */
void batch_take(struct run_list *ret, struct request *request, size_t size);
void batch_free(struct run_list *batch);

/* Writes "results", then "errors" if there are any, then the arrays of options.timings if asked for. */
void batch_write(const struct run_list *batch, const struct request *request, struct conn *conn);
