#include "protocol/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/call.h"
#include "protocol/limits.h"
#include "protocol/work.h"

static const char *const unpack_names[] = {
	[UNPACK_NONE] = "none",
	[UNPACK_POSITIONAL] = "positional",
	[UNPACK_KEYWORDS] = "keywords",
	[UNPACK_BOTH] = "both",
};

const char *unpack_name(enum unpack unpack) {
	return unpack_names[unpack];
}

/* -------- options of a call -------- */

static int decode_count(uint32_t *ret, const json_t *value) {
	if (!json_is_integer(value) || json_integer_value(value) < 1)
		return 1;
	*ret = json_integer_value(value) < UINT32_MAX ? (uint32_t) json_integer_value(value)
						      : UINT32_MAX;
	return 0;
}

static int decode_retries(uint32_t *ret, const json_t *value) {
	*ret = 0;
	return json_is_integer(value) && json_integer_value(value) == 0 ? 0
									: decode_count(ret, value);
}

static int decode_priority(int *ret, const json_t *value) {
	json_int_t priority = json_integer_value(value);

	if (!json_is_integer(value) || priority < LIMIT_PRIORITY_FIRST ||
	    priority > LIMIT_PRIORITY_LAST)
		return 1;
	*ret = (int) priority;
	return 0;
}

/* Sets *ret to the index of the string among the n names. */
static int decode_enum(unsigned *ret, const json_t *value, const char *const *names, unsigned n) {
	const char *string = json_string_value(value);

	for (unsigned i = 0; string && i < n; i++) {
		if (strcmp(names[i], string) == 0) {
			*ret = i;
			return 0;
		}
	}
	return 1;
}

static int decode_option(struct run_options *options, const char *key, const json_t *value) {
	static const char *const on_errors[] = {"collect", "abort"};
	static const char *const orders[] = {"ordered", "unordered"};
	unsigned choice = 0;
	int r = 1;

	if (strcmp(key, "chunkSize") == 0) {
		r = decode_count(&options->chunk_size, value);
	} else if (strcmp(key, "maxWorkers") == 0) {
		r = decode_count(&options->max_workers, value);
	} else if (strcmp(key, "priority") == 0) {
		r = decode_priority(&options->priority, value);
	} else if (strcmp(key, "onError") == 0) {
		r = decode_enum(&choice, value, on_errors, 2);
		options->abort = choice;
	} else if (strcmp(key, "unpack") == 0) {
		r = decode_enum(&choice, value, unpack_names, UNPACK_BOTH + 1);
		options->unpack = choice;
	} else if (strcmp(key, "order") == 0) {
		r = decode_enum(&choice, value, orders, 2);
		options->unordered = choice;
	} else if (strcmp(key, "timings") == 0) {
		r = !json_is_boolean(value);
		options->timings = json_is_true(value);
	} else if (strcmp(key, "rerun") == 0) {
		r = !json_is_boolean(value);
		options->no_rerun = json_is_false(value);
	} else if (strcmp(key, "retries") == 0) {
		r = decode_retries(&options->retries, value);
	} else if (strcmp(key, "itemTimeoutMs") == 0) {
		r = decode_count(&options->item_timeout_ms, value);
	} else if (strcmp(key, "timeoutMs") == 0) {
		r = decode_count(&options->timeout_ms, value);
	} else if (strcmp(key, "queueTimeoutMs") == 0) {
		r = decode_count(&options->queue_timeout_ms, value);
	}
	return r;
}

static int decode_options(struct run_options *ret, const struct member *member, const char *text,
			  struct error *error) {
	json_t *object = NULL;
	const char *key;
	json_t *value;
	int r = member_read(member, text, &object);

	if (r < 0)
		return r;
	if (!json_is_object(object)) {
		json_decref(object);
		return call_invalid(error, "options");
	}
	json_object_foreach(object, key, value) {
		if (json_is_null(value) || decode_option(ret, key, value) == 0)
			continue;
		r = error_set(error, ERROR_INVALID_PARAMETER, "{so*}", "parameter",
			      json_sprintf("options.%.200s", key));
		break;
	}
	json_decref(object);
	return r;
}

/* -------- Apply, Map, Stream -------- */

enum run_member {
	RUN_FUNCTION,
	RUN_COMMON,
	RUN_OPTIONS,
	RUN_ARGUMENT,
	RUN_ITEMS,
	RUN_WINDOW,
	RUN_COUNT
};

static const char *const run_names[RUN_COUNT] = {
	[RUN_FUNCTION] = "function", [RUN_COMMON] = "common", [RUN_OPTIONS] = "options",
	[RUN_ARGUMENT] = "argument", [RUN_ITEMS] = "items",   [RUN_WINDOW] = "window",
};

/* "name" or "pool/name": a pool's name has the characters of a function's. */
static bool function_reference_valid(char *reference) {
	char *slash = strchr(reference, '/');
	bool valid;

	if (!slash)
		return function_name_valid(reference, false);
	*slash = '\0';
	valid = function_name_valid(reference, false) && function_name_valid(slash + 1, false);
	*slash = '/';
	return valid;
}

static bool run_member_allowed(enum run_member id, enum run_method method) {
	switch (id) {
	case RUN_ARGUMENT: return method == RUN_APPLY;
	case RUN_ITEMS: return method == RUN_MAP;
	case RUN_WINDOW: return method == RUN_STREAM;
	default: return true;
	}
}

static int decode_function(char **ret, const struct member *member, const char *text,
			   struct error *error) {
	char *function = NULL;
	int r = member ? member_string(member, text, &function) : 1;

	if (r < 0)
		return r;
	if (r > 0)
		return call_invalid(error, "function");
	if (!function_reference_valid(function)) {
		free(function);
		return call_invalid(error, "function");
	}
	*ret = function;
	return 0;
}

static int decode_window(uint32_t *ret, const struct member *member, const char *text,
			 struct error *error) {
	json_t *value = NULL;
	int r = member_read(member, text, &value);

	if (r == 0)
		r = decode_count(ret, value);
	json_decref(value);
	return r > 0 ? call_invalid(error, "window") : r;
}

/* An array of items is no member of the document, so it is looked for here in every method. */
static int check_items(const struct document *doc, enum run_method method, struct error *error) {
	if (doc->elements.present != run_member_allowed(RUN_ITEMS, method))
		return call_invalid(error, "items");
	if (doc->too_many)
		return error_set(error, ERROR_TOO_MANY_ITEMS, "{sI}", "limit",
				 (json_int_t) doc->limits.items);
	if (doc->n_flaws > 0)
		return error_set(error, ERROR_ITEM_TOO_LARGE, "{sIsI}", "limit",
				 (json_int_t) doc->limits.item, "index",
				 (json_int_t) doc->flaws[0].index);
	return 0;
}

/* Finds the members; a nullable one that is null counts as absent. */
static int collect_run_members(const struct member **members, enum run_method method,
			       const struct document *doc, const char *text, struct error *error) {
	bool seen[RUN_COUNT] = {false};

	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		size_t id;

		if (!member->nested)
			continue;
		id = member_find(member, text, run_names, RUN_COUNT);
		if (id == RUN_COUNT || !run_member_allowed(id, method))
			return call_unknown(error, member, text);
		if (seen[id])
			return call_malformed(error, "duplicate parameter", member);
		seen[id] = true;
		if (member->type != 'n')
			members[id] = member;
	}
	return 0;
}

int run_parameters_decode(struct run_parameters *ret, enum run_method method,
			  const struct document *doc, const char *text, struct error *error) {
	const struct member *members[RUN_COUNT] = {NULL};
	struct run_parameters parameters = {0};
	size_t max_item = doc->limits.item;
	int r = collect_run_members(members, method, doc, text, error);

	if (r == 0 && members[RUN_OPTIONS])
		r = decode_options(&parameters.options, members[RUN_OPTIONS], text, error);
	if (r == 0 && members[RUN_WINDOW])
		r = decode_window(&parameters.window, members[RUN_WINDOW], text, error);
	if (r == 0)
		r = check_items(doc, method, error);
	if (r != 0)
		return r;

	if (members[RUN_ARGUMENT]) {
		parameters.argument = members[RUN_ARGUMENT]->value;
		if (max_item > 0 && span_size(parameters.argument) > max_item)
			return error_set(error, ERROR_ITEM_TOO_LARGE, "{sIsi}", "limit",
					 (json_int_t) max_item, "index", 0);
	}
	if (members[RUN_COMMON])
		parameters.common = members[RUN_COMMON]->value;
	r = decode_function(&parameters.function, members[RUN_FUNCTION], text, error);
	if (r != 0)
		return r;

	*ret = parameters;
	return 0;
}

void run_parameters_done(struct run_parameters *parameters) {
	free(parameters->function);
	*parameters = (struct run_parameters) {0};
}

/* -------- methods with scalars only -------- */

static bool parameter_fits(const struct parameter *parameter, const json_t *value) {
	switch (parameter->type) {
	case PARAMETER_STRING: return json_is_string(value);
	case PARAMETER_BOOL: return json_is_boolean(value);
	case PARAMETER_INT: return json_is_integer(value);
	}
	return false;
}

static int decode_parameter(const struct parameter *table, size_t n, json_t **values,
			    const struct member *member, const char *text, struct error *error) {
	for (size_t i = 0; i < n; i++) {
		json_t *value = NULL;
		int r;

		if (!member_is(member, text, table[i].name))
			continue;
		if (values[i])
			return call_malformed(error, "duplicate parameter", member);
		r = member_read(member, text, &value);
		if (r < 0)
			return r;
		if (r == 0 && json_is_null(value)) {
			json_decref(value);
			return 0;
		}
		if (r > 0 || !parameter_fits(&table[i], value)) {
			json_decref(value);
			return call_invalid(error, table[i].name);
		}
		values[i] = value;
		return 0;
	}
	return call_unknown(error, member, text);
}

int parameters_decode(const struct parameter *table, size_t n, json_t **values,
		      const struct document *doc, const char *text, struct error *error) {
	int r = 0;

	for (size_t i = 0; i < n; i++)
		values[i] = NULL;
	if (doc->elements.present)
		return call_invalid(error, "items");
	for (size_t i = 0; r == 0 && i < doc->n_members; i++)
		if (doc->members[i].nested)
			r = decode_parameter(table, n, values, &doc->members[i], text, error);
	if (r == 0 && doc->elements.present)
		r = call_invalid(error, doc->shape->array);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (table[i].required && !values[i])
			r = call_invalid(error, table[i].name);
	for (size_t i = 0; r != 0 && i < n; i++) {
		json_decref(values[i]);
		values[i] = NULL;
	}
	return r;
}
