# A plugin with functions for tests: what the worker shows to functions, and functions that misbehave.

check_LTLIBRARIES += %reldir%/functions.la
%canon_reldir%_functions_la_SOURCES = \
	%reldir%/functions.c %reldir%/functions.h \
	%reldir%/misbehave.c \
	%reldir%/nested.c
%canon_reldir%_functions_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
# -rpath: without one libtool makes no shared object of what is not installed.
%canon_reldir%_functions_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
%canon_reldir%_functions_la_LIBADD = client/libprocpool.la worker/libprocpool-worker.la $(JANSSON_LIBS)
