#include <stdlib.h>

#include "client/tool/command.h"
#include "client/tool/report.h"

enum { KEY_SOCKET = 512, KEY_PRIVATE, KEY_LOAD, KEY_WORKER, KEY_WORKERS };

static const struct argp_option options[] = {
	{"socket", KEY_SOCKET, "PATH", 0,
	 "the daemon's socket; else $PROCPOOL_SOCKET, else the user's "
	 "$XDG_RUNTIME_DIR/procpool/io.procpool, else /run/procpool/io.procpool",
	 0},
	{"private", KEY_PRIVATE, NULL, 0,
	 "run a daemon of its own for the duration: its workers have this directory and "
	 "environment, and write to this stderr",
	 0},
	{"load", KEY_LOAD, "FILE", 0,
	 "with --private: functions in a shared object, for the stock worker; repeatable", 0},
	{"worker", KEY_WORKER, "COMMAND", 0,
	 "with --private: the workers' command instead of the stock worker; split at blanks, with "
	 "quotes and backslashes as in a shell, but no shell runs",
	 0},
	{"workers", KEY_WORKERS, "N", 0, "with --private: how many (one per CPU)", 0},
	{0},
};

static void add_load(struct common *common, const char *file, struct argp_state *state) {
	const char **grown =
		reallocarray(common->loads, common->n_loads + 1, sizeof(*common->loads));

	if (!grown)
		argp_failure(state, EXIT_OUTPUT, 0, "out of memory");
	else
		common->loads = grown;
	if (grown)
		common->loads[common->n_loads++] = file;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct common *common = state->input;
	unsigned number;

	switch (key) {
	case KEY_SOCKET: common->socket = arg; break;
	case KEY_PRIVATE: common->private = true; break;
	case KEY_LOAD: add_load(common, arg, state); break;
	case KEY_WORKER: common->worker = arg; break;
	case KEY_WORKERS:
		if (parse_number(arg, &number) < 0)
			argp_error(state, "--workers takes a number from 1 on, not '%s'", arg);
		common->workers = arg;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp common_argp = {.options = options, .parser = parse};

const struct argp_child common_children[] = {
	{&common_argp, 0, "Which daemon:", 10},
	{0},
};
