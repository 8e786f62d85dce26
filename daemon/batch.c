#include "daemon/batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conn.h"

bool batch_is_full(const struct request *request) {
	const struct run *run = results_ready(&request->results);
	uint64_t next, size = 0;

	while (run && size < LIMIT_BATCH_BYTES) {
		size += run->end - run->begin;
		next = run->first + run->count;
		run = TAILQ_NEXT(run, link);
		if (run && run->first != next && !request->options.unordered)
			run = NULL;
	}
	return size >= LIMIT_BATCH_BYTES;
}

void batch_take(struct run_list *ret, struct request *request, size_t size) {
	uint64_t next = 0, taken = 0;
	struct run *run;

	TAILQ_INIT(ret);
	while ((run = results_ready(&request->results)) && taken < size) {
		if (!TAILQ_EMPTY(ret) && run->first != next)
			break;
		results_deliver(&request->results);
		TAILQ_INSERT_TAIL(ret, run, link);
		next = run->first + run->count;
		taken += run->end - run->begin;
	}
}

void batch_free(struct run_list *batch) {
	struct run *run;

	while ((run = TAILQ_FIRST(batch))) {
		TAILQ_REMOVE(batch, run, link);
		run_free(run);
	}
}

static void write_text(struct conn *conn, const char *text) {
	conn_write(conn, text, strlen(text));
}

static void write_results(const struct run_list *batch, struct conn *conn) {
	const struct run *run;

	write_text(conn, "\"results\":[");
	TAILQ_FOREACH (run, batch, link) {
		conn_write_bytes(conn, run->bytes, run->begin, run->end);
		if (TAILQ_NEXT(run, link))
			write_text(conn, ",");
	}
	write_text(conn, "]");
}

static void write_errors(const struct run_list *batch, struct conn *conn) {
	json_t *errors = json_array();
	const struct run *run;
	char *text = NULL;

	TAILQ_FOREACH (run, batch, link)
		if (run->errors)
			json_array_extend(errors, run->errors);
	if (json_array_size(errors) > 0)
		text = json_dumps(errors, JSON_COMPACT);
	if (text) {
		write_text(conn, ",\"errors\":");
		write_text(conn, text);
	}
	free(text);
	json_decref(errors);
}

enum column { COLUMN_START, COLUMN_DURATION, COLUMN_ATTEMPTS };

static const char *const column_heads[] = {
	[COLUMN_START] = ",\"startUs\":[",
	[COLUMN_DURATION] = ",\"durationUs\":[",
	[COLUMN_ATTEMPTS] = ",\"attempts\":[",
};

static uint64_t column_value(const struct run *run, enum column column, uint64_t i,
			     uint64_t accepted) {
	if (column == COLUMN_ATTEMPTS)
		return run->attempts;
	if (column == COLUMN_DURATION)
		return run->times[2 * i + 1];
	/* A clock of the worker's that disagrees with ours shows nothing before the call. */
	return run->times[2 * i] > accepted ? run->times[2 * i] - accepted : 0;
}

static void write_column(const struct run_list *batch, enum column column, uint64_t accepted,
			 struct conn *conn) {
	const char *comma = "";
	const struct run *run;
	char text[32];

	write_text(conn, column_heads[column]);
	TAILQ_FOREACH (run, batch, link) {
		for (uint64_t i = 0; i < run->count; i++) {
			snprintf(text, sizeof text, "%s%" PRIu64, comma,
				 column_value(run, column, i, accepted));
			write_text(conn, text);
			comma = ",";
		}
	}
	write_text(conn, "]");
}

void batch_write(const struct run_list *batch, const struct request *request, struct conn *conn) {
	write_results(batch, conn);
	write_errors(batch, conn);
	if (!request->options.timings)
		return;
	for (enum column column = COLUMN_START; column <= COLUMN_ATTEMPTS; column++)
		write_column(batch, column, request->accepted, conn);
}
