#include "tests/core/fake_loop.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#include "tests/core/transcript.h"

#define SECOND UINT64_C(1000000)
/* Callbacks without a rest between them: so many mean that there never will be one. */
#define RESTLESS 100000
#define NEVER    UINT64_MAX

struct event {
	TAILQ_ENTRY(event) link;        /* in all */
	TAILQ_ENTRY(event) active_link; /* in active, if is_active */
	struct event_base *base;
	evutil_socket_t fd;
	short events, result;
	event_callback_fn callback;
	void *context;
	bool is_active, is_added, is_timed;
	uint64_t due, turn, interval; /* turn: of the addition, among those due at once */
};

TAILQ_HEAD(event_list, event);

struct event_base {
	struct event_list all, active;
	uint64_t now, turn;
	void (*rested)(void *context);
	void *context;
};

/* Whose time the clock shows: clock_gettime() has no other way to know. */
static struct event_base *the_loop;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret) {
	if (!the_loop || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE))
		return __real_clock_gettime(clock, ret);
	ret->tv_sec = (time_t) (the_loop->now / SECOND);
	ret->tv_nsec = (long) (the_loop->now % SECOND * 1000);
	return 0;
}

/* -------- libevent's events -------- */

struct event *event_new(struct event_base *base, evutil_socket_t fd, short events,
			event_callback_fn callback, void *context) {
	struct event *event = calloc(1, sizeof *event);

	if (!event)
		return NULL;
	event->base = base;
	event->fd = fd;
	event->events = events;
	event->callback = callback;
	event->context = context;
	TAILQ_INSERT_TAIL(&base->all, event, link);
	return event;
}

int event_add(struct event *event, const struct timeval *interval) {
	event->is_added |= (event->events & (EV_READ | EV_WRITE)) != 0;
	if (!interval)
		return 0;
	event->interval = (uint64_t) interval->tv_sec * SECOND + (uint64_t) interval->tv_usec;
	event->is_timed = true;
	event->due = event->interval < NEVER - event->base->now ? event->base->now + event->interval
								: NEVER;
	event->turn = ++event->base->turn;
	return 0;
}

static void deactivate(struct event *event) {
	if (event->is_active)
		TAILQ_REMOVE(&event->base->active, event, active_link);
	event->is_active = false;
}

int event_del(struct event *event) {
	event->is_added = event->is_timed = false;
	deactivate(event);
	return 0;
}

void event_free(struct event *event) {
	event_del(event);
	TAILQ_REMOVE(&event->base->all, event, link);
	free(event);
}

void event_active(struct event *event, int result, short calls) {
	(void) calls;
	event->result = (short) (event->is_active ? event->result | result : result);
	if (!event->is_active)
		TAILQ_INSERT_TAIL(&event->base->active, event, active_link);
	event->is_active = true;
}

int event_pending(const struct event *event, short events, struct timeval *ret) {
	int flags = (event->is_added ? event->events & (EV_READ | EV_WRITE) : 0) |
		    (event->is_active ? event->result : 0) | (event->is_timed ? EV_TIMEOUT : 0);

	(void) ret;
	return flags & events;
}

/* -------- the loop -------- */

static struct event *next_timer(const struct event_base *base) {
	struct event *event, *next = NULL;

	TAILQ_FOREACH (event, &base->all, link)
		if (event->is_timed && (!next || event->due < next->due ||
					(event->due == next->due && event->turn < next->turn)))
			next = event;
	return next;
}

uint64_t fake_loop_next(const struct event_base *base) {
	const struct event *event = next_timer(base);

	return event ? event->due : NEVER;
}

uint64_t fake_loop_now(const struct event_base *base) {
	return base->now;
}

static void call(struct event *event) {
	struct timeval interval = {.tv_sec = (time_t) (event->interval / SECOND),
				   .tv_usec = (suseconds_t) (event->interval % SECOND)};
	bool again = event->events & EV_PERSIST && event->is_timed;

	if (event->events & EV_PERSIST)
		deactivate(event);
	else
		event_del(event);
	if (again)
		event_add(event, &interval);
	event->callback(event->fd, event->result, event->context);
}

void fake_loop_run(struct event_base *base) {
	struct event *event;
	unsigned calls = 0;

	for (;;) {
		while ((event = next_timer(base)) && event->due <= base->now) {
			event->is_timed = event->events & EV_PERSIST;
			event->due = base->now + (event->interval > 0 ? event->interval : 1);
			event_active(event, EV_TIMEOUT, 1);
		}
		event = TAILQ_FIRST(&base->active);
		if (!event)
			break;
		if (++calls > RESTLESS)
			broken("the loop never rests");
		call(event);
	}
	base->rested(base->context);
}

void fake_loop_advance(struct event_base *base, uint64_t us) {
	uint64_t end = base->now + us, next;

	fake_loop_run(base);
	while ((next = fake_loop_next(base)) <= end) {
		base->now = next > base->now ? next : base->now;
		fake_loop_run(base);
	}
	base->now = end;
}

void fake_loop_readable(struct event_base *base, int fd) {
	struct event *event;

	TAILQ_FOREACH (event, &base->all, link)
		if (event->is_added && event->fd == fd && event->events & EV_READ)
			event_active(event, EV_READ, 1);
}

/* -------- life -------- */

struct event_base *fake_loop_new(void (*rested)(void *context), void *context) {
	struct event_base *base = calloc(1, sizeof *base);

	if (!base || the_loop)
		broken("no memory, or a second loop");
	base->now = SECOND;
	base->rested = rested;
	base->context = context;
	TAILQ_INIT(&base->all);
	TAILQ_INIT(&base->active);
	the_loop = base;
	return base;
}

struct event_base *fake_loop_free(struct event_base *base) {
	if (!TAILQ_EMPTY(&base->all))
		broken("an event is left when all is over");
	the_loop = NULL;
	free(base);
	return NULL;
}
