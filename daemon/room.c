#include "daemon/room.h"

#include <errno.h>
#include <event2/event.h>

#include "daemon/configuration.h"
#include "daemon/intake.h"
#include "daemon/machine.h"

static struct quota_limits quota_limits(const struct configuration *configuration) {
	return (struct quota_limits) {
		.connections = configuration->limits.connections,
		.user_connections = configuration->limits.user_connections,
		.user_items = configuration->limits.user_items,
		.user_bytes = configuration->limits.user_bytes,
		.total_bytes = machine_total_bytes(configuration),
	};
}

static void on_released(void *context) {
	struct room *room = context;

	event_active(room->timer, EV_TIMEOUT, 1);
}

/* One at a time: what it reads may be all there is room for. */
static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct room *room = context;
	struct quota_waiter *waiter = quota_next(&room->quota);

	(void) fd, (void) what;
	if (!waiter)
		return;
	intake_go_on(waiter);
	event_active(room->timer, EV_TIMEOUT, 1);
}

int room_init(struct room *room, struct event_base *base,
	      const struct configuration *configuration) {
	const struct quota_limits limits = quota_limits(configuration);

	quota_init(&room->quota, &limits);
	room->quota.released = on_released;
	room->quota.context = room;
	room->timer = evtimer_new(base, on_timer, room);
	return room->timer ? 0 : -ENOMEM;
}

void room_done(struct room *room) {
	quota_done(&room->quota);
	if (room->timer)
		event_free(room->timer);
	room->timer = NULL;
}

void room_set_limits(struct room *room, const struct configuration *configuration) {
	room->quota.limits = quota_limits(configuration);
	on_released(room);
}
