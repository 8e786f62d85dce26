# What is read beside the programs; procpool.service points to the README.
dist_doc_DATA = README.md NEWS.md LICENSE \
	%reldir%/architecture.md %reldir%/protocol.md \
	daemon/procpool.conf.example
EXTRA_DIST += CONTRIBUTING.md .clang-format .editorconfig
