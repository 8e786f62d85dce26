# Unit tests of the client's side; the frame is in local.mk.

if HAVE_CRITERION
unit_tests += \
	%reldir%/client \
	%reldir%/client_again \
	%reldir%/client_json \
	%reldir%/input \
	%reldir%/kept \
	%reldir%/print \
	%reldir%/progress \
	%reldir%/reply \
	%reldir%/words

%canon_reldir%_reply_SOURCES = %reldir%/reply.c
%canon_reldir%_reply_CFLAGS = $(unit_cflags)
%canon_reldir%_reply_LDADD = $(unit_libs)
%canon_reldir%_reply_LDFLAGS = $(unit_ldflags)

# A server by script, for the tests that talk to one.
client_script = %reldir%/script.c %reldir%/script.h

%canon_reldir%_client_SOURCES = %reldir%/client.c $(client_script)
%canon_reldir%_client_CFLAGS = $(unit_cflags)
%canon_reldir%_client_LDADD = client/libclient.la $(unit_libs)
%canon_reldir%_client_LDFLAGS = $(unit_ldflags)

%canon_reldir%_client_again_SOURCES = %reldir%/client_again.c $(client_script)
%canon_reldir%_client_again_CFLAGS = $(unit_cflags)
%canon_reldir%_client_again_LDADD = client/libclient.la $(unit_libs)
%canon_reldir%_client_again_LDFLAGS = $(unit_ldflags)

%canon_reldir%_client_json_SOURCES = %reldir%/client_json.c $(client_script)
%canon_reldir%_client_json_CFLAGS = $(unit_cflags)
%canon_reldir%_client_json_LDADD = client/libclient.la $(unit_libs)
%canon_reldir%_client_json_LDFLAGS = $(unit_ldflags)

%canon_reldir%_input_SOURCES = %reldir%/input.c
%canon_reldir%_input_CFLAGS = $(unit_cflags)
%canon_reldir%_input_LDADD = client/libprocpooltool.la $(unit_libs)
%canon_reldir%_input_LDFLAGS = $(unit_ldflags)

%canon_reldir%_kept_SOURCES = %reldir%/kept.c
%canon_reldir%_kept_CFLAGS = $(unit_cflags)
%canon_reldir%_kept_LDADD = client/libprocpooltool.la $(unit_libs)
%canon_reldir%_kept_LDFLAGS = $(unit_ldflags)

%canon_reldir%_print_SOURCES = %reldir%/print.c
%canon_reldir%_print_CFLAGS = $(unit_cflags)
%canon_reldir%_print_LDADD = client/libprocpooltool.la $(unit_libs)
%canon_reldir%_print_LDFLAGS = $(unit_ldflags)

%canon_reldir%_progress_SOURCES = %reldir%/progress.c
%canon_reldir%_progress_CFLAGS = $(unit_cflags)
%canon_reldir%_progress_LDADD = client/libprocpooltool.la $(unit_libs) -lm
%canon_reldir%_progress_LDFLAGS = $(unit_ldflags)

%canon_reldir%_words_SOURCES = %reldir%/words.c
%canon_reldir%_words_CFLAGS = $(unit_cflags)
%canon_reldir%_words_LDADD = client/libprocpooltool.la $(unit_libs)
%canon_reldir%_words_LDFLAGS = $(unit_ldflags)
endif
