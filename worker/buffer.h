#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Bytes that grow. A buffer that once got no memory, or met its limit, stays failed, and appends nothing more, until
 * buffer_cut(): whoever appends many pieces looks once, at the end.
 */

struct buffer {
	char *bytes; /* owned */
	size_t size, capacity;
	size_t limit; /* of size; 0 = none */
	bool failed;
};

void buffer_done(struct buffer *buffer);

/* Makes room for extra more bytes. Returns false, and fails the buffer, when there is no memory, or no room
 * within the limit. */
bool buffer_reserve(struct buffer *buffer, size_t extra);

/* Inline, as results are made of a few bytes at a time. */
static inline void buffer_append(struct buffer *buffer, const char *bytes, size_t size) {
	bool room = !buffer->failed && buffer->capacity - buffer->size >= size &&
		    (!buffer->limit || buffer->limit - buffer->size >= size);

	if (size == 0 || (!room && !buffer_reserve(buffer, size)))
		return;
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

static inline void buffer_append_text(struct buffer *buffer, const char *text) {
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_uint(struct buffer *buffer, uint64_t value);
/* Appends a JSON string with quotes and escapes; what is not UTF-8 in text becomes U+FFFD. */
void buffer_append_string(struct buffer *buffer, const char *text, size_t size);

/* Takes everything from size on away; a failed buffer is well again. */
void buffer_cut(struct buffer *buffer, size_t size);
