#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/document.h"
#include "protocol/work.h"

struct bytes;
struct channel;
struct commons;

/*
 * What a worker is told with one chunk: its items, and before them the common value they need.
 */
struct order {
	const char *function;
	uint64_t common; /* id, 0 = none */
	struct bytes
		*common_bytes; /* holds the value at common_span, sent if the worker lacks it */
	struct span common_span;
	struct bytes *items; /* holds the items at items_span, commas included */
	struct span items_span;
	enum unpack unpack;
	bool times;
	bool clock; /* the page tells when an item began */
	uid_t uid;
};

/* Writes the messages; commons: what the worker has, brought up to date. number and first: of the chunk. Returns 0, or -ENOMEM:
 * half a message may be written then. */
int order_write(const struct order *order, struct channel *channel, struct commons *commons,
		uint64_t number, uint64_t first);
