#include "daemon/outcome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chunk handed over this often without a start is halved, a single item given up. */
#define HANDED_HALVE   2
#define HANDED_GIVE_UP 3

/* -------- item errors -------- */

static json_t *new_error(uint64_t index, enum item_error_kind kind, uint32_t attempts) {
	return json_pack("{sI ss sI}", "index", (json_int_t) index, "kind", item_error_name(kind),
			 "attempts", (json_int_t) attempts);
}

/* Cut at LIMIT_ERROR_TEXT, not inside a character. */
static json_t *limited_string(const char *text) {
	size_t size = strlen(text);

	if (size > LIMIT_ERROR_TEXT) {
		size = LIMIT_ERROR_TEXT;
		while (size > 0 && ((unsigned char) text[size] & 0xC0) == 0x80)
			size--;
	}
	return json_stringn(text, size);
}

static void copy_text(json_t *to, const char *key, const json_t *from) {
	const char *text = json_string_value(json_object_get(from, key));

	if (text)
		json_object_set_new(to, key, limited_string(text));
}

/* A worker's {"offset", "exception", "message", "trace"} as an ItemError. */
static json_t *exception_error(uint64_t index, const json_t *reported, uint32_t attempts) {
	json_t *error = new_error(index, ITEM_ERROR_EXCEPTION, attempts);

	copy_text(error, "exception", reported);
	copy_text(error, "message", reported);
	copy_text(error, "trace", reported);
	return error;
}

/* Workers print bytes; an error carries text. */
static json_t *printable(const char *bytes) {
	char *copy = strdup(bytes);
	json_t *string;

	for (char *p = copy; p && *p; p++)
		if ((unsigned char) *p >= 0x80 ||
		    ((unsigned char) *p < 0x20 && *p != '\n' && *p != '\t'))
			*p = '?';
	string = json_string(bytes);
	if (!string && copy)
		string = json_string(copy);
	free(copy);
	return string;
}

static json_t *died_error(uint64_t index, const struct worker_end *end, uint32_t attempts) {
	json_t *error = new_error(index, ITEM_ERROR_WORKER_DIED, attempts);
	char how[64];

	if (end->signal) {
		const char *name = sigabbrev_np(end->signal);

		snprintf(how, sizeof how, "killed by signal %d (%s)", end->signal,
			 name ? name : "?");
		json_object_set_new(error, "exitSignal", json_integer(end->signal));
	} else {
		snprintf(how, sizeof how, "exited with status %d", end->status);
		json_object_set_new(error, "exitStatus", json_integer(end->status));
	}
	json_object_set_new(error, "message",
			    json_sprintf("the worker was lost: %s%s%s", how,
					 end->reason ? ": " : "", end->reason ? end->reason : ""));
	if (end->stderr_tail[0])
		json_object_set_new(error, "stderr", printable(end->stderr_tail));
	return error;
}

static json_t *not_started_error(uint64_t index, const struct worker_end *end) {
	json_t *error = died_error(index, end, 0);

	json_object_set_new(
		error, "message",
		json_string("every worker that was given the item died before starting it"));
	return error;
}

static json_t *flaw_error(uint64_t index, enum flaw_kind kind, uint32_t attempts) {
	bool large = kind == FLAW_TOO_LARGE;
	json_t *error = new_error(
		index, large ? ITEM_ERROR_RESULT_TOO_LARGE : ITEM_ERROR_BAD_RESULT, attempts);

	json_object_set_new(
		error, "message",
		json_string(large ? "the result is over the limit of one result"
				  : "the result has a number of more than 1024 characters"));
	return error;
}

static json_t *cancelled_error(uint64_t index, uint32_t attempts) {
	json_t *error = new_error(index, ITEM_ERROR_CANCELLED, attempts);

	json_object_set_new(error, "message", json_string("the item was cancelled"));
	return error;
}

/* -------- reports -------- */

/* A report, seen as results 0 … n - 1 of the items base … base + n - 1. */
struct view {
	const struct worker_report *report;
	uint64_t base;   /* index of the first result's item */
	uint32_t offset; /* its offset in the chunk */
	size_t n;
	uint32_t attempts; /* of each, this one included */
	uint64_t sent;
};

static size_t error_offset(const json_t *error) {
	return (size_t) json_integer_value(json_object_get(error, "offset"));
}

/* Every error belongs to a result of this message that is null, in order. */
static const char *check_errors(const struct view *view) {
	size_t i, next = view->offset;
	json_t *error;

	json_array_foreach(view->report->results->errors, i, error) {
		size_t offset = error_offset(error);
		struct span span;

		if (offset < next || offset >= view->offset + view->n)
			return "an error for an item without a result in the message";
		next = offset + 1;
		span = elements_span(&view->report->doc->elements, view->report->text,
				     offset - view->offset, 1);
		if (span_size(span) != 4 || view->report->text[span.begin] != 'n')
			return "an item with both a result and an error";
	}
	return NULL;
}

static const char *check_times(const struct view *view) {
	const json_t *us = view->report->results->us;

	if (us && json_array_size(us) != 2 * view->n)
		return "times that do not match the results";
	return NULL;
}

/* ItemErrors of the results from … to - 1, or NULL if there are none. */
static json_t *errors_between(const struct view *view, size_t from, size_t to) {
	json_t *errors = NULL, *error;
	size_t i;

	json_array_foreach(view->report->results->errors, i, error) {
		size_t at = error_offset(error) - view->offset;

		if (at < from || at >= to)
			continue;
		if (!errors)
			errors = json_array();
		json_array_append_new(errors,
				      exception_error(view->base + at, error, view->attempts));
	}
	return errors;
}

/* Start and duration of the results from … to - 1; a worker that does not say gets shares of its busy time. */
static uint64_t *times_between(const struct view *view, size_t from, size_t to) {
	const json_t *us = view->report->results->us;
	uint64_t *times = calloc(2 * (to - from), sizeof *times);

	for (size_t i = from; times && i < to; i++) {
		uint64_t *pair = times + 2 * (i - from);

		pair[0] =
			us ? (uint64_t) json_integer_value(json_array_get(us, 2 * i)) : view->sent;
		pair[1] = us ? (uint64_t) json_integer_value(json_array_get(us, 2 * i + 1))
			     : view->report->results->busy_us / view->n;
	}
	return times;
}

static int add_between(struct request *request, const struct view *view, size_t from, size_t to) {
	const struct worker_report *report = view->report;
	uint64_t *times = NULL;
	json_t *errors;

	if (from == to)
		return 0;
	errors = errors_between(view, from, to);
	if (request->options.timings && !(times = times_between(view, from, to))) {
		json_decref(errors);
		return -ENOMEM;
	}
	return request_add_results(
		request, view->base + from, to - from, report->text,
		elements_span(&report->doc->elements, report->text, from, to - from), report->bytes,
		errors, times, view->attempts);
}

/* The error that takes the place of result i, or NULL if it may stay. */
static json_t *replacement(const struct request *request, const struct view *view, size_t i,
			   size_t *flaw) {
	const struct document *doc = view->report->doc;
	uint64_t index = view->base + i;
	bool flawed = *flaw < doc->n_flaws && doc->flaws[*flaw].index == i;

	if (flawed)
		(*flaw)++;
	if (request_is_cancelling(request, index))
		return cancelled_error(index, view->attempts);
	return flawed ? flaw_error(index, doc->flaws[*flaw - 1].kind, view->attempts) : NULL;
}

/* Adds the results, but for those that an error replaces. */
static int add_all(struct request *request, const struct view *view) {
	size_t from = 0, flaw = 0;
	int r = 0;

	if (view->report->doc->n_flaws == 0 && request->cancelling == 0)
		return add_between(request, view, 0, view->n);
	for (size_t i = 0; r == 0 && i < view->n; i++) {
		json_t *error = replacement(request, view, i, &flaw);

		if (!error)
			continue;
		r = add_between(request, view, from, i);
		if (r == 0)
			r = request_fail_item(request, view->base + i, error, true, view->attempts);
		else
			json_decref(error);
		from = i + 1;
	}
	return r == 0 ? add_between(request, view, from, view->n) : r;
}

const char *outcome_report(struct request *request, const struct chunk *chunk,
			   const struct worker_report *report) {
	size_t n = report->doc->elements.count;
	const struct view view = {
		.report = report,
		.base = chunk->first + chunk->reported - n,
		.offset = chunk->reported - (uint32_t) n,
		.n = n,
		.attempts = chunk->attempts + 1,
		.sent = chunk->sent,
	};
	const char *wrong = check_errors(&view);

	if (!wrong)
		wrong = check_times(&view);
	if (!wrong && add_all(request, &view) < 0)
		wrong = "the daemon is out of memory";
	if (!wrong)
		request->work_us += report->results->busy_us;
	return wrong;
}

/* -------- settlements -------- */

static int put_back_untouched(struct request *request, const struct chunk *chunk,
			      const struct worker_end *end) {
	uint32_t handed = chunk->handed + 1, half = chunk->count / 2;
	int r;

	if (chunk->count == 1 && handed >= HANDED_GIVE_UP)
		return request_fail_item(request, chunk->first,
					 not_started_error(chunk->first, end), true, 0);
	if (chunk->count == 1 || handed < HANDED_HALVE)
		return request_put_back(request, chunk->first, chunk->count, handed,
					chunk->attempts);
	r = request_put_back(request, chunk->first, half, 1, chunk->attempts);
	return r < 0 ? r
		     : request_put_back(request, chunk->first + half, chunk->count - half, 1,
					chunk->attempts);
}

int outcome_settle(struct request *request, const struct chunk *chunk,
		   const struct settlement *settlement, const struct worker_end *end) {
	uint64_t blamed = chunk->first + settlement->finished;
	uint32_t lost = settlement->finished - chunk->reported;
	json_t *error;
	int r;

	if (settlement->untouched)
		return put_back_untouched(request, chunk, end);

	request->retried += lost;
	r = request_put_back(request, chunk->first + chunk->reported, lost, 0, chunk->attempts + 1);
	if (r == 0 && settlement->blamed) {
		error = request_is_cancelling(request, blamed)
				? cancelled_error(blamed, chunk->attempts + 1)
				: died_error(blamed, end, chunk->attempts + 1);
		r = request_fail_item(request, blamed, error, true, chunk->attempts + 1);
	}
	if (r == 0)
		r = request_put_back(request, chunk->first + settlement->rest,
				     chunk->count - settlement->rest, 0, chunk->attempts);
	return r;
}
