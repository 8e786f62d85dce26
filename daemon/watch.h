#pragma once

#include <jansson.h>
#include <stdbool.h>

struct channel_loop;
struct conn;

/*
 * A call with 'more' that is answered again and again, once a second, as long as the answer changes.
 */

struct watch_source {
	/* The present answer, as a new object. */
	json_t *(*build)(void *context, bool detailed);
	/* Removes what changes by itself, such as ages. */
	void (*strip)(json_t *answer);
};

/* context: for build(). Answers the active call of conn until the peer goes; frees itself then. Returns 0 or -ENOMEM. */
int watch_start(const struct watch_source *source, void *context, bool detailed, struct conn *conn,
		const struct channel_loop *loop);
