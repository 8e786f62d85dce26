# Fuzz targets. In make check each replays its corpus; make fuzz makes inputs up, for FUZZ_TIME seconds each.

fuzz_targets = call document json_scan worker
fuzz_replays = %reldir%/call %reldir%/document %reldir%/json_scan %reldir%/worker
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)

%canon_reldir%_call_SOURCES = %reldir%/call.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_call_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"call"'
%canon_reldir%_call_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_call_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_document_SOURCES = %reldir%/document.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_document_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"document"'
%canon_reldir%_document_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_document_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_json_scan_SOURCES = %reldir%/json_scan.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_json_scan_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"json_scan"'
%canon_reldir%_json_scan_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_json_scan_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

%canon_reldir%_worker_SOURCES = %reldir%/worker.c %reldir%/replay.c %reldir%/fuzz.h
%canon_reldir%_worker_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"worker"'
%canon_reldir%_worker_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_worker_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

EXTRA_DIST += %reldir%/corpus

# New inputs stay in the build tree (fuzz/NAME); those worth keeping are copied to the corpus by hand. An
# input that breaks a promise is written to fuzz/.
FUZZ_CC = clang
FUZZ_TIME = 60
fuzz:
	@$(MKDIR_P) fuzz
	@set -e; for target in $(fuzz_targets); do \
		sources=; \
		for file in $(protocol_libprotocol_la_SOURCES); do \
			case $$file in *.c) sources="$$sources $(srcdir)/$$file" ;; esac; \
		done; \
		echo "  FUZZ     $$target, $(FUZZ_TIME) s"; \
		$(FUZZ_CC) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
			-fno-sanitize-recover=all $(DEFS) $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
			-o fuzz/$$target.fuzz $(srcdir)/%reldir%/$$target.c $$sources $(JANSSON_LIBS); \
		$(MKDIR_P) fuzz/$$target; \
		fuzz/$$target.fuzz -max_total_time=$(FUZZ_TIME) -max_len=2048 -print_final_stats=1 \
			-dict=$(srcdir)/%reldir%/words.dict \
			-artifact_prefix=fuzz/$$target. fuzz/$$target $(srcdir)/%reldir%/corpus/$$target \
			>fuzz/$$target.log 2>&1 || { tail -n 40 fuzz/$$target.log; exit 1; }; \
		grep -E 'number_of_executed_units|DONE' fuzz/$$target.log; \
	done

clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz
EXTRA_DIST += %reldir%/words.dict
