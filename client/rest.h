#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/bytes.h"

/*
 * What is left of a map: which items have been handed out, and the call for the others. Pure.
 */

/* Consecutive items. */
struct run {
	uint64_t first, count;
};

/* How many results were handed out; failed and cancelled are among the items. */
struct tally {
	uint64_t items, failed, cancelled;
};

/* Zeroed, nothing is handed out and the call at hand has all items. */
struct rest {
	struct run *runs; /* owned; handed out, as they came, neighbours joined */
	size_t n_runs, capacity;
	struct tally tally;
	uint64_t *origin; /* owned; of each item of the call at hand; NULL = it has all items */
	size_t n_origin;
};

void rest_done(struct rest *rest);

/* Notes that the results of run are handed out; failed and cancelled are counted by who reads the errors.
 * Returns 0, -ENOMEM. */
int rest_note(struct rest *rest, struct run run);

/* Writes the array of those items that were not handed out; from here on that is the call at hand.
 * items: the array of all items, which is JSON. Returns 0 and *ret (to be freed), -ENOMEM. */
int rest_cut(struct rest *rest, const char *items, size_t size, struct bytes *ret);

/* Whether the call at hand has all these items. */
bool rest_has(const struct rest *rest, uint64_t first, size_t count);

/* Of items of the call at hand, which it has: how many are neighbours among all items, from the first on, and
 * where they are there. */
struct run rest_piece(const struct rest *rest, uint64_t first, size_t count);

/* Makes the index in an object with one, such as an item error, count from the first of all items. */
void rest_renumber(const struct rest *rest, json_t *object);
