#pragma once

#include <stdbool.h>

#include "client/handle.h"
#include "protocol/json_scan.h"

/*
 * Calls from inside a worker, which the daemon refuses as Nested: the worker itself has the functions, and runs them on
 * the spot. What it answers is put where the daemon's replies are read from.
 */

/* libprocpool-worker's procpool_worker_call(), which is looked up: neither library needs the other. */
typedef int (*nested_function)(const char *function, uint64_t index, const char *argument,
			       size_t size, const char *common, char **ret_json);

struct nested {
	nested_function call; /* NULL = this is no such call */
	struct run_call run;
	struct procpool_options options;
	char *common;          /* owned; or NULL */
	struct json_scan scan; /* of the items */
	uint64_t next;
	int64_t failed, work_us, began_us;
	char *last_error; /* owned; of an item, with abort_on_error; or NULL */
};

/* After the handle's call has failed: whether it can be run here. If so, its replies follow, by nested_reply().
 * run and what it points to must outlive it. Returns whether; then nested_done() ends it. */
bool nested_init(struct nested *nested, struct procpool *procpool, const struct run_call *run);
void nested_done(struct nested *nested);

/* Runs one item, if there is one left, and makes the next reply ready to be received. Returns 0, -ENOMEM with
 * procpool->failure set. */
int nested_reply(struct nested *nested, struct procpool *procpool);

/* The same for Apply. */
int nested_reply_one(struct nested *nested, struct procpool *procpool);
