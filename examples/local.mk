# Programs to start from. They are not built here but by their own Makefile, as those of others are: see tests/examples.

examplesdir = $(docdir)/examples
dist_examples_DATA = %reldir%/Makefile %reldir%/README.md \
	%reldir%/calling.c %reldir%/client.c %reldir%/client-loop.c %reldir%/plugin.c %reldir%/worker.c
dist_examples_SCRIPTS = %reldir%/worker.pl %reldir%/worker.py
