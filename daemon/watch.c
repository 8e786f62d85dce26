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
	bool answered;
	uint64_t last; /* hash of the last answer, stripped: the answer itself may be large */
};

static void watch_free(struct watch *watch) {
	if (watch->period)
		event_free(watch->period);
	if (watch->soon)
		event_free(watch->soon);
	free(watch);
}

/* FNV-1a. */
static int add_to_hash(const char *text, size_t size, void *hash) {
	uint64_t h = *(uint64_t *) hash;

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char) text[i]) * UINT64_C(1099511628211);
	*(uint64_t *) hash = h;
	return 0;
}

/* Sends the answer if it differs from the last one. A reader that is slow is spared. */
static void answer(struct watch *watch) {
	uint64_t hash = UINT64_C(14695981039346656037);
	json_t *present, *stripped;

	if (conn_unsent(watch->conn) > 0 || conn_may_answer(watch->conn) != QUOTA_OK)
		return;
	present = watch->source->build(watch->context, watch->conn, watch->detailed);
	stripped = json_deep_copy(present);
	if (stripped)
		watch->source->strip(stripped);
	if (json_dump_callback(stripped, add_to_hash, &hash, JSON_COMPACT) == 0 &&
	    (!watch->answered || hash != watch->last)) {
		watch->answered = true;
		watch->last = hash;
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
