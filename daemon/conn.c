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

/* Read at once while no message is unfinished: what is read ahead of a call that is being served. */
#define READ_SIZE LIMIT_READ_AHEAD
/* How long a peer that was refused, or is through, may take to read its answer and go. */
#define DRAIN_TIMEOUT UINT64_C(2000000)

struct conn {
	TAILQ_ENTRY(conn) link;
	const struct conn_setup *setup;
	struct peer peer;
	struct channel *channel;
	enum conn_state state;
	struct document doc;
	struct event *timer;    /* of an unfinished message, or of draining */
	struct event *reap;     /* frees outside all callbacks of the channel */
	uint64_t message_began; /* µs; 0 = no message is unfinished */
	uint64_t timed;         /* µs: the limit that the timer stands for */

	bool stream;         /* upgraded */
	bool active, oneway; /* a call is being served */
	bool paused;         /* the channel is, for it */
	bool stream_paused;
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
	channel_pause(conn->channel);
	evtimer_del(conn->timer);
	event_active(conn->reap, EV_TIMEOUT, 1);
}

static void conn_free(struct conn *conn) {
	channel_free(conn->channel);
	if (conn->timer)
		event_free(conn->timer);
	if (conn->reap)
		event_free(conn->reap);
	document_done(&conn->doc);
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

/* Sends what is written, says that nothing follows, and waits for the peer to go. */
static void drain(struct conn *conn) {
	struct timeval interval = clock_interval(DRAIN_TIMEOUT);

	if (conn->state != CONN_OPEN)
		return;
	set_state(conn, CONN_DRAINING);
	evtimer_add(conn->timer, &interval);
	channel_finish(conn->channel);
	if (conn->hung_up || (conn->input_over && conn_unsent(conn) == 0))
		close_conn(conn);
	else
		channel_discard(conn->channel);
}

/* -------- replies -------- */

size_t conn_unsent(const struct conn *conn) {
	return channel_unsent(conn->channel);
}

static bool wants_reply(const struct conn *conn) {
	return conn->state == CONN_OPEN && !conn->hung_up && !conn->oneway;
}

void conn_write(struct conn *conn, const void *data, size_t size) {
	if (wants_reply(conn) && channel_write(conn->channel, data, size) < 0)
		close_conn(conn);
}

void conn_write_bytes(struct conn *conn, struct bytes *bytes, size_t begin, size_t end) {
	if (wants_reply(conn) && channel_write_bytes(conn->channel, bytes, begin, end) < 0)
		close_conn(conn);
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
	if (conn->input_over) {
		drain(conn);
	} else if (conn->paused) {
		conn->paused = false;
		channel_resume(conn->channel);
	}
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
	if (conn->stream_paused == pause || conn->state != CONN_OPEN)
		return;
	conn->stream_paused = pause;
	if (pause) {
		evtimer_del(conn->timer);
		conn->message_began = 0;
		channel_pause(conn->channel);
	} else {
		channel_resume(conn->channel);
	}
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

static const struct conn_interface *find_interface(const struct conn *conn, const char *name,
						   size_t length) {
	for (size_t i = 0; i < conn->setup->n_interfaces; i++) {
		const struct conn_interface *interface = &conn->setup->interfaces[i];

		if (strlen(interface->name) == length &&
		    strncmp(interface->name, name, length) == 0)
			return interface;
	}
	return NULL;
}

static const struct conn_method *find_method(const struct conn_interface *interface,
					     const char *name) {
	for (const struct conn_method *method = interface->methods; method->name; method++)
		if (strcmp(method->name, name) == 0)
			return method;
	return NULL;
}

static void run_method(struct conn *conn, const struct conn_interface *interface, const char *name,
		       struct conn_call *call) {
	const struct conn_method *method = find_method(interface, name);
	struct error error = {0};

	if (!method)
		error_set(&error, ERROR_METHOD_NOT_FOUND, "{ss}", "method", call->call->method);
	else if (!method->run)
		error_set(&error, ERROR_METHOD_NOT_IMPLEMENTED, "{ss}", "method",
			  call->call->method);
	else if (method->upgrade && !call->call->upgrade)
		error_set(&error, ERROR_EXPECTED_UPGRADE, NULL);
	else if (!method->upgrade && call->call->upgrade)
		error_set(&error, ERROR_INVALID_PARAMETER, "{ss}", "parameter", "upgrade");
	else
		return method->run(interface->context, conn, call);
	conn_fail(conn, &error);
}

static void run_call(struct conn *conn, struct conn_call *call) {
	const char *name = call->call->method, *dot = strrchr(name, '.');
	size_t length = dot ? (size_t) (dot - name) : 0;
	const struct conn_interface *interface = find_interface(conn, name, length);
	struct error error = {0};

	if (interface)
		return run_method(conn, interface, dot + 1, call);
	if (length > 0)
		error_set(&error, ERROR_INTERFACE_NOT_FOUND, "{ss%}", "interface", name, length);
	else
		error_set(&error, ERROR_METHOD_NOT_FOUND, "{ss}", "method", name);
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

	if (call_decode(&call, &conn->doc, windowed->call.text, &error) != 0)
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
			conn_call_over(conn);
	}
	call_done(&call);
}

/* One whole message. */
static void take_message(struct conn *conn, char *text) {
	struct windowed_call windowed = {
		.call = {.doc = &conn->doc, .text = text, .take = take_text},
		.conn = conn,
		.size = conn->doc.length + 1,
	};

	if (!conn->stream)
		take_call(conn, &windowed);
	else if (conn->ops)
		conn->ops->object(conn->owner, &windowed.call);
}

/* -------- the channel -------- */

static void await_rest(struct conn *conn) {
	const struct conn_limits *limits = conn->setup->limits;
	uint64_t now = clock_now(), wait = limits->message_timeout, total;
	struct timeval interval;

	conn->timed = wait;
	if (conn->message_began == 0)
		conn->message_began = now;
	if (limits->message_timeout_total != UINT64_MAX) {
		total = conn->message_began + limits->message_timeout_total;
		if (total <= now || total - now < wait) {
			wait = total > now ? total - now : 0;
			conn->timed = limits->message_timeout_total;
		}
	}
	if (wait == UINT64_MAX)
		return;
	interval = clock_interval(wait);
	evtimer_add(conn->timer, &interval);
}

static void message_over(struct conn *conn) {
	if (conn->message_began && conn->state == CONN_OPEN)
		evtimer_del(conn->timer);
	conn->message_began = 0;
}

/* The limits of a call's message hold for each object, but a stream may have any number of items. */
static void read_stream_objects(struct conn *conn) {
	struct limits limits = conn->setup->limits->call;

	limits.items = 0;
	document_init(&conn->doc, &stream_shape, &limits);
}

static ssize_t on_received(void *context, char *bytes, size_t size) {
	struct conn *conn = context;
	struct error error = {0};
	size_t length;
	bool stream;
	int r;

	if (conn->state != CONN_OPEN)
		return -1;
	r = document_feed(&conn->doc, bytes, size);
	if (r == DOCUMENT_MORE) {
		await_rest(conn);
		return 0;
	}
	message_over(conn);
	if (r != DOCUMENT_WHOLE) {
		if (r < 0)
			error_set_no_memory(&error);
		else
			call_document_error(&conn->doc, r, &error);
		if (conn->stream)
			end_stream_input(conn, &error);
		else
			refuse(conn, &error);
		return -1;
	}

	length = conn->doc.length;
	stream = conn->stream;
	take_message(conn, bytes);
	document_reset(&conn->doc);
	if (conn->stream && !stream)
		read_stream_objects(conn);
	if (conn->active && !conn->paused) {
		conn->paused = true;
		channel_pause(conn->channel);
	}
	return (ssize_t) (length + 1);
}

static void on_hangup(struct conn *conn) {
	conn->hung_up = true;
	disown(conn);
	if (conn->stream || conn->state == CONN_DRAINING)
		return close_conn(conn);
	/* Whole calls that the peer sent before it went may be oneway. */
	conn->active = conn->paused = false;
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
		evtimer_del(conn->timer);
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

static void on_drained(void *context) {
	struct conn *conn = context;

	if (conn->state == CONN_DRAINING && conn->input_over && conn_unsent(conn) == 0)
		close_conn(conn);
	else if (conn->state == CONN_OPEN && conn->ops)
		conn->ops->drained(conn->owner);
}

static const struct channel_ops channel_ops = {
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
};

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct conn *conn = context;
	struct error error = {0};

	(void) fd, (void) what;
	if (conn->state != CONN_OPEN)
		return close_conn(conn);
	error_set(&error, ERROR_TIMED_OUT, "{sI}", "timeoutMs", (json_int_t) (conn->timed / 1000));
	if (conn->stream)
		end_stream_input(conn, &error);
	else
		refuse(conn, &error);
}

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
	if (!conn->active)
		channel_resume(conn->channel);
}

void conn_shut_all(struct conn_list *all) {
	struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		shut(conn);
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

int conn_new(const struct conn_setup *setup, int fd, const struct peer *peer) {
	struct conn *conn = calloc(1, sizeof *conn);
	int r;

	if (!conn)
		return -ENOMEM;
	conn->setup = setup;
	conn->peer = *peer;
	document_init(&conn->doc, &call_shape, &setup->limits->call);
	conn->timer = evtimer_new(setup->loop->base, on_timer, conn);
	conn->reap = evtimer_new(setup->loop->base, on_reap, conn);
	r = conn->timer && conn->reap
		    ? channel_new(&conn->channel, setup->loop, fd, READ_SIZE, &channel_ops, conn)
		    : -ENOMEM;
	if (r < 0)
		conn_free(conn);
	else
		TAILQ_INSERT_TAIL(setup->all, conn, link);
	return r;
}

void conn_free_all(struct conn_list *all) {
	struct conn *conn;

	while ((conn = TAILQ_FIRST(all))) {
		TAILQ_REMOVE(all, conn, link);
		disown(conn);
		conn_free(conn);
	}
}
