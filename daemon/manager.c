#include "daemon/manager.h"

#include <errno.h>
#include <event2/event.h>

#include "daemon/clock.h"
#include "daemon/notify.h"

#define SECOND UINT64_C(1000000)
/* How much longer than said a start or a stop may take, as the manager is told while it lasts. */
#define EXTENSION (30 * SECOND)

static void add_timer(struct event *timer, uint64_t us) {
	struct timeval interval = clock_interval(us);

	evtimer_add(timer, &interval);
}

/* -------- events -------- */

static void on_status_timer(evutil_socket_t fd, short what, void *context) {
	struct manager *manager = context;

	(void) fd, (void) what;
	manager->ops->status_due(manager->context);
}

static void on_extend_timer(evutil_socket_t fd, short what, void *context) {
	struct manager *manager = context;

	(void) fd, (void) what;
	notify_extend(EXTENSION);
	add_timer(manager->extend_timer, EXTENSION / 3);
}

/* Before the pump a free slot beside a runnable request is nothing but news: it is looked for after it. */
static void on_watchdog_timer(evutil_socket_t fd, short what, void *context) {
	struct manager *manager = context;

	(void) fd, (void) what;
	manager->pings = true;
	manager->ops->ping_due(manager->context);
	add_timer(manager->watchdog_timer, notify_watchdog_period() / 2);
}

/* -------- the daemon's course -------- */

int manager_init(struct manager *manager, struct event_base *base, const struct manager_ops *ops,
		 void *context) {
	*manager = (struct manager) {.ops = ops, .context = context};
	manager->status_timer = evtimer_new(base, on_status_timer, manager);
	manager->extend_timer = evtimer_new(base, on_extend_timer, manager);
	manager->watchdog_timer = evtimer_new(base, on_watchdog_timer, manager);
	return manager->status_timer && manager->extend_timer && manager->watchdog_timer ? 0
											 : -ENOMEM;
}

void manager_done(struct manager *manager) {
	struct event *timers[] = {manager->status_timer, manager->extend_timer,
				  manager->watchdog_timer};

	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
		if (timers[i])
			event_free(timers[i]);
	*manager = (struct manager) {0};
}

void manager_starts(struct manager *manager) {
	add_timer(manager->extend_timer, 0);
	if (notify_watchdog_period())
		add_timer(manager->watchdog_timer, 0);
}

void manager_is_ready(struct manager *manager) {
	evtimer_del(manager->extend_timer);
	notify_ready();
}

void manager_reloads(struct manager *manager) {
	(void) manager;
	notify_reloading(clock_now());
}

void manager_stops(struct manager *manager) {
	notify_stopping();
	add_timer(manager->extend_timer, 0);
}

void manager_ends(struct manager *manager) {
	notify_extend(EXTENSION);
	evtimer_del(manager->extend_timer);
}

void manager_wake(struct manager *manager) {
	if (!evtimer_pending(manager->status_timer, NULL))
		add_timer(manager->status_timer, SECOND);
	if (!manager->pings)
		return;
	manager->pings = false;
	/* Alive is not enough: work that could go on must be going on. */
	if (manager->ops->is_well(manager->context))
		notify_watchdog();
}
