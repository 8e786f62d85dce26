# Varlink itself: daemon/conn with other methods than procpool's, and clients that are not ours.

if HAVE_CRITERION
check_PROGRAMS += %reldir%/conn
TESTS += %reldir%/conn
%canon_reldir%_conn_SOURCES = %reldir%/conn.c
%canon_reldir%_conn_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)
%canon_reldir%_conn_LDADD = daemon/libdaemon.la $(CRITERION_LIBS)
endif
