#pragma once

#include <stddef.h>

/* Text in UTF-8, and what of it a JSON string takes as it is. */

/* Length of the UTF-8 sequence at text, of which size > 0 bytes are there; 0 if it is none. */
size_t utf8_length(const char *text, size_t size);

/* How many bytes at text stand for themselves in a JSON string: whole characters, up to a quote, a backslash, a
 * control character or what is not UTF-8. */
size_t text_plain(const char *text, size_t size);
