#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/command.h"
#include "client/tool/report.h"
#include "client/tool/session.h"

/* The commands for administrators. */

enum { KEY_TIMEOUT = 256 };

struct operation {
	struct common *common;
	const char *pool;
	unsigned workers; /* 0 = not said */
	double timeout;   /* seconds, 0 = none */
};

static const struct argp_option drain_options[] = {
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "wait no longer than this", 0},
	{0},
};

static error_t parse_resize(int key, char *arg, struct argp_state *state) {
	struct operation *operation = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = operation->common; break;
	case ARGP_KEY_ARG:
		if (!operation->pool)
			operation->pool = arg;
		else if (operation->workers)
			argp_error(state, "one pool at a time");
		else if (parse_number(arg, &operation->workers) < 0)
			argp_error(state, "WORKERS is a number from 1 on, not '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (!operation->workers)
			argp_error(state, "which pool, and how many workers? `procpool status` "
					  "lists the pools");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_drain(int key, char *arg, struct argp_state *state) {
	struct operation *operation = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = operation->common; break;
	case KEY_TIMEOUT:
		if (parse_seconds(arg, &operation->timeout) < 0)
			argp_error(state, "--timeout takes seconds, such as 30 or 0.5, not '%s'",
				   arg);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_resume(int key, char *arg, struct argp_state *state) {
	struct operation *operation = state->input;

	(void) arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = operation->common;
	return 0;
}

/* Calls the method; parameters: an object, taken. Returns an exit code, and with EXIT_OK *ret: the reply. */
static int call(struct session *session, const char *method, json_t *parameters, json_t **ret) {
	char *text = parameters ? json_dumps(parameters, 0) : NULL, *reply;
	int code = EXIT_OK;

	json_decref(parameters);
	if (!text) {
		complain("a name is not UTF-8");
		return EXIT_BAD_USAGE;
	}
	if (procpool_call(session->procpool, method, text, &reply) != 0) {
		code = session_failed(session);
	} else {
		*ret = json_loads(reply, 0, NULL);
		free(reply);
	}
	free(text);
	return code;
}

static int resize(struct session *session, const struct operation *operation) {
	json_t *reply = NULL;
	int code = call(
		session, "io.procpool.Resize",
		json_pack("{ss si}", "pool", operation->pool, "workers", (int) operation->workers),
		&reply);

	if (code == EXIT_OK)
		printf("%s: %" JSON_INTEGER_FORMAT " -> %u workers\n", operation->pool,
		       json_integer_value(json_object_get(reply, "before")), operation->workers);
	json_decref(reply);
	return code;
}

static int drain(struct session *session, const struct operation *operation) {
	json_int_t ms = (json_int_t) (operation->timeout * 1000);
	json_t *reply = NULL;
	int code = call(session, "io.procpool.Drain",
			operation->timeout > 0 ? json_pack("{sI}", "timeoutMs", ms ? ms : 1)
					       : json_object(),
			&reply);

	if (code == EXIT_OK && !json_is_true(json_object_get(reply, "finished"))) {
		complain("%" JSON_INTEGER_FORMAT " items are left; nothing new is taken until "
			 "`procpool resume`",
			 json_integer_value(json_object_get(reply, "itemsLeft")));
		code = EXIT_FAILED;
	}
	json_decref(reply);
	return code;
}

static int resume(struct session *session, const struct operation *operation) {
	json_t *reply = NULL;
	int code = call(session, "io.procpool.Resume", json_object(), &reply);

	(void) operation;
	json_decref(reply);
	return code;
}

static int run(const struct argp *argp, struct common *common, int argc, char **argv,
	       int (*act)(struct session *session, const struct operation *operation)) {
	struct operation operation = {.common = common};
	struct session session;
	int code;

	if (argp_parse(argp, argc, argv, 0, NULL, &operation) != 0)
		return EXIT_BAD_USAGE;
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, act(&session, &operation));
}

int cmd_resize(struct common *common, int argc, char **argv) {
	static const char doc[] = "Gives a pool another number of workers, until the configuration "
				  "is read again. For "
				  "administrators.\v"
				  "  procpool resize default 8\n"
				  "\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.parser = parse_resize,
		.args_doc = "POOL WORKERS",
		.doc = doc,
		.children = common_children,
	};

	return run(&argp, common, argc, argv, resize);
}

int cmd_drain(struct common *common, int argc, char **argv) {
	static const char doc[] =
		"Takes no new work, and waits until the work at hand is finished. For "
		"administrators.\v"
		"  procpool drain --timeout 60 && reconfigure; procpool resume\n"
		"\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.options = drain_options,
		.parser = parse_drain,
		.doc = doc,
		.children = common_children,
	};

	return run(&argp, common, argc, argv, drain);
}

int cmd_resume(struct common *common, int argc, char **argv) {
	static const char doc[] = "Takes work again after a drain. For administrators.\v"
				  "  procpool resume\n"
				  "\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.parser = parse_resume,
		.doc = doc,
		.children = common_children,
	};

	return run(&argp, common, argc, argv, resume);
}
