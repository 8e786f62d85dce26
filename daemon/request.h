#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/bytes.h"
#include "protocol/parameters.h"
#include "protocol/document.h"
#include "protocol/error.h"

/*
 * One call of a client that runs a function: its items as they were received, what became of them, and what may
 * still start. Pure: no fd, no clock. Items stay the received bytes; results are runs of the workers' bytes.
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

/* Consecutive items that may start again, because a worker returned them or died. */
struct item_range {
	TAILQ_ENTRY(item_range) link;
	uint64_t first, count;
	uint32_t handed;   /* times handed over without being started */
	uint32_t attempts; /* times started */
};

/* Items that arrived in one message. */
struct segment {
	TAILQ_ENTRY(segment) link;
	uint64_t first, count;
	uint64_t left; /* items without a result */
	struct bytes *bytes;
	struct elements elements; /* count entries, owned */
	uint8_t *marks;           /* of each item: enum item_mark */
};

enum item_mark {
	ITEM_FINISHED = 1,  /* it has its result */
	ITEM_CANCELLING = 2 /* in the hands of a worker, and not wanted any more */
};

/* Consecutive results that wait for delivery, as JSON values with commas between them. */
struct run {
	TAILQ_ENTRY(run) link;
	uint64_t first, count;
	struct bytes *bytes;
	size_t begin, end;
	json_t *errors;    /* array of ItemError, or NULL */
	uint64_t *times;   /* startUs (absolute) and durationUs of each, or NULL */
	uint32_t attempts; /* of each of its items */
	bool open;         /* bytes is only this run's, so more may be appended */
};

TAILQ_HEAD(item_range_list, item_range);
TAILQ_HEAD(segment_list, segment);
TAILQ_HEAD(run_list, run);

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
	struct run_options options;
	struct request_limits limits;
	enum request_state state;
	struct error failure; /* of FAILED and CANCELLED */

	struct bytes *common_bytes; /* holds the common value at common_span; NULL = none */
	struct span common_span;
	uint64_t common; /* id of the value, for the workers */

	uint64_t accepted, started, ended; /* µs; started and ended 0 = not yet */

	/* input */
	struct segment_list segments;
	struct segment *cursor; /* where `next` lies; NULL if nothing is there */
	uint64_t n_items;
	bool input_ended;
	uint64_t next;                /* items from here on were never handed over */
	struct item_range_list again; /* ordered; to be handed over before `next` */
	uint64_t
		skips; /* items from `next` on that have a result without having been handed over */
	uint64_t input_bytes; /* held by the segments */

	/* in the hands of workers */
	uint64_t running;    /* items */
	uint64_t cancelling; /* of them, those whose results are not wanted any more */
	uint32_t chunks;

	/* output */
	struct run_list runs;            /* by first index if ordered, else as they came */
	uint64_t delivered;              /* ordered: all below are; unordered: how many are */
	uint64_t held_items, held_bytes; /* in runs */
	uint64_t result_bytes;           /* of all results and errors, ever */
	bool choked;                     /* the client does not take what is there */

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

/* What a worker gets: consecutive items that lie together in the bytes. */
struct request_cut {
	uint64_t first;
	uint32_t count;
	uint32_t handed, attempts;
	struct bytes *bytes; /* borrowed */
	struct span span;
};

/* Whether an item may start, as far as the request itself can tell: something is left, its window and its client's
 * unsent output allow it. */
bool request_startable(const struct request *request);
/* Items not yet handed over. */
uint64_t request_pending(const struct request *request);
/* Cuts at most max (> 0) items off and counts them as running; the request must be startable. */
struct request_cut request_take(struct request *request, uint32_t max);
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
bool request_is_cancelling(const struct request *request, uint64_t index);

/* Whether the item still waits to be handed over. */
bool request_is_waiting(const struct request *request, uint64_t index);

/* The next run to deliver, or NULL: with order, one that begins where the last one ended. */
struct run *request_ready(const struct request *request);
/* Takes the run that request_ready() returned out; free it with run_free(). */
struct run *request_deliver(struct request *request);
struct run *run_free(struct run *run);

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

/* Summary of the interface, as a new object; now in µs. */
json_t *request_summary(const struct request *request, uint64_t now);
