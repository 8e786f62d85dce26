# What programs of others are built on: the names, versions, types and numbers of the two libraries.

abi_scripts = %reldir%/compatible.sh %reldir%/symbols.sh
TESTS += $(abi_scripts)
EXTRA_DIST += $(abi_scripts) %reldir%/constants.c %reldir%/lib.sh \
	%reldir%/x86_64/libprocpool.abi %reldir%/x86_64/libprocpool-worker.abi

# Writes the kept description anew, after a change that CONTRIBUTING.md allows.
keep-abi: $(lib_LTLIBRARIES)
	$(srcdir)/%reldir%/compatible.sh --keep
.PHONY: keep-abi
