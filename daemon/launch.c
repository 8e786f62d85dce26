/*
 * procpool-launch --parent PID --nofile N --directory DIR [--user NAME] [--no-new-privileges] [--group DIR]
 *                 [--oom-score-adj N|+N] [--limit NAME=VALUE]… -- COMMAND…
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

#include "daemon/file.h"
#include "daemon/rlimit.h"

/* stdin, stdout, stderr, the socket and the page. */
#define FIRST_FOREIGN_FD 5

#define EXIT_MISUSED 64

struct plan {
	pid_t parent;
	rlim_t nofile;
	const char *directory, *user;
	bool no_new_privileges;
	const char *group;
	const char *oom_score_adj;
	char **limits; /* n_limits of them */
	size_t n_limits;
	char **command;
};

/* As shells do it: 126 cannot be run, 127 is not there. */
static int fail(const char *what, const char *name) {
	int error = errno;

	fprintf(stderr, "procpool-launch: %s%s: %s\n", what, name, strerror(error));
	return error == ENOENT ? 127 : 126;
}

static bool parse(struct plan *ret, int argc, char **argv) {
	enum { PARENT, NOFILE, DIRECTORY, USER, NO_NEW_PRIVILEGES, GROUP, OOM_SCORE_ADJ, LIMIT };
	static const struct option options[] = {
		{"parent", required_argument, NULL, PARENT},
		{"nofile", required_argument, NULL, NOFILE},
		{"directory", required_argument, NULL, DIRECTORY},
		{"user", required_argument, NULL, USER},
		{"no-new-privileges", no_argument, NULL, NO_NEW_PRIVILEGES},
		{"group", required_argument, NULL, GROUP},
		{"oom-score-adj", required_argument, NULL, OOM_SCORE_ADJ},
		{"limit", required_argument, NULL, LIMIT},
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
		case GROUP: ret->group = optarg; break;
		case OOM_SCORE_ADJ: ret->oom_score_adj = optarg; break;
		case LIMIT: ret->limits[ret->n_limits++] = optarg; break;
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

static int write_file(const char *directory, const char *name, const char *text) {
	int r = file_write_in(directory, name, text);

	errno = -r;
	return r;
}

/* Into its control group, before anything else: what it takes from here on counts there. */
static int enter(const char *group) {
	return write_file(group, "cgroup.procs", "0") < 0
		       ? fail("cannot enter the control group ", group)
		       : 0;
}

/* "+200": so much more than now, 1000 at most. That is a help, so it does not matter if it cannot be; what somebody asked
 * for does. */
static int set_oom_score(const char *text) {
	char score[16];
	FILE *file;
	int before;

	if (text[0] != '+')
		return write_file("/proc/self", "oom_score_adj", text) < 0
			       ? fail("cannot set oom_score_adj = ", text)
			       : 0;
	file = fopen("/proc/self/oom_score_adj", "re");
	if (file && fscanf(file, "%d", &before) == 1) {
		before += atoi(text);
		snprintf(score, sizeof score, "%d", before < 1000 ? before : 1000);
		write_file("/proc/self", "oom_score_adj", score);
	}
	if (file)
		fclose(file);
	return 0;
}

/* Both limits, so that the worker cannot have it back. */
static int set_limit(const char *text) {
	struct rlimit limit;
	uint64_t value;
	int resource;

	errno = EINVAL;
	if (rlimit_parse(text, &resource, &value) != 0)
		return fail("cannot set the limit ", text);
	limit.rlim_cur = limit.rlim_max = value == UINT64_MAX ? RLIM_INFINITY : value;
	/* At the hard limit comes KILL and not XCPU, which says more. */
	if (resource == RLIMIT_CPU && limit.rlim_max != RLIM_INFINITY)
		limit.rlim_max++;
	return setrlimit(resource, &limit) < 0 ? fail("cannot set the limit ", text) : 0;
}

static int set_resources(const struct plan *plan) {
	int status = plan->group ? enter(plan->group) : 0;

	if (status == 0 && plan->oom_score_adj)
		status = set_oom_score(plan->oom_score_adj);
	limit_descriptors(plan->nofile);
	for (size_t i = 0; status == 0 && i < plan->n_limits; i++)
		status = set_limit(plan->limits[i]);
	return status;
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
	char *limits[argc];
	struct plan plan = {.limits = limits};
	int status;

	if (!parse(&plan, argc, argv)) {
		fprintf(stderr,
			"procpool-launch is for procpoold, which starts its workers with it\n");
		return EXIT_MISUSED;
	}
	/* While it is still the daemon's user, who may raise limits and enter the group. */
	status = set_resources(&plan);
	if (status == 0 && plan.user)
		status = become(plan.user);
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
