#include "daemon/stop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>

#include "daemon/clock.h"
#include "daemon/process.h"

#define SECOND UINT64_C(1000000)

static void set_step(struct stop *stop, enum stop_step step, uint64_t us) {
	struct timeval interval = clock_interval(us);

	stop->step = step;
	if (step == STOP_NONE || us == UINT64_MAX)
		evtimer_del(stop->timer);
	else
		evtimer_add(stop->timer, &interval);
}

static void send_signal(struct stop *stop, enum stop_step step) {
	stop->ours = true;
	stop->ops->stopping(stop->context);
	process_signal(stop->process, step == STOP_TERM ? SIGTERM : SIGKILL);
	set_step(stop, step, SECOND);
}

void stop_kill(struct stop *stop, const char *reason) {
	if (!stop->reason)
		stop->reason = reason;
	send_signal(stop, STOP_KILL);
}

void stop_overdue(struct stop *stop, uint64_t target, const char *reason) {
	stop->timed_out = true;
	stop->target = target;
	stop->reason = reason;
	send_signal(stop, STOP_TERM);
}

void stop_ask(struct stop *stop, uint64_t grace) {
	if (stop->step >= STOP_ASKED)
		return;
	stop->ours = true;
	stop->ops->stopping(stop->context);
	stop->leaving = true;
	stop->ops->ask(stop->context);
	set_step(stop, STOP_ASKED, grace);
}

void stop_expect_exit(struct stop *stop) {
	if (stop->step >= STOP_ASKED)
		return;
	stop->leaving = true;
	stop->target = 0;
	set_step(stop, STOP_ASKED, SECOND);
}

/* -------- interrupts -------- */

void stop_interrupt(struct stop *stop, uint64_t target, uint64_t grace, const char *reason) {
	if (stop->step != STOP_NONE && stop->step != STOP_ASKED && stop->step != STOP_GRACE)
		return;
	/* Of several items that are not wanted the one at work counts: no other one will begin. */
	if (stop->step == STOP_GRACE && target && !stop->ops->is_at_work(stop->context, target))
		return;
	stop->target = target;
	stop->reason = reason;
	set_step(stop, STOP_GRACE, grace);
}

/* What an interrupt was meant for has ended by itself. */
static void end_interrupt(struct stop *stop) {
	stop->reason = NULL;
	stop->target = 0;
	set_step(stop, stop->leaving ? STOP_ASKED : STOP_NONE, SECOND);
}

void stop_spare(struct stop *stop) {
	if (stop->step == STOP_GRACE)
		end_interrupt(stop);
}

/* -------- the start, the timer, the end -------- */

void stop_expect_hello(struct stop *stop, uint64_t start_timeout) {
	set_step(stop, STOP_START, start_timeout);
}

void stop_rest(struct stop *stop) {
	set_step(stop, STOP_NONE, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct stop *stop = context;

	(void) fd, (void) what;
	switch (stop->step) {
	case STOP_START: stop_kill(stop, "it did not say hello within start_timeout"); break;
	case STOP_GRACE:
		if (stop->ops->is_at_work(stop->context, stop->target))
			send_signal(stop, STOP_TERM);
		else
			end_interrupt(stop);
		break;
	case STOP_ASKED: send_signal(stop, STOP_TERM); break;
	default: send_signal(stop, STOP_KILL);
	}
}

int stop_init(struct stop *stop, struct event_base *base, const struct process *process,
	      const struct stop_ops *ops, void *context) {
	stop->process = process;
	stop->ops = ops;
	stop->context = context;
	stop->timer = evtimer_new(base, on_timer, stop);
	return stop->timer ? 0 : -ENOMEM;
}

void stop_done(struct stop *stop) {
	if (stop->timer)
		event_free(stop->timer);
}
