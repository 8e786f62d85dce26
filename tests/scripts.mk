# Tests that are scripts, and the longer runs. A script passes with 0, is skipped with 77 (then it has a line in
# skips.txt) and fails with anything else.

TEST_EXTENSIONS = .sh

script_tests = \
	%reldir%/check-layers.sh
TESTS += $(script_tests)

# The shows are run by ./quickstart check, one after the other: some of them measure.
check_PROGRAMS += %reldir%/show/peak
%canon_reldir%_show_peak_SOURCES = %reldir%/show/peak.c
shows = \
	%reldir%/show/death-daemonised-child.sh \
	%reldir%/show/death-kill-9.sh \
	%reldir%/show/echo-byte-for-byte.sh \
	%reldir%/show/lib.sh \
	%reldir%/show/malformed-and-others-unharmed.sh \
	%reldir%/show/map-by-hand.sh \
	%reldir%/show/map-million.sh \
	%reldir%/show/quickstart-fresh.sh \
	%reldir%/show/worker.sh \
	%reldir%/systemd/service.sh \
	%reldir%/systemd/with-systemd

EXTRA_DIST += quickstart .ci/run \
	%reldir%/check.sh %reldir%/skips.txt %reldir%/steps.sh \
	$(script_tests) $(shows)

# ./quickstart and ./quickstart check in an empty Debian 12 made for it. Root; some minutes.
check-fresh:
	$(srcdir)/%reldir%/show/quickstart-fresh.sh

# All that takes too long for every change.
check-long: check-fresh

.PHONY: check-fresh check-long
