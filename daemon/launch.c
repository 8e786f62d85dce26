/*
 * procpool-launch --parent PID --nofile N --directory DIR [--user NAME] [--no-new-privileges] -- COMMAND…
 *
 * What stands between the daemon's posix_spawn() and a worker's command: everything that must be done in the new
 * process and that posix_spawn() cannot do. What goes wrong is said on stderr, which the daemon keeps as the
 * reason why the worker did not start.
 */

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* stdin, stdout, stderr, the socket and the page. */
#define FIRST_FOREIGN_FD 5

#define EXIT_MISUSED 64

struct plan {
	pid_t parent;
	rlim_t nofile;
	const char *directory, *user;
	bool no_new_privileges;
	char **command;
};

/* As shells do it: 126 cannot be run, 127 is not there. */
static int fail(const char *what, const char *name) {
	int error = errno;

	fprintf(stderr, "procpool-launch: %s%s: %s\n", what, name, strerror(error));
	return error == ENOENT ? 127 : 126;
}

static bool parse(struct plan *ret, int argc, char **argv) {
	enum { PARENT, NOFILE, DIRECTORY, USER, NO_NEW_PRIVILEGES };
	static const struct option options[] = {
		{"parent", required_argument, NULL, PARENT},
		{"nofile", required_argument, NULL, NOFILE},
		{"directory", required_argument, NULL, DIRECTORY},
		{"user", required_argument, NULL, USER},
		{"no-new-privileges", no_argument, NULL, NO_NEW_PRIVILEGES},
		{0},
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case PARENT: ret->parent = atoi(optarg); break;
		case NOFILE: ret->nofile = strtoull(optarg, NULL, 10); break;
		case DIRECTORY: ret->directory = optarg; break;
		case USER: ret->user = optarg; break;
		case NO_NEW_PRIVILEGES: ret->no_new_privileges = true; break;
		default: return false;
		}
	}
	ret->command = argv + optind;
	return ret->parent && ret->directory && argv[optind];
}

static void limit_descriptors(rlim_t soft) {
	struct rlimit nofile;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return;
	nofile.rlim_cur = soft < nofile.rlim_max ? soft : nofile.rlim_max;
	setrlimit(RLIMIT_NOFILE, &nofile);
}

/* Returns 0, or an exit status after saying what is wrong. */
static int become(const char *name) {
	const struct passwd *user;

	errno = 0;
	user = getpwnam(name);
	if (!user && errno == 0)
		errno = ESRCH;
	if (!user || initgroups(name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	    setuid(user->pw_uid) < 0)
		return fail("cannot become user ", name);
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", name, 1);
	setenv("LOGNAME", name, 1);
	return 0;
}

int main(int argc, char **argv) {
	struct plan plan = {0};
	int status;

	if (!parse(&plan, argc, argv)) {
		fprintf(stderr,
			"procpool-launch is for procpoold, which starts its workers with it\n");
		return EXIT_MISUSED;
	}
	limit_descriptors(plan.nofile);
	status = plan.user ? become(plan.user) : 0;
	if (status != 0)
		return status;
	if (plan.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail("prctl", "");

	/* After the change of user, which clears it. The signal comes when the parent dies after this; if it died
	 * before, nobody is left to work for. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail("prctl", "");
	if (getppid() != plan.parent)
		return 0;
	if (chdir(plan.directory) < 0)
		return fail("cannot enter directory ", plan.directory);
	if (close_range(FIRST_FOREIGN_FD, ~0U, 0) < 0)
		return fail("close_range", "");

	execvp(plan.command[0], plan.command);
	return fail("cannot run ", plan.command[0]);
}
