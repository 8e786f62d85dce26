#pragma once

#include "client/bytes.h"
#include "client/failure.h"

/*
 * Calls as text. What the caller gave as JSON is checked before it goes into a message: one bad value must
 * not cost the connection.
 */

/* Checks that text is one JSON value that the daemon would take.
 * around: how many containers the message puts around it. what: for people, e.g. "the argument".
 * Returns 0, PROCPOOL_E_BAD_INPUT. */
int check_json(const char *text, size_t size, unsigned around, const char *what,
	       struct failure *failure);

/* Adds a JSON string of the bytes. Returns 0, PROCPOOL_E_BAD_INPUT (no UTF-8; nothing is added), -ENOMEM. */
int encode_string(struct bytes *bytes, const char *string, size_t size, struct failure *failure);

/* A call of any method. flag: "more", "upgrade" or NULL; parameters: a JSON object or NULL.
 * Adds to an empty call, the NUL included. Returns 0, PROCPOOL_E_BAD_INPUT, -ENOMEM. */
int encode_call(struct bytes *call, const char *method, const char *flag, const char *parameters,
		struct failure *failure);

/* What the caller's struct has of them, the rest zero; options may be NULL. */
struct procpool_options options_known(const struct procpool_options *options);

/* A call of Apply, Map or Stream. */
struct run_call {
	const char *method; /* without the interface's name */
	const char *flag;   /* as above */
	const char *function;
	const struct procpool_options *options; /* or NULL */
	const char *input_name;                 /* "argument", "items", or NULL */
	const char *input;                      /* JSON */
	size_t input_size;
	uint32_t window; /* 0 = not said */
};

int encode_run_call(struct bytes *call, const struct run_call *run, struct failure *failure);
