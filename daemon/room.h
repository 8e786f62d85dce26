#pragma once

#include "daemon/quota.h"

struct configuration;
struct event;
struct event_base;

/*
 * Room for what clients send: daemon/quota with the limits of the configuration and the machine, and with the event that
 * lets those who wait for room read on once there may be some.
 */

struct room {
	struct quota quota;
	struct event *timer; /* somebody who waits for room may have it */
};

/* Must not move any more. Returns 0 or -ENOMEM; room_done() is fine after both, and if room is zeroed. */
int room_init(struct room *room, struct event_base *base,
	      const struct configuration *configuration);
/* Nobody may hold anything. */
void room_done(struct room *room);

/* The configuration says something else; who waits looks again. */
void room_set_limits(struct room *room, const struct configuration *configuration);
