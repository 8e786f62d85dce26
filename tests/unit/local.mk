# Unit tests: one Criterion program for each module. Every test without a suffix, here and in other
# folders, is a program that reports by TAP; Criterion does so when its environment says it.

LOG_COMPILER = env CRITERION_OUTPUTS=tap:-
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh

if HAVE_CRITERION
unit_tests = \
	%reldir%/call \
	%reldir%/document \
	%reldir%/error \
	%reldir%/frame \
	%reldir%/json_lane \
	%reldir%/json_scan \
	%reldir%/json_scan_jansson \
	%reldir%/member \
	%reldir%/page \
	%reldir%/text \
	%reldir%/unit_test
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

# For the programs of other folders too: the frame, and the linker's part of counting allocations.
# -fno-builtin: a compiler may leave an allocation out whose block is not used.
unit_cflags = $(AM_CFLAGS) -fno-builtin $(CRITERION_CFLAGS) $(JANSSON_CFLAGS)
unit_libs = %reldir%/libunit.la protocol/libprotocol.la $(JANSSON_LIBS) $(CRITERION_LIBS)
unit_ldflags = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=free \
	-Wl,--wrap=strdup,--wrap=strndup,--wrap=asprintf,--wrap=vasprintf,--wrap=posix_memalign,--wrap=scandir

check_LTLIBRARIES += %reldir%/libunit.la
%canon_reldir%_libunit_la_SOURCES = %reldir%/unit.c %reldir%/unit.h
%canon_reldir%_libunit_la_CFLAGS = $(unit_cflags)

%canon_reldir%_json_scan_SOURCES = %reldir%/json_scan.c
%canon_reldir%_json_scan_CFLAGS = $(unit_cflags)
%canon_reldir%_json_scan_LDADD = $(unit_libs)
%canon_reldir%_json_scan_LDFLAGS = $(unit_ldflags)

%canon_reldir%_json_lane_SOURCES = %reldir%/json_lane.c %reldir%/json_texts.c %reldir%/json_texts.h
%canon_reldir%_json_lane_CFLAGS = $(unit_cflags)
%canon_reldir%_json_lane_LDADD = $(unit_libs)
%canon_reldir%_json_lane_LDFLAGS = $(unit_ldflags)

%canon_reldir%_json_scan_jansson_SOURCES = %reldir%/json_scan_jansson.c \
	%reldir%/json_texts.c %reldir%/json_texts.h
%canon_reldir%_json_scan_jansson_CFLAGS = $(unit_cflags)
%canon_reldir%_json_scan_jansson_LDADD = $(unit_libs)
%canon_reldir%_json_scan_jansson_LDFLAGS = $(unit_ldflags)

%canon_reldir%_call_SOURCES = %reldir%/call.c
%canon_reldir%_call_CFLAGS = $(unit_cflags)
%canon_reldir%_call_LDADD = $(unit_libs)
%canon_reldir%_call_LDFLAGS = $(unit_ldflags)

%canon_reldir%_document_SOURCES = %reldir%/document.c
%canon_reldir%_document_CFLAGS = $(unit_cflags)
%canon_reldir%_document_LDADD = $(unit_libs)
%canon_reldir%_document_LDFLAGS = $(unit_ldflags)

%canon_reldir%_error_SOURCES = %reldir%/error.c
%canon_reldir%_error_CFLAGS = $(unit_cflags)
%canon_reldir%_error_LDADD = $(unit_libs)
%canon_reldir%_error_LDFLAGS = $(unit_ldflags)

%canon_reldir%_frame_SOURCES = %reldir%/frame.c
%canon_reldir%_frame_CFLAGS = $(unit_cflags)
%canon_reldir%_frame_LDADD = $(unit_libs)
%canon_reldir%_frame_LDFLAGS = $(unit_ldflags)

%canon_reldir%_text_SOURCES = %reldir%/text.c
%canon_reldir%_text_CFLAGS = $(unit_cflags)
%canon_reldir%_text_LDADD = $(unit_libs)
%canon_reldir%_text_LDFLAGS = $(unit_ldflags)

%canon_reldir%_member_SOURCES = %reldir%/member.c
%canon_reldir%_member_CFLAGS = $(unit_cflags)
%canon_reldir%_member_LDADD = $(unit_libs)
%canon_reldir%_member_LDFLAGS = $(unit_ldflags)

%canon_reldir%_page_SOURCES = %reldir%/page.c
%canon_reldir%_page_CFLAGS = $(unit_cflags)
%canon_reldir%_page_LDADD = $(unit_libs)
%canon_reldir%_page_LDFLAGS = $(unit_ldflags)

%canon_reldir%_unit_test_SOURCES = %reldir%/unit_test.c
%canon_reldir%_unit_test_CFLAGS = $(unit_cflags)
%canon_reldir%_unit_test_LDADD = $(unit_libs)
%canon_reldir%_unit_test_LDFLAGS = $(unit_ldflags)
else
check-am: criterion-missing
criterion-missing:
	@echo 'make check needs Criterion (Debian: libcriterion-dev); install it and run configure again' >&2
	@exit 1
endif

include %reldir%/daemon.mk
include %reldir%/client.mk
include %reldir%/worker.mk
