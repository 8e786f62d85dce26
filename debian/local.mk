# Debian's packages, from the tarball as anybody gets it, in deb/ of the build directory.

EXTRA_DIST += \
	%reldir%/changelog %reldir%/control %reldir%/copyright %reldir%/rules %reldir%/source/format \
	%reldir%/libprocpool-dev.install \
	%reldir%/libprocpool0.install %reldir%/libprocpool0.symbols \
	%reldir%/procpool.install %reldir%/procpool.lintian-overrides \
	%reldir%/procpool.postinst %reldir%/procpool.postrm %reldir%/procpool.symbols

# The environment of this make is not that of the one in the packages.
deb: dist
	rm -rf deb && $(MKDIR_P) deb && tar -C deb -xf $(distdir).tar.xz
	cd deb/$(distdir) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		dpkg-buildpackage --build=binary --unsigned-changes
	rm -rf deb/$(distdir)
	@echo "the packages:"; ls -d $(abs_builddir)/deb/*.deb
clean-local: clean-local-deb
clean-local-deb:
	rm -rf deb
.PHONY: deb clean-local-deb
