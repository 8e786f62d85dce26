#include "daemon/bytes.h"

#include <stdlib.h>

struct bytes *bytes_new(char *data, size_t size) {
	struct bytes *bytes = malloc(sizeof *bytes);

	if (!bytes)
		return NULL;
	*bytes = (struct bytes) {.references = 1, .size = size, .capacity = size, .data = data};
	return bytes;
}

struct bytes *bytes_new_reserved(size_t capacity) {
	char *data = malloc(capacity);
	struct bytes *bytes = data ? bytes_new(data, 0) : NULL;

	if (!bytes) {
		free(data);
		return NULL;
	}
	bytes->capacity = capacity;
	return bytes;
}

struct bytes *bytes_ref(struct bytes *bytes) {
	bytes->references++;
	return bytes;
}

struct bytes *bytes_unref(struct bytes *bytes) {
	if (bytes && --bytes->references == 0) {
		free(bytes->data);
		free(bytes);
	}
	return NULL;
}
