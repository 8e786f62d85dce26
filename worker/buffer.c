#include "worker/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define BUFFER_FIRST 4096

void buffer_done(struct buffer *buffer) {
	free(buffer->bytes);
	*buffer = (struct buffer) {0};
}

static bool buffer_grow(struct buffer *buffer, size_t extra) {
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST;
	char *bytes;

	while (capacity - buffer->size < extra && capacity <= SIZE_MAX / 4)
		capacity *= 2;
	bytes = capacity - buffer->size < extra ? NULL : realloc(buffer->bytes, capacity);
	if (!bytes) {
		buffer->failed = true;
		return false;
	}
	buffer->bytes = bytes;
	buffer->capacity = capacity;
	return true;
}

bool buffer_reserve(struct buffer *buffer, size_t extra) {
	if (buffer->failed)
		return false;
	if (buffer->limit && extra > buffer->limit - buffer->size) {
		buffer->failed = true;
		return false;
	}
	return buffer->capacity - buffer->size >= extra || buffer_grow(buffer, extra);
}

void buffer_append_uint(struct buffer *buffer, uint64_t value) {
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char) ('0' + value % 10);
	while (value /= 10);
	buffer_append(buffer, digits + at, sizeof digits - at);
}

static void append_escape(struct buffer *buffer, unsigned char c) {
	static const char hex[] = "0123456789abcdef";
	static const char *const names[32] = {
		['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};

	if (c == '"')
		buffer_append_text(buffer, "\\\"");
	else if (c == '\\')
		buffer_append_text(buffer, "\\\\");
	else if (names[c])
		buffer_append_text(buffer, names[c]);
	else
		buffer_append(buffer, (char[]) {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void buffer_append_string(struct buffer *buffer, const char *text, size_t size) {
	size_t i = 0;

	buffer_append_text(buffer, "\"");
	while (i < size) {
		size_t plain = text_plain(text + i, size - i);

		buffer_append(buffer, text + i, plain);
		i += plain;
		if (i == size)
			break;
		if ((unsigned char) text[i] >= 0x80)
			buffer_append_text(buffer, "\xef\xbf\xbd");
		else
			append_escape(buffer, (unsigned char) text[i]);
		i++;
	}
	buffer_append_text(buffer, "\"");
}

void buffer_cut(struct buffer *buffer, size_t size) {
	buffer->size = size;
	buffer->failed = false;
}
