# System and fault tests: the real daemon, its clients and its workers played by the tests.

TESTS += %reldir%/descriptors.sh %reldir%/sockets.sh
EXTRA_DIST += %reldir%/descriptors.sh %reldir%/sockets.sh

if HAVE_CRITERION
check_PROGRAMS += %reldir%/system %reldir%/fake-worker
TESTS += %reldir%/system

%canon_reldir%_system_SOURCES = \
	%reldir%/harness.c %reldir%/harness.h \
	%reldir%/internal.h \
	%reldir%/leaks.c \
	%reldir%/line.c %reldir%/peer.c %reldir%/fake.c %reldir%/journal.c \
	%reldir%/pattern.c %reldir%/pattern.h \
	%reldir%/test_attempts.c \
	%reldir%/test_chunks.c \
	%reldir%/test_control.c \
	%reldir%/test_daemon.c \
	%reldir%/test_death.c \
	%reldir%/test_envelope.c \
	%reldir%/test_fair.c \
	%reldir%/test_journal.c \
	%reldir%/test_limits.c \
	%reldir%/test_map.c \
	%reldir%/test_operations.c \
	%reldir%/test_permission.c \
	%reldir%/test_pool.c \
	%reldir%/test_quota.c \
	%reldir%/test_reload.c \
	%reldir%/test_resources.c \
	%reldir%/test_retirement.c \
	%reldir%/test_routing.c \
	%reldir%/test_scale.c \
	%reldir%/test_service.c \
	%reldir%/test_stock.c \
	%reldir%/test_stream.c \
	%reldir%/test_violation.c
%canon_reldir%_system_CPPFLAGS = $(AM_CPPFLAGS) \
	-DBUILD_DIR='"$(abs_top_builddir)"' -DSOURCE_DIR='"$(abs_top_srcdir)"'
%canon_reldir%_system_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
%canon_reldir%_system_LDADD = $(JANSSON_LIBS) $(CRITERION_LIBS)

%canon_reldir%_fake_worker_SOURCES = %reldir%/fake_worker.c
endif
