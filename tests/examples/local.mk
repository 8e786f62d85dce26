# The examples, against an installation in a directory, as their readers would build and run them.

example_scripts = %reldir%/examples.sh
TESTS += $(example_scripts)
EXTRA_DIST += $(example_scripts)
