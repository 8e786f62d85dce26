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

# ---- manual pages ----

# From the text beside man.pl, and from what the headers, the configuration's example and protocol.md say.
man_sources = \
	%reldir%/man/libprocpool-worker.3.scd \
	%reldir%/man/libprocpool.3.scd \
	%reldir%/man/procpool-protocol.7.scd \
	%reldir%/man/procpool-worker.1.scd \
	%reldir%/man/procpool.1.scd \
	%reldir%/man/procpool.conf.5.scd \
	%reldir%/man/procpoold.8.scd
man_read = %reldir%/man/man.pl %reldir%/api.pl %reldir%/protocol.md daemon/procpool.conf.example \
	client/include/procpool/client.h client/include/procpool/client_json.h worker/include/procpool/worker.h
EXTRA_DIST += $(man_sources) %reldir%/man/man.pl
man_pages = \
	%reldir%/man/libprocpool-worker.3 \
	%reldir%/man/libprocpool.3 \
	%reldir%/man/procpool-protocol.7 \
	%reldir%/man/procpool-worker.1 \
	%reldir%/man/procpool.1 \
	%reldir%/man/procpool.conf.5 \
	%reldir%/man/procpoold.8
CLEANFILES += $(man_pages)

$(man_pages): $(man_sources) $(man_read) Makefile
	$(AM_V_GEN)$(MKDIR_P) %reldir%/man && (cd $(srcdir) && $(PERL) %reldir%/man/man.pl $@.scd version='$(VERSION)' \
		sysconfdir='$(sysconfdir)' docdir='$(docdir)' pkglibexecdir='$(pkglibexecdir)' functionsdir='$(functionsdir)') >$@.tmp && \
	$(SCDOC) <$@.tmp >$@.page && rm $@.tmp && mv $@.page $@

if HAVE_SCDOC
nodist_man_MANS = $(man_pages)

# man procpool_map shows the page of the library.
install-data-hook: install-man-links
uninstall-hook: uninstall-man-links
endif

man_links = for library in client/libprocpool worker/libprocpool-worker; do \
	for name in `$(SED) -n 's/^\t\(procpool_[a-z_]*\);$$/\1/p' $(srcdir)/$$library.sym`; do
install-man-links: install-man
	@$(man_links) echo ".so man3/$${library#*/}.3" >$(DESTDIR)$(man3dir)/$$name.3 || exit 1; done; done
uninstall-man-links:
	@$(man_links) rm -f $(DESTDIR)$(man3dir)/$$name.3; done; done
.PHONY: install-man-links uninstall-man-links
