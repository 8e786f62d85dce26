#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/queue.h>

struct channel_loop;
struct conn;

/*
 * A call with 'more' that is answered again and again as long as the answer changes: soon after the pump has run, and
 * once a second for what changes without it.
 */

TAILQ_HEAD(watch_list, watch);

struct watch_source {
	/* The present answer to that peer, as a new object. */
	json_t *(*build)(void *context, const struct conn *conn, bool detailed);
	/* Removes what changes by itself, such as ages. */
	void (*strip)(json_t *answer);
};

/* Answers the active call of conn until the peer goes; it is in the list until then. context: for build(). Returns 0
 * or -ENOMEM. */
int watch_start(struct watch_list *list, const struct watch_source *source, void *context,
		bool detailed, struct conn *conn, const struct channel_loop *loop);

/* Something may have changed: all of them look soon. */
void watch_wake(struct watch_list *list);
