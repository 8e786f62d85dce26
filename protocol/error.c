#include "protocol/error.h"

#include <stdarg.h>
#include <string.h>

static const char *const error_names[ERROR_COUNT] = {
#define X(id, name, sentence) [ERROR_##id] = name,
	ERROR_LIST(X)
#undef X
};

static const char *const error_sentences[ERROR_COUNT] = {
#define X(id, name, sentence) [ERROR_##id] = sentence,
	ERROR_LIST(X)
#undef X
};

static const char *const item_error_names[ITEM_ERROR_COUNT] = {
#define X(id, name) [ITEM_ERROR_##id] = name,
	ITEM_ERROR_LIST(X)
#undef X
};

int error_set(struct error *error, enum error_id id, const char *format, ...) {
	va_list args;

	if (error->id != ERROR_NONE)
		return 1;

	error->id = id;
	if (format) {
		va_start(args, format);
		error->parameters = json_vpack_ex(NULL, 0, format, args);
		va_end(args);
	}
	return 1;
}

int error_set_no_memory(struct error *error) {
	return error_set(error, ERROR_RESOURCE_EXHAUSTED, "{ss}", "resource", "memory");
}

struct error error_move(struct error *from) {
	struct error error = *from;

	*from = (struct error) {0};
	return error;
}

void error_done(struct error *error) {
	json_decref(error->parameters);
	*error = (struct error) {0};
}

const char *error_name(enum error_id id) {
	return id > ERROR_NONE && id < ERROR_COUNT ? error_names[id] : "";
}

const char *error_sentence(enum error_id id) {
	return id > ERROR_NONE && id < ERROR_COUNT ? error_sentences[id] : "";
}

enum error_id error_from_name(const char *name) {
	for (enum error_id id = ERROR_NONE + 1; id < ERROR_COUNT; id++)
		if (strcmp(error_names[id], name) == 0)
			return id;
	return ERROR_NONE;
}

const char *item_error_name(enum item_error_kind kind) {
	return item_error_names[kind];
}
