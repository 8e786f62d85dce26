#include "protocol/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/fields.h"
#include "protocol/page.h"

/* Worker → daemon: hello, and reports of chunks. */

/* As member_read(), which takes no NUL: errors and descriptions are text from a function's own hands. */
static int load_payload(const struct member *member, const char *text, json_t **ret) {
	json_error_t error = {0};
	json_t *value =
		json_loadb(text + member->value.begin, span_size(member->value),
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (value) {
		*ret = value;
		return 0;
	}
	switch (json_error_code(&error)) {
	case json_error_numeric_overflow:
	case json_error_duplicate_key:
	case json_error_null_byte_in_key: return 1;
	default: return -ENOMEM;
	}
}

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
	*ret_reason = "hello has a duplicate key, or a number out of range";
	r = load_payload(fields->at[IN_HELLO], text, &object);
	if (r != 0)
		return r;
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
	    !member_uint(fields->at[IN_CHUNK], text, 1, PAGE_CHUNK_MAX, &results->chunk))
		return "chunk is missing, or no chunk's number";
	if (fields->at[IN_BUSY] &&
	    !member_uint(fields->at[IN_BUSY], text, 0, INT64_MAX, &results->busy_us))
		return "busyUs is no time";
	if (fields->at[IN_RETURNED]) {
		if (!member_uint(fields->at[IN_RETURNED], text, 0, LIMIT_CHUNK_ITEMS, &returned))
			return "returned is no offset";
		results->has_returned = true;
		results->returned = (uint32_t) returned;
	}
	if (fields->at[IN_UNKNOWN]) {
		if (!member_bool(fields->at[IN_UNKNOWN], &results->unknown) || !results->unknown)
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

/* The members that are lists. Returns 0; 1 and *ret_reason; -ENOMEM. */
static int results_lists(struct worker_results *results, const struct document *doc,
			 const struct fields *fields, const char *text, const char **ret_reason) {
	int r = 0;

	*ret_reason = "errors or us have a duplicate key, or a number out of range";
	if (fields->at[IN_ERRORS])
		r = load_payload(fields->at[IN_ERRORS], text, &results->errors);
	if (r == 0 && fields->at[IN_US])
		r = load_payload(fields->at[IN_US], text, &results->us);
	if (r != 0)
		return r;
	*ret_reason = results->errors ? check_errors(results->errors, doc->elements.count) : NULL;
	if (!*ret_reason && results->us)
		*ret_reason = check_us(results->us, doc->elements.count);
	return *ret_reason ? 1 : 0;
}

static int results_decode(struct worker_results *ret, const struct document *doc,
			  const struct fields *fields, const char *text, const char **ret_reason) {
	struct worker_results results = {0};
	int r;

	*ret_reason = results_scalars(&results, fields, text);
	if (!*ret_reason)
		*ret_reason = results_whole(&results, doc, fields);
	if (*ret_reason)
		return 1;
	r = results_lists(&results, doc, fields, text, ret_reason);
	if (r != 0) {
		json_decref(results.errors);
		json_decref(results.us);
		return r;
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
