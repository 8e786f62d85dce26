# Measures, side by side with others. No test depends on what they say, only on that they run.
# `make bench` is the one command; bench/README.md tells more. `make bench/scan` builds another measure.

EXTRA_PROGRAMS += %reldir%/scan
%canon_reldir%_scan_SOURCES = %reldir%/scan.c
%canon_reldir%_scan_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_scan_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

# The clients, as programs of others are: with the public headers, linked with the shared library.
bench_clients = %reldir%/map %reldir%/strings %reldir%/calls %reldir%/hold %reldir%/head
bench_others = %reldir%/bare %reldir%/spawn
bench_library = client/libprocpool.la
check_PROGRAMS += $(bench_clients) $(bench_others)
EXTRA_PROGRAMS += %reldir%/gearman
%canon_reldir%_map_SOURCES = %reldir%/map.c %reldir%/common.h
%canon_reldir%_map_LDADD = $(bench_library)
%canon_reldir%_strings_SOURCES = %reldir%/strings.c %reldir%/common.h
%canon_reldir%_strings_LDADD = $(bench_library)
%canon_reldir%_calls_SOURCES = %reldir%/calls.c %reldir%/common.h
%canon_reldir%_calls_LDADD = $(bench_library) -lpthread
%canon_reldir%_hold_SOURCES = %reldir%/hold.c %reldir%/common.h
%canon_reldir%_hold_LDADD = $(bench_library)
%canon_reldir%_head_SOURCES = %reldir%/head.c %reldir%/common.h
%canon_reldir%_head_LDADD = $(bench_library)
%canon_reldir%_bare_SOURCES = %reldir%/bare.c %reldir%/common.h
%canon_reldir%_spawn_SOURCES = %reldir%/spawn.c %reldir%/common.h
%canon_reldir%_gearman_SOURCES = %reldir%/gearman.c %reldir%/common.h
%canon_reldir%_gearman_LDADD = -lgearman

check_LTLIBRARIES += %reldir%/functions.la
%canon_reldir%_functions_la_SOURCES = %reldir%/functions.c %reldir%/common.h
%canon_reldir%_functions_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_functions_la_LIBADD = worker/libprocpool-worker.la $(JANSSON_LIBS)
%canon_reldir%_functions_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -no-undefined -rpath /nowhere

bench-programs: $(bench_clients) $(bench_others) %reldir%/functions.la
bench:
	$(srcdir)/%reldir%/run.py --document --base $(abs_builddir)/%reldir%/own $(BENCH_OPTIONS)
.PHONY: bench-programs bench
clean-local-bench:
	rm -rf %reldir%/own
clean-local: clean-local-bench
.PHONY: clean-local-bench
CLEANFILES += $(EXTRA_PROGRAMS)

EXTRA_DIST += %reldir%/README.md %reldir%/results/last.json \
	%reldir%/run.py %reldir%/growth.py %reldir%/lab.py %reldir%/machine.py %reldir%/peer.py %reldir%/perf.py \
	%reldir%/place.py %reldir%/plots.py %reldir%/report.py %reldir%/rounds.py %reldir%/verdict.py \
	%reldir%/rows_calls.py %reldir%/rows_fair.py %reldir%/rows_maps.py %reldir%/rows_memory.py

TESTS += tests/bench/runs.sh
EXTRA_DIST += tests/bench/runs.sh
