#include "client/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/bytes.h"
#include "client/item_error.h"
#include "client/json_text.h"
#include "protocol/error.h"

void failure_init(struct failure *failure) {
	*failure = (struct failure) {.error.message = "nothing failed"};
}

void failure_done(struct failure *failure) {
	free(failure->message);
	free(failure->name);
	free(failure->parameters);
	item_error_done(&failure->item);
	json_decref(failure->item_object);
	failure_init(failure);
}

int failure_set(struct failure *failure, int code, const char *format, ...) {
	va_list args;

	failure_done(failure);
	failure->error.code = code;
	va_start(args, format);
	if (vasprintf(&failure->message, format, args) < 0)
		failure->message = NULL;
	va_end(args);
	failure->error.message = failure->message ? failure->message : "out of memory";
	return code;
}

int failure_errno(struct failure *failure, int code, const char *what) {
	return failure_set(failure, code, "%s: %s", what, strerror(-code));
}

/* ---- the daemon's errors ---- */

static int add_parameter(struct bytes *sentence, const char *key, const json_t *value,
			 const char *before) {
	char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_text(value);
	int r = -1;

	if (text && bytes_add_string(sentence, before) == 0 &&
	    bytes_add_string(sentence, key) == 0 && bytes_add_string(sentence, " ") == 0 &&
	    bytes_add_string(sentence, text) == 0)
		r = 0;
	free(text);
	return r;
}

/* The sentence of the error's name, then its parameters: they say which, and how much. */
static char *answer_sentence(const char *name, json_t *parameters) {
	enum error_id id = error_from_name(name);
	struct bytes sentence = {0};
	const char *key, *before = " (";
	json_t *value;
	int r = 0;

	if (id == ERROR_NONE)
		r = bytes_add_string(&sentence, "the daemon answered ");
	if (r == 0)
		r = bytes_add_string(&sentence, id == ERROR_NONE ? name : error_sentence(id));
	json_object_foreach(parameters, key, value) {
		if (r == 0)
			r = add_parameter(&sentence, key, value, before);
		before = ", ";
	}
	if (r == 0 && json_object_size(parameters) > 0)
		r = bytes_add_string(&sentence, ")");
	if (r < 0 || bytes_add(&sentence, "", 1) < 0)
		bytes_done(&sentence);
	return sentence.data;
}

static void take_item(struct failure *failure, json_t *item) {
	if (!json_is_object(item) || item_error_init(&failure->item, item) < 0)
		return;
	failure->item_object = json_incref(item);
	failure->error.item = &failure->item;
}

int failure_answer(struct failure *failure, const char *name, json_t *parameters) {
	enum error_id id = error_from_name(name);

	failure_done(failure);
	if (id == ERROR_ITEM_FAILED)
		take_item(failure, json_object_get(parameters, "item"));
	if (!failure->error.item)
		failure->message = answer_sentence(name, parameters);
	else if (asprintf(&failure->message, "item %llu: %s",
			  (unsigned long long) failure->item.index, failure->item.text) < 0)
		failure->message = NULL;
	failure->name = strdup(name);
	if (parameters)
		failure->parameters = json_text(parameters);

	failure->error.code = PROCPOOL_E_ANSWER;
	failure->error.message = failure->message ? failure->message : "out of memory";
	failure->error.name = failure->name ? failure->name : "";
	failure->error.parameters = failure->parameters;
	failure->error.not_started = id == ERROR_SHUTTING_DOWN;
	return PROCPOOL_E_ANSWER;
}
