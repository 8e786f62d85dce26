#pragma once

#include <stdint.h>

struct event;
struct event_base;
struct request;

/* When the time of one call is over: in the queue, or in all; see request_deadline(). */

struct deadline {
	struct event_base *base;
	struct request *request;
	/* It is over, and the request not yet; ms: what it was given. */
	void (*expired)(void *context, struct request *request, uint32_t ms);
	void *context;
	struct event *timer; /* NULL = it never had a deadline */
};

/* Waits for the next deadline of the call, if it has one. After each change of its options. Returns 0 or -ENOMEM. */
int deadline_watch(struct deadline *deadline);
/* Fine if it is zeroed. */
void deadline_done(struct deadline *deadline);
