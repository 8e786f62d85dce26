#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tool/command.h"
#include "client/tool/output.h"
#include "client/tool/report.h"
#include "client/tool/run_options.h"
#include "client/tool/session.h"

static const char doc[] =
	"Runs FUNCTION once and prints its result. ARGUMENT is a JSON value (null if absent).\v"
	"Put -- before an argument that begins with a dash.\n"
	"\n"
	"  procpool apply square 12\n"
	"  procpool apply --strings wordcount /usr/share/common-licenses/GPL-3\n"
	"\n" EXIT_CODES_DOC;

struct apply {
	struct common *common;
	struct run_options run;
	const char *function, *argument;
	bool raw, strings;
};

enum { KEY_STRINGS = 256 };

static const struct argp_option options[] = {
	{"strings", KEY_STRINGS, NULL, 0, "ARGUMENT is a string as it stands", 0},
	{"raw", 'r', NULL, 0, "print a string bare", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct apply *apply = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &apply->run;
		state->child_inputs[1] = apply->common;
		break;
	case KEY_STRINGS: apply->strings = true; break;
	case 'r': apply->raw = true; break;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			apply->function = arg;
		else if (state->arg_num == 1)
			apply->argument = arg;
		else
			argp_error(state, "one argument at most; `procpool map` takes many");
		break;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which function?"); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child children[] = {
	{&run_options_argp, 0, "How it runs:", 5},
	{&common_argp, 0, "Which daemon:", 10},
	{0},
};

/* Sets *ret to the argument as JSON, to be freed. Returns 0, or an exit code. */
static int argument_json(const struct apply *apply, char **ret) {
	json_t *string;

	if (!apply->argument || !apply->strings) {
		*ret = strdup(apply->argument ? apply->argument : "null");
	} else {
		string = json_string(apply->argument);
		if (!string) {
			complain("the argument is not UTF-8");
			return EXIT_BAD_USAGE;
		}
		*ret = json_dumps(string, JSON_ENCODE_ANY);
		json_decref(string);
	}
	if (!*ret)
		complain("out of memory");
	return *ret ? 0 : EXIT_OUTPUT;
}

static int print(const struct apply *apply, const char *result) {
	struct output output;
	int r;

	output_init(&output, STDOUT_FILENO);
	output.raw = apply->raw;
	r = output_result(&output, 0, result, strlen(result));
	if (r == 0)
		r = output_flush(&output);
	output_done(&output);
	if (r == 0)
		return EXIT_OK;
	complain("cannot write the result: %s", strerror(-r));
	return EXIT_OUTPUT;
}

static int failed(struct session *session) {
	const struct procpool_error *error = procpool_last_error(session->procpool);

	if (!error->item)
		return session_failed(session);
	complain("%s", error->item->text);
	return EXIT_FAILED;
}

static int apply_once(struct session *session, const struct apply *apply) {
	char *function = run_options_function(&apply->run, apply->function);
	char *argument = NULL, *result = NULL;
	int code = argument_json(apply, &argument);

	if (code == 0 && !function) {
		complain("out of memory");
		code = EXIT_OUTPUT;
	}
	if (code == 0)
		code = procpool_apply(session->procpool, function, argument, &apply->run.options,
				      &result) == 0
			       ? print(apply, result)
			       : failed(session);
	free(result);
	free(argument);
	free(function);
	return code;
}

int cmd_apply(struct common *common, int argc, char **argv) {
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FUNCTION [ARGUMENT]",
		.doc = doc,
		.children = children,
	};
	struct apply apply = {.common = common, .run = RUN_OPTIONS_INIT};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &apply) != 0)
		return EXIT_BAD_USAGE;
	code = run_options_check(&apply.run, common);
	if (code == 0)
		code = session_open(&session, common);
	if (code != 0)
		return code;
	return session_close(&session, apply_once(&session, &apply));
}
