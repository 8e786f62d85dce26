# What both sides of both conversations share: pure C and jansson, no fd, no clock, no libevent.

noinst_LTLIBRARIES += %reldir%/libprotocol.la
%canon_reldir%_libprotocol_la_SOURCES = \
	%reldir%/call.c %reldir%/call.h \
	%reldir%/document.c %reldir%/document.h \
	%reldir%/error.c %reldir%/error.h \
	%reldir%/fields.c %reldir%/fields.h \
	%reldir%/frame.h \
	%reldir%/interface.h \
	%reldir%/json_block.h \
	%reldir%/json_lane.h \
	%reldir%/json_number.h \
	%reldir%/json_numbers.h \
	%reldir%/json_scan.c %reldir%/json_scan.h \
	%reldir%/json_step.h \
	%reldir%/json_string.h \
	%reldir%/limits.h \
	%reldir%/member.c \
	%reldir%/number.c %reldir%/number.h \
	%reldir%/page.h \
	%reldir%/reply.c %reldir%/reply.h \
	%reldir%/parameters.c %reldir%/parameters.h \
	%reldir%/text.c %reldir%/text.h \
	%reldir%/work.c %reldir%/work.h \
	%reldir%/work_report.c
nodist_%canon_reldir%_libprotocol_la_SOURCES = %reldir%/interface.c
%canon_reldir%_libprotocol_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_libprotocol_la_LIBADD = $(JANSSON_LIBS)

# GetInterfaceDescription serves the very file.
%reldir%/interface.c: %reldir%/io.procpool.varlink
	$(AM_V_GEN)$(MKDIR_P) %reldir% && { \
	echo '#include "protocol/interface.h"'; \
	echo 'const char interface_description[] ='; \
	$(SED) -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; \
	echo ';'; } >$@.tmp && mv $@.tmp $@
CLEANFILES += %reldir%/interface.c
EXTRA_DIST += %reldir%/io.procpool.varlink
