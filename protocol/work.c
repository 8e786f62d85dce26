#include "protocol/work.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/page.h"

/* Messages are small beside the items they carry, but at a chunk size of 1 there is one for each item:
 * numbers and names are read straight from the text, jansson only sees what is rare or nested. */

#define MEMBERS_MAX 10

/* The members of a message, by their place in its list of names; NULL where absent. */
struct fields {
	const struct member *at[MEMBERS_MAX];
};

/* Returns 0, or 1 and *ret_reason. */
static int fields_read(struct fields *ret, const struct document *doc, const char *text,
		       const char *const *names, const char **ret_reason) {
	*ret = (struct fields) {0};

	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		size_t j = 0;

		while (names[j] && !member_is(member, text, names[j]))
			j++;
		assert(j < MEMBERS_MAX);
		if (!names[j]) {
			*ret_reason = "unknown member";
			return 1;
		}
		if (ret->at[j]) {
			*ret_reason = "a member comes twice";
			return 1;
		}
		ret->at[j] = member;
	}
	return 0;
}

/* A whole number from min to max, written without fraction and exponent. */
static bool read_uint(const struct member *member, const char *text, uint64_t min, uint64_t max,
		      uint64_t *ret) {
	uint64_t value = 0;

	if (member->type != '0' || span_size(member->value) > 20)
		return false;
	for (uint32_t i = member->value.begin; i < member->value.end; i++) {
		unsigned digit = (unsigned) (unsigned char) text[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

static bool read_bool(const struct member *member, bool *ret) {
	if (member->type != 't' && member->type != 'f')
		return false;
	*ret = member->type == 't';
	return true;
}

/* Returns 0 and *ret, to be freed; 1 if it is no string, or one with a NUL in it; -ENOMEM. */
static int read_string(const struct member *member, const char *text, char **ret) {
	const char *begin = text + member->value.begin + 1;
	char *string = NULL;

	if (member->type != '"')
		return 1;
	if (!memchr(begin, '\\', span_size(member->value) - 2)) {
		string = strndup(begin, span_size(member->value) - 2);
	} else {
		json_t *value = member_load(member, text);

		if (!value || json_string_length(value) != strlen(json_string_value(value))) {
			json_decref(value);
			return 1;
		}
		string = strdup(json_string_value(value));
		json_decref(value);
	}
	if (!string)
		return -ENOMEM;
	*ret = string;
	return 0;
}

/* Errors and descriptions are text from a function's own hands, NULs and all; member_load() takes none. */
static json_t *load_payload(const struct member *member, const char *text) {
	return json_loadb(text + member->value.begin, span_size(member->value),
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static bool unpack_parse(const char *name, enum unpack *ret) {
	for (enum unpack unpack = UNPACK_NONE; unpack <= UNPACK_BOTH; unpack++)
		if (strcmp(unpack_name(unpack), name) == 0) {
			*ret = unpack;
			return true;
		}
	return false;
}

/* ---- worker → daemon ---- */

/* With a hello, results or errors as long as they may be, the envelope is still small. */
static const char *const worker_payload[] = {"hello", "errors", "us", NULL};

const struct document_shape worker_shape = {
	.array = "results",
	.payload = worker_payload,
	.lenient_numbers = true,
};

enum {
	IN_HELLO,
	IN_CHUNK,
	IN_RESULTS,
	IN_ERRORS,
	IN_US,
	IN_BUSY,
	IN_RETURNED,
	IN_UNKNOWN,
};

static const char *const worker_names[] = {
	[IN_HELLO] = "hello",       [IN_CHUNK] = "chunk",     [IN_RESULTS] = "results",
	[IN_ERRORS] = "errors",     [IN_US] = "us",           [IN_BUSY] = "busyUs",
	[IN_RETURNED] = "returned", [IN_UNKNOWN] = "unknown", NULL,
};

static bool known_keys(const json_t *object, const char *const *names) {
	const char *key;
	json_t *value;

	json_object_foreach((json_t *) object, key, value) {
		size_t i = 0;

		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			return false;
	}
	return true;
}

/* Absent or a string. */
static bool text_or_absent(const json_t *object, const char *key) {
	const json_t *value = json_object_get(object, key);

	return !value || json_is_string(value);
}

static const char *check_unpack(const json_t *list, bool *unpack) {
	size_t i;
	json_t *entry;

	if (list && !json_is_array(list))
		return "hello: unpack is no array";
	json_array_foreach((json_t *) list, i, entry) {
		enum unpack which;

		if (!json_is_string(entry) || !unpack_parse(json_string_value(entry), &which))
			return "hello: unpack names an unknown way to unpack";
		unpack[which] = true;
	}
	unpack[UNPACK_NONE] = true;
	return NULL;
}

static const char *check_function(const json_t *function, json_t *seen) {
	static const char *const names[] = {"name", "description", NULL};
	const json_t *name = json_object_get(function, "name");

	if (!json_is_object(function) || !known_keys(function, names) || !json_is_string(name) ||
	    !text_or_absent(function, "description"))
		return "hello: a function is no object of name and description";
	if (strlen(json_string_value(name)) != json_string_length(name) ||
	    !function_name_valid(json_string_value(name), true))
		return "hello: a function's name has characters that names do not have, or too "
		       "many";
	if (json_object_get(seen, json_string_value(name)))
		return "hello: two functions have the same name";
	return NULL;
}

static int check_functions(const json_t *list, const char **ret_reason) {
	json_t *seen, *entry;
	size_t i;
	int r = 0;

	if (!json_is_array(list) || json_array_size(list) > LIMIT_FUNCTIONS) {
		*ret_reason = "hello: functions is no array, or too long a one";
		return 1;
	}
	seen = json_object();
	if (!seen)
		return -ENOMEM;
	json_array_foreach((json_t *) list, i, entry) {
		const char *reason = check_function(entry, seen);

		if (reason) {
			*ret_reason = reason;
			r = 1;
			break;
		}
		if (json_object_set_new(seen, json_string_value(json_object_get(entry, "name")),
					json_true()) < 0) {
			r = -ENOMEM;
			break;
		}
	}
	json_decref(seen);
	return r;
}

static int hello_check(struct worker_hello *hello, json_t *object, const char **ret_reason) {
	static const char *const names[] = {"protocol", "runtime",   "page",
					    "unpack",   "functions", NULL};
	const json_t *protocol = json_object_get(object, "protocol");
	const json_t *runtime = json_object_get(object, "runtime");
	const json_t *page = json_object_get(object, "page");
	int r;

	*ret_reason = NULL;
	if (!json_is_object(object) || !known_keys(object, names))
		*ret_reason = "hello is no object, or has an unknown member";
	else if (!json_is_integer(protocol) || json_integer_value(protocol) != 1)
		*ret_reason = "hello: protocol is not 1";
	else if (!json_is_string(runtime) || json_string_length(runtime) == 0 ||
		 json_string_length(runtime) > LIMIT_FUNCTION_NAME ||
		 strlen(json_string_value(runtime)) != json_string_length(runtime))
		*ret_reason = "hello: runtime is no string, or too long a one";
	else if (page && !json_is_boolean(page))
		*ret_reason = "hello: page is no boolean";
	else
		*ret_reason = check_unpack(json_object_get(object, "unpack"), hello->unpack);
	if (*ret_reason)
		return 1;

	r = check_functions(json_object_get(object, "functions"), ret_reason);
	if (r != 0)
		return r;
	hello->page = json_is_true(page);
	hello->runtime = strdup(json_string_value(runtime));
	if (!hello->runtime)
		return -ENOMEM;
	hello->functions = json_incref(json_object_get(object, "functions"));
	return 0;
}

static int hello_decode(struct worker_hello *ret, const struct document *doc,
			const struct fields *fields, const char *text, const char **ret_reason) {
	struct worker_hello hello = {0};
	json_t *object;
	int r;

	if (doc->n_members != 1 || doc->elements.present) {
		*ret_reason = "hello does not come alone";
		return 1;
	}
	object = load_payload(fields->at[IN_HELLO], text);
	r = hello_check(&hello, object, ret_reason);
	json_decref(object);
	if (r == 0)
		*ret = hello;
	return r;
}

static const char *check_error(const json_t *error, json_int_t *after) {
	static const char *const names[] = {"offset", "exception", "message", "trace", NULL};
	const json_t *offset = json_object_get(error, "offset");

	if (!json_is_object(error) || !known_keys(error, names))
		return "errors: one is no object, or has an unknown member";
	if (!json_is_integer(offset) || json_integer_value(offset) <= *after ||
	    json_integer_value(offset) > (json_int_t) PAGE_OFFSET_MAX)
		return "errors: an offset is no number, out of range or out of order";
	if (!text_or_absent(error, "exception") || !text_or_absent(error, "message") ||
	    !text_or_absent(error, "trace"))
		return "errors: exception, message or trace is no string";
	*after = json_integer_value(offset);
	return NULL;
}

static const char *check_errors(const json_t *errors, size_t n_results) {
	json_int_t after = -1;
	const char *reason = NULL;
	size_t i;
	json_t *entry;

	if (!json_is_array(errors))
		return "errors is no array";
	if (json_array_size(errors) > n_results)
		return "there are more errors than results";
	json_array_foreach((json_t *) errors, i, entry) {
		reason = check_error(entry, &after);
		if (reason)
			break;
	}
	return reason;
}

static const char *check_us(const json_t *us, size_t n_results) {
	size_t i;
	json_t *entry;

	if (!json_is_array(us) || json_array_size(us) != 2 * n_results)
		return "us is no array of two numbers for each result";
	json_array_foreach((json_t *) us, i,
			   entry) if (!json_is_integer(entry) ||
				      json_integer_value(entry) <
					      0) return "us has an entry that is no time";
	return NULL;
}

/* The members that are plain numbers and flags. */
static const char *results_scalars(struct worker_results *results, const struct fields *fields,
				   const char *text) {
	uint64_t returned;

	if (!fields->at[IN_CHUNK] ||
	    !read_uint(fields->at[IN_CHUNK], text, 1, PAGE_CHUNK_MAX, &results->chunk))
		return "chunk is missing, or no chunk's number";
	if (fields->at[IN_BUSY] &&
	    !read_uint(fields->at[IN_BUSY], text, 0, INT64_MAX, &results->busy_us))
		return "busyUs is no time";
	if (fields->at[IN_RETURNED]) {
		if (!read_uint(fields->at[IN_RETURNED], text, 0, LIMIT_CHUNK_ITEMS, &returned))
			return "returned is no offset";
		results->has_returned = true;
		results->returned = (uint32_t) returned;
	}
	if (fields->at[IN_UNKNOWN]) {
		if (!read_bool(fields->at[IN_UNKNOWN], &results->unknown) || !results->unknown)
			return "unknown is not true";
	}
	return NULL;
}

/* What must not come together, or not alone. */
static const char *results_whole(const struct worker_results *results, const struct document *doc,
				 const struct fields *fields) {
	if (!doc->elements.present && fields->at[IN_RESULTS])
		return "results is no array";
	if (doc->too_many || doc->elements.count > LIMIT_CHUNK_ITEMS)
		return "there are more results than a chunk has items";
	if (!doc->elements.present && (fields->at[IN_ERRORS] || fields->at[IN_US]))
		return "errors or us come without results";
	if (!doc->elements.present && !results->has_returned && !results->unknown)
		return "the message says nothing about its chunk";
	if (results->unknown && (doc->elements.present || results->has_returned))
		return "unknown comes with results";
	return NULL;
}

static int results_decode(struct worker_results *ret, const struct document *doc,
			  const struct fields *fields, const char *text, const char **ret_reason) {
	struct worker_results results = {0};
	const char *reason = results_scalars(&results, fields, text);

	if (!reason)
		reason = results_whole(&results, doc, fields);
	if (!reason && fields->at[IN_ERRORS]) {
		results.errors = load_payload(fields->at[IN_ERRORS], text);
		reason = check_errors(results.errors, doc->elements.count);
	}
	if (!reason && fields->at[IN_US]) {
		results.us = load_payload(fields->at[IN_US], text);
		reason = check_us(results.us, doc->elements.count);
	}
	if (reason) {
		json_decref(results.errors);
		json_decref(results.us);
		*ret_reason = reason;
		return 1;
	}
	*ret = results;
	return 0;
}

int worker_message_decode(struct worker_message *ret, const struct document *doc, const char *text,
			  const char **ret_reason) {
	struct worker_message message = {0};
	struct fields fields;
	int r;

	if (fields_read(&fields, doc, text, worker_names, ret_reason) != 0)
		return 1;

	if (fields.at[IN_HELLO]) {
		message.type = WORKER_HELLO;
		r = hello_decode(&message.hello, doc, &fields, text, ret_reason);
	} else {
		message.type = WORKER_RESULTS;
		r = results_decode(&message.results, doc, &fields, text, ret_reason);
	}
	if (r == 0)
		*ret = message;
	return r;
}

void worker_message_done(struct worker_message *message) {
	if (message->type == WORKER_HELLO) {
		free(message->hello.runtime);
		json_decref(message->hello.functions);
	} else {
		json_decref(message->results.errors);
		json_decref(message->results.us);
	}
	*message = (struct worker_message) {0};
}

/* ---- daemon → worker ---- */

static const char *const work_payload[] = {"value", NULL};

const struct document_shape work_shape = {
	.array = "items",
	.payload = work_payload,
	/* The daemon decides which numbers are too long, not the worker. */
	.lenient_numbers = true,
};

enum {
	OUT_CHUNK,
	OUT_FUNCTION,
	OUT_FIRST,
	OUT_ITEMS,
	OUT_COMMON,
	OUT_UNPACK,
	OUT_CLOCK,
	OUT_TIMES,
	OUT_STRIDE,
};

static const char *const chunk_names[] = {
	[OUT_CHUNK] = "chunk",   [OUT_FUNCTION] = "function",
	[OUT_FIRST] = "first",   [OUT_ITEMS] = "items",
	[OUT_COMMON] = "common", [OUT_UNPACK] = "unpack",
	[OUT_CLOCK] = "clock",   [OUT_TIMES] = "times",
	[OUT_STRIDE] = "stride", NULL,
};

static const char *chunk_scalars(struct work_chunk *chunk, const struct fields *fields,
				 const char *text) {
	uint64_t stride = 1;

	if (!read_uint(fields->at[OUT_CHUNK], text, 1, PAGE_CHUNK_MAX, &chunk->chunk))
		return "chunk is no chunk's number";
	if (fields->at[OUT_FIRST] &&
	    !read_uint(fields->at[OUT_FIRST], text, 0, INT64_MAX, &chunk->first))
		return "first is no index";
	if (fields->at[OUT_COMMON] &&
	    !read_uint(fields->at[OUT_COMMON], text, 1, INT64_MAX, &chunk->common))
		return "common is no common value's number";
	if (fields->at[OUT_CLOCK] && !read_bool(fields->at[OUT_CLOCK], &chunk->clock))
		return "clock is no boolean";
	if (fields->at[OUT_TIMES] && !read_bool(fields->at[OUT_TIMES], &chunk->times))
		return "times is no boolean";
	if (fields->at[OUT_STRIDE] &&
	    !read_uint(fields->at[OUT_STRIDE], text, 1, LIMIT_CHUNK_ITEMS, &stride))
		return "stride is no number of items";
	chunk->stride = (uint32_t) stride;
	return NULL;
}

static int chunk_unpack(struct work_chunk *chunk, const struct fields *fields, const char *text,
			const char **ret_reason) {
	char *name = NULL;
	bool known;
	int r;

	if (!fields->at[OUT_UNPACK])
		return 0;
	*ret_reason = "unpack is no known way to unpack";
	r = read_string(fields->at[OUT_UNPACK], text, &name);
	if (r != 0)
		return r;
	known = unpack_parse(name, &chunk->unpack);
	free(name);
	return known ? 0 : 1;
}

static int chunk_decode(struct work_chunk *ret, const struct document *doc, const char *text,
			const char **ret_reason) {
	struct work_chunk chunk = {0};
	struct fields fields;
	char *function = NULL;
	int r;

	if (fields_read(&fields, doc, text, chunk_names, ret_reason) != 0)
		return 1;
	*ret_reason = chunk_scalars(&chunk, &fields, text);
	if (*ret_reason)
		return 1;
	*ret_reason = "items is missing, no array, empty or too long";
	if (!doc->elements.present || doc->elements.count == 0 || doc->too_many ||
	    doc->elements.count > LIMIT_CHUNK_ITEMS)
		return 1;
	r = chunk_unpack(&chunk, &fields, text, ret_reason);
	if (r != 0)
		return r;

	*ret_reason = "function is missing, or no function's name";
	if (!fields.at[OUT_FUNCTION])
		return 1;
	r = read_string(fields.at[OUT_FUNCTION], text, &function);
	if (r != 0)
		return r;
	if (!function_name_valid(function, false)) {
		free(function);
		return 1;
	}
	chunk.function = function;
	*ret = chunk;
	return 0;
}

static int common_decode(struct work_message *ret, const struct document *doc, const char *text,
			 const char **ret_reason) {
	static const char *const names[] = {"common", "value", NULL};
	struct work_message message = {.type = WORK_COMMON};
	struct fields fields;

	if (fields_read(&fields, doc, text, names, ret_reason) != 0)
		return 1;
	*ret_reason = "common is no number, or has no value";
	if (doc->elements.present || !fields.at[1] ||
	    !read_uint(fields.at[0], text, 1, INT64_MAX, &message.common.id))
		return 1;
	message.common.value = fields.at[1]->value;
	*ret = message;
	return 0;
}

static int forget_decode(struct work_message *ret, const struct document *doc, const char *text,
			 const char **ret_reason) {
	static const char *const names[] = {"forget", NULL};
	struct work_message message = {.type = WORK_FORGET};
	struct fields fields;

	if (fields_read(&fields, doc, text, names, ret_reason) != 0)
		return 1;
	*ret_reason = "forget is no common value's number";
	if (doc->elements.present || !read_uint(fields.at[0], text, 1, INT64_MAX, &message.forget))
		return 1;
	*ret = message;
	return 0;
}

static bool has_member(const struct document *doc, const char *text, const char *name) {
	for (size_t i = 0; i < doc->n_members; i++)
		if (member_is(&doc->members[i], text, name))
			return true;
	return false;
}

int work_message_decode(struct work_message *ret, const struct document *doc, const char *text,
			const char **ret_reason) {
	struct work_message message = {.type = WORK_CHUNK};
	int r;

	if (has_member(doc, text, "chunk")) {
		r = chunk_decode(&message.chunk, doc, text, ret_reason);
		if (r == 0)
			*ret = message;
		return r;
	}
	if (has_member(doc, text, "common"))
		return common_decode(ret, doc, text, ret_reason);
	if (has_member(doc, text, "forget"))
		return forget_decode(ret, doc, text, ret_reason);
	*ret_reason = "neither chunk nor common nor forget";
	return 1;
}

void work_message_done(struct work_message *message) {
	if (message->type == WORK_CHUNK)
		free(message->chunk.function);
	*message = (struct work_message) {0};
}

/* Appends to buffer, which is long enough by WORK_CHUNK_MAX. */
__attribute__((format(printf, 4, 5))) static void put(char *buffer, size_t size, size_t *length,
						      const char *format, ...) {
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(buffer + *length, size - *length, format, args);
	va_end(args);
	assert(n >= 0 && (size_t) n < size - *length);
	*length += (size_t) n;
}

size_t work_chunk_head(char *buffer, size_t size, const struct work_chunk *chunk) {
	size_t length = 0;

	put(buffer, size, &length, "{\"chunk\":%" PRIu64 ",\"function\":\"%s\",\"first\":%" PRIu64,
	    chunk->chunk, chunk->function, chunk->first);
	if (chunk->common)
		put(buffer, size, &length, ",\"common\":%" PRIu64, chunk->common);
	if (chunk->unpack != UNPACK_NONE)
		put(buffer, size, &length, ",\"unpack\":\"%s\"", unpack_name(chunk->unpack));
	if (chunk->clock)
		put(buffer, size, &length, ",\"clock\":true");
	if (chunk->times)
		put(buffer, size, &length, ",\"times\":true");
	if (chunk->stride > 1)
		put(buffer, size, &length, ",\"stride\":%" PRIu32, chunk->stride);
	put(buffer, size, &length, ",\"items\":[");
	return length;
}

size_t work_chunk_tail(char *buffer, size_t size, const struct work_chunk *chunk) {
	(void) chunk; /* everything about the chunk stands before its items */
	assert(size >= sizeof "]}");
	memcpy(buffer, "]}", sizeof "]}");
	return sizeof "]}";
}

/* ---- names ---- */

static bool name_character(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':' || c == '-';
}

bool function_name_valid(const char *name, bool prefix) {
	size_t length = 0;

	while (name_character(name[length]))
		length++;
	if (length == 0 || length > LIMIT_FUNCTION_NAME)
		return false;
	return name[length] == '\0' || (prefix && name[length] == '*' && name[length + 1] == '\0');
}
