#include "tests/core/fake_process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "protocol/document.h"
#include "protocol/work.h"
#include "tests/core/transcript.h"

/* What the processes do with what they are told: the worker's side of the protocol, one move at a time. */

#define COMMONS (sizeof((struct fake_process *) NULL)->commons / sizeof(uint64_t))

enum fake_outcome fake_outcome(uint64_t value) {
	unsigned hash = (unsigned) (value * 0x9e3779b97f4a7c15u >> 32) % 16;

	return hash == 0 ? FAKE_RAISES : hash == 1 ? FAKE_TOO_LARGE : FAKE_VALUE;
}

static void chunk_free(struct fake_process *process, struct fake_chunk *chunk) {
	TAILQ_REMOVE(&process->chunks, chunk, link);
	free(chunk->values);
	free(chunk);
}

struct fake_process *fake_process_free(struct fake_process *process) {
	while (!TAILQ_EMPTY(&process->chunks))
		chunk_free(process, TAILQ_FIRST(&process->chunks));
	TAILQ_REMOVE(fake_processes(), process, link);
	free(process->in.bytes);
	free(process->out.bytes);
	free(process->pool);
	free(process);
	return NULL;
}

static bool is_silent(const struct fake_process *process) {
	return process->exited || process->hung_up || !process->said_hello;
}

void fake_process_hello(struct fake_process *process, const char *functions, bool page) {
	char text[512];

	if (process->exited || process->hung_up)
		return;
	snprintf(text, sizeof text,
		 "{\"hello\":{\"protocol\":1,\"runtime\":\"fake\",\"page\":%s,\"functions\":%s}}",
		 page ? "true" : "false", functions);
	process->said_hello = true;
	process->keeps_page = page;
	fake_process_say(process, text);
}

/* -------- what it is told -------- */

static bool has_common(const struct fake_process *process, uint64_t id) {
	for (size_t i = 0; i < COMMONS; i++)
		if (process->commons[i] == id)
			return true;
	return false;
}

/* Puts one number in the place of another; 0 is a free place. */
static void change_common(struct fake_process *process, uint64_t from, uint64_t to) {
	for (size_t i = 0; i < COMMONS; i++) {
		if (process->commons[i] == from) {
			process->commons[i] = to;
			return;
		}
	}
	broken("process %d has no room for the common value %" PRIu64 ", or nothing to forget",
	       process->number, to);
}

static void take_chunk(struct fake_process *process, const struct work_chunk *message,
		       const struct document *doc, const char *text) {
	struct fake_chunk *chunk = calloc(1, sizeof *chunk);
	size_t n = doc->elements.count;

	if (!chunk || !(chunk->values = calloc(n, sizeof *chunk->values)))
		broken("no memory");
	if (message->chunk != process->last_chunk + 1)
		broken("process %d gets chunk %" PRIu64 " after %" PRIu64, process->number,
		       message->chunk, process->last_chunk);
	if (message->common && !has_common(process, message->common))
		broken("process %d lacks the common value %" PRIu64, process->number,
		       message->common);
	process->last_chunk = chunk->number = message->chunk;
	chunk->first = message->first;
	chunk->count = (uint32_t) n;
	chunk->times = message->times;
	for (size_t i = 0; i < n; i++) {
		struct span span = elements_span(&doc->elements, text, i, 1);

		chunk->values[i] = strtoull(text + span.begin, NULL, 10);
	}
	TAILQ_INSERT_TAIL(&process->chunks, chunk, link);
}

static void take_message(struct fake_process *process, const struct document *doc,
			 const char *text) {
	struct work_message message;
	const char *reason = NULL;

	if (work_message_decode(&message, doc, text, &reason) != 0)
		broken("process %d is told %s: %s", process->number, text, reason);
	say("process %d reads %s", process->number, text);
	switch (message.type) {
	case WORK_CHUNK: take_chunk(process, &message.chunk, doc, text); break;
	case WORK_COMMON: change_common(process, 0, message.common.id); break;
	case WORK_FORGET: change_common(process, message.forget, 0); break;
	}
	work_message_done(&message);
}

void fake_process_read(struct fake_process *process) {
	static const struct limits no_limits;
	struct document doc;
	size_t at = 0;

	if (process->in.size == 0)
		return;
	if (!process->said_hello)
		broken("process %d is told something before its hello", process->number);
	document_init(&doc, &work_shape, &no_limits);
	while (at < process->in.size) {
		const char *text = process->in.bytes + at;
		int r = document_feed(&doc, text, process->in.size - at);

		if (r == DOCUMENT_MORE)
			break;
		if (r != DOCUMENT_WHOLE)
			broken("process %d is told what is no message", process->number);
		take_message(process, &doc, text);
		at += doc.length + 1;
		document_reset(&doc);
	}
	document_done(&doc);
	process->in.size -= at;
	memmove(process->in.bytes, process->in.bytes + at, process->in.size);
}

/* -------- what it does -------- */

static void write_progress(struct fake_process *process, const struct fake_chunk *chunk,
			   bool running) {
	if (process->keeps_page && process->page)
		atomic_store(&process->page->progress,
			     position_pack(chunk->number, chunk->done, running));
}

struct fake_chunk *fake_process_running(const struct fake_process *process) {
	struct fake_chunk *chunk;

	TAILQ_FOREACH (chunk, &process->chunks, link)
		if (chunk->running)
			return chunk;
	return NULL;
}

static struct fake_chunk *unfinished(const struct fake_process *process) {
	struct fake_chunk *chunk;

	TAILQ_FOREACH (chunk, &process->chunks, link)
		if (chunk->done < chunk->count && !chunk->returned)
			return chunk;
	return NULL;
}

bool fake_process_begin(struct fake_process *process) {
	struct fake_chunk *chunk = unfinished(process);

	if (!chunk || chunk->running || is_silent(process))
		return false;
	chunk->began = clock_now();
	if (process->page)
		atomic_store(&process->page->began, chunk->began);
	write_progress(process, chunk, true);
	if (process->keeps_page && process->page &&
	    atomic_load(&process->page->limit) <= position_pack(chunk->number, chunk->done, true)) {
		write_progress(process, chunk, false);
		chunk->returned = true;
		say("process %d returns its chunk %" PRIu64 " from %u on", process->number,
		    chunk->number, chunk->done);
	} else {
		chunk->running = true;
		say("process %d begins item %" PRIu64, process->number, chunk->values[chunk->done]);
	}
	return true;
}

bool fake_process_end(struct fake_process *process) {
	struct fake_chunk *chunk = fake_process_running(process);

	if (!chunk || is_silent(process))
		return false;
	chunk->running = false;
	say("process %d ends item %" PRIu64, process->number, chunk->values[chunk->done]);
	chunk->done++;
	chunk->busy += clock_now() - chunk->began;
	write_progress(process, chunk, false);
	return true;
}

/* Results, errors and times of count items from the first one without a report. */
static void write_report(FILE *out, const struct fake_chunk *chunk, uint32_t count) {
	const char *comma = "";

	fprintf(out, "{\"chunk\":%" PRIu64 ",\"results\":[", chunk->number);
	for (uint32_t i = chunk->reported; i < chunk->reported + count; i++) {
		enum fake_outcome outcome = fake_outcome(chunk->values[i]);

		fputs(i > chunk->reported ? "," : "", out);
		if (outcome == FAKE_VALUE)
			fprintf(out, "%" PRIu64, chunk->values[i]);
		else
			fputs(outcome == FAKE_RAISES
				      ? "null"
				      : "\"a result that is longer than forty characters\"",
			      out);
	}
	fputs("],\"errors\":[", out);
	for (uint32_t i = chunk->reported; i < chunk->reported + count; i++) {
		if (fake_outcome(chunk->values[i]) != FAKE_RAISES)
			continue;
		fprintf(out, "%s{\"offset\":%u,\"message\":\"no\"}", comma, i);
		comma = ",";
	}
	fputs("]", out);
	if (chunk->times) {
		fputs(",\"us\":[", out);
		for (uint32_t i = 0; i < count; i++)
			fprintf(out, "%s%" PRIu64 ",1", i ? "," : "", chunk->began);
		fputs("]", out);
	}
	fprintf(out, ",\"busyUs\":%" PRIu64, chunk->busy);
}

bool fake_process_report(struct fake_process *process, uint32_t most) {
	struct fake_chunk *chunk = TAILQ_FIRST(&process->chunks);
	char text[16384] = "";
	uint32_t count;
	FILE *out;

	if (!chunk || is_silent(process))
		return false;
	count = chunk->done - chunk->reported;
	count = count < most ? count : most;
	if (count == 0 && !chunk->returned)
		return false;
	out = fmemopen(text, sizeof text - 1, "w");
	write_report(out, chunk, count);
	chunk->reported += count;
	chunk->busy = 0;
	if (chunk->returned && chunk->reported == chunk->done)
		fprintf(out, ",\"returned\":%u", chunk->done);
	fputs("}", out);
	fclose(out);
	fake_process_say(process, text);
	if (chunk->reported == chunk->count || (chunk->returned && chunk->reported == chunk->done))
		chunk_free(process, chunk);
	return true;
}
