#include "worker/value.h"

#include <inttypes.h>

#include "protocol/json_scan.h"
#include "protocol/number.h"

static const char *append(struct buffer *buffer, const json_t *value, unsigned depth);

static const char *append_array(struct buffer *buffer, const json_t *array, unsigned depth) {
	const char *reason = NULL;
	size_t i;
	json_t *element;

	buffer_append_text(buffer, "[");
	json_array_foreach((json_t *) array, i, element) {
		if (i > 0)
			buffer_append_text(buffer, ",");
		reason = append(buffer, element, depth);
		if (reason)
			return reason;
	}
	buffer_append_text(buffer, "]");
	return NULL;
}

static const char *append_object(struct buffer *buffer, const json_t *object, unsigned depth) {
	const char *key, *reason, *comma = "";
	size_t length;
	json_t *element;

	buffer_append_text(buffer, "{");
	json_object_keylen_foreach((json_t *) object, key, length, element) {
		buffer_append_text(buffer, comma);
		buffer_append_string(buffer, key, length);
		buffer_append_text(buffer, ":");
		reason = append(buffer, element, depth);
		if (reason)
			return reason;
		comma = ",";
	}
	buffer_append_text(buffer, "}");
	return NULL;
}

static void append_integer(struct buffer *buffer, json_int_t value) {
	if (value < 0)
		buffer_append_text(buffer, "-");
	buffer_append_uint(buffer, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

static void append_real(struct buffer *buffer, double value) {
	if (buffer_reserve(buffer, NUMBER_DOUBLE_MAX))
		buffer->size += number_from_double(buffer->bytes + buffer->size, value);
}

/* Depth is counted, so that a value which contains itself is refused rather than followed. */
static const char *append(struct buffer *buffer, const json_t *value, unsigned depth) {
	if (buffer->failed)
		return VALUE_TOO_LARGE;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		if (depth == VALUE_DEPTH_MAX)
			return "it is nested too deeply, or contains itself";
		return json_is_array(value) ? append_array(buffer, value, depth + 1)
					    : append_object(buffer, value, depth + 1);
	case JSON_STRING:
		buffer_append_string(buffer, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER: append_integer(buffer, json_integer_value(value)); break;
	case JSON_REAL: append_real(buffer, json_real_value(value)); break;
	case JSON_TRUE: buffer_append_text(buffer, "true"); break;
	case JSON_FALSE: buffer_append_text(buffer, "false"); break;
	case JSON_NULL: buffer_append_text(buffer, "null"); break;
	}
	return NULL;
}

const char *value_append(struct buffer *buffer, const json_t *value) {
	const char *reason = append(buffer, value, 0);

	return !reason && buffer->failed ? VALUE_TOO_LARGE : reason;
}

/* Whether text is certainly a number: most results are, and short ones. */
static bool is_integer(const char *text, size_t size) {
	const char *digits = *text == '-' ? text + 1 : text;
	size_t n = (size_t) (text + size - digits);

	if (n == 0 || n > 19 || (n > 1 && *digits == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	return true;
}

const char *value_check(const char *text, size_t size, size_t *ret_offset) {
	struct json_scan scan;
	struct json_scan_token token;
	int r;

	if (size > 0 && is_integer(text, size))
		return NULL;
	json_scan_init(&scan, VALUE_DEPTH_MAX, LIMIT_NUMBER, 0);
	do {
		r = json_scan_next(&scan, text, size, true, &token);
		if (r != 0) {
			*ret_offset = scan.pos;
			return r == JSON_SCAN_E_DEPTH ? "it is nested too deeply" : scan.reason;
		}
		if (token.event == JSON_SCAN_VALUE && token.long_number) {
			*ret_offset = token.begin;
			return "it has a number of too many characters";
		}
	} while (token.event != JSON_SCAN_END);
	return NULL;
}
