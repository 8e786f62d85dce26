#include "client/value.h"

#include <stdio.h>

#include "client/encode.h"
#include "protocol/limits.h"
#include "protocol/number.h"

/* ---- to text ---- */

/* One value being written. */
struct writer {
	struct bytes *bytes;
	const char *what;
	unsigned levels; /* it may have */
	struct failure *failure;
};

static int write_value(const struct writer *writer, const json_t *value, unsigned depth);

static int write_array(const struct writer *writer, const json_t *array, unsigned depth) {
	int r = bytes_add(writer->bytes, "[", 1);

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++) {
		if (i > 0)
			r = bytes_add(writer->bytes, ",", 1);
		if (r == 0)
			r = write_value(writer, json_array_get(array, i), depth);
	}
	return r == 0 ? bytes_add(writer->bytes, "]", 1) : r;
}

static int write_object(const struct writer *writer, const json_t *object, unsigned depth) {
	const char *key, *comma = "";
	size_t size;
	json_t *value;
	int r = bytes_add(writer->bytes, "{", 1);

	json_object_keylen_foreach((json_t *) object, key, size, value) {
		if (r == 0)
			r = bytes_add_string(writer->bytes, comma);
		if (r == 0)
			r = encode_string(writer->bytes, key, size, writer->failure);
		if (r == 0)
			r = bytes_add(writer->bytes, ":", 1);
		if (r == 0)
			r = write_value(writer, value, depth);
		if (r != 0)
			return r;
		comma = ",";
	}
	return r == 0 ? bytes_add(writer->bytes, "}", 1) : r;
}

static int write_integer(const struct writer *writer, json_int_t value) {
	char text[32];

	return bytes_add(writer->bytes, text,
			 (size_t) snprintf(text, sizeof(text), "%lld", (long long) value));
}

static int write_real(const struct writer *writer, double value) {
	char text[NUMBER_DOUBLE_MAX];

	/* It is finite: jansson makes no other. */
	return bytes_add(writer->bytes, text, number_from_double(text, value));
}

/* Depth is counted, so that a value which contains itself is refused rather than followed. */
static int write_value(const struct writer *writer, const json_t *value, unsigned depth) {
	switch (json_typeof(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (depth == writer->levels)
			return failure_set(writer->failure, PROCPOOL_E_BAD_INPUT,
					   "%s is nested deeper than %u, or contains itself",
					   writer->what, writer->levels);
		return json_is_array(value) ? write_array(writer, value, depth + 1)
					    : write_object(writer, value, depth + 1);
	case JSON_STRING:
		return encode_string(writer->bytes, json_string_value(value),
				     json_string_length(value), writer->failure);
	case JSON_INTEGER: return write_integer(writer, json_integer_value(value));
	case JSON_REAL: return write_real(writer, json_real_value(value));
	case JSON_TRUE: return bytes_add(writer->bytes, "true", 4);
	case JSON_FALSE: return bytes_add(writer->bytes, "false", 5);
	case JSON_NULL: return bytes_add(writer->bytes, "null", 4);
	}
	return failure_set(writer->failure, PROCPOOL_E_BAD_INPUT, "%s is no value", writer->what);
}

int value_write(struct bytes *bytes, const json_t *value, unsigned around, const char *what,
		struct failure *failure) {
	struct writer writer = {bytes, what, LIMIT_DEPTH - around, failure};
	int r;

	if (!value)
		return failure_set(failure, PROCPOOL_E_BAD_INPUT, "%s is missing: it is NULL",
				   what);
	r = write_value(&writer, value, 0);
	if (r == -ENOMEM)
		failure_errno(failure, r, "cannot write a value");
	return r;
}

/* ---- from text ---- */

int value_read(const char *text, size_t size, json_t **ret_value, json_error_t *ret_error) {
	json_t *value;

	/* jansson does not set the code where it only ran out of memory. */
	*ret_error = (json_error_t) {0};
	value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, ret_error);
	if (value) {
		*ret_value = value;
		return 0;
	}
	/* The text is valid, so there is little else; jansson has no sure code for short memory. */
	switch (json_error_code(ret_error)) {
	case json_error_numeric_overflow:
	case json_error_null_byte_in_key: return PROCPOOL_E_UNREADABLE;
	default: return -ENOMEM;
	}
}
