#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A queue of bytes in one piece: written at its end, taken from its beginning. Zeroed, it is empty.
 */
struct bytes {
	char *data; /* owned */
	size_t begin, end, capacity;
};

/* An empty queue larger than this gives its memory back. */
#define BYTES_KEEP (1u << 20)

static inline size_t bytes_size(const struct bytes *bytes) {
	return bytes->end - bytes->begin;
}

static inline const char *bytes_at(const struct bytes *bytes) {
	return bytes->data + bytes->begin;
}

static inline void bytes_done(struct bytes *bytes) {
	free(bytes->data);
	*bytes = (struct bytes) {0};
}

/* Makes room for size more bytes after bytes->end; what is held may move. Returns 0, -ENOMEM. */
static inline int bytes_reserve(struct bytes *bytes, size_t size) {
	size_t held = bytes_size(bytes), capacity = bytes->capacity ? bytes->capacity : 4096;
	char *grown;

	if (bytes->capacity - bytes->end >= size)
		return 0;
	/* Only when at least half is free again does moving pay. */
	if (bytes->begin >= held && bytes->capacity - held >= size) {
		memmove(bytes->data, bytes->data + bytes->begin, held);
		bytes->begin = 0;
		bytes->end = held;
		return 0;
	}
	while (capacity - bytes->end < size) {
		if (capacity > SIZE_MAX / 2)
			return -ENOMEM;
		capacity *= 2;
	}
	grown = realloc(bytes->data, capacity);
	if (!grown)
		return -ENOMEM;
	bytes->data = grown;
	bytes->capacity = capacity;
	return 0;
}

static inline int bytes_add(struct bytes *bytes, const void *data, size_t size) {
	if (bytes_reserve(bytes, size) < 0)
		return -ENOMEM;
	if (size > 0)
		memcpy(bytes->data + bytes->end, data, size);
	bytes->end += size;
	return 0;
}

static inline int bytes_add_string(struct bytes *bytes, const char *string) {
	return bytes_add(bytes, string, strlen(string));
}

static inline void bytes_take(struct bytes *bytes, size_t size) {
	bytes->begin += size;
	if (bytes->begin < bytes->end)
		return;
	if (bytes->capacity > BYTES_KEEP)
		bytes_done(bytes);
	bytes->begin = bytes->end = 0;
}
