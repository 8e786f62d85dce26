#pragma once

#include <procpool/worker.h>
#include <stdbool.h>

#include "protocol/limits.h"
#include "worker/buffer.h"
#include "worker/common.h"

/* The largest result that still fits a message, beside those that wait in it (REPORT_FULL) and an error's text.
 * The daemon's own limit is lower, and configurable: it judges what is smaller. */
#define RESULT_MAX (LIMIT_WORKER_MESSAGE - (2u << 20))

/* Behind the opaque handle of <procpool/worker.h>: one for the worker's life, made ready for each item. */
struct procpool_item {
	struct buffer *out; /* the result goes to its end, */
	size_t begin;       /* from here on */
	uint64_t index;
	void *state;
	struct common *common; /* NULL if the request has none */

	bool failed;
	char exception[LIMIT_ERROR_TEXT + 1];
	char message[LIMIT_ERROR_TEXT + 1];
	char trace[LIMIT_ERROR_TEXT + 1];
};

/* Runs function over the item, of size bytes, and leaves its result at the end of item->out, checked.
 * Returns true; or false when the item failed: then exception, message and trace say why, and out is as before.
 * The caller has set out, index, state and common. */
bool item_run(struct procpool_item *item, const struct procpool_function *function,
	      const char *text, size_t size);
