#pragma once

#include <stddef.h>
#include <string.h>

/*
 * Both conversations are framed alike: one JSON object, then one NUL byte.
 * Nothing here keeps state or allocates.
 */

/* Looks for the end of the first message.
 * bytes: the window, starting with the message; size: its length; from: how many bytes were searched before.
 * Returns the length of the message without its NUL, or SIZE_MAX if its end is not in the window. */
static inline size_t frame_find(const char *bytes, size_t size, size_t from) {
	const char *nul = from < size ? memchr(bytes + from, '\0', size - from) : NULL;

	return nul ? (size_t) (nul - bytes) : (size_t) -1;
}
