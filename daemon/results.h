#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/bytes.h"
#include "protocol/document.h"

/* Results of one request that wait for delivery, as runs of the bytes that workers sent. Pure. */

/* Consecutive results, as JSON values with commas between them. */
struct run {
	TAILQ_ENTRY(run) link;
	uint64_t first, count;
	struct bytes *bytes;
	size_t begin, end;
	size_t size;       /* bytes, errors included */
	size_t held;       /* bytes of memory, about */
	json_t *errors;    /* array of ItemError, or NULL */
	uint64_t *times;   /* startUs (absolute) and durationUs of each, or NULL */
	uint32_t attempts; /* of each of its items */
	bool open;         /* bytes is only this run's, so more may be appended */
};

TAILQ_HEAD(run_list, run);

struct results {
	struct run_list runs; /* by first index if ordered, else as they came */
	struct run *newest;   /* where the last run went: the next one goes near it; or NULL */
	bool unordered;
	uint64_t delivered;   /* ordered: all below are; unordered: how many are */
	uint64_t items, size; /* results, and their bytes (errors included), in runs */
	uint64_t held;        /* bytes of memory that the runs take, about */
};

void results_init(struct results *results, bool unordered);
void results_done(struct results *results);

/* What arrived of consecutive items. */
struct results_part {
	uint64_t first, count;
	const char *text; /* the results lie at span of it */
	struct span span;
	struct bytes *bytes; /* the same text to share, or NULL to copy */
	json_t *errors;      /* as in struct run; taken over whatever happens, like times */
	size_t errors_size;  /* as text */
	uint64_t *times;
	uint32_t attempts;
	bool alone; /* no other result will follow: keep no room for one */
};

/* Returns 0 or -ENOMEM. */
int results_add(struct results *results, const struct results_part *part);

/* The next run to deliver, or NULL: with order, one that begins where the last one ended. */
struct run *results_ready(const struct results *results);
/* Takes the run that results_ready() returned out; free it with run_free(). */
struct run *results_deliver(struct results *results);
/* Always returns NULL. */
struct run *run_free(struct run *run);
