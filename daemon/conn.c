#include "daemon/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/conn_inside.h"
#include "daemon/log.h"
#include "daemon/permission.h"
#include "protocol/limits.h"

/* Read at once while no message is unfinished: what is read ahead of a call that is being served. */
#define READ_SIZE LIMIT_READ_AHEAD
/* How long a peer that was refused, or is through, may take to go once all was sent. */
#define DRAIN_TIMEOUT UINT64_C(2000000)
/* So many peers at a time are given that, of those that are one connection too many. */
#define REFUSED_MAX 64

/* -------- the end -------- */

static void set_state(struct conn *conn, enum conn_state state) {
	static const char *const names[] = {"open", "draining", "closed"};

	log_debug("conn of pid %d: %s -> %s", conn->peer.pid, names[conn->state], names[state]);
	conn->state = state;
}

void conn_close(struct conn *conn) {
	if (conn->state == CONN_CLOSED)
		return;
	set_state(conn, CONN_CLOSED);
	intake_stop(&conn->intake);
	channel_pause(conn->channel);
	event_active(conn->reap, EV_TIMEOUT, 1);
}

/* Of one that may be half-built. */
static void destroy(struct conn *conn) {
	intake_done(&conn->intake);
	channel_free(conn->channel);
	if (conn->reap)
		event_free(conn->reap);
	charge_close(&conn->charge);
	groups_unref(conn->peer.groups);
	free(conn);
}

static void disown(struct conn *conn) {
	const struct conn_ops *ops = conn->ops;
	void *owner = conn->owner;

	conn->ops = NULL;
	if (ops)
		ops->hung_up(owner);
}

void conn_free(struct conn *conn) {
	disown(conn);
	TAILQ_REMOVE(conn->setup->all, conn, link);
	destroy(conn);
}

static void on_reap(evutil_socket_t fd, short what, void *context) {
	struct conn *conn = context;
	const struct conn_setup *setup = conn->setup;

	(void) fd, (void) what;
	conn_free(conn);
	if (setup->closed)
		setup->closed(setup->context);
}

void conn_limit_time(struct conn *conn) {
	struct timeval interval = clock_interval(DRAIN_TIMEOUT);

	/* Without a limit it could stay for ever. */
	if (evtimer_add(conn->reap, &interval) < 0)
		conn_close(conn);
}

/* The peer has its answer: it may take so long to go. */
static void await_end(struct conn *conn) {
	if (conn->input_over)
		conn_close(conn);
	else
		conn_limit_time(conn);
}

void conn_drain(struct conn *conn) {
	if (conn->state != CONN_OPEN)
		return;
	set_state(conn, CONN_DRAINING);
	intake_stop(&conn->intake);
	channel_finish(conn->channel);
	if (conn->hung_up)
		return conn_close(conn);
	channel_discard(conn->channel);
	if (conn_unsent(conn) == 0)
		await_end(conn);
}

static void end_stream_input(struct conn *conn, struct error *error) {
	struct error none = {0};

	if (error && error->id != ERROR_NONE)
		channel_discard(conn->channel);
	if (conn->ops)
		conn->ops->input_ended(conn->owner, error ? error : &none);
	if (error)
		error_done(error);
}

/* -------- calls -------- */

static void run_call(struct conn *conn, struct conn_call *call) {
	const struct conn_setup *setup = conn->setup;
	struct error error = {0};
	void *context;
	const struct conn_method *method =
		method_find(setup->interfaces, setup->n_interfaces, call->call, &context, &error);

	if (method)
		method->run(context, conn, call);
	else
		conn_fail(conn, &error);
}

/* The call while its text lies in the channel's window. */
struct windowed_call {
	struct conn_call call;
	struct conn *conn;
	size_t size; /* of the message and its NUL */
};

static struct bytes *take_text(struct conn_call *call) {
	struct windowed_call *windowed = (struct windowed_call *) call;
	char *data = channel_take(windowed->conn->channel, call->text, windowed->size);
	struct bytes *bytes = data ? bytes_new(data, windowed->size) : NULL;

	if (!bytes)
		free(data);
	else
		call->text = bytes->data;
	return bytes;
}

static void take_call(struct conn *conn, struct windowed_call *windowed) {
	struct error error = {0};
	struct call call;

	if (call_decode(&call, &conn->intake.doc, windowed->call.text, &error) != 0)
		return conn_refuse(conn, &error);
	/* Nobody is left to answer; what wants no answer is still done. */
	if (!conn->hung_up || call.oneway) {
		windowed->call.call = &call;
		conn->active = true;
		conn->oneway = call.oneway;
		if (conn->shut) {
			error_set(&error, ERROR_SHUTTING_DOWN, NULL);
			conn_fail(conn, &error);
		} else {
			run_call(conn, &windowed->call);
		}
		if (conn->active && call.oneway)
			conn_call_over(conn); /* or held: it is done with for now */
	}
	call_done(&call);
}

/* One whole message. */
static void take_message(struct conn *conn, char *text) {
	struct windowed_call windowed = {
		.call = {.doc = &conn->intake.doc, .text = text, .take = take_text},
		.conn = conn,
		.size = conn->intake.doc.length + 1,
	};

	if (!conn->stream)
		take_call(conn, &windowed);
	else if (conn->ops)
		conn->ops->object(conn->owner, &windowed.call);
}

/* -------- the channel -------- */

static ssize_t refuse_document(struct conn *conn, int r) {
	struct error error = {0};

	if (r < 0)
		error_set_no_memory(&error);
	else
		call_document_error(&conn->intake.doc, r, &error);
	if (conn->stream)
		end_stream_input(conn, &error);
	else
		conn_refuse(conn, &error);
	return -1;
}

/* Of one message that is not whole: nothing is taken. */
static ssize_t await_rest(struct conn *conn) {
	enum quota_verdict verdict = conn->stream ? QUOTA_OK : intake_verdict(&conn->intake);
	struct error error = {0};

	if (verdict == QUOTA_OK)
		return intake_await(&conn->intake) < 0 ? refuse_document(conn, -ENOMEM) : 0;
	quota_error(conn->charge.quota, verdict, &error);
	conn_refuse(conn, &error);
	return -1;
}

static bool wants_replies(const struct conn *conn) {
	return conn->state == CONN_OPEN && !conn->stream && !conn->hung_up;
}

static ssize_t on_received(void *context, char *bytes, size_t size) {
	struct conn *conn = context;
	bool stream = conn->stream;
	size_t length;
	int r;

	if (conn->state != CONN_OPEN)
		return -1;
	r = intake_feed(&conn->intake, bytes, size);
	if (r == DOCUMENT_MORE)
		return await_rest(conn);
	if (r != DOCUMENT_WHOLE)
		return refuse_document(conn, r);

	length = conn->intake.doc.length;
	take_message(conn, bytes);
	if (conn->held) {
		conn->held = false;
		intake_hold(&conn->intake, conn->held_for);
		return 0;
	}
	intake_next(&conn->intake, conn->state == CONN_OPEN ? size - length - 1 : 0);
	if (conn->stream && !stream)
		intake_begin_stream(&conn->intake);
	if (conn->active)
		intake_pause(&conn->intake, INTAKE_CALL, true);
	if (wants_replies(conn) && conn_unsent(conn) > LIMIT_UNSENT_HIGH)
		intake_pause(&conn->intake, INTAKE_UNSENT, true);
	return (ssize_t) (length + 1);
}

static void on_hangup(struct conn *conn) {
	conn->hung_up = true;
	disown(conn);
	if (conn->stream || conn->state == CONN_DRAINING)
		return conn_close(conn);
	/* Whole calls that the peer sent before it went may be oneway. */
	conn->active = false;
	intake_pause(&conn->intake, INTAKE_CALL, false);
	intake_pause(&conn->intake, INTAKE_UNSENT, false);
	if (conn->intake.pauses == 0)
		channel_resume(conn->channel);
}

static void on_eof(struct conn *conn) {
	struct error error = {0};

	conn->input_over = true;
	if (conn->state == CONN_DRAINING) {
		if (conn_unsent(conn) == 0)
			conn_close(conn);
	} else if (conn->stream) {
		if (channel_unread(conn->channel) > 0)
			error_set(&error, ERROR_MALFORMED_MESSAGE, "{sssI}", "reason",
				  "the stream ended inside an object", "offset",
				  (json_int_t) channel_unread(conn->channel));
		intake_stop(&conn->intake);
		end_stream_input(conn, &error);
	} else if (!conn->active) {
		conn_drain(conn);
	}
}

static void on_ended(void *context, enum channel_end end) {
	struct conn *conn = context;

	if (conn->state == CONN_CLOSED)
		return;
	if (end == CHANNEL_HANGUP)
		on_hangup(conn);
	else if (end == CHANNEL_EOF && !conn->hung_up)
		on_eof(conn);
	else
		conn_close(conn);
}

static void on_sent(void *context) {
	conn_charge_unsent(context);
}

static void on_drained(void *context) {
	struct conn *conn = context;

	if (conn->state == CONN_DRAINING && conn_unsent(conn) == 0)
		await_end(conn);
	if (conn->state != CONN_OPEN)
		return;
	intake_pause(&conn->intake, INTAKE_UNSENT, false);
	if (conn->ops)
		conn->ops->drained(conn->owner);
}

static const struct channel_ops channel_ops = {
	.received = on_received,
	.ended = on_ended,
	.sent = on_sent,
	.drained = on_drained,
};

static void on_timed_out(void *context, uint64_t timeout) {
	struct conn *conn = context;
	struct error error = {0};

	error_set(&error, ERROR_TIMED_OUT, "{sI}", "timeoutMs", (json_int_t) (timeout / 1000));
	if (conn->stream)
		end_stream_input(conn, &error);
	else
		conn_refuse(conn, &error);
}

static void on_waits_for(void *context, const char *what) {
	struct conn *conn = context;

	if (conn->ops && conn->ops->waits_for)
		conn->ops->waits_for(conn->owner, what);
}

static const struct intake_ops intake_ops = {
	.timed_out = on_timed_out,
	.waits_for = on_waits_for,
};

/* -------- life -------- */

/* Tells a peer that is one too many. Those who are told at once are few: beyond, what is written is all. */
static void refuse_connection(struct conn *conn, enum quota_verdict verdict) {
	struct error error = {0};

	charge_set(&conn->charge, QUOTA_CONNECTIONS, 0);
	charge_set(&conn->charge, QUOTA_REFUSED, 1);
	quota_error(conn->charge.quota, verdict, &error);
	conn_refuse(conn, &error);
	if (conn->charge.quota->held[QUOTA_REFUSED] > REFUSED_MAX) {
		channel_flush(conn->channel);
		conn_close(conn);
	}
}

static int build(struct conn *conn, int fd) {
	const struct conn_setup *setup = conn->setup;
	int r = intake_init(&conn->intake, setup->loop, setup->limits, &conn->charge, &intake_ops,
			    conn);

	if (r == 0 && setup->quota)
		r = charge_open(&conn->charge, setup->quota, conn->peer.uid);
	conn->reap = evtimer_new(setup->loop->base, on_reap, conn);
	if (r == 0 && conn->reap)
		r = channel_new(&conn->channel, setup->loop, fd, READ_SIZE, &channel_ops, conn);
	conn->intake.channel = conn->channel;
	return conn->channel ? 0 : -ENOMEM;
}

int conn_new(const struct conn_setup *setup, int fd, const struct peer *peer) {
	struct conn *conn = calloc(1, sizeof *conn);
	enum quota_verdict verdict;

	if (!conn)
		return -ENOMEM;
	conn->setup = setup;
	conn->peer = *peer;
	groups_ref(conn->peer.groups);
	if (build(conn, fd) < 0) {
		destroy(conn);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(setup->all, conn, link);
	charge_set(&conn->charge, QUOTA_CONNECTIONS, 1);
	verdict = quota_connects(&conn->charge);
	if (verdict != QUOTA_OK)
		refuse_connection(conn, verdict);
	return 0;
}
