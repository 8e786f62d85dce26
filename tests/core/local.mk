# The core of the daemon (dispatch, pools, workers) between processes and clients that are none, on a clock of the
# test's own: see play.h.

core_ldflags = -Wl,--wrap=clock_gettime,--wrap=kill,--wrap=waitid

check_LTLIBRARIES += %reldir%/libcore.la
%canon_reldir%_libcore_la_SOURCES = \
	%reldir%/client.c %reldir%/crew.c \
	%reldir%/fake_loop.c %reldir%/fake_loop.h \
	%reldir%/fake_process.c %reldir%/fake_process.h \
	%reldir%/fake_spawn.c \
	%reldir%/play.c %reldir%/play.h %reldir%/promises.c \
	%reldir%/transcript.c %reldir%/transcript.h \
	%reldir%/witness.c
%canon_reldir%_libcore_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)

if HAVE_CRITERION
core_tests = \
	%reldir%/dispatch_cases \
	%reldir%/dispatch_random
check_PROGRAMS += $(core_tests)
TESTS += $(core_tests)

core_test_libs = %reldir%/libcore.la daemon/libdaemon.la $(unit_libs)

%canon_reldir%_dispatch_cases_SOURCES = %reldir%/dispatch_cases.c
%canon_reldir%_dispatch_cases_CFLAGS = $(unit_cflags) $(LIBEVENT_CFLAGS)
%canon_reldir%_dispatch_cases_LDADD = $(core_test_libs)
%canon_reldir%_dispatch_cases_LDFLAGS = $(unit_ldflags) $(core_ldflags)

%canon_reldir%_dispatch_random_SOURCES = %reldir%/dispatch_random.c
%canon_reldir%_dispatch_random_CFLAGS = $(unit_cflags) $(LIBEVENT_CFLAGS)
%canon_reldir%_dispatch_random_LDADD = $(core_test_libs)
%canon_reldir%_dispatch_random_LDFLAGS = $(unit_ldflags) $(core_ldflags)
endif
