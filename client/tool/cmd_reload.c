#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tool/command.h"
#include "client/tool/report.h"
#include "client/tool/session.h"
#include "protocol/error.h"

enum { KEY_RESTART = 256, KEY_WAIT };

struct reload {
	struct common *common;
	bool wait, restart;
	bool told; /* something was printed */
};

static const struct argp_option options[] = {
	{"restart", KEY_RESTART, NULL, 0,
	 "replace the workers of all pools, not only of the changed ones", 0},
	{"wait", KEY_WAIT, NULL, 0, "say so as each worker is replaced, until the last one is", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct reload *reload = state->input;

	(void) arg;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = reload->common; break;
	case KEY_RESTART: reload->restart = true; break;
	case KEY_WAIT: reload->wait = true; break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* One line for each reply. */
static int on_reply(void *userdata, const char *text) {
	struct reload *reload = userdata;
	json_t *reply = json_loads(text, 0, NULL);
	json_int_t replaced = json_integer_value(json_object_get(reply, "replaced"));
	json_int_t total = json_integer_value(json_object_get(reply, "total"));

	json_decref(reply);
	if (!reload->told)
		printf("the configuration is in force\n");
	if (total > 0)
		printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		       " workers are replaced\n",
		       replaced, total);
	reload->told = true;
	fflush(stdout);
	return 0;
}

/* That its workers cannot start is the configuration's fault, too. */
static int failed(struct session *session) {
	const struct procpool_error *error = procpool_last_error(session->procpool);
	enum error_id id =
		error->code == PROCPOOL_E_ANSWER ? error_from_name(error->name) : ERROR_NONE;
	int code = session_failed(session);

	if (id != ERROR_POOL_FAILED)
		return code;
	complain("the configuration before stays in force");
	return EXIT_BAD_CONFIG;
}

static int act(struct session *session, struct reload *reload) {
	const char *parameters = reload->restart ? "{\"restart\":true}" : "{}";
	char *reply;

	if (reload->wait)
		return procpool_call_more(session->procpool, "io.procpool.Reload", parameters,
					  on_reply, reload) == 0
			       ? EXIT_OK
			       : failed(session);
	if (procpool_call(session->procpool, "io.procpool.Reload", parameters, &reply) != 0)
		return failed(session);
	on_reply(reload, reply);
	free(reply);
	return EXIT_OK;
}

int cmd_reload(struct common *common, int argc, char **argv) {
	static const char doc[] =
		"Has the daemon read its configuration again, and returns when that is in force: "
		"one worker of each pool with another command, environment, directory or user has "
		"started. The other workers are replaced one after the other. After a mistake "
		"everything stays as it was. For administrators.\v"
		"  procpool reload\n"
		"  procpool reload --wait\n"
		"  procpool reload --restart    # there is new code under the same command\n"
		"\n" EXIT_CODES_DOC;
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
		.children = common_children,
	};
	struct reload reload = {.common = common};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &reload) != 0)
		return EXIT_BAD_USAGE;
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, act(&session, &reload));
}
