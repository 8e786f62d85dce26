# What others build on: it may grow, and nothing of it may go.

if HAVE_CRITERION
check_PROGRAMS += %reldir%/test-interface
TESTS += %reldir%/test-interface
%canon_reldir%_test_interface_SOURCES = %reldir%/test_interface.c \
	%reldir%/interface.c %reldir%/interface.h
%canon_reldir%_test_interface_CPPFLAGS = $(AM_CPPFLAGS) \
	-DRELEASED='"$(abs_top_srcdir)/%reldir%/io.procpool.varlink.released"'
%canon_reldir%_test_interface_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_test_interface_LDADD = protocol/libprotocol.la $(JANSSON_LIBS) $(CRITERION_LIBS)
endif
EXTRA_DIST += %reldir%/io.procpool.varlink.released
