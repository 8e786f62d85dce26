# Fuzz targets. In make check each replays its corpus; fuzz.sh builds them with clang, to make inputs up.

fuzz_replays = \
	%reldir%/call \
	%reldir%/configuration \
	%reldir%/connection \
	%reldir%/dispatch \
	%reldir%/document \
	%reldir%/frame \
	%reldir%/json_scan \
	%reldir%/reply \
	%reldir%/worker
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)

%canon_reldir%_call_SOURCES = %reldir%/call.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_call_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"call"'
%canon_reldir%_call_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_call_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_configuration_SOURCES = %reldir%/configuration.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_configuration_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"configuration"'
%canon_reldir%_configuration_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)
%canon_reldir%_configuration_LDADD = daemon/libdaemon.la $(LIBEVENT_LIBS) $(JANSSON_LIBS)

%canon_reldir%_connection_SOURCES = %reldir%/connection.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_connection_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"connection"'
%canon_reldir%_connection_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)
%canon_reldir%_connection_LDADD = daemon/libdaemon.la $(LIBEVENT_LIBS) $(JANSSON_LIBS)

%canon_reldir%_dispatch_SOURCES = %reldir%/dispatch.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_dispatch_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"dispatch"'
%canon_reldir%_dispatch_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)
%canon_reldir%_dispatch_LDADD = tests/core/libcore.la daemon/libdaemon.la $(LIBEVENT_LIBS) $(JANSSON_LIBS)
%canon_reldir%_dispatch_LDFLAGS = $(AM_LDFLAGS) $(core_ldflags)

%canon_reldir%_document_SOURCES = %reldir%/document.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_document_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"document"'
%canon_reldir%_document_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_document_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_frame_SOURCES = %reldir%/frame.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_frame_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"frame"'
%canon_reldir%_frame_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_frame_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_json_scan_SOURCES = %reldir%/json_scan.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_json_scan_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"json_scan"'
%canon_reldir%_json_scan_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_json_scan_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_reply_SOURCES = %reldir%/reply.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_reply_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"reply"'
%canon_reldir%_reply_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_reply_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_worker_SOURCES = %reldir%/worker.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_worker_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"worker"'
%canon_reldir%_worker_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_worker_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

EXTRA_DIST += %reldir%/build.mk %reldir%/corpus %reldir%/fuzz.sh %reldir%/planted %reldir%/words.dict

# FUZZ_TIME: seconds for each target, or for each planted bug at most. FUZZ: which ones, all if unset.
FUZZ_TIME = 60
FUZZ =
fuzz: all
	+FUZZ_BUILD=. FUZZ_TIME=$(FUZZ_TIME) $(if $(FUZZ),,$(record) fuzz) $(srcdir)/%reldir%/fuzz.sh run $(FUZZ)
fuzz-coverage: all
	+FUZZ_BUILD=. $(srcdir)/%reldir%/fuzz.sh coverage $(FUZZ)
fuzz-planted: all
	+FUZZ_BUILD=. FUZZ_TIME=$(FUZZ_TIME) $(srcdir)/%reldir%/fuzz.sh planted $(FUZZ)
.PHONY: fuzz fuzz-coverage fuzz-planted

clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz
