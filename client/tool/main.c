#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tool/command.h"
#include "client/tool/standard.h"

static const struct command {
	const char *name;
	command_run run;
} commands[] = {
	{"map", cmd_map},           {"apply", cmd_apply},
	{"status", cmd_status},     {"functions", cmd_functions},
	{"requests", cmd_requests}, {"cancel", cmd_cancel},
	{"why", cmd_why},           {"resize", cmd_resize},
	{"drain", cmd_drain},       {"resume", cmd_resume},
	{"reload", cmd_reload},     {"ping", cmd_ping},
	{"run", cmd_run},
};

static const char doc[] =
	"Runs functions in the machine's pool of warm worker processes.\v"
	"Commands:\n"
	"  map FUNCTION [ITEM...]      run it over items: arguments, or stdin\n"
	"  apply FUNCTION [ARGUMENT]   run it once\n"
	"  status [--watch] [--json]   how the daemon is\n"
	"  functions                   what the workers offer\n"
	"  requests                    what runs and what waits\n"
	"  cancel ID                   stop a request\n"
	"  why ID                      what a request waits for\n"
	"  resize POOL WORKERS         give a pool more workers, or fewer\n"
	"  drain, resume               finish the work at hand and take no new; take it again\n"
	"  reload [--restart]          read the configuration again; replace workers\n"
	"  ping                        whether the daemon answers, and how fast\n"
	"  run -- PROGRAM [ARG...]     with --private: run a program on its daemon\n"
	"`procpool COMMAND --help` says more, with examples.\n"
	"\n"
	"  seq 1000 | procpool map square\n"
	"  procpool --private --load ./mine.so map mine 1 2 3\n"
	"\n" EXIT_CODES_DOC;

/* Where the command's name stands in argv. */
struct top {
	struct common common;
	int command;
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct top *top = state->input;

	(void) arg;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &top->common; break;
	case ARGP_KEY_ARG:
		top->command = state->next - 1;
		state->next = state->argc;
		break;
	case ARGP_KEY_NO_ARGS: argp_usage(state); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int run_command(struct top *top, int argc, char **argv) {
	const char *name = argv[top->command];
	char full_name[64];

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		snprintf(full_name, sizeof(full_name), "procpool %s", name);
		argv[top->command] = full_name;
		return commands[i].run(&top->common, argc - top->command, argv + top->command);
	}
	fprintf(stderr, "procpool: there is no command '%s'; procpool --help lists them\n", name);
	return EXIT_BAD_USAGE;
}

int main(int argc, char **argv) {
	static char name[] = "procpool";
	const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = doc,
		.children = common_children,
	};
	struct top top = {0};
	int code;

	standard_init();
	argp_err_exit_status = EXIT_BAD_USAGE;
	argp_program_version = "procpool " PACKAGE_VERSION;
	if (argc > 0)
		argv[0] = name;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &top) != 0)
		return EXIT_BAD_USAGE;
	code = run_command(&top, argc, argv);
	free(top.common.loads);
	return code;
}
