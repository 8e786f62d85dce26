#include "client/tool/run_options.h"

#include <stdio.h>
#include <string.h>

#include "client/tool/report.h"

enum {
	KEY_CHUNK_SIZE = 768,
	KEY_MAX_WORKERS,
	KEY_PRIORITY,
	KEY_FAIL_FAST,
	KEY_COMMON,
	KEY_POOL,
	KEY_RETRIES,
	KEY_ITEM_TIMEOUT,
	KEY_TIMEOUT,
	KEY_QUEUE_TIMEOUT,
	KEY_NO_RERUN,
	KEY_IDEMPOTENT
};

static const struct argp_option options_table[] = {
	{"chunk-size", KEY_CHUNK_SIZE, "N", 0, "items handed to a worker at a time", 0},
	{"max-workers", KEY_MAX_WORKERS, "N", 0, "most workers that may serve this call", 0},
	{"priority", KEY_PRIORITY, "N", 0,
	 "-20 to 19, 0 if left out: the less, the larger the share beside your other calls", 0},
	{"retries", KEY_RETRIES, "N", 0,
	 "further attempts at an item that kills its worker or takes too long", 0},
	{"item-timeout", KEY_ITEM_TIMEOUT, "SECONDS", 0, "stop an item that takes longer", 0},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "end the call if it takes longer", 0},
	{"queue-timeout", KEY_QUEUE_TIMEOUT, "SECONDS", 0,
	 "end the call if nothing of it has started by then", 0},
	{"no-rerun", KEY_NO_RERUN, NULL, 0,
	 "nothing that finished runs again if its worker dies before it is reported", 0},
	{"idempotent", KEY_IDEMPOTENT, NULL, 0,
	 "running an item twice does no harm: if the daemon goes away, wait 10 seconds for it to "
	 "come "
	 "back, and repeat what has no result; time limits then begin anew",
	 0},
	{"fail-fast", KEY_FAIL_FAST, NULL, 0, "start nothing new after an item failed", 0},
	{"common", KEY_COMMON, "JSON", 0, "a value that the function sees beside each item", 0},
	{"pool", KEY_POOL, "NAME", 0, "where more than one pool offers the function", 0},
	{0},
};

static void take_timeout(uint32_t *ret_ms, const char *name, const char *arg,
			 struct argp_state *state) {
	double seconds = 0;

	if (parse_seconds(arg, &seconds) < 0)
		argp_error(state, "--%s takes seconds, such as 30 or 0.5, not '%s'", name, arg);
	/* Not 0, which would be none. */
	*ret_ms = seconds < 0.001 ? 1 : (uint32_t) (seconds * 1000);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct run_options *options = state->input;
	unsigned number;

	switch (key) {
	case KEY_CHUNK_SIZE:
		if (parse_number(arg, &number) < 0)
			argp_error(state, "--chunk-size takes a number from 1 on, not '%s'", arg);
		options->options.chunk_size = number;
		break;
	case KEY_MAX_WORKERS:
		if (parse_number(arg, &number) < 0)
			argp_error(state, "--max-workers takes a number from 1 on, not '%s'", arg);
		options->options.max_workers = number;
		break;
	case KEY_PRIORITY:
		if (parse_priority(arg, &options->options.priority) < 0)
			argp_error(state, "--priority takes a number from -20 to 19, not '%s'",
				   arg);
		break;
	case KEY_RETRIES:
		if (strcmp(arg, "0") != 0 && parse_number(arg, &number) < 0)
			argp_error(state, "--retries takes a number from 0 on, not '%s'", arg);
		options->options.retries = strcmp(arg, "0") == 0 ? 0 : number;
		break;
	case KEY_ITEM_TIMEOUT:
		take_timeout(&options->options.item_timeout_ms, "item-timeout", arg, state);
		break;
	case KEY_TIMEOUT: take_timeout(&options->options.timeout_ms, "timeout", arg, state); break;
	case KEY_QUEUE_TIMEOUT:
		take_timeout(&options->options.queue_timeout_ms, "queue-timeout", arg, state);
		break;
	case KEY_NO_RERUN: options->options.no_rerun = true; break;
	case KEY_IDEMPOTENT: options->options.idempotent = true; break;
	case KEY_FAIL_FAST: options->options.abort_on_error = true; break;
	case KEY_COMMON: options->options.common = arg; break;
	case KEY_POOL: options->pool = arg; break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp run_options_argp = {.options = options_table, .parser = parse};

int run_options_check(const struct run_options *options, const struct common *common) {
	if (!options->options.idempotent || !common->private)
		return 0;
	complain("--idempotent is for a daemon that comes back; one of --private does not");
	return EXIT_BAD_USAGE;
}

char *run_options_function(const struct run_options *options, const char *function) {
	char *name;

	if (!options->pool)
		return strdup(function);
	return asprintf(&name, "%s/%s", options->pool, function) < 0 ? NULL : name;
}
