#include "worker/item.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "worker/value.h"

/* Ends text, which has room for its NUL, before the sequence that a cut at size splits. */
static void end_at_character(char *text, size_t size) {
	size_t begin = size;

	while (begin > 0 && size - begin < 3 && ((unsigned char) text[begin - 1] & 0xc0) == 0x80)
		begin--;
	if (begin > 0 && (unsigned char) text[begin - 1] >= 0xc0 &&
	    utf8_length(text + begin - 1, size - begin + 1) == 0)
		size = begin - 1;
	text[size] = '\0';
}

static void copy_text(char *to, const char *from) {
	size_t size = strnlen(from, LIMIT_ERROR_TEXT + 1);

	memcpy(to, from, size > LIMIT_ERROR_TEXT ? LIMIT_ERROR_TEXT : size);
	if (size > LIMIT_ERROR_TEXT)
		end_at_character(to, LIMIT_ERROR_TEXT);
	else
		to[size] = '\0';
}

static int fail(struct procpool_item *item, const char *exception, const char *format,
		va_list args) {
	int length = vsnprintf(item->message, sizeof item->message, format, args);

	if (length < 0)
		item->message[0] = '\0';
	else if ((size_t) length >= sizeof item->message)
		end_at_character(item->message, LIMIT_ERROR_TEXT);
	copy_text(item->exception, exception ? exception : "Exception");
	item->failed = true;
	return -1;
}

int procpool_fail(struct procpool_item *item, const char *exception, const char *format, ...) {
	va_list args;

	va_start(args, format);
	fail(item, exception, format, args);
	va_end(args);
	return -1;
}

void procpool_trace(struct procpool_item *item, const char *trace) {
	size_t size = strlen(trace);
	const char *from = size > LIMIT_ERROR_TEXT ? trace + size - LIMIT_ERROR_TEXT : trace;

	/* The end is kept, from a whole character on. */
	for (int i = 0; i < 3 && from > trace && ((unsigned char) *from & 0xc0) == 0x80; i++)
		from++;
	memcpy(item->trace, from, strlen(from) + 1);
}

uint64_t procpool_index(const struct procpool_item *item) {
	return item->index;
}

void *procpool_state(const struct procpool_item *item) {
	return item->state;
}

json_t *procpool_common(struct procpool_item *item) {
	json_error_t error;
	json_t *value;

	if (!item->common)
		return NULL;
	value = common_value(item->common, &error);
	if (!value)
		procpool_fail(
			item, "ParseError",
			"jansson cannot hold the request's common value: %s; a function over raw "
			"JSON text can take it",
			error.text);
	return value;
}

const char *procpool_common_text(const struct procpool_item *item, size_t *ret_size) {
	*ret_size = item->common ? item->common->size : 0;
	return item->common ? item->common->text : NULL;
}

static int written(struct procpool_item *item) {
	if (!item->out->failed)
		return 0;
	return procpool_fail(item, "ResultTooLarge",
			     "the result is larger than %u bytes, or there is no memory for it",
			     RESULT_MAX);
}

int procpool_write(struct procpool_item *item, const char *text, size_t size) {
	buffer_append(item->out, text, size);
	return written(item);
}

int procpool_print(struct procpool_item *item, const char *format, ...) {
	struct buffer *out = item->out;
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length < 0)
		out->failed = true;
	else if (buffer_reserve(out, (size_t) length + 1))
		out->size += (size_t) vsnprintf(out->bytes + out->size, (size_t) length + 1, format,
						again);
	va_end(again);
	va_end(args);
	return written(item);
}

int procpool_write_string(struct procpool_item *item, const char *text, size_t size) {
	buffer_append_string(item->out, text, size);
	return written(item);
}

static int run_raw(struct procpool_item *item, const struct procpool_function *function,
		   const char *text, size_t size) {
	const char *reason;
	size_t result, offset;
	int r = function->call_raw(item, text, size);

	if (r != 0 || item->failed)
		return r;
	result = item->out->size - item->begin;
	if (result == 0)
		return procpool_fail(item, "BadResult", "the function wrote no result");
	reason = value_check(item->out->bytes + item->begin, result, &offset);
	if (reason)
		return procpool_fail(
			item, "BadResult",
			"the function's result is not one JSON value: %s, at byte %zu of %zu",
			reason, offset, result);
	return 0;
}

static int take_value(struct procpool_item *item, const json_t *result) {
	const char *reason;
	size_t offset;

	if (!result)
		return procpool_fail(item, "BadResult", "the function returned no result");
	reason = value_append(item->out, result);
	if (item->out->failed)
		return written(item);
	/* jansson's _nocheck functions let text through that is not UTF-8. */
	if (!reason)
		reason = value_check(item->out->bytes + item->begin, item->out->size - item->begin,
				     &offset);
	if (reason)
		return procpool_fail(item, "BadResult", "the function's result is not JSON: %s",
				     reason);
	return 0;
}

static int run_value(struct procpool_item *item, const struct procpool_function *function,
		     const char *text, size_t size) {
	json_error_t error;
	json_t *argument, *result = NULL;
	int r;

	argument = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!argument)
		return procpool_fail(
			item, "ParseError",
			"jansson cannot hold this item: %s; a function over raw JSON text "
			"can take it",
			error.text);
	r = function->call(item, argument, &result);
	if (r == 0 && !item->failed)
		r = take_value(item, result);
	json_decref(result);
	json_decref(argument);
	return r;
}

bool item_run(struct procpool_item *item, const struct procpool_function *function,
	      const char *text, size_t size) {
	int r;

	item->begin = item->out->size;
	item->out->limit = item->begin + RESULT_MAX;
	item->failed = false;
	item->trace[0] = '\0';

	if (function->call_raw)
		r = run_raw(item, function, text, size);
	else
		r = run_value(item, function, text, size);
	if (r != 0 && !item->failed)
		procpool_fail(item, "Exception", "the function returned %d and gave no reason", r);

	item->out->limit = 0;
	if (item->failed)
		buffer_cut(item->out, item->begin);
	return !item->failed;
}
