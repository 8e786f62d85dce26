#include "daemon/outlet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/batch.h"
#include "daemon/clock.h"
#include "daemon/conn.h"
#include "daemon/request.h"
#include "protocol/limits.h"

/* -------- pieces of a reply -------- */

static void write_text(struct outlet *outlet, const char *text) {
	conn_write(outlet->conn, text, strlen(text));
}

/* value: taken. */
static void write_value(struct outlet *outlet, const char *before, json_t *value) {
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	write_text(outlet, before);
	write_text(outlet, text ? text : "null");
	free(text);
	json_decref(value);
}

static void write_name(struct outlet *outlet) {
	char text[48];

	snprintf(text, sizeof text, "\"request\":\"%" PRIu64 "\",", outlet->request->id);
	if (!outlet->named)
		write_text(outlet, text);
	outlet->named = true;
}

static void write_end(struct outlet *outlet) {
	conn_write(outlet->conn, "}", sizeof "}");
}

/* -------- replies -------- */

void outlet_batch(struct outlet *outlet) {
	struct run_list batch;
	char first[48];

	batch_take(&batch, outlet->request, LIMIT_BATCH_BYTES);
	write_text(outlet, outlet->stream ? "{" : "{\"parameters\":{");
	write_name(outlet);
	snprintf(first, sizeof first, "\"first\":%" PRIu64 ",", TAILQ_FIRST(&batch)->first);
	write_text(outlet, first);
	batch_write(&batch, outlet->request, outlet->conn);
	if (!outlet->stream)
		write_text(outlet, "},\"continues\":true");
	write_end(outlet);
	batch_free(&batch);
}

void outlet_error(struct outlet *outlet, struct error *error) {
	struct conn *conn = outlet->conn;

	if (outlet->stream) {
		write_text(outlet, "{\"error\":\"");
		write_text(outlet, error_name(error->id));
		write_text(outlet, "\"");
		if (error->parameters)
			write_value(outlet, ",\"parameters\":", json_incref(error->parameters));
		write_end(outlet);
		conn_close_stream(conn);
		error_done(error);
	} else {
		conn_fail(conn, error);
	}
}

void outlet_result(struct outlet *outlet) {
	struct run *run = results_deliver(&outlet->request->results);
	struct error error = {0};

	if (run->errors) {
		error_set(&error, ERROR_ITEM_FAILED, "{sO}", "item",
			  json_array_get(run->errors, 0));
		run_free(run);
		return outlet_error(outlet, &error);
	}
	write_text(outlet, "{\"parameters\":{\"result\":");
	conn_write_bytes(outlet->conn, run->bytes, run->begin, run->end);
	conn_write(outlet->conn, "}}", sizeof "}}");
	run_free(run);
	conn_call_over(outlet->conn);
}

void outlet_results(struct outlet *outlet) {
	struct request *request = outlet->request;
	struct run_list batch;

	batch_take(&batch, request, SIZE_MAX);
	write_text(outlet, "{\"parameters\":{");
	write_name(outlet);
	batch_write(&batch, outlet->request, outlet->conn);
	write_value(outlet, ",\"summary\":", request_summary(request, clock_now()));
	conn_write(outlet->conn, "}}", sizeof "}}");
	batch_free(&batch);
	conn_call_over(outlet->conn);
}

void outlet_last(struct outlet *outlet) {
	write_text(outlet, outlet->stream ? "{" : "{\"parameters\":{");
	write_name(outlet);
	write_value(outlet, "\"summary\":", request_summary(outlet->request, clock_now()));
	if (!outlet->stream)
		write_text(outlet, "}");
	write_end(outlet);
	if (outlet->stream)
		conn_close_stream(outlet->conn);
	else
		conn_call_over(outlet->conn);
}
