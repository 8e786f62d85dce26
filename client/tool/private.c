#include "client/tool/private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/bytes.h"
#include "client/tool/interrupt.h"
#include "client/tool/locate.h"
#include "client/tool/report.h"
#include "client/tool/words.h"

/* A daemon that has not ended by itself after this is killed. */
#define STOP_MS 5000

/* The daemon's end of the lifeline, in the daemon. */
#define LIFELINE_FD "3"

/* ---- its command line ---- */

/* As libconfuse reads a string in single quotes: nothing is expanded in it. */
static int add_quoted(struct bytes *setting, const char *word, const char *before) {
	int r = bytes_add_string(setting, before);

	if (r == 0)
		r = bytes_add(setting, "'", 1);
	for (; r == 0 && *word; word++) {
		if (*word == '\'' || *word == '\\')
			r = bytes_add(setting, "\\", 1);
		if (r == 0)
			r = bytes_add(setting, word, 1);
	}
	return r == 0 ? bytes_add(setting, "'", 1) : r;
}

static int add_words(struct bytes *setting, char *const *words) {
	int r = 0;

	for (size_t i = 0; r == 0 && words[i]; i++)
		r = add_quoted(setting, words[i], i == 0 ? "" : ",");
	return r;
}

static int add_own_worker(struct bytes *setting, const char *command) {
	char **words;
	int r = words_split(command, &words);

	if (r == -EINVAL) {
		complain("--worker '%s': a quote is not closed, or there is no word", command);
		return EXIT_BAD_USAGE;
	}
	if (r == 0) {
		r = add_words(setting, words);
		free(words);
	}
	return r;
}

static int add_stock_worker(struct bytes *setting, const struct common *common) {
	char path[PATH_MAX];
	int r;

	if (locate_program("worker/procpool-worker", PKGLIBEXECDIR "/procpool-worker", path) < 0) {
		complain("cannot find procpool-worker beside the tool or in %s", PKGLIBEXECDIR);
		return EXIT_UNAVAILABLE;
	}
	r = add_quoted(setting, path, "");
	for (size_t i = 0; r == 0 && i < common->n_loads; i++) {
		/* The daemon would start worker after worker before it gives up. */
		if (access(common->loads[i], R_OK) < 0) {
			complain("cannot load %s: %s", common->loads[i], strerror(errno));
			return EXIT_BAD_CONFIG;
		}
		r = add_quoted(setting, "--load", ",");
		if (r == 0)
			r = add_quoted(setting, common->loads[i], ",");
	}
	return r;
}

/* "default.command={…}", NUL-ended. Returns 0, an exit code, -ENOMEM. */
static int compose_setting(struct bytes *setting, const struct common *common) {
	int r = bytes_add_string(setting, "default.command={");

	if (r == 0)
		r = common->worker ? add_own_worker(setting, common->worker)
				   : add_stock_worker(setting, common);
	return r == 0 ? bytes_add(setting, "}", 2) : r;
}

/* ---- starting ---- */

static int make_directory(struct private_daemon *daemon) {
	const char *parents[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
	char path[sizeof(daemon->directory)];

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		if (!parents[i] || *parents[i] != '/' ||
		    (size_t) snprintf(path, sizeof(path), "%s/procpool-XXXXXX", parents[i]) >=
			    sizeof(path))
			continue;
		if (mkdtemp(path)) {
			strcpy(daemon->directory, path);
			snprintf(daemon->socket, sizeof(daemon->socket), "%s/io.procpool", path);
			return 0;
		}
	}
	return -errno;
}

/* stdin from nowhere, stdout to stderr, the lifeline; no terminal signals, nothing blocked or ignored. */
static int spawn(const char *program, char *const *argv, int lifeline, pid_t *ret_pid) {
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, lifeline, atoi(LIFELINE_FD));
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	r = -posix_spawn(ret_pid, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int launch(struct private_daemon *daemon, const char *program, const char *setting,
		  const char *workers) {
	char workers_setting[64];
	const char *argv[] = {"procpoold", "--private", LIFELINE_FD, "--socket", daemon->socket,
			      "--set",     setting,     NULL,        NULL,       NULL};
	int ends[2], r;

	if (workers) {
		snprintf(workers_setting, sizeof(workers_setting), "default.workers=%s", workers);
		argv[7] = "--set";
		argv[8] = workers_setting;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	r = spawn(program, (char *const *) argv, ends[1], &daemon->pid);
	close(ends[1]);
	if (r < 0) {
		daemon->pid = 0;
		close(ends[0]);
		return r;
	}
	daemon->lifeline = ends[0];
	daemon->pid_fd = pidfd_open(daemon->pid, 0);
	return 0;
}

/* The daemon says READY=1 when its socket listens; an end without it means that it is gone. */
static bool is_ready(const struct private_daemon *daemon) {
	char line[16];
	size_t n = 0;

	while (n < sizeof(line) && (n == 0 || line[n - 1] != '\n')) {
		ssize_t got = read(daemon->lifeline, line + n, sizeof(line) - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		n += (size_t) got;
	}
	return n >= 7 && memcmp(line, "READY=1", 7) == 0;
}

/* It has said on stderr why it did not start. */
static int not_ready(struct private_daemon *daemon) {
	int status = 0, code = 0;

	interrupt_block(true);
	if (waitpid(daemon->pid, &status, 0) == daemon->pid)
		daemon->pid = 0;
	interrupt_block(false);
	if (WIFEXITED(status))
		code = WEXITSTATUS(status);
	if (code == EXIT_BAD_CONFIG || code == EXIT_BAD_USAGE)
		return EXIT_BAD_CONFIG;
	complain("the private daemon did not start");
	return EXIT_UNAVAILABLE;
}

int private_start(struct private_daemon *daemon, const struct common *common) {
	struct bytes setting = {0};
	char program[PATH_MAX];
	int r;

	if (locate_program("daemon/procpoold", SBINDIR "/procpoold", program) < 0) {
		complain("cannot find procpoold beside the tool or in %s", SBINDIR);
		return EXIT_UNAVAILABLE;
	}
	r = compose_setting(&setting, common);
	if (r == 0) {
		interrupt_block(true);
		r = make_directory(daemon);
		if (r == 0)
			r = launch(daemon, program, setting.data, common->workers);
		interrupt_block(false);
	}
	bytes_done(&setting);
	if (r < 0) {
		complain("cannot start a private daemon: %s", strerror(-r));
		return EXIT_UNAVAILABLE;
	}
	return r > 0 || is_ready(daemon) ? r : not_ready(daemon);
}

/* ---- stopping ---- */

static void wait_for(const struct private_daemon *daemon) {
	struct pollfd fd = {.fd = daemon->pid_fd, .events = POLLIN};

	if (daemon->pid_fd >= 0 && poll(&fd, 1, STOP_MS) == 0)
		kill(daemon->pid, SIGKILL);
	while (waitpid(daemon->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void private_stop(struct private_daemon *daemon) {
	if (daemon->lifeline >= 0)
		close(daemon->lifeline);
	daemon->lifeline = -1;
	if (daemon->pid > 0)
		wait_for(daemon);
	daemon->pid = 0;
	if (daemon->pid_fd >= 0)
		close(daemon->pid_fd);
	daemon->pid_fd = -1;
	/* The daemon has removed both, unless it was killed. */
	if (*daemon->directory) {
		unlink(daemon->socket);
		rmdir(daemon->directory);
	}
	*daemon->directory = '\0';
}
