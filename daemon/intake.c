#include "daemon/intake.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "protocol/call.h"
#include "protocol/limits.h"

/* -------- how long a message may take -------- */

static void stop_timer(struct intake *intake) {
	if (intake->began)
		evtimer_del(intake->timer);
	intake->began = 0;
}

static int start_timer(struct intake *intake) {
	const struct intake_limits *limits = intake->limits;
	uint64_t now = clock_now(), wait = limits->message_timeout, total;
	struct timeval interval;

	intake->timed = wait;
	if (intake->began == 0)
		intake->began = now;
	if (limits->message_timeout_total != UINT64_MAX) {
		total = intake->began + limits->message_timeout_total;
		if (total <= now || total - now < wait) {
			wait = total > now ? total - now : 0;
			intake->timed = limits->message_timeout_total;
		}
	}
	if (wait == UINT64_MAX)
		return 0;
	interval = clock_interval(wait);
	return evtimer_add(intake->timer, &interval) < 0 ? -ENOMEM : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct intake *intake = context;

	(void) fd, (void) what;
	intake->ops->timed_out(intake->context, intake->timed);
}

/* -------- when it is not read -------- */

void intake_pause(struct intake *intake, enum intake_pause why, bool pause) {
	unsigned before = intake->pauses;

	intake->pauses = pause ? before | why : before & ~(unsigned) why;
	if (!before == !intake->pauses)
		return;
	if (pause) {
		stop_timer(intake);
		channel_pause(intake->channel);
	} else {
		channel_resume(intake->channel);
	}
}

static void wait_for_room(struct intake *intake, enum quota_verdict verdict) {
	quota_wait(&intake->waiter, intake->charge);
	intake_pause(intake, INTAKE_QUOTA, true);
	intake->ops->waits_for(intake->context, quota_waits_for(verdict));
}

static void wait_no_more(struct intake *intake) {
	intake_pause(intake, INTAKE_QUOTA, false);
	intake->ops->waits_for(intake->context, NULL);
}

enum quota_verdict intake_verdict(const struct intake *intake) {
	if (intake->unread < LIMIT_STREAM_READ && !intake->laden)
		return QUOTA_OK;
	return intake->waiter.turn ? QUOTA_OK : quota_reads(intake->charge);
}

/* Who is paused for another reason takes nobody's turn. */
static void review(struct intake *intake) {
	enum quota_verdict verdict = intake_verdict(intake);

	if (intake->pauses & INTAKE_WINDOW) {
		quota_leave(&intake->waiter);
		verdict = QUOTA_OK;
	}
	if (verdict != QUOTA_OK) {
		wait_for_room(intake, verdict);
	} else if (intake->pauses & INTAKE_QUOTA) {
		quota_leave(&intake->waiter);
		wait_no_more(intake);
	}
}

void intake_set_laden(struct intake *intake, bool laden) {
	intake->laden = laden;
	review(intake);
}

void intake_hold(struct intake *intake, enum quota_verdict verdict) {
	document_reset(&intake->doc);
	wait_for_room(intake, verdict);
}

void intake_go_on(struct quota_waiter *waiter) {
	wait_no_more((struct intake *) ((char *) waiter - offsetof(struct intake, waiter)));
}

/* -------- messages -------- */

/* With the bytes goes what is noted about them. */
static void set_unread(struct intake *intake, size_t unread) {
	const struct elements *elements = &intake->doc.elements;
	size_t held = unread + elements->capacity * sizeof *elements->ends;

	intake->unread = unread;
	charge_set(intake->charge, QUOTA_UNREAD,
		   held > LIMIT_STREAM_READ ? held - LIMIT_STREAM_READ : 0);
}

int intake_feed(struct intake *intake, char *bytes, size_t size) {
	int r = document_feed(&intake->doc, bytes, size);

	set_unread(intake, size);
	return r;
}

int intake_await(struct intake *intake) {
	if (intake->stream)
		review(intake);
	return intake->pauses ? 0 : start_timer(intake);
}

void intake_next(struct intake *intake, size_t unread) {
	stop_timer(intake);
	document_reset(&intake->doc);
	set_unread(intake, unread);
	if (intake->waiter.turn)
		quota_leave(&intake->waiter);
}

/* The limits of a call's message hold for each object, but a stream may have any number of items. */
void intake_begin_stream(struct intake *intake) {
	struct limits limits = intake->limits->call;

	limits.items = 0;
	document_done(&intake->doc);
	document_init(&intake->doc, &stream_shape, &limits);
	intake->stream = true;
}

void intake_stop(struct intake *intake) {
	stop_timer(intake);
	quota_leave(&intake->waiter);
	intake->pauses = 0;
	intake->laden = false;
	set_unread(intake, 0);
}

/* -------- life -------- */

int intake_init(struct intake *intake, const struct channel_loop *loop,
		const struct intake_limits *limits, struct charge *charge,
		const struct intake_ops *ops, void *context) {
	*intake = (struct intake) {
		.limits = limits,
		.charge = charge,
		.ops = ops,
		.context = context,
		.timer = evtimer_new(loop->base, on_timer, intake),
	};
	document_init(&intake->doc, &call_shape, &limits->call);
	return intake->timer ? 0 : -ENOMEM;
}

void intake_done(struct intake *intake) {
	quota_leave(&intake->waiter);
	if (intake->timer)
		event_free(intake->timer);
	document_done(&intake->doc);
}
