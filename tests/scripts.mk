# Tests that are scripts, and the longer runs. A script passes with 0, is skipped with 77 (then it has a line in
# skips.txt) and fails with anything else.

TEST_EXTENSIONS = .sh

script_tests = \
	%reldir%/check-layers.sh
TESTS += $(script_tests)


EXTRA_DIST += quickstart .ci/run \
	%reldir%/check.sh %reldir%/skips.txt %reldir%/steps.sh \
	$(script_tests)

# ./quickstart and ./quickstart check in an empty Debian 12 made for it. Root; some minutes.
check-fresh:
	$(srcdir)/%reldir%/show/fresh.sh

# All that takes too long for every change.
check-long: check-fresh

.PHONY: check-fresh check-long
