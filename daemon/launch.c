/*
 * procpool-launch DAEMON-PID NOFILE DIRECTORY -- COMMAND…
 *
 * What stands between the daemon's posix_spawn() and a worker's command: everything that must be done in the new
 * process and that posix_spawn() cannot do. What goes wrong is said on stderr, which the daemon keeps as the
 * reason why the worker did not start.
 */

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* stdin, stdout, stderr, the socket and the page. */
#define FIRST_FOREIGN_FD 5

/* As shells do it: 126 cannot be run, 127 is not there. */
static int fail(const char *what, const char *name) {
	int error = errno;

	fprintf(stderr, "procpool-launch: %s%s: %s\n", what, name, strerror(error));
	return error == ENOENT ? 127 : 126;
}

int main(int argc, char **argv) {
	struct rlimit nofile;

	if (argc < 6 || strcmp(argv[4], "--") != 0) {
		fprintf(stderr,
			"procpool-launch is for procpoold, which starts its workers with it\n");
		return 64;
	}

	/* The signal comes when the parent dies after this; if it died before, nobody is left to work for. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail("prctl", "");
	if (getppid() != atoi(argv[1]))
		return 0;

	if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
		nofile.rlim_cur = strtoull(argv[2], NULL, 10);
		if (nofile.rlim_cur > nofile.rlim_max)
			nofile.rlim_cur = nofile.rlim_max;
		setrlimit(RLIMIT_NOFILE, &nofile);
	}
	if (chdir(argv[3]) < 0)
		return fail("cannot enter directory ", argv[3]);
	if (close_range(FIRST_FOREIGN_FD, ~0U, 0) < 0)
		return fail("close_range", "");

	execvp(argv[5], argv + 5);
	return fail("cannot run ", argv[5]);
}
