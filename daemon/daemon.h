#pragma once

struct configuration;
struct options;

/* The composition: builds the parts, wires their callbacks, runs. */

struct daemon_setup {
	const struct options *options;
	struct configuration *configuration; /* a reload puts another in its place */
	const char *socket;                  /* path, if the service manager passed no socket */
	const char *launcher;                /* path of procpool-launch */
};

#define DAEMON_EXIT_SOCKET 69
#define DAEMON_EXIT_SYSTEM 71

/* Runs until it is told to stop. Returns the exit status of the process; what went wrong was logged. */
int daemon_run(const struct daemon_setup *setup);
