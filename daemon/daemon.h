#pragma once

#include <stdint.h>

struct configuration;
struct configuration_error;

/* The composition: builds the parts, wires their callbacks, runs. */

struct daemon_setup {
	struct configuration *configuration; /* a reload puts another in its place */
	/* Reads it again into *ret, which is initialised. Returns 0, or another number and *error. */
	int (*configure)(const void *context, struct configuration *ret,
			 struct configuration_error *error);
	const void *configure_context;
	const char *socket;   /* path, if the service manager passed no socket */
	const char *launcher; /* path of procpool-launch */
	int private_fd;       /* lifeline of a private daemon, or -1 */
	uint64_t
		exit_on_idle; /* µs without connection and request after which it stops; UINT64_MAX = never */
};

#define DAEMON_EXIT_SOCKET 69
#define DAEMON_EXIT_SYSTEM 71

/* Runs until it is told to stop. Returns the exit status of the process; what went wrong was logged. */
int daemon_run(const struct daemon_setup *setup);
