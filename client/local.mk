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
	%reldir%/json.c \
	%reldir%/json_text.c %reldir%/json_text.h \
	%reldir%/map.c \
	%reldir%/nested.c %reldir%/nested.h \
	%reldir%/rest.c %reldir%/rest.h \
	%reldir%/stream.c \
	%reldir%/value.c %reldir%/value.h
%canon_reldir%_libclient_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_libclient_la_LIBADD = protocol/libprotocol.la

lib_LTLIBRARIES += %reldir%/libprocpool.la
%canon_reldir%_libprocpool_la_SOURCES =
%canon_reldir%_libprocpool_la_LIBADD = %reldir%/libclient.la $(JANSSON_LIBS)
# The numbers, and when they change: CONTRIBUTING.md, "What others build on".
%canon_reldir%_libprocpool_la_LDFLAGS = $(AM_LDFLAGS) -no-undefined -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/%reldir%/libprocpool.sym
EXTRA_%canon_reldir%_libprocpool_la_DEPENDENCIES = %reldir%/libprocpool.sym
EXTRA_DIST += %reldir%/libprocpool.sym

procpoolinclude_HEADERS += \
	%reldir%/include/procpool/client.h \
	%reldir%/include/procpool/client_json.h

pkgconfig_DATA += %reldir%/procpool.pc
EXTRA_DIST += %reldir%/procpool.pc.in %reldir%/procpool-uninstalled.pc.in

# ---- procpool ----

noinst_LTLIBRARIES += %reldir%/libprocpooltool.la
%canon_reldir%_libprocpooltool_la_SOURCES = \
	%reldir%/tool/bar.c %reldir%/tool/bar.h \
	%reldir%/tool/cmd_apply.c \
	%reldir%/tool/cmd_control.c \
	%reldir%/tool/cmd_map.c \
	%reldir%/tool/cmd_operations.c \
	%reldir%/tool/cmd_reload.c \
	%reldir%/tool/cmd_run.c \
	%reldir%/tool/cmd_status.c \
	%reldir%/tool/cmd_why.c \
	%reldir%/tool/command.h \
	%reldir%/tool/common.c \
	%reldir%/tool/input.c %reldir%/tool/input.h \
	%reldir%/tool/joblog.c %reldir%/tool/joblog.h \
	%reldir%/tool/kept.c %reldir%/tool/kept.h \
	%reldir%/tool/interrupt.c %reldir%/tool/interrupt.h \
	%reldir%/tool/locate.c %reldir%/tool/locate.h \
	%reldir%/tool/map.c %reldir%/tool/map.h \
	%reldir%/tool/output.c %reldir%/tool/output.h \
	%reldir%/tool/private.c %reldir%/tool/private.h \
	%reldir%/tool/program.c %reldir%/tool/program.h \
	%reldir%/tool/progress.c %reldir%/tool/progress.h \
	%reldir%/tool/query.c %reldir%/tool/query.h \
	%reldir%/tool/report.c %reldir%/tool/report.h \
	%reldir%/tool/run_options.c %reldir%/tool/run_options.h \
	%reldir%/tool/session.c %reldir%/tool/session.h \
	%reldir%/tool/show.c %reldir%/tool/show.h \
	%reldir%/tool/standard.c %reldir%/tool/standard.h \
	%reldir%/tool/table.c %reldir%/tool/table.h \
	%reldir%/tool/transfer.c %reldir%/tool/transfer.h \
	%reldir%/tool/words.c %reldir%/tool/words.h
%canon_reldir%_libprocpooltool_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSBINDIR='"$(sbindir)"' -DPKGLIBEXECDIR='"$(pkglibexecdir)"'
%canon_reldir%_libprocpooltool_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_libprocpooltool_la_LIBADD = protocol/libprotocol.la

bin_PROGRAMS += %reldir%/procpool
%canon_reldir%_procpool_SOURCES = %reldir%/tool/main.c
# With the library's objects: the tool needs no shared library of ours, and can be packaged alone.
%canon_reldir%_procpool_LDADD = \
	%reldir%/libprocpooltool.la %reldir%/libclient.la $(JANSSON_LIBS) -lm

# ---- completion of command lines ----

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = %reldir%/completions/bash/procpool
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = %reldir%/completions/zsh/_procpool
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = %reldir%/completions/fish/procpool.fish
