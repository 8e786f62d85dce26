#pragma once

#include <stdbool.h>
#include <stddef.h>

/* JSON numbers and doubles, whatever locale a function may have set. */

#define NUMBER_DOUBLE_MAX 32

/* Writes the fewest digits that read back as the same double, with ".0" where it looks like an integer.
 * value: finite; text: NUMBER_DOUBLE_MAX bytes. Returns the length; there is no NUL. */
size_t number_from_double(char *text, double value);

/* Reads a JSON number of size characters. Returns false if there are too many of them (over 1024) or if it is
 * beyond the range of a double. */
bool number_to_double(const char *text, size_t size, double *ret);
