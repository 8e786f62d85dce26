#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api.h"
#include "daemon/cgroup.h"
#include "daemon/channel.h"
#include "daemon/clients.h"
#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/delivery.h"
#include "daemon/dispatch.h"
#include "daemon/idle.h"
#include "daemon/lifetime.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/machine.h"
#include "daemon/manager.h"
#include "daemon/notify.h"
#include "daemon/oom.h"
#include "daemon/options.h"
#include "daemon/pool.h"
#include "daemon/reload.h"
#include "daemon/room.h"
#include "daemon/sources.h"
#include "daemon/status.h"

struct daemon {
	const struct daemon_setup *setup;
	uint64_t started;
	struct channel_loop loop;
	struct listener *listener;
	struct dispatch *dispatch;
	struct api api;
	struct reload reload;
	struct clients clients;
	struct room room;
	struct pool_setup pool_setup;
	struct cgroup *cgroup;
	struct oom oom;
	uint64_t next_worker;
	struct idle idle;
	struct manager manager;
	struct lifetime lifetime;
};

static bool is_private(const struct daemon *daemon) {
	return daemon->setup->options->private_fd >= 0;
}

/* -------- events -------- */

static void get_facts(void *context, struct status_facts *ret) {
	const struct daemon *daemon = context;
	enum lifetime_state state = daemon->lifetime.state;

	if (state == LIFETIME_RUNNING && daemon->api.operations.drained)
		state = LIFETIME_DRAINING;
	*ret = (struct status_facts) {
		.state = lifetime_state_name(state),
		.started = daemon->started,
		.now = clock_now(),
		.connections = (unsigned) daemon->room.quota.held[QUOTA_CONNECTIONS],
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

	return daemon->lifetime.state == LIFETIME_RUNNING && TAILQ_EMPTY(&daemon->clients.all) &&
	       !dispatch_has_requests(daemon->dispatch) && !daemon->api.operations.drained &&
	       !reload_is_going_on(&daemon->reload);
}

static void on_idle(void *context) {
	struct daemon *daemon = context;

	/* Who connects from here on waits at the socket until the service manager has started another daemon. */
	if (listener_is_awaited(daemon->listener))
		return idle_look(&daemon->idle);
	log_event(ENTRY_DAEMON_IDLE, NULL, "idle for %.1f s: the next connection starts it again",
		  (double) daemon->setup->options->exit_on_idle / 1e6);
	lifetime_drain(&daemon->lifetime);
}

static const struct idle_ops idle_ops = {.is_idle = is_idle, .over = on_idle};

static void on_accepted(void *context, int fd, const struct peer *peer) {
	struct daemon *daemon = context;

	clients_accept(&daemon->clients, fd, peer);
	idle_look(&daemon->idle);
}

static void on_pumped(void *context) {
	struct daemon *daemon = context;

	watch_wake(&daemon->api.watches);
	operations_wake(&daemon->api.operations);
	if (daemon->lifetime.state < LIFETIME_DRAINING)
		reload_wake(&daemon->reload);
	lifetime_wake(&daemon->lifetime);
	manager_wake(&daemon->manager);
	idle_look(&daemon->idle);
}

static void on_client_gone(void *context) {
	struct daemon *daemon = context;

	dispatch_wake(daemon->dispatch);
}

static const struct dispatch_ops dispatch_ops = {
	.progressed = delivery_progressed,
	.pumped = on_pumped,
};

static const struct listener_ops listener_ops = {.accepted = on_accepted};

/* -------- building -------- */

extern char **environ;

/* What the parts have of the configuration beside their pointer to it. */
static void fill_limits(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;

	daemon->pool_setup.auto_workers = daemon->dispatch->slots;
	daemon->pool_setup.max_message = configuration->limits.worker_message;
	daemon->pool_setup.max_result = configuration->limits.item;
}

static void fill_setups(struct daemon *daemon) {
	const struct configuration *configuration = daemon->setup->configuration;

	daemon->pool_setup = (struct pool_setup) {
		.loop = &daemon->loop,
		.launcher = daemon->setup->launcher,
		.environment = environ,
		.private = is_private(daemon),
		.nofile = machine_raise_nofile(),
		.next_worker = &daemon->next_worker,
	};
	daemon->api = (struct api) {
		.loop = &daemon->loop,
		.dispatch = daemon->dispatch,
		.configuration = configuration,
		.quota = &daemon->room.quota,
		.facts = get_facts,
		.reload = &daemon->reload,
		.context = daemon,
	};
	TAILQ_INIT(&daemon->api.watches);
	operations_init(&daemon->api.operations, &daemon->loop, daemon->dispatch,
			&configuration->administrators);
}

static void build_clients(struct daemon *daemon) {
	clients_init(&daemon->clients,
		     &(struct clients_setup) {
			     .loop = &daemon->loop,
			     .api = api_interface(&daemon->api),
			     .quota = &daemon->room.quota,
			     .private = is_private(daemon),
			     .closed = on_client_gone,
			     .context = daemon,
		     },
		     daemon->setup->configuration);
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

static int build_lifetime(struct daemon *daemon) {
	struct event_base *base = daemon->loop.base;
	int r = manager_init(&daemon->manager, base, &manager_ops, daemon);

	if (r < 0)
		return r;
	r = idle_init(&daemon->idle, base, daemon->setup->options->exit_on_idle, &idle_ops, daemon);
	if (r < 0)
		return r;
	return lifetime_init(&daemon->lifetime,
			     &(struct lifetime_setup) {
				     .base = base,
				     .lifeline = daemon->setup->options->private_fd,
				     .configuration = daemon->setup->configuration,
				     .dispatch = daemon->dispatch,
				     .reload = &daemon->reload,
				     .manager = &daemon->manager,
				     .conns = &daemon->clients.all,
			     });
}

/* A private daemon's stderr is its starter's: whoever asked for results wants no diary. */
static void take_log_level(const struct daemon *daemon) {
	uint64_t level = daemon->setup->configuration->log_level;

	if (level == SETTING_AUTO)
		level = is_private(daemon) ? LOG_WARNING : LOG_INFO;
	log_set_level((int) level);
}

/* -------- another configuration -------- */

static int read_configuration(void *context, struct configuration *ret,
			      struct configuration_error *error) {
	const struct daemon *daemon = context;

	return sources_read(daemon->setup->options, ret, error);
}

/* While it starts, readiness is still to come. */
static void on_reload_began(void *context) {
	struct daemon *daemon = context;

	if (daemon->lifetime.state == LIFETIME_RUNNING)
		manager_reloads(&daemon->manager);
}

static void on_reload_ended(void *context) {
	struct daemon *daemon = context;

	if (daemon->lifetime.state == LIFETIME_RUNNING)
		manager_is_ready(&daemon->manager);
}

static void on_configuration_changed(void *context) {
	struct daemon *daemon = context;
	const struct configuration *configuration = daemon->setup->configuration;

	take_log_level(daemon);
	dispatch_set_slots(daemon->dispatch, machine_slots(configuration));
	fill_limits(daemon);
	clients_set_limits(&daemon->clients, configuration);
	daemon->api.deliveries.reply_limit = configuration->limits.reply;
	room_set_limits(&daemon->room, configuration);
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
		.private = is_private(daemon),
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
	r = room_init(&daemon->room, daemon->loop.base, configuration);
	if (r < 0)
		return r;
	r = dispatch_new(&daemon->dispatch, &daemon->loop, machine_slots(configuration),
			 &dispatch_ops, daemon);
	if (r < 0)
		return r;
	fill_setups(daemon);
	build_clients(daemon);
	fill_limits(daemon);
	divide_cgroup(daemon);
	init_reload(daemon);
	r = build_pools(daemon);
	return r < 0 ? r : build_lifetime(daemon);
}

static void daemon_done(struct daemon *daemon) {
	listener_free(daemon->listener);
	clients_done(&daemon->clients);
	reload_done(&daemon->reload);
	dispatch_free(daemon->dispatch);
	cgroup_free(daemon->cgroup);
	oom_done(&daemon->oom);
	room_done(&daemon->room);
	lifetime_done(&daemon->lifetime);
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

int daemon_run(const struct daemon_setup *setup) {
	struct daemon daemon = {.setup = setup, .started = clock_now(), .next_worker = 1};
	int status, r;

	signal(SIGPIPE, SIG_IGN);
	r = build(&daemon);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		status = DAEMON_EXIT_SYSTEM;
	} else {
		status = listen_on(&daemon);
	}
	if (status == 0) {
		lifetime_start(&daemon.lifetime, daemon.listener);
		if (event_base_dispatch(daemon.loop.base) < 0)
			status = DAEMON_EXIT_SYSTEM;
	}
	daemon_done(&daemon);
	return status;
}
