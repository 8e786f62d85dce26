#pragma once

#include <procpool/client.h>

#include "client/tool/kept.h"

/*
 * The stream under a map. When it is cut off, and nothing of it was accepted or the map is idempotent, another one takes
 * over those items that have no result yet; whoever uses it sees each result once, and the indexes going on.
 */
struct transfer {
	struct procpool *procpool;
	char *function; /* owned */
	struct procpool_options options;
	bool idempotent;
	struct procpool_stream *stream;
	struct kept kept;
	bool keeps;         /* what has no result is kept */
	uint64_t given;     /* of the kept ones, those before this position are in the stream */
	unsigned repeats;   /* in a row, with no result between them */
	int64_t opened_us;  /* the first stream */
	int64_t shift_us;   /* between it and the one at hand */
	bool handle_failed; /* the last error is the handle's, not the stream's */
};

/* An item could not be kept. */
#define TRANSFER_NO_ROOM (-ENOBUFS)

/* Opens the first stream; function is taken over. Returns as procpool_stream_open(). */
int transfer_open(struct transfer *transfer, struct procpool *procpool, char *function,
		  const struct procpool_options *options);
void transfer_done(struct transfer *transfer);

/* Adds an item, JSON or the bytes of a string – one transfer has only one kind – if all that a stream before had
 * is in the new one. Returns as procpool_stream_add(), and TRANSFER_NO_ROOM. */
int transfer_add(struct transfer *transfer, const char *text, size_t size, bool string);

/* Gives a new stream what the one before had. Returns 0 when all of it is in, PROCPOOL_E_FULL, other errors as
 * procpool_stream_add(). */
int transfer_refill(struct transfer *transfer, bool string);

/* Looks whether a batch is of items that wait for it. */
bool transfer_expects(const struct transfer *transfer, const struct procpool_batch *batch);
/* The index of an item of the stream. */
uint64_t transfer_index(const struct transfer *transfer, uint64_t position);
/* When it started, counted from the first stream. */
int64_t transfer_start_us(const struct transfer *transfer, int64_t start_us);
/* Its error, with its index; *ret_json is to be freed when it is no longer used. Returns 0, -ENOMEM. */
int transfer_item_error(const struct transfer *transfer, const struct procpool_item_error *error,
			struct procpool_item_error *ret, char **ret_json);
/* The batch has been used. */
void transfer_took(struct transfer *transfer, const struct procpool_batch *batch);

/* Whether the stream, which failed, may be opened again. */
bool transfer_may_repeat(const struct transfer *transfer);
/* Opens it again, waiting for a daemon to listen. Returns as procpool_stream_open(). */
int transfer_repeat(struct transfer *transfer);

const struct procpool_error *transfer_last_error(const struct transfer *transfer);
