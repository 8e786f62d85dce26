#include "daemon/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

#define WEIGHT 0.2

void estimate_init(struct estimate *estimate) {
	*estimate = (struct estimate) {0};
}

void estimate_done(struct estimate *estimate) {
	for (unsigned i = 0; i < estimate->n; i++)
		free(estimate->entries[i].function);
	free(estimate->entries);
	*estimate = (struct estimate) {0};
}

/* FNV-1a (Fowler, Noll, Vo), so that most comparisons need not read the names. */
static uint32_t hash_name(const char *name) {
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char) *name) * 16777619u;
	return hash;
}

static struct estimate_entry *find(struct estimate *estimate, const char *function) {
	uint32_t hash = hash_name(function);

	for (unsigned i = 0; i < estimate->n; i++) {
		struct estimate_entry *entry = &estimate->entries[i];

		if (entry->hash == hash && strcmp(entry->function, function) == 0) {
			entry->used = ++estimate->turn;
			return entry;
		}
	}
	return NULL;
}

/* A place for one more function, taken from the least recently used one if there are too many. */
static struct estimate_entry *make_room(struct estimate *estimate) {
	struct estimate_entry *oldest;

	if (!estimate->entries)
		estimate->entries = calloc(ESTIMATE_FUNCTIONS, sizeof *estimate->entries);
	if (!estimate->entries)
		return NULL;
	if (estimate->n < ESTIMATE_FUNCTIONS)
		return &estimate->entries[estimate->n++];
	oldest = estimate->entries;
	for (unsigned i = 1; i < estimate->n; i++)
		if (estimate->entries[i].used < oldest->used)
			oldest = &estimate->entries[i];
	free(oldest->function);
	return oldest;
}

static uint32_t clamp(double n) {
	if (!(n >= 1))
		return 1;
	return n < LIMIT_CHUNK_ITEMS ? (uint32_t) n : LIMIT_CHUNK_ITEMS;
}

bool estimate_cost(struct estimate *estimate, const char *function, double *ret) {
	const struct estimate_entry *entry = find(estimate, function);

	*ret = entry ? entry->cost : 0;
	return entry;
}

uint32_t estimate_chunk(struct estimate *estimate, const struct estimate_question *question) {
	struct estimate_entry *entry = find(estimate, question->function);
	double bytes = question->item_bytes, most, n;

	if (entry && entry->bytes > bytes)
		bytes = entry->bytes;
	most = bytes > 0 ? ESTIMATE_CHUNK_BYTES / bytes : LIMIT_CHUNK_ITEMS;
	if (question->chunk_size)
		return clamp(fmin(most, question->chunk_size));
	if (!entry)
		return 1;

	double length = question->alone ? ESTIMATE_CHUNK_ALONE : ESTIMATE_CHUNK_SHARED;
	uint32_t previous = question->previous ? question->previous : entry->settled;

	if (entry->cost + entry->deviation > 0)
		most = fmin(most, length / (entry->cost + entry->deviation));
	n = fmin(most, 2.0 * previous);
	/* The small chunks at the end of a request say nothing about the next request. */
	entry->settled = clamp(fmin(most, fmax(n, entry->settled)));
	if (question->input_ended)
		n = fmin(n, ceil((double) question->pending / (2.0 * question->workers)));
	return clamp(n);
}

void estimate_learn(struct estimate *estimate, const char *function, uint32_t count,
		    uint64_t busy_us, uint64_t bytes) {
	struct estimate_entry *entry;
	double cost, size, difference;

	if (count == 0)
		return;
	cost = (double) busy_us / 1e6 / count;
	size = (double) bytes / count;
	entry = find(estimate, function);
	if (entry) {
		difference = cost - entry->cost;
		entry->cost += WEIGHT * difference;
		entry->deviation += WEIGHT * (fabs(difference) - entry->deviation);
		entry->bytes += WEIGHT * (size - entry->bytes);
		return;
	}
	char *copy = strdup(function);

	entry = copy ? make_room(estimate) : NULL;
	if (!entry) {
		free(copy);
		return;
	}
	*entry = (struct estimate_entry) {
		.function = copy,
		.hash = hash_name(function),
		.used = ++estimate->turn,
		.cost = cost,
		.bytes = size,
		.settled = count,
	};
}
