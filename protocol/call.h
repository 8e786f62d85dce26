#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/document.h"
#include "protocol/error.h"

/*
 * Varlink calls as the daemon receives them: the envelope, and the parameters of the methods. Pure: a whole
 * document in, a struct or an error out; items, argument and common stay spans of the text.
 */

/* How a client's calls, and the objects of its streams, are cut. */
extern const struct document_shape call_shape;
extern const struct document_shape stream_shape;

struct call {
	char *method; /* owned */
	bool oneway, more, upgrade;
};

/* Reads the envelope. Returns 0 and *ret (free it with call_done()), or 1 and *error, or -ENOMEM. */
int call_decode(struct call *ret, const struct document *doc, const char *text,
		struct error *error);
void call_done(struct call *call);

/* The error of a document that could not be read: verdict is one of DOCUMENT_E_*. */
void call_document_error(const struct document *doc, int verdict, struct error *error);

/* What decoders say of a call; each sets *error and returns 1. member: where it is, or NULL. */
int call_malformed(struct error *error, const char *reason, const struct member *member);
int call_invalid(struct error *error, const char *parameter);
/* A parameter that the method does not know. */
int call_unknown(struct error *error, const struct member *member, const char *text);

/* One object of a client's stream. */
struct stream_object {
	bool items; /* doc->elements hold some (perhaps none) */
	bool end;
	json_t *cancel; /* array of indexes, owned; or NULL */
};

/* Returns as call_decode(); an error here ends the stream. */
int stream_object_decode(struct stream_object *ret, const struct document *doc, const char *text,
			 struct error *error);
