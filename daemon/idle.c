#include "daemon/idle.h"

#include <errno.h>
#include <event2/event.h>

#include "daemon/clock.h"

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct idle *idle = context;

	(void) fd, (void) what;
	if (idle->ops->is_idle(idle->context))
		idle->ops->over(idle->context);
}

void idle_look(struct idle *idle) {
	const struct timeval interval = clock_interval(idle->after);

	if (idle->after == UINT64_MAX)
		return;
	if (!idle->ops->is_idle(idle->context))
		evtimer_del(idle->timer);
	else if (!evtimer_pending(idle->timer, NULL))
		evtimer_add(idle->timer, &interval);
}

int idle_init(struct idle *idle, struct event_base *base, uint64_t after,
	      const struct idle_ops *ops, void *context) {
	*idle = (struct idle) {.after = after, .ops = ops, .context = context};
	idle->timer = evtimer_new(base, on_timer, idle);
	return idle->timer ? 0 : -ENOMEM;
}

void idle_done(struct idle *idle) {
	if (idle->timer)
		event_free(idle->timer);
	idle->timer = NULL;
}
