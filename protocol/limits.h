#pragma once

/* The protocol's numbers. Those in struct limits are defaults that the daemon's configuration can
 * change; the others belong to the protocol. Sizes in bytes. */

#include <stddef.h>
#include <stdint.h>

#define LIMIT_DEPTH               256          /* of a message, its own braces included */
#define LIMIT_NUMBER              1024         /* characters of one number */
#define LIMIT_ENVELOPE            (64u * 1024) /* a call without items, argument and common */
#define LIMIT_WORKER_ENVELOPE     65536 /* a worker's message without hello, results, errors, us */
#define LIMIT_FUNCTION_NAME       256
#define LIMIT_PRIORITY_FIRST      (-20) /* the heaviest */
#define LIMIT_PRIORITY_LAST       19
#define LIMIT_READ_AHEAD          (64u * 1024)     /* of calls that wait behind the active one */
#define LIMIT_CHUNK_ITEMS         ((1u << 20) - 1) /* the page has 20 bits for an item's offset */
#define LIMIT_WORKER_COMMONS      4
#define LIMIT_WORKER_COMMON_BYTES (16u << 20)
#define LIMIT_WORKERS             4096        /* of one pool */
#define LIMIT_FUNCTIONS           65536       /* names in one hello */
#define LIMIT_ERROR_TEXT          (8u * 1024) /* of exception, message and trace of an item error, each */

#define LIMIT_MESSAGE        (16u << 20)
#define LIMIT_REPLY          (16u << 20)
#define LIMIT_ITEMS          1000000u
#define LIMIT_ITEM           (4u << 20) /* one item, one result */
#define LIMIT_WORKER_MESSAGE (16u << 20)
#define LIMIT_WINDOW_ITEMS   65536u
#define LIMIT_WINDOW_BYTES   (8u << 20)

#define LIMIT_CONNECTIONS      4096u
#define LIMIT_USER_CONNECTIONS 1024u
#define LIMIT_USER_ITEMS       (4u << 20)   /* received, and their results not sent */
#define LIMIT_USER_BYTES       (256u << 20) /* held for one user */
#define LIMIT_TOTAL_BYTES      (1u << 30) /* for all; or half of the memory there is, if that is less */

#define LIMIT_BATCH_BYTES (64u * 1024)
#define LIMIT_BATCH_US    10000
#define LIMIT_STREAM_READ \
	(64u * 1024) /* a stream is always read while it holds less; so is a message */
#define LIMIT_UNSENT_HIGH (1u << 20)    /* nothing more of a call starts above it, */
#define LIMIT_UNSENT_LOW  (256u * 1024) /* until its unsent output is below this */

/* A limit's number in a sentence. */
#define LIMIT_TEXT(limit)   LIMIT_TEXT_OF(limit)
#define LIMIT_TEXT_OF(text) #text

/* What one document may hold; 0 = no limit of this kind. */
struct limits {
	size_t message;
	size_t envelope;
	size_t items;
	size_t item;
};
