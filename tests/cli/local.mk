# Tests of the tool procpool, each one behaviour, against real daemons and workers.

cli_tests = \
	%reldir%/apply.sh \
	%reldir%/ask.sh \
	%reldir%/attempts.sh \
	%reldir%/bad-input.sh \
	%reldir%/closed-output.sh \
	%reldir%/closed-streams.sh \
	%reldir%/completion.sh \
	%reldir%/daemon-gone.sh \
	%reldir%/flat-memory.sh \
	%reldir%/idempotent.sh \
	%reldir%/interactive.sh \
	%reldir%/interrupt.sh \
	%reldir%/items.sh \
	%reldir%/killed.sh \
	%reldir%/nested.sh \
	%reldir%/no-daemon.sh \
	%reldir%/operations.sh \
	%reldir%/private-daemon.sh \
	%reldir%/private-run.sh \
	%reldir%/progress.sh \
	%reldir%/quota.sh \
	%reldir%/reload.sh \
	%reldir%/results.sh \
	%reldir%/usage.sh \
	%reldir%/user-daemon.sh \
	%reldir%/which-daemon.sh
TESTS += $(cli_tests)
EXTRA_DIST += $(cli_tests) %reldir%/completion.zsh %reldir%/lib.sh
