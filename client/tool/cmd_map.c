#include "client/tool/command.h"
#include "client/tool/map.h"
#include "client/tool/report.h"

static const char doc[] =
	"Runs FUNCTION over items and prints one result a line, in the order of the items.\v"
	"Items are the arguments, or else come from stdin: one JSON value a line, however many; "
	"blank lines are passed over. Memory does not grow with their number. An item that "
	"failed is null in the output and a line on stderr, and the exit code is 1.\n"
	"Put -- before items that begin with a dash.\n"
	"\n"
	"  procpool map square 1 2 3\n"
	"  seq 1000000 | procpool map square\n"
	"  find /usr/share/doc -name copyright -print0 | procpool map -0 wordcount\n"
	"  procpool map --files wordcount *.txt\n"
	"  jq -c .words[] book.json | procpool map -r shout\n"
	"\n"
	"Input that is wrong somewhere ends the map there with exit code 2; what was read before "
	"is "
	"done and printed first.\n"
	"\n" EXIT_CODES_DOC;

enum { KEY_STRINGS = 256, KEY_LINES, KEY_ARRAY, KEY_FILES, KEY_TAG, KEY_UNORDERED, KEY_JOBLOG };

static const struct argp_option options[] = {
	{NULL, 0, NULL, 0, "Items:", 1},
	{"strings", KEY_STRINGS, NULL, 0, "arguments are strings as they stand", 1},
	{"lines", KEY_LINES, NULL, 0, "lines of stdin are strings as they stand", 1},
	{"null", '0', NULL, 0, "stdin has strings that end with a NUL byte", 1},
	{"files", KEY_FILES, NULL, 0,
	 "strings (arguments, lines, or with -0) that name files: made absolute against this "
	 "directory; symbolic links stay",
	 1},
	{"array", KEY_ARRAY, NULL, 0,
	 "print one JSON array; stdin is one, too, unless another option says what it is", 1},
	{NULL, 0, NULL, 0, "Results:", 2},
	{"raw", 'r', NULL, 0, "print strings bare", 2},
	{"tag", KEY_TAG, NULL, 0,
	 "print {\"index\": i, \"result\": ...} or {\"index\": i, \"error\": {...}}", 2},
	{"unordered", KEY_UNORDERED, NULL, 0, "print results as they come", 2},
	{"joblog", KEY_JOBLOG, "FILE", 0,
	 "write index, start, duration, attempts and status of each item there, as they come", 2},
	{0},
};

/* What was said about the input. */
struct form {
	bool strings, lines, nulls, files;
};

struct parse_state {
	struct map_request *request;
	struct form form;
};

static void settle(struct map_request *request, const struct form *form, struct argp_state *state) {
	bool here = request->n_arguments > 0;

	if (form->strings && !here)
		argp_error(state, "--strings is about items that are arguments; for stdin there "
				  "are --lines and --null");
	if ((form->lines || form->nulls) && here)
		argp_error(state,
			   "--%s is about stdin, but the items are arguments; for these "
			   "there is --strings",
			   form->lines ? "lines" : "null");
	if (form->lines && form->nulls)
		argp_error(state, "--lines and --null exclude each other");
	if (request->raw && (request->tag || request->array))
		argp_error(state, "--raw makes no sense with --%s: that is JSON",
			   request->tag ? "tag" : "array");

	if (form->files)
		request->form = ITEM_FILE;
	else if (form->strings || form->lines || form->nulls)
		request->form = ITEM_STRING;
	if (form->nulls)
		request->mode = INPUT_NULS;
	else if (request->form != ITEM_JSON)
		request->mode = INPUT_LINES;
	else
		request->mode = request->array ? INPUT_ARRAY : INPUT_JSON;
}

static error_t parse_argument(struct map_request *request, char *arg, struct argp_state *state) {
	if (state->arg_num == 0) {
		request->function = arg;
		return 0;
	}
	if (state->arg_num == 1)
		request->arguments = &state->argv[state->next - 1];
	request->n_arguments++;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct parse_state *parsed = state->input;
	struct map_request *request = parsed->request;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &request->run;
		state->child_inputs[1] = request->common;
		break;
	case KEY_STRINGS: parsed->form.strings = true; break;
	case KEY_LINES: parsed->form.lines = true; break;
	case '0': parsed->form.nulls = true; break;
	case KEY_FILES: parsed->form.files = true; break;
	case KEY_ARRAY: request->array = true; break;
	case 'r': request->raw = true; break;
	case KEY_TAG: request->tag = true; break;
	case KEY_JOBLOG:
		request->joblog = arg;
		request->run.options.timings = true;
		break;
	case KEY_UNORDERED: request->run.options.unordered = true; break;
	case ARGP_KEY_ARG: return parse_argument(request, arg, state);
	case ARGP_KEY_NO_ARGS: argp_error(state, "which function?"); break;
	case ARGP_KEY_SUCCESS: settle(request, &parsed->form, state); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {
	{&run_options_argp, 0, "How it runs:", 5},
	{&common_argp, 0, "Which daemon:", 10},
	{0},
};

int cmd_map(struct common *common, int argc, char **argv) {
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FUNCTION [ITEM...]",
		.doc = doc,
		.children = children,
	};
	struct map_request request = {.common = common, .run = RUN_OPTIONS_INIT};
	struct parse_state parsed = {.request = &request};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &parsed) != 0)
		return EXIT_BAD_USAGE;
	code = run_options_check(&request.run, common);
	if (code == 0)
		code = session_open(&session, common);
	if (code != 0)
		return code;
	return session_close(&session, map_run(&session, &request));
}
