#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/tool/command.h"
#include "client/tool/query.h"
#include "client/tool/report.h"
#include "client/tool/show.h"

/* ---- the commands that ask one question ---- */

enum { KEY_JSON = 256, KEY_WATCH };

static const struct argp_option json_options[] = {
	{"json", KEY_JSON, NULL, 0, "print the daemon's reply as it is", 0},
	{0},
};

static const struct argp_option status_options[] = {
	{"json", KEY_JSON, NULL, 0, "print the daemon's reply as it is", 0},
	{"watch", KEY_WATCH, NULL, 0, "print it again whenever it changes", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct query *query = state->input;

	(void) arg;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = query->common; break;
	case KEY_JSON: query->json = true; break;
	case KEY_WATCH: query->watch = true; break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int ask(struct query *query, const struct argp_option *options, const char *doc, int argc,
	       char **argv) {
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
		.children = common_children,
	};

	if (argp_parse(&argp, argc, argv, 0, NULL, query) != 0)
		return EXIT_BAD_USAGE;
	return query_run(query);
}

int cmd_status(struct common *common, int argc, char **argv) {
	static const char doc[] = "Prints how the daemon, its pools and its workers are.\v"
				  "  procpool status --watch\n"
				  "  procpool status --json | jq .itemsQueued\n"
				  "\n" EXIT_CODES_DOC;
	struct query query = {
		.common = common,
		.method = "io.procpool.Status",
		.parameters = "{\"workers\":true}",
		.show = show_status,
	};

	return ask(&query, status_options, doc, argc, argv);
}

int cmd_functions(struct common *common, int argc, char **argv) {
	static const char doc[] = "Prints the functions that the workers offer.\v"
				  "  procpool functions\n"
				  "  procpool --private --load ./mine.so functions\n"
				  "\n" EXIT_CODES_DOC;
	struct query query = {
		.common = common,
		.method = "io.procpool.ListFunctions",
		.show = show_functions,
	};

	return ask(&query, json_options, doc, argc, argv);
}

int cmd_requests(struct common *common, int argc, char **argv) {
	static const char doc[] = "Prints the requests that run or wait.\v"
				  "  procpool requests\n"
				  "  procpool requests --json | jq '.requests[].id'\n"
				  "\n" EXIT_CODES_DOC;
	struct query query = {
		.common = common,
		.method = "io.procpool.ListRequests",
		.show = show_requests,
	};

	return ask(&query, json_options, doc, argc, argv);
}
