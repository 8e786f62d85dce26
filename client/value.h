#pragma once

#include <jansson.h>

#include "client/bytes.h"
#include "client/failure.h"

/*
 * Values of jansson to and from text.
 */

/* Adds value as JSON without white space; the numbers as short as they can be.
 * value: NULL is refused. around, what: as of check_json().
 * Returns 0; PROCPOOL_E_BAD_INPUT, -ENOMEM, and bytes may then have a part of it. */
int value_write(struct bytes *bytes, const json_t *value, unsigned around, const char *what,
		struct failure *failure);

/* Reads one value of text that is JSON.
 * Returns 0 and *ret_value, a new reference; PROCPOOL_E_UNREADABLE with the reason in ret_error->text; -ENOMEM. */
int value_read(const char *text, size_t size, json_t **ret_value, json_error_t *ret_error);
