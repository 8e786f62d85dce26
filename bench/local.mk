# Measures, side by side with others; no part of make check. `make bench/json_scan` builds one.

EXTRA_PROGRAMS += %reldir%/json_scan
%canon_reldir%_json_scan_SOURCES = %reldir%/json_scan.c
%canon_reldir%_json_scan_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_json_scan_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)
CLEANFILES += $(EXTRA_PROGRAMS)
