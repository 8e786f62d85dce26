#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/api.h"
#include "daemon/cgroup.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/conn.h"
#include "daemon/delivery.h"
#include "daemon/cpus.h"
#include "daemon/dispatch.h"
#include "daemon/idle.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/memory.h"
#include "daemon/notify.h"
#include "daemon/oom.h"
#include "daemon/pool.h"
#include "daemon/quota.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/status.h"

#define SECOND UINT64_C(1000000)
/* How long an idle worker may take to go once its input is closed. */
#define STOP_GRACE (5 * SECOND)

/*
 *   STARTING ──all pools warm──► RUNNING ──signal──► DRAINING ──no request left──► STOPPED
 */
enum daemon_state { DAEMON_STARTING, DAEMON_RUNNING, DAEMON_DRAINING, DAEMON_STOPPED };

static const char *const state_names[] = {
	[DAEMON_STARTING] = "starting",
	[DAEMON_RUNNING] = "running",
	[DAEMON_DRAINING] = "draining",
	[DAEMON_STOPPED] = "stopped",
};

enum { SIGNALS = 3 };

struct daemon {
	const struct daemon_setup *setup;
	enum daemon_state state;
	uint64_t started;
	bool hurried; /* nothing is waited for any more, unread replies neither */
	struct channel_loop loop;
	struct listener *listener;
	struct dispatch *dispatch;
	struct api api;
	struct reload reload;
	struct service service;
	struct conn_interface interfaces[2];
	struct conn_setup conn_setup;
	struct intake_limits intake_limits;
	struct conn_list conns;
	struct quota quota;
	struct pool_setup pool_setup;
	struct cgroup *cgroup;
	struct oom oom;
	uint64_t next_worker;
	struct idle idle;
	struct manager manager;

	struct event *signals[SIGNALS];
	struct event *lifeline;
	struct event *drain_timer;
	struct event *room_timer; /* somebody who waits for room may have it */
};

static void set_state(struct daemon *daemon, enum daemon_state state) {
	static const enum entry_kind kinds[] = {
		[DAEMON_RUNNING] = ENTRY_DAEMON_READY,
		[DAEMON_DRAINING] = ENTRY_DAEMON_STOPPING,
		[DAEMON_STOPPED] = ENTRY_DAEMON_STOPPED,
	};

	log_event(kinds[state], NULL, "%s -> %s", state_names[daemon->state], state_names[state]);
	daemon->state = state;
}

static void add_timer(struct event *timer, uint64_t us) {
	struct timeval interval = clock_interval(us);

	evtimer_add(timer, &interval);
}

/* -------- stopping -------- */

static void each_pool(struct daemon *daemon, void (*visit)(struct pool *pool, uint64_t grace),
		      uint64_t grace) {
	struct pool *pool;

	TAILQ_FOREACH (pool, &daemon->dispatch->pools, link)
		visit(pool, grace);
}

static void kill_pool(struct pool *pool, uint64_t grace) {
	(void) grace;
	pool_kill(pool);
}

static void stop_pools(struct daemon *daemon, void (*how)(struct pool *pool, uint64_t grace)) {
	if (daemon->state != DAEMON_STOPPED)
		set_state(daemon, DAEMON_STOPPED);
	each_pool(daemon, how, STOP_GRACE);
	dispatch_wake(daemon->dispatch);
}

static void drain(struct daemon *daemon) {
	uint64_t timeout = daemon->setup->configuration->drain_timeout;

	reload_stop(&daemon->reload);
	set_state(daemon, DAEMON_DRAINING);
	manager_stops(&daemon->manager);
	if (timeout != UINT64_MAX)
		add_timer(daemon->drain_timer, timeout);
	listener_stop(daemon->listener);
	conn_shut_all(&daemon->conns);
	dispatch_wake(daemon->dispatch);
}

static void stop_now(struct daemon *daemon) {
	daemon->hurried = true;
	manager_ends(&daemon->manager);
	reload_stop(&daemon->reload);
	listener_stop(daemon->listener);
	dispatch_cancel_all(daemon->dispatch);
	stop_pools(daemon, kill_pool);
}

static bool all_pools(const struct daemon *daemon, bool (*test)(const struct pool *pool)) {
	const struct pool *pool;

	TAILQ_FOREACH (pool, &daemon->dispatch->pools, link)
		if (!test(pool))
			return false;
	return true;
}

/* -------- events -------- */

static void on_signal(evutil_socket_t number, short what, void *context) {
	struct daemon *daemon = context;

	(void) what;
	if (number == SIGHUP && daemon->state < DAEMON_DRAINING)
		reload_anonymous(&daemon->reload);
	else if (number == SIGHUP)
		log_warning("SIGHUP is ignored: the daemon stops");
	else if (daemon->state < DAEMON_DRAINING)
		drain(daemon);
	else
		stop_now(daemon);
}

/* Whoever started a private daemon is gone. */
static void on_lifeline(evutil_socket_t fd, short what, void *context) {
	struct daemon *daemon = context;
	char byte;
	ssize_t n = read(fd, &byte, 1);

	(void) what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	event_del(daemon->lifeline);
	stop_now(daemon);
}

static void on_drain_timer(evutil_socket_t fd, short what, void *context) {
	struct daemon *daemon = context;

	(void) fd, (void) what;
	log_warning("drain_timeout is over: what still runs is cancelled");
	manager_ends(&daemon->manager);
	dispatch_cancel_all(daemon->dispatch);
	conn_hurry_all(&daemon->conns);
}

static void get_facts(void *context, struct status_facts *ret) {
	const struct daemon *daemon = context;

	*ret = (struct status_facts) {
		.state = state_names[daemon->api.operations.drained &&
						     daemon->state == DAEMON_RUNNING
					     ? DAEMON_DRAINING
					     : daemon->state],
		.started = daemon->started,
		.now = clock_now(),
		.connections = (unsigned) daemon->quota.held[QUOTA_CONNECTIONS],
	};
}

static void on_status_due(void *context) {
	struct daemon *daemon = context;
	struct status_facts facts;
	char line[160];

	get_facts(daemon, &facts);
	status_line(line, sizeof line, daemon->dispatch, &facts);
	notify_status(line);
	/* What a burst needed goes back to the system once it is over. */
	if (!dispatch_has_requests(daemon->dispatch))
		malloc_trim(0);
}

static void on_ping_due(void *context) {
	struct daemon *daemon = context;

	dispatch_wake(daemon->dispatch);
}

static bool is_well(void *context) {
	struct daemon *daemon = context;

	if (!dispatch_is_stuck(daemon->dispatch))
		return true;
	log_event(ENTRY_STUCK, NULL,
		  "a free slot and a runnable request stand side by side: no watchdog ping");
	return false;
}

static const struct manager_ops manager_ops = {
	.status_due = on_status_due,
	.ping_due = on_ping_due,
	.is_well = is_well,
};

/* A drain that was asked for would end with the daemon, and a reload would be forgotten: both are waited for. */
static bool is_idle(void *context) {
	const struct daemon *daemon = context;

	return daemon->state == DAEMON_RUNNING && TAILQ_EMPTY(&daemon->conns) &&
	       !dispatch_has_requests(daemon->dispatch) && !daemon->api.operations.drained &&
	       !reload_is_going_on(&daemon->reload);
}

static void on_idle(void *context) {
	struct daemon *daemon = context;

	/* Who connects from here on waits at the socket until the service manager has started another daemon. */
	if (listener_is_awaited(daemon->listener))
		return idle_look(&daemon->idle);
	log_event(ENTRY_DAEMON_IDLE, NULL, "idle for %.1f s: the next connection starts it again",
		  (double) daemon->setup->exit_on_idle / 1e6);
	drain(daemon);
}

static const struct idle_ops idle_ops = {.is_idle = is_idle, .over = on_idle};

static void on_accepted(void *context, int fd, const struct peer *peer) {
	struct daemon *daemon = context;

	if (daemon->setup->private_fd >= 0 && peer->uid != getuid()) {
		log_warning("pid %d of uid %u may not use a private daemon", peer->pid, peer->uid);
		close(fd);
	} else if (conn_new(&daemon->conn_setup, fd, peer) < 0) {
		log_error("no memory for a connection");
		close(fd);
	}
	idle_look(&daemon->idle);
}

static void on_released(void *context) {
	struct daemon *daemon = context;

	event_active(daemon->room_timer, EV_TIMEOUT, 1);
}

/* One at a time: what it reads may be all there is room for. */
static void on_room_timer(evutil_socket_t fd, short what, void *context) {
	struct daemon *daemon = context;
	struct quota_waiter *waiter = quota_next(&daemon->quota);

	(void) fd, (void) what;
	if (!waiter)
		return;
	intake_go_on(waiter);
	event_active(daemon->room_timer, EV_TIMEOUT, 1);
}

/* After each pump: does it complete a start, a drain, a stop? */
static void on_pumped(void *context) {
	struct daemon *daemon = context;

	watch_wake(&daemon->api.watches);
	operations_wake(&daemon->api.operations);
	if (daemon->state < DAEMON_DRAINING)
		reload_wake(&daemon->reload);
	if (daemon->state == DAEMON_STARTING && all_pools(daemon, pool_is_warm)) {
		set_state(daemon, DAEMON_RUNNING);
		manager_is_ready(&daemon->manager);
	}
	if (daemon->state == DAEMON_DRAINING && !dispatch_has_requests(daemon->dispatch))
		stop_pools(daemon, pool_stop);
	if (daemon->state == DAEMON_STOPPED && all_pools(daemon, pool_is_empty) &&
	    (daemon->hurried || conn_all_sent(&daemon->conns)))
		event_base_loopbreak(daemon->loop.base);
	manager_wake(&daemon->manager);
	idle_look(&daemon->idle);
}

static void on_conn_closed(void *context) {
	struct daemon *daemon = context;

	dispatch_wake(daemon->dispatch);
}

static const struct dispatch_ops dispatch_ops = {
	.progressed = delivery_progressed,
	.pumped = on_pumped,
};

static const struct listener_ops listener_ops = {.accepted = on_accepted};

/* -------- building -------- */

/* The daemon needs a descriptor a client and several a worker; its workers get what was there before. */
static uint64_t raise_nofile(void) {
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise RLIMIT_NOFILE: %s", strerror(errno));
	return before;
}

/* All users together get at most half of what there is: the rest is for workers, and for what results overdraw. */
static uint64_t total_bytes(uint64_t configured) {
	uint64_t half = memory_limit("/proc/self/cgroup", "/sys/fs/cgroup") / 2;

	if (configured)
		return configured;
	return half < LIMIT_TOTAL_BYTES ? half : LIMIT_TOTAL_BYTES;
}

static struct quota_limits quota_limits(const struct configuration *configuration) {
	return (struct quota_limits) {
		.connections = configuration->limits.connections,
		.user_connections = configuration->limits.user_connections,
		.user_items = configuration->limits.user_items,
		.user_bytes = configuration->limits.user_bytes,
		.total_bytes = total_bytes(configuration->limits.total_bytes),
	};
}

static void init_quota(struct daemon *daemon) {
	const struct quota_limits limits = quota_limits(daemon->setup->configuration);

	quota_init(&daemon->quota, &limits);
	daemon->quota.released = on_released;
	daemon->quota.context = daemon;
}

extern char **environ;

/* What the parts have of the configuration beside their pointer to it. */
static void fill_limits(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;

	daemon->pool_setup.auto_workers = daemon->dispatch->slots;
	daemon->pool_setup.max_message = configuration->limits.worker_message;
	daemon->pool_setup.max_result = configuration->limits.item;
	daemon->intake_limits = (struct intake_limits) {
		.call =
			{
				.message = configuration->limits.message,
				.envelope = configuration->limits.envelope,
				.items = configuration->limits.items,
				.item = configuration->limits.item,
			},
		.message_timeout = configuration->limits.message_timeout,
		.message_timeout_total = configuration->limits.message_timeout_total,
	};
}

static void fill_setups(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;

	daemon->pool_setup = (struct pool_setup) {
		.loop = &daemon->loop,
		.launcher = daemon->setup->launcher,
		.environment = environ,
		.private = daemon->setup->private_fd >= 0,
		.nofile = raise_nofile(),
		.next_worker = &daemon->next_worker,
	};
	daemon->api = (struct api) {
		.loop = &daemon->loop,
		.dispatch = daemon->dispatch,
		.configuration = configuration,
		.quota = &daemon->quota,
		.facts = get_facts,
		.reload = &daemon->reload,
		.context = daemon,
	};
	TAILQ_INIT(&daemon->api.watches);
	operations_init(&daemon->api.operations, &daemon->loop, daemon->dispatch,
			&configuration->administrators);
	daemon->service = (struct service) {
		.product = "procpoold",
		.interfaces = daemon->interfaces,
		.n_interfaces = sizeof daemon->interfaces / sizeof *daemon->interfaces,
	};
	daemon->interfaces[0] = (struct conn_interface) {
		.name = SERVICE_NAME,
		.description = service_description,
		.methods = service_methods,
		.context = &daemon->service,
	};
	daemon->interfaces[1] = api_interface(&daemon->api);
	daemon->conn_setup = (struct conn_setup) {
		.loop = &daemon->loop,
		.interfaces = daemon->interfaces,
		.n_interfaces = sizeof daemon->interfaces / sizeof *daemon->interfaces,
		.limits = &daemon->intake_limits,
		.quota = &daemon->quota,
		.all = &daemon->conns,
		.closed = on_conn_closed,
		.context = daemon,
	};
}

static int build_pools(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;

	for (size_t i = 0; i < configuration->n_pools; i++) {
		struct pool *pool;
		int r = pool_new(&pool, &configuration->pools[i], &daemon->pool_setup,
				 &dispatch_pool_ops, daemon->dispatch);

		if (r < 0)
			return r;
		dispatch_add_pool(daemon->dispatch, pool);
	}
	return 0;
}

static int build_timers(struct daemon *daemon) {
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
	struct event_base *base = daemon->loop.base;

	for (int i = 0; i < SIGNALS; i++) {
		daemon->signals[i] = evsignal_new(base, numbers[i], on_signal, daemon);
		if (!daemon->signals[i] || event_add(daemon->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	if (daemon->setup->private_fd >= 0) {
		daemon->lifeline = event_new(base, daemon->setup->private_fd, EV_READ | EV_PERSIST,
					     on_lifeline, daemon);
		if (!daemon->lifeline || event_add(daemon->lifeline, NULL) < 0)
			return -ENOMEM;
	}
	daemon->drain_timer = evtimer_new(base, on_drain_timer, daemon);
	daemon->room_timer = evtimer_new(base, on_room_timer, daemon);
	return daemon->drain_timer && daemon->room_timer
		       ? manager_init(&daemon->manager, base, &manager_ops, daemon)
		       : -ENOMEM;
}

static unsigned count_slots(const struct configuration *configuration) {
	unsigned allowed, quota;

	if (configuration->slots != SETTING_AUTO)
		return (unsigned) configuration->slots;
	allowed = cpus_allowed();
	quota = cpus_quota("");
	log_info(quota ? "slots = auto: %u CPUs by affinity, %u by CPU quota"
		       : "slots = auto: %u CPUs by affinity",
		 allowed, quota);
	return quota && quota < allowed ? quota : allowed;
}

/* A private daemon's stderr is its starter's: whoever asked for results wants no diary. */
static void take_log_level(const struct daemon *daemon) {
	uint64_t level = daemon->setup->configuration->log_level;

	if (level == SETTING_AUTO)
		level = daemon->setup->private_fd >= 0 ? LOG_WARNING : LOG_INFO;
	log_set_level((int) level);
}

/* -------- another configuration -------- */

static int read_configuration(void *context, struct configuration *ret,
			      struct configuration_error *error) {
	const struct daemon *daemon = context;

	return daemon->setup->configure(daemon->setup->configure_context, ret, error);
}

/* While it starts, readiness is still to come. */
static void on_reload_began(void *context) {
	struct daemon *daemon = context;

	if (daemon->state == DAEMON_RUNNING)
		manager_reloads(&daemon->manager);
}

static void on_reload_ended(void *context) {
	struct daemon *daemon = context;

	if (daemon->state == DAEMON_RUNNING)
		manager_is_ready(&daemon->manager);
}

static void on_configuration_changed(void *context) {
	struct daemon *daemon = context;
	const struct configuration *configuration = daemon->setup->configuration;

	take_log_level(daemon);
	dispatch_set_slots(daemon->dispatch, count_slots(configuration));
	fill_limits(daemon);
	daemon->api.deliveries.reply_limit = configuration->limits.reply;
	daemon->quota.limits = quota_limits(configuration);
	on_released(daemon);
}

static const struct reload_ops reload_ops = {
	.read = read_configuration,
	.began = on_reload_began,
	.ended = on_reload_ended,
	.changed = on_configuration_changed,
};

static void init_reload(struct daemon *daemon) {
	reload_init(&daemon->reload, &(struct reload_setup) {
					     .dispatch = daemon->dispatch,
					     .operations = &daemon->api.operations,
					     .pools = &daemon->pool_setup,
					     .configuration = daemon->setup->configuration,
					     .ops = &reload_ops,
					     .context = daemon,
				     });
}

static void divide_cgroup(struct daemon *daemon) {
	oom_init(&daemon->oom, "");
	daemon->cgroup = cgroup_new(&(struct cgroup_setup) {
		.root = "",
		.private = daemon->setup->private_fd >= 0,
		.self = getpid(),
		.exec_pid = getenv("SYSTEMD_EXEC_PID"),
		.base = daemon->loop.base,
	});
	daemon->pool_setup.cgroup = daemon->cgroup;
	daemon->pool_setup.oom = &daemon->oom;
}

static int build(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;
	int r;

	take_log_level(daemon);
	daemon->loop.base = event_base_new();
	daemon->loop.scratch = malloc(CHANNEL_SCRATCH);
	if (!daemon->loop.base || !daemon->loop.scratch)
		return -ENOMEM;
	r = dispatch_new(&daemon->dispatch, &daemon->loop, count_slots(configuration),
			 &dispatch_ops, daemon);
	if (r < 0)
		return r;
	fill_setups(daemon);
	fill_limits(daemon);
	divide_cgroup(daemon);
	init_reload(daemon);
	r = build_pools(daemon);
	if (r == 0)
		r = build_timers(daemon);
	return r < 0 ? r
		     : idle_init(&daemon->idle, daemon->loop.base, daemon->setup->exit_on_idle,
				 &idle_ops, daemon);
}

static void free_events(struct daemon *daemon) {
	struct event *events[] = {daemon->signals[0], daemon->signals[1],  daemon->signals[2],
				  daemon->lifeline,   daemon->drain_timer, daemon->room_timer};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (events[i])
			event_free(events[i]);
}

static void daemon_done(struct daemon *daemon) {
	listener_free(daemon->listener);
	conn_free_all(&daemon->conns);
	reload_done(&daemon->reload);
	dispatch_free(daemon->dispatch);
	cgroup_free(daemon->cgroup);
	oom_done(&daemon->oom);
	quota_done(&daemon->quota);
	free_events(daemon);
	manager_done(&daemon->manager);
	idle_done(&daemon->idle);
	if (daemon->loop.base)
		event_base_free(daemon->loop.base);
	free(daemon->loop.scratch);
}

/* -------- running -------- */

static int listen_on(struct daemon *daemon) {
	const char *path = daemon->setup->socket;
	int r = listener_new(&daemon->listener, &daemon->loop, path, &listener_ops, daemon);

	if (r == -EADDRINUSE)
		log_error("another daemon listens on %s", path);
	else if (r < 0)
		log_error("cannot listen on %s: %s", path, strerror(-r));
	return r < 0 ? DAEMON_EXIT_SOCKET : 0;
}

static void start(struct daemon *daemon) {
	static const char ready[] = "READY=1\n";

	/* Its starter waits for nothing but the socket. */
	if (daemon->setup->private_fd >= 0 &&
	    write(daemon->setup->private_fd, ready, strlen(ready)) < 0)
		log_warning("cannot tell the starter that we listen: %s", strerror(errno));
	manager_starts(&daemon->manager);
	struct pool *pool;

	TAILQ_FOREACH (pool, &daemon->dispatch->pools, link)
		pool_start(pool);
	dispatch_wake(daemon->dispatch);
}

int daemon_run(const struct daemon_setup *setup) {
	struct daemon daemon = {.setup = setup, .started = clock_now(), .next_worker = 1};
	int status, r;

	TAILQ_INIT(&daemon.conns);
	init_quota(&daemon);
	signal(SIGPIPE, SIG_IGN);
	r = build(&daemon);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		status = DAEMON_EXIT_SYSTEM;
	} else {
		status = listen_on(&daemon);
	}
	if (status == 0) {
		start(&daemon);
		if (event_base_dispatch(daemon.loop.base) < 0)
			status = DAEMON_EXIT_SYSTEM;
	}
	daemon_done(&daemon);
	return status;
}
