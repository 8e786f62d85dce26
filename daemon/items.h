#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/bytes.h"
#include "protocol/document.h"

/*
 * The items of one request, as they were received, and which of them are still to be handed over. Pure.
 * An item waits, is in the hands of a worker, or is finished; its index counts from 0.
 */

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

/* Consecutive items that may start again, because a worker returned them or died. */
struct item_range {
	TAILQ_ENTRY(item_range) link;
	uint64_t first, count; /* the first of them was not withdrawn */
	uint64_t skips;        /* so many were */
	uint32_t handed;       /* times handed over without being started */
	uint32_t attempts;     /* times started */
};

TAILQ_HEAD(segment_list, segment);
TAILQ_HEAD(item_range_list, item_range);

struct items {
	struct segment_list segments; /* those with an item that is not finished */
	struct segment *cursor;       /* where `next` lies; NULL if nothing is there */
	struct segment *near; /* where one was withdrawn or cancelled last, or behind it; or NULL */
	uint64_t n;           /* items, ever */
	uint64_t next;        /* items from here on were never handed over */
	struct item_range_list again; /* ordered; to be handed over before `next` */
	uint64_t skips;               /* from `next` on, items that are finished all the same */
	uint64_t cancelling;          /* items with that mark */
	uint64_t bytes;               /* held by the segments */
};

void items_init(struct items *items);
void items_done(struct items *items);

/* Adds the elements (count > 0), which are taken over and emptied, as the next items; bytes gets a
 * reference. Returns 0 or -ENOMEM. */
int items_add(struct items *items, struct bytes *bytes, struct elements *elements);

/* Items that wait. */
uint64_t items_waiting(const struct items *items);
bool items_is_waiting(const struct items *items, uint64_t index);
/* The one that is handed over next; items->n if there is none. */
uint64_t items_first(const struct items *items);
/* How often that one was handed over without being started. */
uint32_t items_handed(const struct items *items);
/* How often a waiting item was started before. */
uint32_t items_attempts(const struct items *items, uint64_t index);

/* What a worker gets: consecutive items that lie together in the bytes. */
struct items_cut {
	uint64_t first;
	uint32_t count;
	uint32_t handed, attempts;
	struct bytes *bytes; /* borrowed */
	struct span span;
};

/* Cuts at most count (> 0) items off; one must wait. */
struct items_cut items_take(struct items *items, uint64_t count);
/* Cut items wait again, before all others. Returns 0 or -ENOMEM. */
int items_put_back(struct items *items, uint64_t first, uint64_t count, uint32_t handed,
		   uint32_t attempts);
/* Takes a waiting item out of what will be handed over, as if it were cut; items_finish() has to follow. */
void items_withdraw(struct items *items, uint64_t index);
/* Cut or withdrawn items have their results. */
void items_finish(struct items *items, uint64_t first, uint64_t count);

/* Marks a cut item as not wanted any more; finished ones are left alone. */
void items_cancel(struct items *items, uint64_t index);
bool items_is_cancelling(const struct items *items, uint64_t index);
