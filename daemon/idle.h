#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

/* Tells when nobody has used the daemon for long. */

struct idle_ops {
	/* Whether nobody uses it now. */
	bool (*is_idle)(void *context);
	/* Nobody has for `after`. */
	void (*over)(void *context);
};

struct idle {
	uint64_t after; /* µs, UINT64_MAX = it is never told */
	const struct idle_ops *ops;
	void *context;
	struct event *timer;
};

/* Returns 0 or -ENOMEM; idle_done() is fine after both, and if idle is zeroed. */
int idle_init(struct idle *idle, struct event_base *base, uint64_t after,
	      const struct idle_ops *ops, void *context);
void idle_done(struct idle *idle);

/* It may be idle from now on, or not any more. */
void idle_look(struct idle *idle);
