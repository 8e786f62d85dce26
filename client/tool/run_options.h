#pragma once

#include <argp.h>

#include <procpool/client.h>

#include "client/tool/command.h"

/* The options that map and apply share: how the function is run. */
struct run_options {
	struct procpool_options options;
	const char *pool;
};

#define RUN_OPTIONS_INIT \
	{ .options = PROCPOOL_OPTIONS_INIT }

/* A child parser, for struct run_options as its input. */
extern const struct argp run_options_argp;

/* Whether they go with that daemon. Returns 0, or an exit code after saying what is wrong. */
int run_options_check(const struct run_options *options, const struct common *common);

/* The function's full name, with its pool if one was named. Returns NULL if memory is short; free it. */
char *run_options_function(const struct run_options *options, const char *function);
