# Units and the user they run as. sysusers.d lies beside the folder systemd/ in every prefix that systemd reads.

%reldir%/procpool.service: %reldir%/procpool.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %reldir% && $(SED) -e 's,[@]sbindir[@],$(sbindir),g' -e 's,[@]bindir[@],$(bindir),g' -e 's,[@]docdir[@],$(docdir),g' \
		$(srcdir)/%reldir%/procpool.service.in >$@.tmp && mv $@.tmp $@
CLEANFILES += %reldir%/procpool.service
EXTRA_DIST += %reldir%/procpool.service.in %reldir%/procpool.socket %reldir%/procpool.sysusers

if HAVE_SYSTEMD_UNITS
nodist_systemdsystemunit_DATA = %reldir%/procpool.service
dist_systemdsystemunit_DATA = %reldir%/procpool.socket

install-data-hook: install-sysusers
uninstall-hook: uninstall-sysusers
endif

sysusersdir = $(systemdsystemunitdir)/../../sysusers.d
install-sysusers:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir)
	$(INSTALL_DATA) $(srcdir)/%reldir%/procpool.sysusers $(DESTDIR)$(sysusersdir)/procpool.conf
uninstall-sysusers:
	rm -f $(DESTDIR)$(sysusersdir)/procpool.conf
.PHONY: install-sysusers uninstall-sysusers
