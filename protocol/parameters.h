#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/document.h"
#include "protocol/error.h"

/* The parameters of the methods: a whole document in, a struct or a named error out. */

enum unpack { UNPACK_NONE, UNPACK_POSITIONAL, UNPACK_KEYWORDS, UNPACK_BOTH };

const char *unpack_name(enum unpack unpack);

struct run_options {
	uint32_t chunk_size;  /* items; 0 = the daemon chooses */
	uint32_t max_workers; /* 0 = no limit */
	int priority;         /* LIMIT_PRIORITY_FIRST … LIMIT_PRIORITY_LAST */
	enum unpack unpack;
	bool abort; /* onError: nothing new starts after an item failed */
	bool unordered;
	bool timings;
	bool no_rerun;             /* what a dead worker had finished and not reported is lost */
	uint32_t retries;          /* further attempts after a death or a time-out */
	uint32_t item_timeout_ms;  /* of one attempt; 0 = none, here and below */
	uint32_t timeout_ms;       /* of the call */
	uint32_t queue_timeout_ms; /* of it, until the first item starts */
};

/* Parameters of Apply, Map and Stream. A span with begin == end is absent. */
struct run_parameters {
	char *function;       /* owned; "name" or "pool/name", checked */
	struct span argument; /* Apply */
	struct span common;
	struct run_options options;
	uint32_t window; /* Stream; items, 0 = the daemon's */
};

enum run_method { RUN_APPLY, RUN_MAP, RUN_STREAM };

/* Reads the parameters; Map's items are doc->elements.
 * Returns as call_decode(); free with run_parameters_done(). */
int run_parameters_decode(struct run_parameters *ret, enum run_method method,
			  const struct document *doc, const char *text, struct error *error);
void run_parameters_done(struct run_parameters *parameters);

/* One parameter of a method that takes only scalars. */
enum parameter_type { PARAMETER_STRING, PARAMETER_BOOL, PARAMETER_INT };

struct parameter {
	const char *name;
	enum parameter_type type;
	bool required;
};

/* Reads the parameters of a method whose table has n entries; values[i] becomes a new reference, or NULL where
 * absent or null. Returns as call_decode(). */
int parameters_decode(const struct parameter *table, size_t n, json_t **values,
		      const struct document *doc, const char *text, struct error *error);
