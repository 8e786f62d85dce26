# Unit tests of the worker's side; the frame is in local.mk.

if HAVE_CRITERION
unit_tests += \
	%reldir%/runtime \
	%reldir%/stock \
	%reldir%/value \
	%reldir%/work

%canon_reldir%_work_SOURCES = %reldir%/work.c
%canon_reldir%_work_CFLAGS = $(unit_cflags)
%canon_reldir%_work_LDADD = $(unit_libs)
%canon_reldir%_work_LDFLAGS = $(unit_ldflags)

%canon_reldir%_value_SOURCES = %reldir%/value.c
%canon_reldir%_value_CFLAGS = $(unit_cflags)
%canon_reldir%_value_LDADD = worker/libworker.la $(unit_libs)
%canon_reldir%_value_LDFLAGS = $(unit_ldflags)

%canon_reldir%_stock_SOURCES = %reldir%/stock.c
%canon_reldir%_stock_CFLAGS = $(unit_cflags)
%canon_reldir%_stock_LDADD = worker/libstock.la worker/libworker.la $(unit_libs)
%canon_reldir%_stock_LDFLAGS = $(unit_ldflags)

%canon_reldir%_runtime_SOURCES = %reldir%/runtime.c
%canon_reldir%_runtime_CFLAGS = $(unit_cflags)
%canon_reldir%_runtime_LDADD = worker/libworker.la $(unit_libs)
%canon_reldir%_runtime_LDFLAGS = $(unit_ldflags)
endif
