#include <stdlib.h>
#include <string.h>

#include "daemon/channel.h"
#include "daemon/conn.h"
#include "daemon/conn_inside.h"

/* What the owner of a call, or of a stream, does to its connection: replies, errors, and their pieces; whether more is
 * read. */

/* -------- replies -------- */

static bool wants_reply(const struct conn *conn) {
	return conn->state == CONN_OPEN && !conn->hung_up && !conn->oneway;
}

void conn_charge_unsent(struct conn *conn) {
	charge_set(&conn->charge, QUOTA_UNSENT, conn_unsent(conn));
}

void conn_write(struct conn *conn, const void *data, size_t size) {
	if (wants_reply(conn) && channel_write(conn->channel, data, size) < 0)
		conn_close(conn);
	conn_charge_unsent(conn);
}

void conn_write_bytes(struct conn *conn, struct bytes *bytes, size_t begin, size_t end) {
	if (wants_reply(conn) && channel_write_bytes(conn->channel, bytes, begin, end) < 0)
		conn_close(conn);
	conn_charge_unsent(conn);
}

/* message: taken. */
static void write_message(struct conn *conn, json_t *message) {
	char *text = wants_reply(conn) ? json_dumps(message, JSON_COMPACT) : NULL;

	if (text)
		conn_write(conn, text, strlen(text) + 1);
	else if (wants_reply(conn))
		conn_close(conn);
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
		conn_drain(conn);
	conn_call_over(conn);
}

void conn_fail_as(struct conn *conn, const char *name, json_t *parameters) {
	write_failure(conn, name, parameters);
	conn_call_over(conn);
}

void conn_refuse(struct conn *conn, struct error *error) {
	conn->oneway = false;
	write_error(conn, error);
	conn_drain(conn);
}

void conn_upgrade(struct conn *conn, json_t *parameters, const struct conn_ops *ops, void *owner) {
	json_t *message = json_pack("{so}", "parameters", parameters);

	write_message(conn, message);
	conn->stream = true;
	conn->active = false;
	conn_own(conn, ops, owner);
}

/* -------- owners -------- */

const struct peer *conn_peer(const struct conn *conn) {
	return &conn->peer;
}

size_t conn_unsent(const struct conn *conn) {
	return channel_unsent(conn->channel);
}

enum quota_verdict conn_may_answer(const struct conn *conn) {
	return quota_answers(&conn->charge);
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
		conn_drain(conn);
	else
		intake_pause(&conn->intake, INTAKE_CALL, false);
}

void conn_hold(struct conn *conn, enum quota_verdict verdict) {
	conn->held = true;
	conn->held_for = verdict;
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
	conn_drain(conn);
}
