#include "daemon/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/conn.h"

#define PERIOD UINT64_C(1000000)
/* What changes at once is told at once, and a thousand changes in a row are told together. */
#define SOON UINT64_C(50000)

struct watch {
	TAILQ_ENTRY(watch) link;
	struct watch_list *list;
	const struct watch_source *source;
	void *context;
	bool detailed;
	struct conn *conn;
	struct event *period, *soon;
	json_t *last; /* stripped */
};

static void watch_free(struct watch *watch) {
	if (watch->period)
		event_free(watch->period);
	if (watch->soon)
		event_free(watch->soon);
	json_decref(watch->last);
	free(watch);
}

/* Sends the answer if it differs from the last one. A reader that is slow is spared. */
static void answer(struct watch *watch) {
	json_t *present = watch->source->build(watch->context, watch->conn, watch->detailed);
	json_t *stripped = json_deep_copy(present);

	if (stripped)
		watch->source->strip(stripped);
	if (conn_unsent(watch->conn) == 0 && stripped && !json_equal(stripped, watch->last)) {
		json_decref(watch->last);
		watch->last = json_incref(stripped);
		conn_reply(watch->conn, json_incref(present), true);
	}
	json_decref(stripped);
	json_decref(present);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	(void) fd, (void) what;
	answer(context);
}

static void on_hung_up(void *owner) {
	struct watch *watch = owner;

	TAILQ_REMOVE(watch->list, watch, link);
	watch_free(watch);
}

static void on_drained(void *owner) {
	(void) owner;
}

static const struct conn_ops conn_ops = {.hung_up = on_hung_up, .drained = on_drained};

void watch_wake(struct watch_list *list) {
	const struct timeval interval = clock_interval(SOON);
	struct watch *watch;

	TAILQ_FOREACH (watch, list, link)
		if (!evtimer_pending(watch->soon, NULL))
			evtimer_add(watch->soon, &interval);
}

int watch_start(struct watch_list *list, const struct watch_source *source, void *context,
		bool detailed, struct conn *conn, const struct channel_loop *loop) {
	const struct timeval interval = clock_interval(PERIOD);
	struct watch *watch = malloc(sizeof *watch);

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch) {
		.list = list,
		.source = source,
		.context = context,
		.detailed = detailed,
		.conn = conn,
		.period = event_new(loop->base, -1, EV_PERSIST, on_timer, watch),
		.soon = evtimer_new(loop->base, on_timer, watch),
	};
	if (!watch->period || !watch->soon || evtimer_add(watch->period, &interval) < 0) {
		watch_free(watch);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(list, watch, link);
	conn_own(conn, &conn_ops, watch);
	answer(watch);
	return 0;
}
