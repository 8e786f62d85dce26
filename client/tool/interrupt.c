#include "client/tool/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "client/tool/private.h"

/* A handler gets no pointer, so this file alone has state. */
static struct private_daemon *volatile guarded;
static volatile sig_atomic_t wipe_line;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static void die(int signal_number) {
	static const char wipe[] = "\r\033[K";

	if (wipe_line && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) < 0)
		_exit(128 + signal_number);
	if (guarded)
		private_stop(guarded);
	/* As other filters end, so that a shell's pipefail sees what it knows. */
	if (signal_number == SIGPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	_exit(128 + signal_number);
}

static void signal_set(sigset_t *set) {
	sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(set, signals[i]);
}

void interrupt_guard(struct private_daemon *daemon) {
	struct sigaction action = {.sa_handler = die, .sa_flags = SA_NODEFER}, before;

	guarded = daemon;
	signal_set(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGPIPE);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		/* What the caller ignores (nohup) stays ignored. */
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
}

void interrupt_block(bool block) {
	sigset_t set;

	signal_set(&set);
	sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void interrupt_wipe(bool wipe) {
	wipe_line = wipe;
}
