# Varlink itself: daemon/conn with other methods than procpool's, and clients that are not ours.

if HAVE_CRITERION
check_PROGRAMS += %reldir%/conn
TESTS += %reldir%/conn
%canon_reldir%_conn_SOURCES = %reldir%/conn.c
%canon_reldir%_conn_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)
%canon_reldir%_conn_LDADD = daemon/libdaemon.la $(CRITERION_LIBS)
endif

# The same, as a server for the certification clients of others.
check_PROGRAMS += %reldir%/certification-server
%canon_reldir%_certification_server_SOURCES = %reldir%/server.c \
	%reldir%/certification.c %reldir%/certification.h %reldir%/description.c
%canon_reldir%_certification_server_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(LIBSYSTEMD_CFLAGS)
%canon_reldir%_certification_server_LDADD = daemon/libdaemon.la $(LIBSYSTEMD_LIBS) $(JANSSON_LIBS)

varlink_scripts = \
	%reldir%/certification.sh \
	%reldir%/parsers.sh \
	%reldir%/python.sh
TESTS += $(varlink_scripts)
EXTRA_DIST += $(varlink_scripts) %reldir%/lib.sh %reldir%/client.py %reldir%/requirements.txt
# The Python that has the client; the scripts make it.
clean-local: clean-varlink
.PHONY: clean-varlink
clean-varlink:
	rm -rf %reldir%/python %reldir%/python.lock
