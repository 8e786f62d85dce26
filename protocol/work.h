#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/parameters.h"
#include "protocol/document.h"

/*
 * The conversation between the daemon and a worker, both directions: a whole document in, a struct or a
 * reason out. Results and items stay spans of the text. Unknown members are ignored in neither direction:
 * a message that is not understood whole is refused.
 */

/* ---- worker → daemon ---- */

extern const struct document_shape worker_shape;

enum worker_message_type { WORKER_HELLO, WORKER_RESULTS };

struct worker_hello {
	char *runtime; /* owned */
	bool page;
	bool unpack[UNPACK_BOTH + 1]; /* which of enum unpack the worker can do; none always */
	json_t *functions;            /* owned; array of {"name", "description"?}, names checked */
};

struct worker_results {
	uint64_t chunk;
	json_t *errors; /* owned, array of {"offset", "exception"?, "message"?, "trace"?}; or NULL */
	json_t *us; /* owned; startUs and durationUs of each result, one after the other; or NULL */
	uint64_t busy_us;
	bool has_returned;
	uint32_t returned; /* offset of the first item not started */
	bool unknown;
}; /* the results are the document's elements */

struct worker_message {
	enum worker_message_type type;
	union {
		struct worker_hello hello;
		struct worker_results results;
	};
};

/* Returns 0 and *ret (free with worker_message_done()); 1 and *reason (static text: a protocol violation);
 * or -ENOMEM. */
int worker_message_decode(struct worker_message *ret, const struct document *doc, const char *text,
			  const char **ret_reason);
void worker_message_done(struct worker_message *message);

/* ---- daemon → worker ---- */

extern const struct document_shape work_shape;

enum work_type { WORK_CHUNK, WORK_COMMON, WORK_FORGET };

struct work_chunk {
	uint64_t chunk;  /* from 1, growing */
	char *function;  /* owned */
	uint64_t first;  /* index in the request of the chunk's first item */
	uint64_t common; /* id of a common value sent before; 0 = none */
	enum unpack unpack;
	bool times;      /* the worker reports start and duration of each item */
	bool clock;      /* the worker keeps page->began */
	uint32_t stride; /* 1 unless said otherwise */
};                       /* the items are the document's elements */

struct work_message {
	enum work_type type;
	union {
		struct work_chunk chunk;
		struct {
			uint64_t id;
			struct span value;
		} common;
		uint64_t forget;
	};
};

/* Returns as worker_message_decode(). */
int work_message_decode(struct work_message *ret, const struct document *doc, const char *text,
			const char **ret_reason);
void work_message_done(struct work_message *message);

/* The two halves of a chunk message, around the items' bytes; buffer holds size bytes, WORK_CHUNK_MAX is
 * enough for each half; the tail's size includes the NUL that ends the message. Return their lengths. */
#define WORK_CHUNK_MAX 512
size_t work_chunk_head(char *buffer, size_t size, const struct work_chunk *chunk);
size_t work_chunk_tail(char *buffer, size_t size, const struct work_chunk *chunk);

/* ---- names ---- */

/* Whether a text is a function's name: [A-Za-z0-9_.:-]{1,256}; with prefix, one '*' may end it. */
bool function_name_valid(const char *name, bool prefix);
