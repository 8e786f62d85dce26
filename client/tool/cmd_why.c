#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/command.h"
#include "client/tool/report.h"
#include "client/tool/session.h"
#include "client/tool/show.h"

/* What one request waits for. */

struct why {
	struct common *common;
	const char *id;
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct why *why = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = why->common; break;
	case ARGP_KEY_ARG:
		if (why->id)
			argp_error(state, "one request at a time");
		why->id = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which request? `procpool requests` lists them");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const json_t *find_request(const json_t *reply, const char *id) {
	const json_t *request;
	size_t i;

	json_array_foreach(json_object_get(reply, "requests"), i, request) {
		const char *name = json_string_value(json_object_get(request, "id"));

		if (name && strcmp(name, id) == 0)
			return request;
	}
	return NULL;
}

static json_int_t number(const json_t *request, const char *key) {
	return json_integer_value(json_object_get(request, key));
}

static int tell(const json_t *reply, const char *id) {
	const json_t *request = find_request(reply, id);
	const char *function = json_string_value(json_object_get(request, "function"));
	const char *waits_for = json_string_value(json_object_get(request, "waitsFor"));
	char age[32];

	if (!request) {
		complain("there is no such request (request %s): it is over, or never was", id);
		return EXIT_FAILED;
	}
	show_duration(number(request, "ageUs"), age, sizeof(age));
	if (waits_for)
		printf("request %s (%s, %s old) waits for %s\n", id, function ? function : "", age,
		       waits_for);
	else
		printf("request %s (%s, %s old) is running: %" JSON_INTEGER_FORMAT
		       " of %" JSON_INTEGER_FORMAT " items are finished, %" JSON_INTEGER_FORMAT
		       " are with workers\n",
		       id, function ? function : "", age, number(request, "finished"),
		       number(request, "items"), number(request, "running"));
	return EXIT_OK;
}

static int ask(struct session *session, const char *id) {
	json_t *object;
	char *reply;
	int code;

	if (procpool_call(session->procpool, "io.procpool.ListRequests", NULL, &reply) != 0)
		return session_failed(session);
	object = json_loads(reply, 0, NULL);
	free(reply);
	code = tell(object, id);
	json_decref(object);
	return code;
}

int cmd_why(struct common *common, int argc, char **argv) {
	static const char doc[] = "Tells what a request waits for, or how far it is.\v"
				  "  procpool requests\n"
				  "  procpool why 17\n"
				  "\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.parser = parse,
		.args_doc = "ID",
		.doc = doc,
		.children = common_children,
	};
	struct why why = {.common = common};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &why) != 0)
		return EXIT_BAD_USAGE;
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, ask(&session, why.id));
}
