# libprocpool-worker, for functions in C, and procpool-worker, which has the stock functions and loads others.

noinst_LTLIBRARIES += %reldir%/libworker.la %reldir%/libstock.la
lib_LTLIBRARIES += %reldir%/libprocpool-worker.la
pkglibexec_PROGRAMS += %reldir%/procpool-worker

procpoolinclude_HEADERS += %reldir%/include/procpool/worker.h
pkgconfig_DATA += %reldir%/procpool-worker.pc

%canon_reldir%_libworker_la_SOURCES = \
	%reldir%/buffer.c %reldir%/buffer.h \
	%reldir%/command.c \
	%reldir%/common.c %reldir%/common.h \
	%reldir%/item.c %reldir%/item.h \
	%reldir%/nested.c %reldir%/nested.h \
	%reldir%/plugin.c %reldir%/plugin.h \
	%reldir%/registry.c %reldir%/registry.h \
	%reldir%/report.c %reldir%/report.h \
	%reldir%/runtime.c %reldir%/runtime.h \
	%reldir%/value.c %reldir%/value.h
%canon_reldir%_libworker_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_libworker_la_LIBADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_libprocpool_worker_la_SOURCES =
%canon_reldir%_libprocpool_worker_la_LIBADD = %reldir%/libworker.la
# The numbers, and when they change: CONTRIBUTING.md, "What others build on".
%canon_reldir%_libprocpool_worker_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/%reldir%/libprocpool-worker.sym
EXTRA_%canon_reldir%_libprocpool_worker_la_DEPENDENCIES = %reldir%/libprocpool-worker.sym
EXTRA_DIST += %reldir%/libprocpool-worker.sym

# A function author's code like any other: it has the public header, and numbers.
%canon_reldir%_libstock_la_SOURCES = \
	%reldir%/stock/square.c \
	%reldir%/stock/stock.c %reldir%/stock/stock.h \
	%reldir%/stock/wordcount.c
%canon_reldir%_libstock_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

%canon_reldir%_procpool_worker_SOURCES = %reldir%/main.c protocol/number.c
%canon_reldir%_procpool_worker_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_procpool_worker_LDADD = \
	%reldir%/libstock.la %reldir%/libprocpool-worker.la $(JANSSON_LIBS)

# The default pool loads what is in there: nothing, at first.
install-data-local: install-functionsdir
install-functionsdir:
	$(MKDIR_P) $(DESTDIR)$(functionsdir)
.PHONY: install-functionsdir
