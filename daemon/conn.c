#include "daemon/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "protocol/limits.h"

/* Read at once while no message is unfinished: what is read ahead of a call that is being served. */
#define READ_SIZE LIMIT_READ_AHEAD
/* How long a peer that was refused, or is through, may take to go once all was sent. */
#define DRAIN_TIMEOUT UINT64_C(2000000)
/* So many peers at a time are given that, of those that are one connection too many. */
#define REFUSED_MAX 64

struct conn {
	TAILQ_ENTRY(conn) link;
	const struct conn_setup *setup;
	struct peer peer;
	struct channel *channel;
	struct charge charge;
	struct intake intake;
	enum conn_state state;
	struct event *reap; /* frees outside all callbacks of the channel, after draining */

	bool stream;         /* upgraded */
	bool active, oneway; /* a call is being served */
	bool held;           /* it cannot be run yet */
	enum quota_verdict held_for;
	bool hung_up, input_over, shut;
	const struct conn_ops *ops; /* of the call's or stream's owner; NULL = none */
	void *owner;
};

/* -------- the end -------- */

static void set_state(struct conn *conn, enum conn_state state) {
	static const char *const names[] = {"open", "draining", "closed"};

	log_debug("conn of pid %d: %s -> %s", conn->peer.pid, names[conn->state], names[state]);
	conn->state = state;
}

static void close_conn(struct conn *conn) {
	if (conn->state == CONN_CLOSED)
		return;
	set_state(conn, CONN_CLOSED);
	intake_stop(&conn->intake);
	channel_pause(conn->channel);
	event_active(conn->reap, EV_TIMEOUT, 1);
}

static void conn_free(struct conn *conn) {
	intake_done(&conn->intake);
	channel_free(conn->channel);
	if (conn->reap)
		event_free(conn->reap);
	charge_close(&conn->charge);
	free(conn);
}

static void disown(struct conn *conn) {
	const struct conn_ops *ops = conn->ops;
	void *owner = conn->owner;

	conn->ops = NULL;
	if (ops)
		ops->hung_up(owner);
}

static void on_reap(evutil_socket_t fd, short what, void *context) {
	struct conn *conn = context;
	const struct conn_setup *setup = conn->setup;

	(void) fd, (void) what;
	disown(conn);
	TAILQ_REMOVE(setup->all, conn, link);
	conn_free(conn);
	if (setup->closed)
		setup->closed(setup->context);
}

/* The peer has its answer: it may take so long to go. */
static void await_end(struct conn *conn) {
	struct timeval interval = clock_interval(DRAIN_TIMEOUT);

	if (conn->input_over)
		close_conn(conn);
	else
		evtimer_add(conn->reap, &interval);
}

/* Sends what is written, however slowly it is taken, says that nothing follows, and waits for the peer to go. */
static void drain(struct conn *conn) {
	if (conn->state != CONN_OPEN)
		return;
	set_state(conn, CONN_DRAINING);
	intake_stop(&conn->intake);
	channel_finish(conn->channel);
	if (conn->hung_up)
		return close_conn(conn);
	channel_discard(conn->channel);
	if (conn_unsent(conn) == 0)
		await_end(conn);
}

/* -------- replies -------- */

size_t conn_unsent(const struct conn *conn) {
	return channel_unsent(conn->channel);
}

static bool wants_reply(const struct conn *conn) {
	return conn->state == CONN_OPEN && !conn->hung_up && !conn->oneway;
}

static void charge_unsent(struct conn *conn) {
	charge_set(&conn->charge, QUOTA_BYTES, conn_unsent(conn));
}

void conn_write(struct conn *conn, const void *data, size_t size) {
	if (wants_reply(conn) && channel_write(conn->channel, data, size) < 0)
		close_conn(conn);
	charge_unsent(conn);
}

void conn_write_bytes(struct conn *conn, struct bytes *bytes, size_t begin, size_t end) {
	if (wants_reply(conn) && channel_write_bytes(conn->channel, bytes, begin, end) < 0)
		close_conn(conn);
	charge_unsent(conn);
}

/* message: taken. */
static void write_message(struct conn *conn, json_t *message) {
	char *text = wants_reply(conn) ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		conn_write(conn, text, strlen(text) + 1);
	else if (wants_reply(conn))
		close_conn(conn);
	free(text);
	json_decref(message);
}

/* parameters: taken; NULL = none. */
static void write_failure(struct conn *conn, const char *name, json_t *parameters) {
	json_t *message = json_pack("{ss}", "error", name);

	if (parameters)
		json_object_set_new(message, "parameters", parameters);
	write_message(conn, message);
}

static void write_error(struct conn *conn, struct error *error) {
	write_failure(conn, error_name(error->id), json_incref(error->parameters));
	error_done(error);
}

void conn_own(struct conn *conn, const struct conn_ops *ops, void *owner) {
	conn->ops = owner ? ops : NULL;
	conn->owner = owner;
}

void conn_call_over(struct conn *conn) {
	conn->active = conn->oneway = false;
	conn_own(conn, NULL, NULL);
	if (conn->state != CONN_OPEN)
		return;
	if (conn->input_over)
		drain(conn);
	else
		intake_pause(&conn->intake, INTAKE_CALL, false);
}

void conn_hold(struct conn *conn, enum quota_verdict verdict) {
	conn->held = true;
	conn->held_for = verdict;
}

void conn_reply(struct conn *conn, json_t *parameters, bool continues) {
	json_t *message = json_object();

	if (parameters && json_object_size(parameters) > 0)
		json_object_set(message, "parameters", parameters);
	if (continues)
		json_object_set_new(message, "continues", json_true());
	json_decref(parameters);
	write_message(conn, message);
	if (!continues)
		conn_call_over(conn);
}

void conn_fail(struct conn *conn, struct error *error) {
	bool malformed = error->id == ERROR_MALFORMED_MESSAGE;

	write_error(conn, error);
	if (malformed)
		drain(conn);
	conn_call_over(conn);
}

void conn_fail_as(struct conn *conn, const char *name, json_t *parameters) {
	write_failure(conn, name, parameters);
	conn_call_over(conn);
}

/* An error after which nothing the peer says can be trusted to be where it seems to be. */
static void refuse(struct conn *conn, struct error *error) {
	conn->oneway = false;
	write_error(conn, error);
	drain(conn);
}

/* -------- streams -------- */

void conn_upgrade(struct conn *conn, json_t *parameters, const struct conn_ops *ops, void *owner) {
	json_t *message = json_pack("{so}", "parameters", parameters);

	write_message(conn, message);
	conn->stream = true;
	conn->active = false;
	conn_own(conn, ops, owner);
}

void conn_pause_stream(struct conn *conn, bool pause) {
	if (conn->state == CONN_OPEN)
		intake_pause(&conn->intake, INTAKE_WINDOW, pause);
}

void conn_set_laden(struct conn *conn, bool laden) {
	if (conn->state == CONN_OPEN)
		intake_set_laden(&conn->intake, laden);
}

void conn_close_stream(struct conn *conn) {
	conn_own(conn, NULL, NULL);
	drain(conn);
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
		return refuse(conn, &error);
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

/* Of one message that is not whole: nothing is taken. */
static ssize_t await_rest(struct conn *conn) {
	enum quota_verdict verdict = conn->stream ? QUOTA_OK : intake_verdict(&conn->intake);
	struct error error = {0};

	if (verdict == QUOTA_OK) {
		intake_await(&conn->intake);
		return 0;
	}
	quota_error(conn->charge.quota, verdict, &error);
	refuse(conn, &error);
	return -1;
}

static ssize_t refuse_document(struct conn *conn, int r) {
	struct error error = {0};

	if (r < 0)
		error_set_no_memory(&error);
	else
		call_document_error(&conn->intake.doc, r, &error);
	if (conn->stream)
		end_stream_input(conn, &error);
	else
		refuse(conn, &error);
	return -1;
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
	if (!conn->stream && !conn->hung_up && conn_unsent(conn) > LIMIT_UNSENT_HIGH)
		intake_pause(&conn->intake, INTAKE_UNSENT, true);
	return (ssize_t) (length + 1);
}

static void on_hangup(struct conn *conn) {
	conn->hung_up = true;
	disown(conn);
	if (conn->stream || conn->state == CONN_DRAINING)
		return close_conn(conn);
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
			close_conn(conn);
	} else if (conn->stream) {
		if (channel_unread(conn->channel) > 0)
			error_set(&error, ERROR_MALFORMED_MESSAGE, "{sssI}", "reason",
				  "the stream ended inside an object", "offset",
				  (json_int_t) channel_unread(conn->channel));
		intake_stop(&conn->intake);
		end_stream_input(conn, &error);
	} else if (!conn->active) {
		drain(conn);
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
		close_conn(conn);
}

static void on_sent(void *context) {
	charge_unsent(context);
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
		refuse(conn, &error);
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

const struct peer *conn_peer(const struct conn *conn) {
	return &conn->peer;
}

static void shut(struct conn *conn) {
	if (conn->stream || conn->state != CONN_OPEN)
		return;
	conn->shut = true;
	/* The peer's next write fails at once, so it knows that its call was not accepted; what it wrote
	 * before is still read. */
	shutdown(channel_fd(conn->channel), SHUT_RD);
	if (!conn->active) {
		intake_stop(&conn->intake);
		channel_resume(conn->channel);
	}
}

void conn_shut_all(struct conn_list *all) {
	struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		shut(conn);
}

void conn_hurry_all(struct conn_list *all) {
	struct timeval interval = clock_interval(DRAIN_TIMEOUT);
	struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		if (conn->state != CONN_CLOSED)
			evtimer_add(conn->reap, &interval);
}

unsigned conn_count(const struct conn_list *all) {
	const struct conn *conn;
	unsigned n = 0;

	TAILQ_FOREACH (conn, all, link)
		n++;
	return n;
}

bool conn_all_sent(const struct conn_list *all) {
	const struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		if (conn_unsent(conn) > 0)
			return false;
	return true;
}

/* Tells a peer that is one too many. Those who are told at once are few: beyond, what is written is all. */
static void refuse_connection(struct conn *conn, enum quota_verdict verdict) {
	struct error error = {0};

	charge_set(&conn->charge, QUOTA_CONNECTIONS, 0);
	charge_set(&conn->charge, QUOTA_REFUSED, 1);
	quota_error(conn->charge.quota, verdict, &error);
	refuse(conn, &error);
	if (conn->charge.quota->held[QUOTA_REFUSED] > REFUSED_MAX) {
		channel_flush(conn->channel);
		close_conn(conn);
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
	if (build(conn, fd) < 0) {
		conn_free(conn);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(setup->all, conn, link);
	charge_set(&conn->charge, QUOTA_CONNECTIONS, 1);
	verdict = quota_connects(&conn->charge);
	if (verdict != QUOTA_OK)
		refuse_connection(conn, verdict);
	return 0;
}

void conn_free_all(struct conn_list *all) {
	struct conn *conn;

	while ((conn = TAILQ_FIRST(all))) {
		TAILQ_REMOVE(all, conn, link);
		disown(conn);
		conn_free(conn);
	}
}
