#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What the items of each function cost, learnt from what workers report, and how many of them make the next chunk.
 * Pure. The formula is the design's: n = clamp(1, min(T/(c + d), N/2P, B/b, 2 n_prev)), with c and d the
 * exponentially weighted mean (weight 0.2) and deviation of the seconds an item takes.
 */

/* Time one chunk should take, in seconds. */
#define ESTIMATE_CHUNK_SHARED 0.020 /* while others want to run too */
#define ESTIMATE_CHUNK_ALONE  0.200
/* Bytes one chunk should have, items or results, whichever is more. */
#define ESTIMATE_CHUNK_BYTES (256u * 1024)
/* Functions remembered; the least recently used goes. */
#define ESTIMATE_FUNCTIONS 1024

struct estimate_entry {
	char *function; /* "pool/name"; owned */
	uint32_t hash;
	uint64_t used;          /* turn of the last use */
	double cost, deviation; /* seconds an item */
	double bytes;           /* a result */
	uint32_t settled;       /* items in a chunk, before the end of a request makes it smaller */
};

struct estimate {
	struct estimate_entry *entries; /* owned */
	unsigned n;
	uint64_t turn;
};

/* What is known of the request when a chunk is cut. */
struct estimate_question {
	const char *function; /* "pool/name" */
	uint32_t chunk_size;  /* asked for, 0 = not */
	uint64_t pending;     /* items not handed over */
	bool input_ended;     /* else more may come */
	unsigned workers;     /* that the principal may have now, >= 1 */
	uint32_t previous;    /* items of the request's last chunk, 0 = none yet */
	double item_bytes;    /* mean */
	bool alone;           /* no other request could run */
};

void estimate_init(struct estimate *estimate);
void estimate_done(struct estimate *estimate);

/* Whether the function is known; *ret: seconds an item of it takes, else 0. */
bool estimate_cost(struct estimate *estimate, const char *function, double *ret);

/* Items for the next chunk, 1 … LIMIT_CHUNK_ITEMS. */
uint32_t estimate_chunk(struct estimate *estimate, const struct estimate_question *question);

/* count items took busy_us in all and gave bytes of results. Forgets it when memory is short. */
void estimate_learn(struct estimate *estimate, const char *function, uint32_t count,
		    uint64_t busy_us, uint64_t bytes);
