# Units, the user they run as, and what their entries in the journal mean. sysusers.d lies beside the folder systemd/ in
# every prefix that systemd reads, the catalog's folder in it.

systemd_units = %reldir%/procpool.service %reldir%/user/procpool.service
$(systemd_units): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) -e 's,[@]sbindir[@],$(sbindir),g' -e 's,[@]bindir[@],$(bindir),g' -e 's,[@]docdir[@],$(docdir),g' \
		$< >$@.tmp && mv $@.tmp $@
CLEANFILES += $(systemd_units)
EXTRA_DIST += \
	%reldir%/procpool.service.in %reldir%/procpool.socket %reldir%/procpool.sysusers \
	%reldir%/user/procpool.service.in %reldir%/user/procpool.socket

if HAVE_SYSTEMD_UNITS
nodist_systemdsystemunit_DATA = %reldir%/procpool.service
dist_systemdsystemunit_DATA = %reldir%/procpool.socket
catalogdir = $(systemdsystemunitdir)/../catalog
dist_catalog_DATA = %reldir%/procpool.catalog

install-data-hook: install-sysusers
uninstall-hook: uninstall-sysusers
endif

if HAVE_SYSTEMD_USER_UNITS
nodist_systemduserunit_DATA = %reldir%/user/procpool.service
dist_systemduserunit_DATA = %reldir%/user/procpool.socket
endif

# Drop-ins to start from.
dropinsdir = $(docdir)/examples/systemd
dist_dropins_DATA = %reldir%/examples/network.conf %reldir%/examples/users.conf

sysusersdir = $(systemdsystemunitdir)/../../sysusers.d
install-sysusers:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir)
	$(INSTALL_DATA) $(srcdir)/%reldir%/procpool.sysusers $(DESTDIR)$(sysusersdir)/procpool.conf
uninstall-sysusers:
	rm -f $(DESTDIR)$(sysusersdir)/procpool.conf
.PHONY: install-sysusers uninstall-sysusers

# A drop-in to start from, with the path of the daemon.
%reldir%/examples/exit-on-idle.conf: %reldir%/examples/exit-on-idle.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %reldir%/examples && $(SED) -e 's,[@]sbindir[@],$(sbindir),g' \
		$(srcdir)/%reldir%/examples/exit-on-idle.conf.in >$@.tmp && mv $@.tmp $@
CLEANFILES += %reldir%/examples/exit-on-idle.conf
EXTRA_DIST += %reldir%/examples/exit-on-idle.conf.in
idledropindir = $(docdir)/examples/systemd
nodist_idledropin_DATA = %reldir%/examples/exit-on-idle.conf
