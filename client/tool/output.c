#include "client/tool/output.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* More than this is written at once. */
#define FLUSH_SIZE (128u * 1024)

void output_init(struct output *output, int fd) {
	*output = (struct output) {.fd = fd, .terminal = isatty(fd)};
}

void output_done(struct output *output) {
	bytes_done(&output->bytes);
}

/* ---- writing ---- */

int output_flush(struct output *output) {
	while (bytes_size(&output->bytes) > 0) {
		ssize_t n = write(output->fd, bytes_at(&output->bytes), bytes_size(&output->bytes));

		if (n >= 0) {
			bytes_take(&output->bytes, (size_t) n);
		} else if (errno == EAGAIN) {
			/* Somebody who shares this end made it so. */
			struct pollfd fd = {.fd = output->fd, .events = POLLOUT};

			if (poll(&fd, 1, -1) < 0 && errno != EINTR)
				return -errno;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* ---- one value ---- */

/* Adds JSON on one line: line ends between its parts are legal, and mean nothing. */
static int add_json(struct bytes *bytes, const char *json, size_t size) {
	size_t at;
	char *copy;

	if (bytes_add(bytes, json, size) < 0)
		return -ENOMEM;
	copy = bytes->data + bytes->end - size;
	if (!memchr(copy, '\n', size) && !memchr(copy, '\r', size))
		return 0;
	at = 0;
	for (size_t i = 0; i < size; i++)
		if (copy[i] != '\n' && copy[i] != '\r')
			copy[at++] = copy[i];
	bytes->end -= size - at;
	return 0;
}

static unsigned hex(const char *digits) {
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		unsigned digit = (unsigned char) digits[i];

		value = value << 4 | (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
	}
	return value;
}

static int add_character(struct bytes *bytes, unsigned code) {
	unsigned char utf8[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		utf8[i] = (unsigned char) (0x80 | (code & 0x3f));
	utf8[0] = (unsigned char) (lead[n] | code);
	return bytes_add(bytes, utf8, n);
}

/* at stands after a backslash. Moves it on. */
static int add_escape(struct bytes *bytes, const char **at) {
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	char byte = *(*at)++;
	unsigned code;

	if (byte != 'u')
		return bytes_add(bytes, &meanings[strchr(escapes, byte) - escapes], 1);
	code = hex(*at);
	*at += 4;
	if (code >= 0xd800 && code < 0xdc00) {
		code = 0x10000 + ((code - 0xd800) << 10) + (hex(*at + 2) - 0xdc00);
		*at += 6;
	}
	return add_character(bytes, code);
}

int unquote(struct bytes *bytes, const char *json, size_t size) {
	const char *at = json + 1, *end = json + size - 1;
	int r = 0;

	while (r == 0 && at < end) {
		const char *backslash = memchr(at, '\\', (size_t) (end - at));
		const char *plain_end = backslash ? backslash : end;

		r = bytes_add(bytes, at, (size_t) (plain_end - at));
		at = plain_end;
		if (r == 0 && backslash) {
			at++;
			r = add_escape(bytes, &at);
		}
	}
	return r;
}

/* ---- lines ---- */

static int begin(struct output *output) {
	const char *before = !output->array ? "" : output->began ? "," : "[";

	output->began = true;
	return bytes_add_string(&output->bytes, before);
}

static int end(struct output *output) {
	int r = output->array ? 0 : bytes_add(&output->bytes, "\n", 1);

	return r == 0 && bytes_size(&output->bytes) >= FLUSH_SIZE ? output_flush(output) : r;
}

static int add_tag(struct output *output, uint64_t index, const char *name) {
	char tag[64];
	int n = snprintf(tag, sizeof(tag), "{\"index\": %llu, \"%s\": ", (unsigned long long) index,
			 name);

	return bytes_add(&output->bytes, tag, (size_t) n);
}

static int add_value(struct output *output, const char *json, size_t size) {
	if (output->raw && json[0] == '"')
		return unquote(&output->bytes, json, size);
	return add_json(&output->bytes, json, size);
}

static int add_tagged(struct output *output, uint64_t index, const char *name, const char *json,
		      size_t size) {
	if (add_tag(output, index, name) < 0 || add_json(&output->bytes, json, size) < 0 ||
	    bytes_add(&output->bytes, "}", 1) < 0)
		return -ENOMEM;
	return 0;
}

int output_result(struct output *output, uint64_t index, const char *json, size_t size) {
	int r = begin(output);

	if (r == 0)
		r = output->tag ? add_tagged(output, index, "result", json, size)
				: add_value(output, json, size);
	return r == 0 ? end(output) : r;
}

int output_failed(struct output *output, const struct procpool_item_error *error) {
	int r = begin(output);

	if (r == 0)
		r = output->tag ? add_tagged(output, error->index, "error", error->json,
					     strlen(error->json))
				: bytes_add(&output->bytes, "null", 4);
	return r == 0 ? end(output) : r;
}

int output_end(struct output *output) {
	if (!output->array)
		return 0;
	return bytes_add_string(&output->bytes, output->began ? "]\n" : "[]\n");
}
