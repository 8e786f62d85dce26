# libprocpool against real daemons, where a tool would not show it.

check_PROGRAMS += %reldir%/map_again
%canon_reldir%_map_again_SOURCES = %reldir%/map_again.c
%canon_reldir%_map_again_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_map_again_LDADD = client/libprocpool.la $(JANSSON_LIBS)

client_tests = %reldir%/daemon-restarted.sh
TESTS += $(client_tests)
EXTRA_DIST += $(client_tests)
