#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "worker/buffer.h"
#include "worker/item.h"

/*
 * What the worker has to say, as messages in one buffer: whole ones, then at most one open message of results of
 * the chunk at hand. A result goes straight to the end of the buffer; what stands behind the results in a
 * message (errors, times) waits beside it. Pure: whoever writes the buffer to the daemon empties it.
 */

/* An open message is closed and sent once it is this large. */
#define REPORT_FULL (1u << 20)

struct report {
	struct buffer out;
	size_t begin;         /* of the open message */
	size_t result;        /* where the result that report_begin() announced begins */
	uint32_t results;     /* in the open message; 0 = there is no open message */
	struct buffer errors; /* of the open message: objects and commas */
	struct buffer times;  /* likewise: numbers and commas */
};

void report_done(struct report *report);

/* Gets ready for a result of this chunk: opens a message if there is none. The value is to be appended to out.
 * Returns false when there is no memory. */
bool report_begin(struct report *report, uint64_t chunk);
/* The result that was announced is there, whole; */
void report_value(struct report *report);
/* or it failed, as item says; offset: within the chunk. */
void report_error(struct report *report, uint32_t offset, const struct procpool_item *item);
/* Adds to the times: of the result just taken, in microseconds. */
void report_times(struct report *report, uint64_t start_us, uint64_t duration_us);

/* Bytes of the open message, as far as known. */
size_t report_size(const struct report *report);
/* Ends the open message, if there is one. */
void report_close(struct report *report, uint64_t busy_us);

/* The items from offset on were not started. */
void report_returned(struct report *report, uint64_t chunk, uint32_t offset);
void report_unknown(struct report *report, uint64_t chunk);

/* Whether memory was short somewhere: what the report says is then not whole. */
bool report_failed(const struct report *report);
