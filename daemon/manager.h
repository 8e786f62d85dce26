#pragma once

#include <stdbool.h>

struct event;
struct event_base;

/*
 * What the service manager is told in the course of time: that a start or a stop goes on, the line about how it is, that the
 * daemon is well. The words themselves are daemon/notify's; without a manager all of it is nothing.
 */

struct manager_ops {
	/* A second after something changed: the line for people is due, by notify_status(). */
	void (*status_due)(void *context);
	/* A ping of the watchdog is due, with the next manager_wake(): there must be one soon. */
	void (*ping_due)(void *context);
	/* Whether the daemon is well, so that the watchdog may be told; it says itself what is not. */
	bool (*is_well)(void *context);
};

struct manager {
	const struct manager_ops *ops;
	void *context;
	bool pings; /* after the next pump */
	struct event *status_timer;
	struct event *extend_timer; /* while starting and draining */
	struct event *watchdog_timer;
};

/* Returns 0 or -ENOMEM; manager_done() is fine after both, and if manager is zeroed. */
int manager_init(struct manager *manager, struct event_base *base, const struct manager_ops *ops,
		 void *context);
void manager_done(struct manager *manager);

/* The start begins; from here on the watchdog is told, too. */
void manager_starts(struct manager *manager);
/* The start is over, or a reload. */
void manager_is_ready(struct manager *manager);
/* The configuration is read again; manager_is_ready() tells that this is over. */
void manager_reloads(struct manager *manager);
/* The stop begins, and may last. */
void manager_stops(struct manager *manager);
/* From here on the end comes by itself: if it does not, the manager may help. */
void manager_ends(struct manager *manager);

/* After each pump: something may have changed, and is it well? */
void manager_wake(struct manager *manager);
