#pragma once

#include <stdbool.h>

struct configuration;
struct conn_list;
struct dispatch;
struct event;
struct event_base;
struct listener;
struct manager;
struct reload;

/*
 * The daemon's course from its start to its end: where it is, what takes it on (warm pools, signals, the end of whoever
 * started it, the end of the last request, time), and what each step asks of the parts.
 *
 *   STARTING ──all pools warm──► RUNNING ──signal──► DRAINING ──no request left──► STOPPED
 */

enum lifetime_state { LIFETIME_STARTING, LIFETIME_RUNNING, LIFETIME_DRAINING, LIFETIME_STOPPED };

enum { LIFETIME_SIGNALS = 3 };

struct lifetime_setup {
	struct event_base *base; /* its loop is left at the end */
	int lifeline;            /* of a private daemon, or -1 */
	const struct configuration *configuration;
	struct dispatch *dispatch;
	struct reload *reload;
	struct manager *manager;
	struct conn_list *conns;
};

struct lifetime {
	struct lifetime_setup setup;
	struct listener *listener; /* not owned */
	enum lifetime_state state;
	bool hurried; /* nothing is waited for any more, unread replies neither */
	struct event *signals[LIFETIME_SIGNALS];
	struct event *lifeline;
	struct event *drain_timer;
};

/* Returns 0 or -ENOMEM; lifetime_done() is fine after both, and if lifetime is zeroed. */
int lifetime_init(struct lifetime *lifetime, const struct lifetime_setup *setup);
void lifetime_done(struct lifetime *lifetime);

/* Clients can connect: the starter of a private daemon is told, the pools start. */
void lifetime_start(struct lifetime *lifetime, struct listener *listener);
/* No connection is accepted and no request taken any more; what is at hand is finished, and then it ends. Only before
 * it drains. */
void lifetime_drain(struct lifetime *lifetime);
/* After each pump: does it complete a start, a drain, a stop? */
void lifetime_wake(struct lifetime *lifetime);

/* In lower case, as Status has it. */
const char *lifetime_state_name(enum lifetime_state state);
