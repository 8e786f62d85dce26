#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/page.h"

/*
 * The daemon's side of the page of one worker: where it is, and where it is asked to stop. What the page says is
 * whatever the worker wrote there: never to be relied on for more than that worker's own chunks.
 */
struct progress {
	struct page *page; /* mapped as long as this is in use */
	bool kept;         /* the worker said that it writes the page; else nothing is known */
	bool recalled;     /* a limit is set */
	uint64_t seen;     /* by progress_observe() */
	uint64_t since;    /* µs; since when, as far as was looked, it has run the same item */
};

/* The word as it is now. */
uint64_t progress_now(const struct progress *progress);

/* When the worker says that the running item began, µs; only where its chunk asks for the clock. */
uint64_t progress_began(const struct progress *progress);

/* Asks the worker to begin nothing from that position on. Returns whether that is news to it; not where it keeps no page. */
bool progress_recall(struct progress *progress, uint64_t chunk, uint32_t offset);
/* The position from which on nothing is to be begun. */
uint64_t progress_limit(const struct progress *progress);
/* It may begin anything again. */
void progress_lift(struct progress *progress);

/* Whether it runs the item at that position now, or could for all that is known. */
bool progress_is_at(const struct progress *progress, uint64_t chunk, uint32_t offset);

/* Brings `since` up to date. items: how many it has reported in all, which is what one without a page is known by. */
void progress_observe(struct progress *progress, uint64_t items, uint64_t now);
