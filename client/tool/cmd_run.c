#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "client/tool/command.h"
#include "client/tool/report.h"
#include "client/tool/session.h"

static const char doc[] =
	"With --private: starts a daemon, then PROGRAM with PROCPOOL_SOCKET set to its socket, and "
	"ends with PROGRAM's exit code (128 + N if signal N killed it).\v"
	"  procpool --private --workers 4 run -- make test\n"
	"  procpool --private run -- sh -c 'seq 5 | procpool map square'\n"
	"\n"
	"Ctrl-C is for PROGRAM, which decides what to do about it.\n"
	"\n" EXIT_CODES_DOC;

struct run {
	struct common *common;
	char **argv; /* NULL-ended, as main()'s */
};

static error_t parse(int key, char *arg, struct argp_state *state) {
	struct run *run = state->input;

	(void) arg;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = run->common; break;
	case ARGP_KEY_ARG:
		run->argv = &state->argv[state->next - 1];
		state->next = state->argc;
		break;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which program?"); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* A signal handler gets no pointer. */
static volatile pid_t program;

/* The terminal tells the program itself; what somebody sends to the tool alone goes on to it. */
static void forward(int signal_number) {
	int saved = errno;

	if (program > 0)
		kill(program, signal_number);
	errno = saved;
}

static void take_signals(void) {
	struct sigaction action = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);
	action.sa_handler = forward;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int start(char **argv) {
	extern char **environ;
	posix_spawnattr_t attributes;
	sigset_t defaults, forwarded, before;
	pid_t pid;
	int r;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGPIPE);
	/* The program may run before its pid is known here: signals for it wait that long. */
	sigemptyset(&forwarded);
	sigaddset(&forwarded, SIGTERM);
	sigaddset(&forwarded, SIGHUP);
	sigprocmask(SIG_BLOCK, &forwarded, &before);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setsigmask(&attributes, &before);
	r = posix_spawnp(&pid, argv[0], NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	if (r == 0)
		program = pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int wait_for_program(void) {
	int status = 0;

	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_program(struct session *session, char **argv) {
	int r;

	if (setenv("PROCPOOL_SOCKET", session->daemon.socket, 1) < 0) {
		complain("out of memory");
		return EXIT_OUTPUT;
	}
	take_signals();
	r = start(argv);
	if (r < 0) {
		complain("cannot run %s: %s", argv[0], strerror(-r));
		return r == -ENOENT ? 127 : 126;
	}
	return wait_for_program();
}

int cmd_run(struct common *common, int argc, char **argv) {
	const struct argp argp = {
		.parser = parse,
		.args_doc = "-- PROGRAM [ARG...]",
		.doc = doc,
		.children = common_children,
	};
	struct run run = {.common = common};
	struct session session;
	int code;

	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &run) != 0)
		return EXIT_BAD_USAGE;
	if (!common->private) {
		complain("run is for --private; a program finds the machine's daemon by itself");
		return EXIT_BAD_USAGE;
	}
	code = session_open(&session, common);
	return code != 0 ? code : session_close(&session, run_program(&session, run.argv));
}
