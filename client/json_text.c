#include "client/json_text.h"

#include "client/bytes.h"

static int add(const char *text, size_t size, void *data) {
	struct bytes *bytes = data;

	/* Not all that jansson adds is looked after by it: once wrong, nothing may follow. */
	if (bytes->capacity > 0 && bytes_add(bytes, text, size) < 0)
		bytes_done(bytes);
	return bytes->capacity > 0 ? 0 : -1;
}

char *json_text(const json_t *value) {
	struct bytes bytes = {0};

	if (bytes_reserve(&bytes, 1) < 0)
		return NULL;
	if (json_dump_callback(value, add, &bytes, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ||
	    add("", 1, &bytes) < 0)
		bytes_done(&bytes);
	return bytes.data;
}
