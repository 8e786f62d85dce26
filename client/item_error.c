#include "client/item_error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/bytes.h"
#include "client/json_text.h"

/* ---- the line for people ---- */

/* Adds text without its control characters: it came from anywhere, and is to stay one line. */
static int add_line(struct bytes *line, const char *text) {
	size_t at = line->end - line->begin;
	int r = bytes_add_string(line, text);

	for (; r == 0 && at < bytes_size(line); at++) {
		unsigned char *byte = (unsigned char *) line->data + line->begin + at;

		if (*byte < 0x20 || *byte == 0x7f)
			*byte = ' ';
	}
	return r;
}

static int add_pair(struct bytes *line, const char *before, const char *text) {
	return text && (bytes_add_string(line, before) < 0 || add_line(line, text) < 0) ? -ENOMEM
											: 0;
}

static int add_ending(struct bytes *line, const struct procpool_item_error *error) {
	const char *name = error->exit_signal >= 0 ? sigabbrev_np(error->exit_signal) : NULL;
	char ending[80] = "";

	if (error->exit_signal >= 0)
		snprintf(ending, sizeof(ending), ": its worker was killed by signal %d%s%s",
			 error->exit_signal, name ? ", SIG" : "", name ? name : "");
	else if (error->exit_status >= 0)
		snprintf(ending, sizeof(ending), ": its worker exited with status %d",
			 error->exit_status);
	return bytes_add_string(line, ending);
}

/* The last line that is not empty. */
static char *last_line(const char *lines) {
	size_t end = strlen(lines), begin;

	while (end > 0 && lines[end - 1] == '\n')
		end--;
	for (begin = end; begin > 0 && lines[begin - 1] != '\n';)
		begin--;
	return strndup(lines + begin, end - begin);
}

/* kind or exception, message, how the worker ended, what it wrote last. */
static int compose(struct bytes *line, const struct procpool_item_error *error) {
	bool exception = error->exception && strcmp(error->kind, "Exception") == 0;
	char *said = error->stderr_lines ? last_line(error->stderr_lines) : NULL;
	int r = 0;

	if (error->stderr_lines && !said)
		return -ENOMEM;
	if (add_line(line, exception ? error->exception : error->kind) < 0 ||
	    (!exception && add_pair(line, ": ", error->exception) < 0) ||
	    add_pair(line, ": ", error->message) < 0 ||
	    (!error->message && add_ending(line, error) < 0) ||
	    (said && *said && add_pair(line, "; its last line: ", said) < 0) ||
	    bytes_add(line, "", 1) < 0)
		r = -ENOMEM;
	free(said);
	return r;
}

/* ---- */

static const char *member_string(json_t *object, const char *name) {
	return json_string_value(json_object_get(object, name));
}

static int member_int(json_t *object, const char *name) {
	json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? (int) json_integer_value(value) : -1;
}

int item_error_init(struct procpool_item_error *ret, json_t *object) {
	struct procpool_item_error error = {
		.index = (uint64_t) json_integer_value(json_object_get(object, "index")),
		.kind = member_string(object, "kind"),
		.exception = member_string(object, "exception"),
		.message = member_string(object, "message"),
		.trace = member_string(object, "trace"),
		.stderr_lines = member_string(object, "stderr"),
		.attempts = json_integer_value(json_object_get(object, "attempts")),
		.exit_signal = member_int(object, "exitSignal"),
		.exit_status = member_int(object, "exitStatus"),
	};
	struct bytes line = {0};

	if (!error.kind)
		error.kind = "";
	error.json = json_text(object);
	if (!error.json || compose(&line, &error) < 0) {
		bytes_done(&line);
		free((char *) error.json);
		return -ENOMEM;
	}
	error.text = line.data;
	*ret = error;
	return 0;
}

void item_error_done(struct procpool_item_error *error) {
	free((char *) error->text);
	free((char *) error->json);
	*error = (struct procpool_item_error) {0};
}
