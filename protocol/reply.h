#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/document.h"

/*
 * What a client reads: the replies of its calls, and the objects of a stream after its upgrade. Pure: a
 * whole document in, a struct or a reason out. Results are the document's elements and are not parsed.
 * Members that are not known are passed over: a later daemon may say more.
 */

enum reply_kind {
	REPLY_PLAIN, /* any method: the parameters are one span */
	REPLY_RUN,   /* Apply and Map: the members below are read from the parameters */
	REPLY_STREAM /* an object of a stream: the members below are its own */
};

/* How a document of that kind is cut. */
extern const struct document_shape reply_shapes[REPLY_STREAM + 1];

struct reply {
	bool continues;
	char *error;        /* owned; the wire name, or NULL if the call went well */
	json_t *parameters; /* owned; with error: its parameters, an object; or NULL */
	struct span plain;  /* REPLY_PLAIN: the parameters; empty if absent or null */
	struct span result; /* Apply's; empty if absent */
	uint64_t first;     /* index of the first result */
	char *request;      /* owned; or NULL */
	json_t *errors; /* owned; array of objects that have an index within the results; or NULL */
	json_t *start_us, *duration_us, *attempts; /* owned; an integer for each result; or NULL */
	json_t *summary;                           /* owned; an object; or NULL */
};

/* Returns 0 and *ret (free with reply_done()); 1 and *ret_reason (static) if the document makes no sense. */
int reply_decode(struct reply *ret, enum reply_kind kind, const struct document *doc,
		 const char *text, const char **ret_reason);
void reply_done(struct reply *reply);
