# What is read beside the programs; procpool.service points to the README.
dist_doc_DATA = README.md NEWS.md LICENSE \
	%reldir%/architecture.md %reldir%/performance.md %reldir%/protocol.md %reldir%/reliability.md \
	daemon/procpool.conf.example

# What make bench drew for performance.md.
performancedir = $(docdir)/performance
dist_performance_DATA = \
	%reldir%/performance/clients.svg %reldir%/performance/items.svg %reldir%/performance/latency.svg \
	%reldir%/performance/sizes.svg %reldir%/performance/workers.svg

# The reference of the libraries. It is kept, so that it can be read where nothing was built.
apidocdir = $(docdir)/api
dist_apidoc_DATA = %reldir%/api/client.md %reldir%/api/client_json.md %reldir%/api/worker.md
EXTRA_DIST += %reldir%/api.pl
keep-api:
	cd $(srcdir) && for face in client/client client/client_json worker/worker; do \
		%reldir%/api.pl $${face%/*}/include/procpool/$${face#*/}.h >%reldir%/api/$${face#*/}.md || exit 1; done
.PHONY: keep-api

EXTRA_DIST += CONTRIBUTING.md .clang-format .editorconfig
