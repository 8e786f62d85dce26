#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/parameters.h"
#include "protocol/document.h"

/*
 * The members of one small message, found by name and read straight from the text. Messages between daemon and
 * worker are small beside the items they carry, but at a chunk size of 1 there is one for each item: jansson
 * only sees what is rare or nested.
 */

#define FIELDS_MAX 10

/* By their place in the message's list of names; NULL where absent. */
struct fields {
	const struct member *at[FIELDS_MAX];
};

/* names: at most FIELDS_MAX, ended by NULL.
 * Returns 0; or 1 and *ret_reason (static text) for a member that is not among them, or comes twice. */
int fields_read(struct fields *ret, const struct document *doc, const char *text,
		const char *const *names, const char **ret_reason);

/* A whole number from min to max, written without fraction and exponent; else false. */
bool member_uint(const struct member *member, const char *text, uint64_t min, uint64_t max,
		 uint64_t *ret);
bool member_bool(const struct member *member, bool *ret);

/* Returns false for a name that no way to unpack has. */
bool unpack_parse(const char *name, enum unpack *ret);
