#include "daemon/lifetime.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/pool.h"
#include "daemon/reload.h"

#define SECOND UINT64_C(1000000)
/* How long an idle worker may take to go once its input is closed. */
#define STOP_GRACE (5 * SECOND)

static const char *const state_names[] = {
	[LIFETIME_STARTING] = "starting",
	[LIFETIME_RUNNING] = "running",
	[LIFETIME_DRAINING] = "draining",
	[LIFETIME_STOPPED] = "stopped",
};

const char *lifetime_state_name(enum lifetime_state state) {
	return state_names[state];
}

static void set_state(struct lifetime *lifetime, enum lifetime_state state) {
	static const enum entry_kind kinds[] = {
		[LIFETIME_RUNNING] = ENTRY_DAEMON_READY,
		[LIFETIME_DRAINING] = ENTRY_DAEMON_STOPPING,
		[LIFETIME_STOPPED] = ENTRY_DAEMON_STOPPED,
	};

	log_event(kinds[state], NULL, "%s -> %s", state_names[lifetime->state], state_names[state]);
	lifetime->state = state;
}

/* -------- stopping -------- */

static void each_pool(struct lifetime *lifetime, void (*visit)(struct pool *pool, uint64_t grace),
		      uint64_t grace) {
	struct pool *pool;

	TAILQ_FOREACH (pool, &lifetime->setup.dispatch->pools, link)
		visit(pool, grace);
}

static void kill_pool(struct pool *pool, uint64_t grace) {
	(void) grace;
	pool_kill(pool);
}

static void stop_pools(struct lifetime *lifetime, void (*how)(struct pool *pool, uint64_t grace)) {
	if (lifetime->state != LIFETIME_STOPPED)
		set_state(lifetime, LIFETIME_STOPPED);
	each_pool(lifetime, how, STOP_GRACE);
	dispatch_wake(lifetime->setup.dispatch);
}

void lifetime_drain(struct lifetime *lifetime) {
	uint64_t timeout = lifetime->setup.configuration->drain_timeout;
	struct timeval interval = clock_interval(timeout);

	reload_stop(lifetime->setup.reload);
	set_state(lifetime, LIFETIME_DRAINING);
	manager_stops(lifetime->setup.manager);
	if (timeout != UINT64_MAX)
		evtimer_add(lifetime->drain_timer, &interval);
	listener_stop(lifetime->listener);
	conn_shut_all(lifetime->setup.conns);
	dispatch_wake(lifetime->setup.dispatch);
}

static void stop_now(struct lifetime *lifetime) {
	lifetime->hurried = true;
	manager_ends(lifetime->setup.manager);
	reload_stop(lifetime->setup.reload);
	listener_stop(lifetime->listener);
	dispatch_cancel_all(lifetime->setup.dispatch);
	stop_pools(lifetime, kill_pool);
}

/* -------- events -------- */

static void on_signal(evutil_socket_t number, short what, void *context) {
	struct lifetime *lifetime = context;

	(void) what;
	if (number == SIGHUP && lifetime->state < LIFETIME_DRAINING)
		reload_anonymous(lifetime->setup.reload);
	else if (number == SIGHUP)
		log_warning("SIGHUP is ignored: the daemon stops");
	else if (lifetime->state < LIFETIME_DRAINING)
		lifetime_drain(lifetime);
	else
		stop_now(lifetime);
}

/* Whoever started a private daemon is gone. */
static void on_lifeline(evutil_socket_t fd, short what, void *context) {
	struct lifetime *lifetime = context;
	char byte;
	ssize_t n = read(fd, &byte, 1);

	(void) what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	event_del(lifetime->lifeline);
	stop_now(lifetime);
}

static void on_drain_timer(evutil_socket_t fd, short what, void *context) {
	struct lifetime *lifetime = context;

	(void) fd, (void) what;
	log_warning("drain_timeout is over: what still runs is cancelled");
	manager_ends(lifetime->setup.manager);
	dispatch_cancel_all(lifetime->setup.dispatch);
	conn_hurry_all(lifetime->setup.conns);
}

/* -------- from the start to the end -------- */

int lifetime_init(struct lifetime *lifetime, const struct lifetime_setup *setup) {
	static const int numbers[LIFETIME_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

	*lifetime = (struct lifetime) {.setup = *setup};
	for (int i = 0; i < LIFETIME_SIGNALS; i++) {
		lifetime->signals[i] = evsignal_new(setup->base, numbers[i], on_signal, lifetime);
		if (!lifetime->signals[i] || event_add(lifetime->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	if (setup->lifeline >= 0) {
		lifetime->lifeline = event_new(setup->base, setup->lifeline, EV_READ | EV_PERSIST,
					       on_lifeline, lifetime);
		if (!lifetime->lifeline || event_add(lifetime->lifeline, NULL) < 0)
			return -ENOMEM;
	}
	lifetime->drain_timer = evtimer_new(setup->base, on_drain_timer, lifetime);
	return lifetime->drain_timer ? 0 : -ENOMEM;
}

void lifetime_done(struct lifetime *lifetime) {
	struct event *events[] = {lifetime->signals[0], lifetime->signals[1], lifetime->signals[2],
				  lifetime->lifeline, lifetime->drain_timer};

	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (events[i])
			event_free(events[i]);
	*lifetime = (struct lifetime) {0};
}

void lifetime_start(struct lifetime *lifetime, struct listener *listener) {
	static const char ready[] = "READY=1\n";
	struct pool *pool;

	lifetime->listener = listener;
	/* Its starter waits for nothing but the socket. */
	if (lifetime->setup.lifeline >= 0 &&
	    write(lifetime->setup.lifeline, ready, strlen(ready)) < 0)
		log_warning("cannot tell the starter that we listen: %s", strerror(errno));
	manager_starts(lifetime->setup.manager);
	TAILQ_FOREACH (pool, &lifetime->setup.dispatch->pools, link)
		pool_start(pool);
	dispatch_wake(lifetime->setup.dispatch);
}

static bool all_pools(const struct lifetime *lifetime, bool (*test)(const struct pool *pool)) {
	const struct pool *pool;

	TAILQ_FOREACH (pool, &lifetime->setup.dispatch->pools, link)
		if (!test(pool))
			return false;
	return true;
}

void lifetime_wake(struct lifetime *lifetime) {
	if (lifetime->state == LIFETIME_STARTING && all_pools(lifetime, pool_is_warm)) {
		set_state(lifetime, LIFETIME_RUNNING);
		manager_is_ready(lifetime->setup.manager);
	}
	if (lifetime->state == LIFETIME_DRAINING &&
	    !dispatch_has_requests(lifetime->setup.dispatch))
		stop_pools(lifetime, pool_stop);
	if (lifetime->state == LIFETIME_STOPPED && all_pools(lifetime, pool_is_empty) &&
	    (lifetime->hurried || conn_all_sent(lifetime->setup.conns)))
		event_base_loopbreak(lifetime->setup.base);
}
