#include "worker/buffer.h"

#include <stdlib.h>
#include <string.h>

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

size_t utf8_length(const char *text, size_t size) {
	const unsigned char *c = (const unsigned char *) text;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t length;

	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	length = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	/* No overlong forms, no surrogates, nothing above U+10FFFF. */
	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;
	if (size < length || c[1] < low || c[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return length;
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

/* Length of the bytes at text that a JSON string takes as they are. */
static size_t plain_length(const char *text, size_t size) {
	size_t i = 0;

	while (i < size) {
		unsigned char c = (unsigned char) text[i];
		size_t length = c >= 0x80 ? utf8_length(text + i, size - i) : 1;

		if (length == 0 || c < 0x20 || c == '"' || c == '\\')
			break;
		i += length;
	}
	return i;
}

void buffer_append_string(struct buffer *buffer, const char *text, size_t size) {
	size_t i = 0;

	buffer_append_text(buffer, "\"");
	while (i < size) {
		size_t plain = plain_length(text + i, size - i);

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
