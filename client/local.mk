# The client's side: the library, and the tool over its public face.

# ---- libprocpool ----

noinst_LTLIBRARIES += %reldir%/libclient.la
%canon_reldir%_libclient_la_SOURCES = \
	%reldir%/batch.c %reldir%/batch.h \
	%reldir%/bytes.h \
	%reldir%/calls.c \
	%reldir%/connection.c %reldir%/connection.h \
	%reldir%/dial.c \
	%reldir%/encode.c %reldir%/encode.h \
	%reldir%/failure.c %reldir%/failure.h \
	%reldir%/handle.c %reldir%/handle.h \
	%reldir%/item_error.c %reldir%/item_error.h \
	%reldir%/stream.c
%canon_reldir%_libclient_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_libclient_la_LIBADD = protocol/libprotocol.la

lib_LTLIBRARIES += %reldir%/libprocpool.la
%canon_reldir%_libprocpool_la_SOURCES =
%canon_reldir%_libprocpool_la_LIBADD = %reldir%/libclient.la $(JANSSON_LIBS)
%canon_reldir%_libprocpool_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/%reldir%/libprocpool.sym
%canon_reldir%_libprocpool_la_DEPENDENCIES = %reldir%/libclient.la %reldir%/libprocpool.sym
EXTRA_DIST += %reldir%/libprocpool.sym

procpoolinclude_HEADERS += %reldir%/include/procpool/client.h

pkgconfig_DATA += %reldir%/procpool.pc
EXTRA_DIST += %reldir%/procpool.pc.in
