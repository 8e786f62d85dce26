#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/tool/command.h"
#include "client/tool/report.h"
#include "client/tool/session.h"
#include "client/tool/show.h"

/* The commands that do something to a daemon, or ask whether it is there. */

struct control {
	struct common *common;
	const char *id;
};

/* ---- cancel ---- */

static error_t parse_cancel(int key, char *arg, struct argp_state *state) {
	struct control *control = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = control->common; break;
	case ARGP_KEY_ARG:
		if (control->id)
			argp_error(state, "one request at a time");
		control->id = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which request? `procpool requests` lists them");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int cancel(struct session *session, const char *id) {
	json_t *object = json_pack("{ss}", "request", id);
	char *parameters = object ? json_dumps(object, 0) : NULL, *reply;
	int code = EXIT_BAD_USAGE;

	json_decref(object);
	if (!parameters)
		complain("the id is not UTF-8");
	else if (procpool_call(session->procpool, "io.procpool.Cancel", parameters, &reply) != 0)
		code = session_failed(session);
	else
		code = EXIT_OK;
	if (code == EXIT_OK)
		free(reply);
	free(parameters);
	return code;
}

int cmd_cancel(struct common *common, int argc, char **argv) {
	static const char doc[] =
		"Stops a request: what waits never starts, what runs is stopped.\v"
		"  procpool requests\n"
		"  procpool cancel 17\n"
		"\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.parser = parse_cancel,
		.args_doc = "ID",
		.doc = doc,
		.children = common_children,
	};
	struct control control = {.common = common};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &control) != 0)
		return EXIT_BAD_USAGE;
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, cancel(&session, control.id));
}

/* ---- ping ---- */

static error_t parse_ping(int key, char *arg, struct argp_state *state) {
	struct control *control = state->input;

	(void) arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = control->common;
	return 0;
}

static int64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int say_pong(const char *reply, int64_t us) {
	json_t *info = json_loads(reply, 0, NULL);
	const char *product = json_string_value(json_object_get(info, "product"));
	const char *version = json_string_value(json_object_get(info, "version"));
	char time[32];
	int r;

	show_duration(us, time, sizeof(time));
	r = printf("%s %s answered in %s\n", product ? product : "somebody", version ? version : "",
		   time);
	json_decref(info);
	if (r >= 0 && fflush(stdout) == 0)
		return EXIT_OK;
	complain("cannot print the answer");
	return EXIT_OUTPUT;
}

static int ping(struct session *session) {
	int64_t began;
	char *reply;
	int code;

	if (procpool_connect(session->procpool) != 0)
		return session_failed(session);
	began = now_us();
	if (procpool_call(session->procpool, "org.varlink.service.GetInfo", NULL, &reply) != 0)
		return session_failed(session);
	code = say_pong(reply, now_us() - began);
	free(reply);
	return code;
}

int cmd_ping(struct common *common, int argc, char **argv) {
	static const char doc[] = "Asks whether the daemon answers, and prints how fast it did.\v"
				  "  procpool ping && echo up\n"
				  "\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.parser = parse_ping,
		.doc = doc,
		.children = common_children,
	};
	struct control control = {.common = common};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &control) != 0)
		return EXIT_BAD_USAGE;
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, ping(&session));
}
