#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The command line of procpoold. Pure but for what it prints. */

struct options {
	const char *config; /* NULL = the default files */
	const char **sets;  /* owned array of SECTION.KEY=VALUE, in order */
	size_t n_sets;
	const char *socket;    /* NULL = the default path */
	bool user;             /* the user's own configuration and socket */
	int private_fd;        /* -1 = not private */
	uint64_t exit_on_idle; /* µs, UINT64_MAX = never */
};

#define OPTIONS_EXIT_USAGE 2

/* Returns -1 to go on, or the status to exit with: 0 after --help or --version, OPTIONS_EXIT_USAGE after a mistake.
 * Both are printed. The strings are argv's. */
int options_parse(struct options *ret, int argc, char **argv);
void options_done(struct options *options);
