# procpoold, and the launcher of its workers.

noinst_LTLIBRARIES += %reldir%/libdaemon.la
%canon_reldir%_libdaemon_la_SOURCES = \
	%reldir%/ahead.c %reldir%/ahead.h \
	%reldir%/api.c %reldir%/api.h \
	%reldir%/answer.c \
	%reldir%/audience.c \
	%reldir%/batch.c %reldir%/batch.h \
	%reldir%/binding.c %reldir%/binding.h \
	%reldir%/bytes.c %reldir%/bytes.h \
	%reldir%/cancellation.c \
	%reldir%/capacity.c %reldir%/capacity.h \
	%reldir%/cgroup.c %reldir%/cgroup.h \
	%reldir%/channel.c %reldir%/channel.h \
	%reldir%/chunk.c %reldir%/chunk.h \
	%reldir%/clients.c %reldir%/clients.h \
	%reldir%/clock.h \
	%reldir%/commons.c %reldir%/commons.h \
	%reldir%/configuration.c %reldir%/configuration.h \
	%reldir%/conn.c %reldir%/conn.h %reldir%/conn_inside.h \
	%reldir%/conversation.c %reldir%/conversation.h \
	%reldir%/cpus.c %reldir%/cpus.h \
	%reldir%/daemon.c %reldir%/daemon.h \
	%reldir%/deadline.c %reldir%/deadline.h \
	%reldir%/delegation.c %reldir%/delegation.h \
	%reldir%/delivery.c %reldir%/delivery.h \
	%reldir%/dispatch.c %reldir%/dispatch.h %reldir%/dispatch_inside.h \
	%reldir%/ticket.c %reldir%/ticket.h \
	%reldir%/entry.c %reldir%/entry.h \
	%reldir%/environment.c %reldir%/environment.h \
	%reldir%/estimate.c %reldir%/estimate.h \
	%reldir%/exit.c \
	%reldir%/fair.c %reldir%/fair.h \
	%reldir%/feed.c %reldir%/feed.h \
	%reldir%/file.c %reldir%/file.h \
	%reldir%/generation.c %reldir%/generation.h \
	%reldir%/handover.c %reldir%/handover.h \
	%reldir%/hands.c %reldir%/hands.h \
	%reldir%/hiring.c \
	%reldir%/idle.c %reldir%/idle.h \
	%reldir%/intake.c %reldir%/intake.h \
	%reldir%/items.c %reldir%/items.h \
	%reldir%/journal.c %reldir%/journal.h \
	%reldir%/keys.c %reldir%/keys.h \
	%reldir%/lag.c %reldir%/lag.h \
	%reldir%/lifetime.c %reldir%/lifetime.h \
	%reldir%/listener.c %reldir%/listener.h \
	%reldir%/log.c %reldir%/log.h \
	%reldir%/machine.c %reldir%/machine.h \
	%reldir%/manager.c %reldir%/manager.h \
	%reldir%/memory.c %reldir%/memory.h \
	%reldir%/method.c %reldir%/method.h \
	%reldir%/notify.c %reldir%/notify.h \
	%reldir%/operations.c %reldir%/operations.h \
	%reldir%/obituary.c %reldir%/obituary.h \
	%reldir%/offer.c %reldir%/offer.h \
	%reldir%/oom.c %reldir%/oom.h \
	%reldir%/options.c %reldir%/options.h \
	%reldir%/order.c %reldir%/order.h \
	%reldir%/outcome.c %reldir%/outcome.h \
	%reldir%/outlet.c %reldir%/outlet.h \
	%reldir%/output.c %reldir%/output.h \
	%reldir%/overview.c \
	%reldir%/permission.c %reldir%/permission.h \
	%reldir%/pool.c %reldir%/pool.h %reldir%/pool_inside.h \
	%reldir%/process.c %reldir%/process.h \
	%reldir%/progress.c %reldir%/progress.h \
	%reldir%/quantity.c %reldir%/quantity.h \
	%reldir%/rate.c %reldir%/rate.h \
	%reldir%/reading.c \
	%reldir%/recall.c %reldir%/recall.h \
	%reldir%/recipe.c %reldir%/recipe.h \
	%reldir%/quota.c %reldir%/quota.h \
	%reldir%/reload.c %reldir%/reload.h \
	%reldir%/report.c \
	%reldir%/request.c %reldir%/request.h \
	%reldir%/scale.c %reldir%/scale.h \
	%reldir%/results.c %reldir%/results.h \
	%reldir%/retirement.c %reldir%/retirement.h \
	%reldir%/returns.c \
	%reldir%/room.c %reldir%/room.h \
	%reldir%/rlimit.c %reldir%/rlimit.h \
	%reldir%/route.c %reldir%/route.h \
	%reldir%/routing.c %reldir%/routing.h \
	%reldir%/sched.c %reldir%/sched.h \
	%reldir%/section.c %reldir%/section.h \
	%reldir%/service.c %reldir%/service.h \
	%reldir%/setting.c %reldir%/setting.h \
	%reldir%/sources.c %reldir%/sources.h \
	%reldir%/spawn.c %reldir%/spawn.h \
	%reldir%/staff.c %reldir%/staff.h \
	%reldir%/status.c %reldir%/status.h \
	%reldir%/stop.c %reldir%/stop.h \
	%reldir%/strings.c %reldir%/strings.h \
	%reldir%/succession.c \
	%reldir%/syntax.c %reldir%/syntax.h \
	%reldir%/terms.c \
	%reldir%/trial.c %reldir%/trial.h \
	%reldir%/users.c %reldir%/users.h \
	%reldir%/watch.c %reldir%/watch.h \
	%reldir%/wear.c %reldir%/wear.h \
	%reldir%/worker.c %reldir%/worker.h %reldir%/worker_inside.h
%canon_reldir%_libdaemon_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSYSCONFDIR='"$(sysconfdir)"' -DPKGLIBEXECDIR='"$(pkglibexecdir)"' \
	-DFUNCTIONSDIR='"$(functionsdir)"'
%canon_reldir%_libdaemon_la_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS) $(JANSSON_CFLAGS) \
	$(LIBSYSTEMD_CFLAGS) $(LIBCONFUSE_CFLAGS)
%canon_reldir%_libdaemon_la_LIBADD = protocol/libprotocol.la $(LIBEVENT_LIBS) $(JANSSON_LIBS) \
	$(LIBSYSTEMD_LIBS) $(LIBCONFUSE_LIBS) -lm

sbin_PROGRAMS += %reldir%/procpoold
%canon_reldir%_procpoold_SOURCES = %reldir%/main.c
%canon_reldir%_procpoold_CPPFLAGS = $(AM_CPPFLAGS) -DPKGLIBEXECDIR='"$(pkglibexecdir)"'
%canon_reldir%_procpoold_LDADD = %reldir%/libdaemon.la

pkglibexec_PROGRAMS += %reldir%/procpool-launch
%canon_reldir%_procpool_launch_SOURCES = %reldir%/launch.c %reldir%/file.c %reldir%/rlimit.c %reldir%/quantity.c

# What a package installs as /etc/procpool/procpool.conf: the example, with its paths, and all of it commented out.
%reldir%/procpool.conf: %reldir%/procpool.conf.example Makefile
	$(AM_V_GEN)$(MKDIR_P) %reldir% && $(SED) -e 's,/usr/local/libexec/procpool,$(pkglibexecdir),g' \
		-e 's,/usr/local/lib/procpool/functions,$(functionsdir),g' -e 's/^[^#]/#&/' \
		$(srcdir)/%reldir%/procpool.conf.example >$@.tmp && mv $@.tmp $@
CLEANFILES += %reldir%/procpool.conf
