#pragma once

#include <jansson.h>
#include <stddef.h>

#include "protocol/limits.h"
#include "worker/buffer.h"

/* Values as text: what a function returns on its way into a message. */

/* A value inside a message stands in the message's braces and the array of results. */
#define VALUE_DEPTH_MAX (LIMIT_DEPTH - 2)

/* What a buffer without memory or room comes to. */
#define VALUE_TOO_LARGE "it is larger than any result may be, or there is no memory for it"

/* Appends value as JSON without white space, real numbers with the fewest digits that keep them.
 * Returns NULL, or what cannot be written (static text). */
const char *value_append(struct buffer *buffer, const json_t *value);

/* Whether text is exactly one JSON value, within the protocol's limits for depth and numbers.
 * Returns NULL, or the reason (static text) and *ret_offset. */
const char *value_check(const char *text, size_t size, size_t *ret_offset);
