# Unit tests of the daemon's pure modules; the frame is in local.mk.

if HAVE_CRITERION
daemon_tests = \
	%reldir%/bytes \
	%reldir%/capacity \
	%reldir%/cgroup \
	%reldir%/chunk \
	%reldir%/commons \
	%reldir%/configuration \
	%reldir%/entry \
	%reldir%/conn \
	%reldir%/delegation \
	%reldir%/environment \
	%reldir%/estimate \
	%reldir%/fair \
	%reldir%/generation \
	%reldir%/lag \
	%reldir%/listener \
	%reldir%/memory \
	%reldir%/options \
	%reldir%/outcome \
	%reldir%/permission \
	%reldir%/quantity \
	%reldir%/quota \
	%reldir%/rate \
	%reldir%/rlimit \
	%reldir%/request \
	%reldir%/request_random \
	%reldir%/scale \
	%reldir%/sched \
	%reldir%/sched_shares \
	%reldir%/sources \
	%reldir%/wear
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)

daemon_test_libs = daemon/libdaemon.la $(unit_libs)

%canon_reldir%_bytes_SOURCES = %reldir%/bytes.c
%canon_reldir%_bytes_CFLAGS = $(unit_cflags)
%canon_reldir%_bytes_LDADD = $(daemon_test_libs)
%canon_reldir%_bytes_LDFLAGS = $(unit_ldflags)

%canon_reldir%_capacity_SOURCES = %reldir%/capacity.c
%canon_reldir%_capacity_CFLAGS = $(unit_cflags)
%canon_reldir%_capacity_LDADD = $(daemon_test_libs)
%canon_reldir%_capacity_LDFLAGS = $(unit_ldflags)

%canon_reldir%_cgroup_SOURCES = %reldir%/cgroup.c
%canon_reldir%_cgroup_CFLAGS = $(unit_cflags) $(LIBEVENT_CFLAGS)
%canon_reldir%_cgroup_LDADD = $(daemon_test_libs) $(LIBEVENT_LIBS)
%canon_reldir%_cgroup_LDFLAGS = $(unit_ldflags) -Wl,--wrap=getxattr

%canon_reldir%_chunk_SOURCES = %reldir%/chunk.c
%canon_reldir%_chunk_CFLAGS = $(unit_cflags)
%canon_reldir%_chunk_LDADD = $(daemon_test_libs)
%canon_reldir%_chunk_LDFLAGS = $(unit_ldflags)

%canon_reldir%_commons_SOURCES = %reldir%/commons.c
%canon_reldir%_commons_CFLAGS = $(unit_cflags)
%canon_reldir%_commons_LDADD = $(daemon_test_libs)
%canon_reldir%_commons_LDFLAGS = $(unit_ldflags)

%canon_reldir%_configuration_SOURCES = %reldir%/configuration.c
%canon_reldir%_configuration_CFLAGS = $(unit_cflags)
%canon_reldir%_configuration_LDADD = $(daemon_test_libs)
%canon_reldir%_configuration_LDFLAGS = $(unit_ldflags)

%canon_reldir%_entry_SOURCES = %reldir%/entry.c
%canon_reldir%_entry_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
%canon_reldir%_entry_CFLAGS = $(unit_cflags)
%canon_reldir%_entry_LDADD = $(daemon_test_libs)
%canon_reldir%_entry_LDFLAGS = $(unit_ldflags)

%canon_reldir%_conn_SOURCES = %reldir%/conn.c
%canon_reldir%_conn_CFLAGS = $(unit_cflags) $(LIBEVENT_CFLAGS)
%canon_reldir%_conn_LDADD = $(daemon_test_libs) $(LIBEVENT_LIBS)
%canon_reldir%_conn_LDFLAGS = $(unit_ldflags)

%canon_reldir%_delegation_SOURCES = %reldir%/delegation.c
%canon_reldir%_delegation_CFLAGS = $(unit_cflags)
%canon_reldir%_delegation_LDADD = $(daemon_test_libs)
%canon_reldir%_delegation_LDFLAGS = $(unit_ldflags)

%canon_reldir%_environment_SOURCES = %reldir%/environment.c
%canon_reldir%_environment_CFLAGS = $(unit_cflags)
%canon_reldir%_environment_LDADD = $(daemon_test_libs)
%canon_reldir%_environment_LDFLAGS = $(unit_ldflags)

%canon_reldir%_estimate_SOURCES = %reldir%/estimate.c
%canon_reldir%_estimate_CFLAGS = $(unit_cflags)
%canon_reldir%_estimate_LDADD = $(daemon_test_libs)
%canon_reldir%_estimate_LDFLAGS = $(unit_ldflags)

%canon_reldir%_fair_SOURCES = %reldir%/fair.c
%canon_reldir%_fair_CFLAGS = $(unit_cflags)
%canon_reldir%_fair_LDADD = $(daemon_test_libs)
%canon_reldir%_fair_LDFLAGS = $(unit_ldflags)
%canon_reldir%_lag_SOURCES = %reldir%/lag.c
%canon_reldir%_lag_CFLAGS = $(unit_cflags)
%canon_reldir%_lag_LDADD = $(daemon_test_libs)
%canon_reldir%_lag_LDFLAGS = $(unit_ldflags)

%canon_reldir%_generation_SOURCES = %reldir%/generation.c
%canon_reldir%_generation_CFLAGS = $(unit_cflags)
%canon_reldir%_generation_LDADD = $(daemon_test_libs)
%canon_reldir%_generation_LDFLAGS = $(unit_ldflags)

%canon_reldir%_listener_SOURCES = %reldir%/listener.c
%canon_reldir%_listener_CFLAGS = $(unit_cflags) $(LIBEVENT_CFLAGS)
%canon_reldir%_listener_LDADD = $(daemon_test_libs) $(LIBEVENT_LIBS)
%canon_reldir%_listener_LDFLAGS = $(unit_ldflags)

%canon_reldir%_memory_SOURCES = %reldir%/memory.c
%canon_reldir%_memory_CFLAGS = $(unit_cflags)
%canon_reldir%_memory_LDADD = $(daemon_test_libs)
%canon_reldir%_memory_LDFLAGS = $(unit_ldflags)

%canon_reldir%_options_SOURCES = %reldir%/options.c
%canon_reldir%_options_CFLAGS = $(unit_cflags)
%canon_reldir%_options_LDADD = $(daemon_test_libs)
%canon_reldir%_options_LDFLAGS = $(unit_ldflags)

%canon_reldir%_outcome_SOURCES = %reldir%/outcome.c %reldir%/sample.c %reldir%/sample.h
%canon_reldir%_outcome_CFLAGS = $(unit_cflags)
%canon_reldir%_outcome_LDADD = $(daemon_test_libs)
%canon_reldir%_outcome_LDFLAGS = $(unit_ldflags)

%canon_reldir%_permission_SOURCES = %reldir%/permission.c
%canon_reldir%_permission_CFLAGS = $(unit_cflags)
%canon_reldir%_permission_LDADD = $(daemon_test_libs)
%canon_reldir%_permission_LDFLAGS = $(unit_ldflags)

%canon_reldir%_quantity_SOURCES = %reldir%/quantity.c
%canon_reldir%_quantity_CFLAGS = $(unit_cflags)
%canon_reldir%_quantity_LDADD = $(daemon_test_libs)
%canon_reldir%_quantity_LDFLAGS = $(unit_ldflags)

%canon_reldir%_quota_SOURCES = %reldir%/quota.c
%canon_reldir%_quota_CFLAGS = $(unit_cflags)
%canon_reldir%_quota_LDADD = $(daemon_test_libs)
%canon_reldir%_quota_LDFLAGS = $(unit_ldflags)

%canon_reldir%_rate_SOURCES = %reldir%/rate.c
%canon_reldir%_rate_CFLAGS = $(unit_cflags)
%canon_reldir%_rate_LDADD = $(daemon_test_libs)
%canon_reldir%_rate_LDFLAGS = $(unit_ldflags)

%canon_reldir%_rlimit_SOURCES = %reldir%/rlimit.c
%canon_reldir%_rlimit_CFLAGS = $(unit_cflags)
%canon_reldir%_rlimit_LDADD = $(daemon_test_libs)
%canon_reldir%_rlimit_LDFLAGS = $(unit_ldflags)

%canon_reldir%_request_SOURCES = %reldir%/request.c %reldir%/sample.c %reldir%/sample.h
%canon_reldir%_request_CFLAGS = $(unit_cflags)
%canon_reldir%_request_LDADD = $(daemon_test_libs)
%canon_reldir%_request_LDFLAGS = $(unit_ldflags)

%canon_reldir%_request_random_SOURCES = %reldir%/request_random.c %reldir%/sample.c %reldir%/sample.h
%canon_reldir%_request_random_CFLAGS = $(unit_cflags)
%canon_reldir%_request_random_LDADD = $(daemon_test_libs)
%canon_reldir%_request_random_LDFLAGS = $(unit_ldflags)

%canon_reldir%_scale_SOURCES = %reldir%/scale.c
%canon_reldir%_scale_CFLAGS = $(unit_cflags)
%canon_reldir%_scale_LDADD = $(daemon_test_libs)
%canon_reldir%_scale_LDFLAGS = $(unit_ldflags)

%canon_reldir%_sched_SOURCES = %reldir%/sched.c
%canon_reldir%_sched_CFLAGS = $(unit_cflags)
%canon_reldir%_sched_LDADD = $(daemon_test_libs)
%canon_reldir%_sched_LDFLAGS = $(unit_ldflags)

%canon_reldir%_sources_SOURCES = %reldir%/sources.c
%canon_reldir%_sources_CFLAGS = $(unit_cflags)
%canon_reldir%_sources_LDADD = $(daemon_test_libs)
%canon_reldir%_sources_LDFLAGS = $(unit_ldflags)

%canon_reldir%_wear_SOURCES = %reldir%/wear.c
%canon_reldir%_wear_CFLAGS = $(unit_cflags)
%canon_reldir%_wear_LDADD = $(daemon_test_libs)
%canon_reldir%_wear_LDFLAGS = $(unit_ldflags)

%canon_reldir%_sched_shares_SOURCES = %reldir%/sched_shares.c %reldir%/sim.c %reldir%/sim.h
%canon_reldir%_sched_shares_CFLAGS = $(unit_cflags)
%canon_reldir%_sched_shares_LDADD = $(daemon_test_libs) -lm
%canon_reldir%_sched_shares_LDFLAGS = $(unit_ldflags)
endif
