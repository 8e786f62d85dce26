#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns of JSON values, as tests write them.
 *
 *	*              any value
 *	{'a':1, ...}   an object with at least these members
 *	[1, 2, ...]    an array that begins so
 *	'~int'         any integer; likewise ~string ~number ~array ~object ~bool
 *	'~has:TEXT'    a string in which TEXT occurs
 *	'~min:N'       an integer that is N or more; '~max:N' N or less
 */

/* JSON text for the readable form: ' becomes ", and * and ... outside strings become strings. Free it. */
char *pattern_expand(const char *text);

/* Only ' to "; in place. */
void quotes_expand(char *text);

/* Compares. Returns true, or false with the place and the reason in why. */
bool pattern_match(const json_t *pattern, const json_t *value, char *why, size_t size);
