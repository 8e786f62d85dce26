#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/bytes.h"

/*
 * The items of a map that have no result yet, so that they can be given to another stream if the one at hand is cut
 * off. A stream counts its items from 0: that number is an item's position; its index goes on through all streams.
 * As many are kept as are on their way: no more than the daemon's window and the buffers before it hold. Pure.
 */
struct kept_item {
	uint64_t position, index;
	uint64_t offset; /* of its text among all texts ever kept */
	size_t size;
	bool answered; /* its result came; it goes when those before it have gone */
};

/* Zeroed, nothing is kept and no stream was there before. */
struct kept {
	struct kept_item *items; /* owned; by position; those from begin on count */
	size_t begin, end, capacity;
	struct bytes texts; /* of them, one behind the other */
	uint64_t base;      /* offset of the first of these */
	size_t holes;       /* how many of them are answered … */
	size_t hole_bytes;  /* … and their texts */
	uint64_t next_position, next_index;
	bool renumbered; /* positions are not indexes any more */
};

void kept_done(struct kept *kept);

/* Keeps the next item. Returns 0, -ENOMEM. */
int kept_add(struct kept *kept, const char *text, size_t size);
/* Takes the last one back: the stream did not want it. */
void kept_drop_last(struct kept *kept);

/* Whether all these positions wait for a result. */
bool kept_has(const struct kept *kept, uint64_t first, size_t count);
/* Their results came. */
void kept_answered(struct kept *kept, uint64_t first, size_t count);

/* The index of an item that waits; position itself if it does not. */
uint64_t kept_index(const struct kept *kept, uint64_t position);
/* The text of an item that waits, valid until the next change. */
const char *kept_text(const struct kept *kept, uint64_t position, size_t *ret_size);

/* There is a new stream: what waits has the positions from 0 to next_position in it. */
void kept_restart(struct kept *kept);
