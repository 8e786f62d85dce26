#include "daemon/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/quantity.h"

static const char help[] =
	"Usage: procpoold [OPTION]...\n"
	"Keeps pools of worker processes warm and runs map requests of any program on them.\n"
	"\n"
	"  --config FILE            read FILE instead of " SYSCONFDIR "/procpool/procpool.conf\n"
	"                           and " SYSCONFDIR "/procpool/conf.d/*.conf\n"
	"  --set SECTION.KEY=VALUE  set one key on top of the files; SECTION is daemon, limits\n"
	"                           or the name of a pool, which is created if it is new\n"
	"  --socket PATH            listen at PATH instead of /run/procpool/io.procpool (root) or\n"
	"                           $XDG_RUNTIME_DIR/procpool/io.procpool (others)\n"
	"  --user                   be a user's own daemon, root's too: listen in "
	"$XDG_RUNTIME_DIR,\n"
	"                           and read procpool.conf and conf.d/*.conf of\n"
	"                           $XDG_CONFIG_HOME/procpool or ~/.config/procpool, and nothing\n"
	"                           of " SYSCONFDIR "\n"
	"  --private FD             serve only this user, without configuration files unless\n"
	"                           --config names one, and go when FD is closed by whoever\n"
	"                           started us; workers inherit environment, directory and stderr\n"
	"  --exit-on-idle TIME      go after TIME (such as 10min) without a connection and a\n"
	"                           request; takes a socket that the service manager passed,\n"
	"                           which starts us again for the next connection\n"
	"  --help                   show this\n"
	"  --version                show the version\n"
	"\n"
	"It stays in the foreground and logs to stderr. SIGTERM and SIGINT finish the work at "
	"hand\n"
	"and stop; a second one stops at once.\n"
	"\n"
	"Exit status: 0 stopped cleanly, 2 bad command line, 69 the socket cannot be had,\n"
	"71 the system refused something, 78 mistake in the configuration.\n";

enum {
	OPTION_CONFIG = 1,
	OPTION_SET,
	OPTION_SOCKET,
	OPTION_USER,
	OPTION_PRIVATE,
	OPTION_EXIT_ON_IDLE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option longs[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"set", required_argument, NULL, OPTION_SET},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"user", no_argument, NULL, OPTION_USER},
	{"private", required_argument, NULL, OPTION_PRIVATE},
	{"exit-on-idle", required_argument, NULL, OPTION_EXIT_ON_IDLE},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static int usage(void) {
	fprintf(stderr, "procpoold --help shows what there is.\n");
	return OPTIONS_EXIT_USAGE;
}

static int parse_private(struct options *options, const char *text) {
	uint64_t fd;

	if (quantity_count(text, 3, 1 << 20, &fd) != 0 ||
	    fcntl((int) fd, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr, "procpoold: --private takes an open descriptor, not '%s'.\n", text);
		return usage();
	}
	options->private_fd = (int) fd;
	return -1;
}

static int parse_exit_on_idle(struct options *options, const char *text) {
	uint64_t us;

	if (quantity_time(text, &us) != 0 || us == 0) {
		fprintf(stderr, "procpoold: --exit-on-idle takes a time such as 10min, not '%s'.\n",
			text);
		return usage();
	}
	options->exit_on_idle = us;
	return -1;
}

/* Returns as options_parse(). */
static int take(struct options *options, int option, const char *value) {
	switch (option) {
	case OPTION_CONFIG: options->config = value; return -1;
	case OPTION_SET: options->sets[options->n_sets++] = value; return -1;
	case OPTION_SOCKET: options->socket = value; return -1;
	case OPTION_USER: options->user = true; return -1;
	case OPTION_PRIVATE: return parse_private(options, value);
	case OPTION_EXIT_ON_IDLE: return parse_exit_on_idle(options, value);
	case OPTION_HELP: fputs(help, stdout); return 0;
	case OPTION_VERSION: puts("procpoold " PACKAGE_VERSION); return 0;
	default: return usage();
	}
}

/* --user says which configuration is read, and so do these. Returns as options_parse(). */
static int check_user(const struct options *options) {
	const char *other = options->config            ? "--config"
			    : options->private_fd >= 0 ? "--private"
						       : NULL;

	if (!options->user || !other)
		return -1;
	fprintf(stderr, "procpoold: --user and %s exclude each other.\n", other);
	return usage();
}

int options_parse(struct options *ret, int argc, char **argv) {
	struct options options = {.private_fd = -1, .exit_on_idle = UINT64_MAX};
	int option, status = -1;

	options.sets = calloc((size_t) argc + 1, sizeof *options.sets);
	if (!options.sets)
		return EXIT_FAILURE;
	while (status < 0 && (option = getopt_long(argc, argv, "", longs, NULL)) != -1)
		status = take(&options, option, optarg);
	if (status < 0 && optind < argc) {
		fprintf(stderr, "procpoold takes no argument such as '%s'.\n", argv[optind]);
		status = usage();
	}
	if (status < 0)
		status = check_user(&options);
	if (status >= 0)
		options_done(&options);
	else
		*ret = options;
	return status;
}

void options_done(struct options *options) {
	free(options->sets);
	options->sets = NULL;
}
