#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/chunk.h"
#include "daemon/progress.h"

struct event;
struct event_base;
struct worker_results;

/*
 * What a worker has in its hands: its chunks, how far it is with them, what is taken back from it, which item is over
 * its time, and what became of them when it ended.
 */

struct hands_ops {
	/* Items chunk->first + offset … will not be begun; the chunk ends before them from now on. */
	void (*recalled)(void *context, const struct chunk *chunk, uint32_t offset);
	/* The item at offset of the first chunk is over its time; it is not looked at again. */
	void (*overdue)(void *context, const struct chunk *chunk, uint32_t offset);
};

struct hands {
	struct chunk_list *chunks; /* the worker's: the first one runs */
	const uint64_t *items;     /* the worker's count of those that it has reported */
	uint64_t last_chunk;       /* number of the last chunk it was given */
	struct progress progress;

	struct event
		*recall; /* a limit has been set for so long that every worker must have seen it */
	struct event *item; /* an item may be over its time */
	const struct hands_ops *ops;
	void *context;
};

/* hands: zeroed but for chunks, items and progress.page, which must outlive it, as ops. Returns 0 or -ENOMEM. */
int hands_init(struct hands *hands, struct event_base *base, const struct hands_ops *ops,
	       void *context);
void hands_done(struct hands *hands);

/* The chunk was sent as number hands->last_chunk + 1: it is the last one now. */
void hands_add(struct hands *hands, struct chunk *chunk, uint64_t now);
/* The first chunk is not in the list any more. */
void hands_advance(struct hands *hands, uint64_t now);

/* The chunk that a message with n results is about. Returns NULL and *ret, or what is wrong with it. */
const char *hands_match(const struct hands *hands, const struct worker_results *results, size_t n,
			struct chunk **ret);
/* n more of its items have results. */
void hands_reported(struct hands *hands, struct chunk *chunk, size_t n);

/* See worker.h. */
void hands_recall(struct hands *hands, const struct chunk *chunk, uint32_t offset);
uint64_t hands_item_age(struct hands *hands, uint64_t now);

/* The process is gone: no timer runs any more. */
void hands_rest(struct hands *hands);
/* Each chunk is taken out, given to settled() with what became of it, and freed. evidence: without what the page and the
 * hands know; it is used up. */
void hands_settle(struct hands *hands, struct chunk_evidence *evidence,
		  void (*settled)(void *context, struct chunk *chunk,
				  const struct settlement *settlement),
		  void *context);
