# The worker as a program: fed by a small daemon of its own, and by the hands of an author of functions.

check_PROGRAMS += %reldir%/feed
%canon_reldir%_feed_SOURCES = %reldir%/feed.c
%canon_reldir%_feed_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_feed_LDADD = protocol/libprotocol.la $(JANSSON_LIBS)

worker_scripts = %reldir%/author.sh %reldir%/wordcount.sh
TESTS += $(worker_scripts)
EXTRA_DIST += $(worker_scripts)
