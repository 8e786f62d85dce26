# Tests that are scripts, and the longer runs. A script passes with 0, is skipped with 77 (then it has a line in
# skips.txt) and fails with anything else.

TEST_EXTENSIONS = .sh
# A leak that is not ours would end a test program before its output is written.
AM_TESTS_ENVIRONMENT = \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/%reldir%/lsan.supp:print_suppressions=0'; export LSAN_OPTIONS;
EXTRA_DIST += %reldir%/lsan.supp

script_tests = \
	%reldir%/check-docs.sh \
	%reldir%/check-layers.sh \
	%reldir%/check-man.sh \
	%reldir%/check-quotes.sh \
	%reldir%/dist.sh
TESTS += $(script_tests)

# The shows are run by ./quickstart check, one after the other: some of them measure.
check_PROGRAMS += %reldir%/show/peak
%canon_reldir%_show_peak_SOURCES = %reldir%/show/peak.c
check_PROGRAMS += %reldir%/show/caller
%canon_reldir%_show_caller_SOURCES = %reldir%/show/caller.c
# Without the shared library, so that other users can run a copy.
%canon_reldir%_show_caller_LDADD = client/libclient.la protocol/libprotocol.la $(JANSSON_LIBS)
check_PROGRAMS += %reldir%/systemd/load
%canon_reldir%_systemd_load_SOURCES = %reldir%/systemd/load.c
%canon_reldir%_systemd_load_LDADD = client/libclient.la protocol/libprotocol.la $(JANSSON_LIBS)
check_PROGRAMS += %reldir%/show/json_agree
%canon_reldir%_show_json_agree_SOURCES = %reldir%/show/json_agree.c \
	%reldir%/unit/json_texts.c %reldir%/unit/json_texts.h
%canon_reldir%_show_json_agree_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_show_json_agree_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)
shows = \
	%reldir%/show/cgroup-leaves.sh \
	%reldir%/show/cgroup-memory.sh \
	%reldir%/show/contract-certification.sh \
	%reldir%/show/contract-foreign-clients.sh \
	%reldir%/show/contract-json-scan.sh \
	%reldir%/show/contract-planted-bugs.sh \
	%reldir%/show/contract-incompatible-change.sh \
	%reldir%/show/contract-plugin-author.sh \
	%reldir%/show/contract-worker-in-50-lines.sh \
	%reldir%/show/death-daemonised-child.sh \
	%reldir%/show/death-kill-9.sh \
	%reldir%/show/drill-fork-fails.sh \
	%reldir%/show/drill-kills.sh \
	%reldir%/show/drill-prints.sh \
	%reldir%/show/drill-recycle.sh \
	%reldir%/show/drill-vanishing-clients.sh \
	%reldir%/show/echo-byte-for-byte.sh \
	%reldir%/show/fair-long-item-recalled.sh \
	%reldir%/show/fair-shares.sh \
	%reldir%/show/fair-small-beside-big.sh \
	%reldir%/show/lib.sh \
	%reldir%/show/malformed-and-others-unharmed.sh \
	%reldir%/show/map-by-hand.sh \
	%reldir%/show/map-million.sh \
	%reldir%/show/package-deb.sh \
	%reldir%/show/peers-that-hang.sh \
	%reldir%/show/quickstart-fresh.sh \
	%reldir%/show/quota-flood.sh \
	%reldir%/show/quota_flood.py \
	%reldir%/show/readme-examples.sh \
	%reldir%/show/slots-cgroup-quota.sh \
	%reldir%/show/soak-short.sh \
	%reldir%/show/worker.sh \
	%reldir%/systemd/crash.sh \
	%reldir%/systemd/lib.sh \
	%reldir%/systemd/restart.sh \
	%reldir%/systemd/sandbox.sh \
	%reldir%/systemd/journal.sh \
	%reldir%/systemd/resources.sh \
	%reldir%/systemd/package.sh \
	%reldir%/systemd/service.sh \
	%reldir%/systemd/user-unit.sh \
	%reldir%/systemd/users.sh \
	%reldir%/systemd/watchdog.sh \
	%reldir%/systemd/with-systemd

EXTRA_DIST += quickstart .ci/run \
	%reldir%/check-quotes.sh %reldir%/check.sh %reldir%/skips.txt %reldir%/steps.sh \
	$(script_tests) $(shows)

# ./quickstart and ./quickstart check in an empty Debian 12 made for it. Root; some minutes.
check-fresh:
	$(srcdir)/%reldir%/show/quickstart-fresh.sh

# The unit tests again, in valgrind: it sees uninitialised memory, which the sanitizers do not. Not with a
# tree that was built with those.
check-valgrind:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(unit_tests)' LOG_COMPILER='env CRITERION_OUTPUTS=tap:- $(LIBTOOL) \
		--mode=execute valgrind --quiet --trace-children=yes --error-exitcode=99 --leak-check=full \
		--suppressions=$(abs_top_srcdir)/%reldir%/valgrind.supp'

# What whole runs say is kept for docs/reliability.md.
record = $(srcdir)/%reldir%/reliability/record.sh

# Sabotages, each of which a named test must notice.
mutants:
	MUTANTS_BUILD=mutants $(if $(MUTANTS),,$(record) mutants) $(srcdir)/%reldir%/mutants/mutants.sh $(MUTANTS)

# Mixed load for half an hour.
soak:
	$(record) soak python3 $(srcdir)/%reldir%/soak/soak.py . $${SOAK_TIME:-1800}

# docs/reliability.md, from what the tests show now.
reliability: $(check_PROGRAMS) $(check_LTLIBRARIES)
	$(srcdir)/%reldir%/reliability/reliability.sh

# Which lines the tests run.
coverage:
	$(record) coverage $(srcdir)/%reldir%/coverage.sh

# All that takes too long for every change, one after the other.
check-long:
	$(MAKE) $(AM_MAKEFLAGS) distcheck
	$(MAKE) $(AM_MAKEFLAGS) check-valgrind
	$(MAKE) $(AM_MAKEFLAGS) fuzz
	$(MAKE) $(AM_MAKEFLAGS) fuzz-coverage
	$(MAKE) $(AM_MAKEFLAGS) fuzz-planted
	$(MAKE) $(AM_MAKEFLAGS) mutants
	$(MAKE) $(AM_MAKEFLAGS) coverage
	$(MAKE) $(AM_MAKEFLAGS) check-fresh

.PHONY: check-fresh check-valgrind check-long mutants coverage reliability soak
EXTRA_DIST += %reldir%/soak/soak.py %reldir%/reliability/reliability.sh %reldir%/reliability/rows.txt %reldir%/reliability/head.md \
	%reldir%/reliability/record.sh
EXTRA_DIST += %reldir%/mutants/mutants.sh %reldir%/mutants/mutants.txt %reldir%/coverage.sh
EXTRA_DIST += %reldir%/valgrind.supp
