#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/bytes.h"
#include "daemon/items.h"
#include "daemon/permission.h"
#include "daemon/quota.h"
#include "daemon/results.h"
#include "protocol/document.h"
#include "protocol/error.h"
#include "protocol/parameters.h"

/*
 * One call of a client that runs a function: its items, their results, and what may still start. Pure: no fd, no
 * clock.
 *
 *   QUEUED ──first item starts──► RUNNING ──► DONE / FAILED / CANCELLED   (any may be skipped)
 */
enum request_state {
	REQUEST_QUEUED,
	REQUEST_RUNNING,
	REQUEST_DONE,
	REQUEST_FAILED,
	REQUEST_CANCELLED
};

struct request_limits {
	uint64_t window_items,
		window_bytes; /* of undelivered results; UINT64_MAX for an aggregated call */
};

struct request {
	uint64_t id;
	char *function; /* as the worker knows it, without pool/ */
	char *pool;     /* asked for by name, or NULL */
	uid_t uid;
	pid_t pid;
	struct groups *groups; /* of its client; owned, NULL = none are known */
	struct run_options options;
	struct request_limits limits;
	enum request_state state;
	struct error failure; /* of FAILED and CANCELLED */

	struct bytes *common_bytes; /* holds the common value at common_span; NULL = none */
	struct span common_span;
	uint64_t common; /* id of the value, for the workers */

	uint64_t accepted, started; /* µs; started 0 = not yet */

	struct items items;
	bool input_ended;
	uint64_t running; /* items in the hands of workers */
	uint32_t chunks;  /* that they are in */
	uint32_t workers; /* that have those */

	struct results results;
	uint64_t result_bytes; /* of all results and errors, ever */
	bool choked;           /* the client does not take what is there */

	struct charge charge;  /* of its user, for what it holds */
	const char *held_back; /* what its stream is not read for, for people; NULL = it is */

	uint64_t succeeded, failed, cancelled; /* items that are finished */
	uint64_t retried, work_us;
	uint32_t last_count; /* items of the last chunk, for estimate */
	bool stopped;        /* nothing starts any more */
};

/* function: "name" or "pool/name", copied. Returns NULL without memory. */
struct request *request_new(uint64_t id, const char *function, uid_t uid, pid_t pid,
			    const struct run_options *options, const struct request_limits *limits,
			    uint64_t now);
/* Always returns NULL. */
struct request *request_free(struct request *request);

/* Takes over the elements (doc's are emptied) as the next items; bytes gets a reference. Flawed items get their
 * item error at once. Returns 0 or -ENOMEM. */
int request_add_items(struct request *request, struct bytes *bytes, struct document *doc);
/* Adds the value at span as the next item. Returns 0 or -ENOMEM. */
int request_add_item(struct request *request, struct bytes *bytes, struct span span);

/* Whether an item may start, as far as the request itself can tell: something is left, its window and its client's
 * unsent output allow it. */
bool request_startable(const struct request *request);
/* Items not yet handed over. */
uint64_t request_pending(const struct request *request);
/* Cuts at most max (> 0) items off and counts them as running; the request must be startable. */
struct items_cut request_take(struct request *request, uint32_t max);
/* Items that were cut come back: they start again before all others. Returns 0 or -ENOMEM. */
int request_put_back(struct request *request, uint64_t first, uint64_t count, uint32_t handed,
		     uint32_t attempts);

/* Results of running items, at begin..end of text, errors an array of ItemError or NULL (taken over), times as in
 * struct run (taken over). bytes: the same text to share, or NULL to copy. Returns 0 or -ENOMEM. */
int request_add_results(struct request *request, uint64_t first, uint64_t count, const char *text,
			struct span span, struct bytes *bytes, json_t *errors, uint64_t *times,
			uint32_t attempts);
/* An item, running or (with was_running false) waiting, came to an error. error: ItemError, taken over. */
int request_fail_item(struct request *request, uint64_t index, json_t *error, bool was_running,
		      uint32_t attempts);

/* The client does not want the item any more: one that waits gets its item error at once, one in the hands of a
 * worker when it comes back. Unknown and finished items are left alone. Returns 0 or -ENOMEM. */
int request_cancel_item(struct request *request, uint64_t index);
/* Whether an item in the hands of a worker is not wanted any more. */
bool request_is_cancelling(const struct request *request, uint64_t index);

/* Items that succeeded, failed or were cancelled. */
static inline uint64_t request_finished(const struct request *request) {
	return request->succeeded + request->failed + request->cancelled;
}

/* Nothing more starts. */
void request_stop(struct request *request);
/* Ends it with an error, which is moved; the first one counts. */
void request_fail(struct request *request, enum request_state state, struct error *error);
/* Every item has its result, or nothing runs and nothing starts any more. */
bool request_is_over(const struct request *request);

/* When the call, or its waiting for the first item to start, takes longer than it may: µs on the clock of `accepted`, UINT64_MAX =
 * never. *ret_ms: the option that says so. */
uint64_t request_deadline(const struct request *request, uint32_t *ret_ms);

/* Charges what it holds now. */
void request_recharge(struct request *request);
/* Drops the results that were not delivered. */
void request_drop_results(struct request *request);

/* Summary of the interface, as a new object; now in µs. */
json_t *request_summary(const struct request *request, uint64_t now);
