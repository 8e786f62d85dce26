#include "daemon/deadline.h"

#include <errno.h>
#include <event2/event.h>

#include "daemon/clock.h"
#include "daemon/request.h"

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct deadline *deadline = context;
	uint32_t ms;

	(void) fd, (void) what;
	if (deadline->request->stopped)
		return;
	/* It may have started since this was set. */
	if (request_deadline(deadline->request, &ms) > clock_now()) {
		deadline_watch(deadline);
		return;
	}
	deadline->expired(deadline->context, deadline->request, ms);
}

int deadline_watch(struct deadline *deadline) {
	uint32_t ms;
	uint64_t due = request_deadline(deadline->request, &ms), now = clock_now();
	struct timeval interval = clock_interval(due > now ? due - now : 0);

	if (due == UINT64_MAX)
		return 0;
	if (!deadline->timer)
		deadline->timer = evtimer_new(deadline->base, on_timer, deadline);
	return deadline->timer && evtimer_add(deadline->timer, &interval) == 0 ? 0 : -ENOMEM;
}

void deadline_done(struct deadline *deadline) {
	if (deadline->timer)
		event_free(deadline->timer);
	deadline->timer = NULL;
}
