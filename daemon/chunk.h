#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/page.h"

/*
 * One chunk in flight: consecutive items of one request in the hands of one worker. Pure.
 */
struct chunk {
	TAILQ_ENTRY(chunk) link; /* in its worker's queue, in the order sent */
	uint64_t request;        /* id */
	uint64_t number;         /* from 1, growing within its worker */
	uint64_t first;          /* index in the request */
	uint32_t count;          /* items, 1 … LIMIT_CHUNK_ITEMS */
	uint32_t reported;       /* results received: offsets 0 … reported - 1 */
	uint32_t handed;         /* times its items were handed over before without being started */
	uint32_t attempts;       /* times its items were started before */
	bool cut;                /* count was lowered: the worker still has to return the rest */
	uint64_t sent;           /* when it was sent, in µs */
	uint64_t began;     /* when it came first in its worker, in µs; 0 = others are before it */
	uint64_t predicted; /* µs it should take, CHUNK_UNKNOWN if nobody can say */
	uint64_t item_timeout; /* µs that one item may take; 0 = any */
	uint64_t charged;      /* µs of slot time that its request paid for it so far */
};

#define CHUNK_UNKNOWN UINT64_MAX

TAILQ_HEAD(chunk_list, chunk);

/* What is known of a worker that is gone. */
struct chunk_evidence {
	bool page;           /* the worker kept its page: progress can be believed */
	uint64_t progress;   /* the page's word after the exit */
	uint64_t last_chunk; /* number of the last chunk the worker was given */
	bool violation;      /* it was killed for breaking the protocol in this chunk */
	bool targeted;       /* the daemon killed it for the item at target (a position) */
	uint64_t target;
};

/* What became of a chunk's items, as offsets: [0, reported) have results, [reported, finished) ran but their results
 * are lost, then perhaps one blamed item, then [rest, count) that never started. */
struct settlement {
	uint32_t finished;
	bool blamed; /* the item at offset `finished` is */
	uint32_t rest;
	bool untouched; /* nothing of the chunk was started */
	bool silent; /* nothing was begun after the item at offset `finished` - 1, which was not reported */
};

/* µs of slot time that the chunk has held, and that were not charged yet. Negative once it is over in less than was
 * charged. It is charged then, or taken back: the caller passes it on. */
int64_t chunk_charge(struct chunk *chunk, uint64_t now);
/* Whether it runs for much longer than predicted, or longer than anything unpredicted should. */
bool chunk_is_overdue(const struct chunk *chunk, uint64_t now);
/* µs until it should be over; CHUNK_UNKNOWN if nobody can say. */
uint64_t chunk_remaining(const struct chunk *chunk, uint64_t now);

/* Of a chunk with an item_timeout that is first in its worker. */
struct chunk_deadline {
	uint64_t in;     /* µs from now until an item may be over its time; 0 = one is */
	uint32_t offset; /* that one */
};

/* progress and began: the page's words, where the worker keeps it (page); a lie about began is not believed. moved: when
 * the page was last seen to change, or a report came. */
struct chunk_deadline chunk_deadline(const struct chunk *chunk, bool page, uint64_t progress,
				     uint64_t began, uint64_t moved, uint64_t now);

/* The first offset that may be taken back from a worker that was asked, a while ago, to begin nothing from the position
 * `limit` on, and whose page says `progress` now; count if there is none. */
uint32_t chunk_unstarted(const struct chunk *chunk, uint64_t limit, uint64_t progress);

/* The table of "a death": says which item pays for it, one at most. */
struct settlement chunk_settle(const struct chunk *chunk, const struct chunk_evidence *evidence);
