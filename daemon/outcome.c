#include "daemon/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chunk handed over this often without a start is halved, a single item given up. */
#define HANDED_HALVE   2
#define HANDED_GIVE_UP 3
/* So many attempts more than its retries has an item whose worker ended right after it and did not report it. Others
 * that ran beside it may have had some of them on their account. */
#define SILENT_GIVE_UP 10

/* -------- item errors -------- */

static json_t *new_error(uint64_t index, enum item_error_kind kind, uint32_t attempts) {
	return json_pack("{sI ss sI}", "index", (json_int_t) index, "kind", item_error_name(kind),
			 "attempts", (json_int_t) attempts);
}

/* Sets a member; value is taken over. Returns the error, or NULL without memory: it is freed then. */
static json_t *with(json_t *error, const char *key, json_t *value) {
	if (json_object_set_new(error, key, value) < 0) {
		json_decref(error);
		return NULL;
	}
	return error;
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

static json_t *with_text(json_t *error, const char *key, const json_t *from) {
	const char *text = json_string_value(json_object_get(from, key));

	return text ? with(error, key, limited_string(text)) : error;
}

/* A worker's {"offset", "exception", "message", "trace"} as an ItemError. */
static json_t *exception_error(uint64_t index, const json_t *reported, uint32_t attempts) {
	json_t *error = new_error(index, ITEM_ERROR_EXCEPTION, attempts);

	error = with_text(error, "exception", reported);
	error = with_text(error, "message", reported);
	return with_text(error, "trace", reported);
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

/* message: NULL = how the worker ended. */
static json_t *died_error(uint64_t index, const struct worker_end *end, const char *message,
			  uint32_t attempts) {
	json_t *error = new_error(index, ITEM_ERROR_WORKER_DIED, attempts);
	char how[64];

	if (end->signal) {
		const char *name = sigabbrev_np(end->signal);

		snprintf(how, sizeof how, "killed by signal %d (%s)", end->signal,
			 name ? name : "?");
		error = with(error, "exitSignal", json_integer(end->signal));
	} else {
		snprintf(how, sizeof how, "exited with status %d", end->status);
		error = with(error, "exitStatus", json_integer(end->status));
	}
	error = with(error, "message",
		     message ? json_string(message)
			     : json_sprintf("the worker was lost: %s%s%s", how,
					    end->reason ? ": " : "",
					    end->reason ? end->reason : ""));
	return end->stderr_tail[0] ? with(error, "stderr", printable(end->stderr_tail)) : error;
}

static json_t *flaw_error(uint64_t index, enum flaw_kind kind, uint32_t attempts) {
	if (kind == FLAW_TOO_LARGE)
		return with(new_error(index, ITEM_ERROR_RESULT_TOO_LARGE, attempts), "message",
			    json_string("the result is over the limit of one result"));
	return with(new_error(index, ITEM_ERROR_BAD_RESULT, attempts), "message",
		    json_string("the result has a number of more than " LIMIT_TEXT(
			    LIMIT_NUMBER) " characters"));
}

static json_t *cancelled_error(uint64_t index, uint32_t attempts) {
	return with(new_error(index, ITEM_ERROR_CANCELLED, attempts), "message",
		    json_string("the item was cancelled"));
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

/* ItemErrors of the results from … to - 1: *ret is NULL if there are none. *next: the first of the report's errors
 * that was not looked at. Returns 0 or -ENOMEM. */
static int errors_between(const struct view *view, size_t from, size_t to, size_t *next,
			  json_t **ret) {
	const json_t *reported;
	json_t *errors = NULL;

	for (; (reported = json_array_get(view->report->results->errors, *next)); (*next)++) {
		size_t at = error_offset(reported) - view->offset;

		if (at >= to)
			break;
		if (at < from)
			continue;
		if (!errors)
			errors = json_array();
		if (json_array_append_new(errors, exception_error(view->base + at, reported,
								  view->attempts)) < 0) {
			json_decref(errors);
			return -ENOMEM;
		}
	}
	*ret = errors;
	return 0;
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

static int add_between(struct request *request, const struct view *view, size_t from, size_t to,
		       size_t *next_error) {
	const struct worker_report *report = view->report;
	uint64_t *times = NULL;
	json_t *errors = NULL;

	if (from == to)
		return 0;
	if (errors_between(view, from, to, next_error, &errors) < 0)
		return -ENOMEM;
	if (request->options.timings && !(times = times_between(view, from, to))) {
		json_decref(errors);
		return -ENOMEM;
	}
	return request_add_results(
		request, view->base + from, to - from, report->text,
		elements_span(&report->doc->elements, report->text, from, to - from), report->bytes,
		errors, times, view->attempts);
}

/* Whether an error takes the place of result i: *ret then, NULL without memory. *flaw: the first of the document's
 * flaws that was not looked at. */
static bool is_replaced(const struct request *request, const struct view *view, size_t i,
			size_t *flaw, json_t **ret) {
	const struct document *doc = view->report->doc;
	uint64_t index = view->base + i;
	bool flawed = *flaw < doc->n_flaws && doc->flaws[*flaw].index == i;

	if (flawed)
		(*flaw)++;
	if (request_is_cancelling(request, index))
		*ret = cancelled_error(index, view->attempts);
	else if (flawed)
		*ret = flaw_error(index, doc->flaws[*flaw - 1].kind, view->attempts);
	else
		return false;
	return true;
}

/* Adds the results, but for those that an error replaces. Returns 0 or -ENOMEM. */
static int add_all(struct request *request, const struct view *view) {
	size_t from = 0, flaw = 0, next_error = 0;
	json_t *error;
	int r = 0;

	if (view->report->doc->n_flaws == 0 && request->items.cancelling == 0)
		return add_between(request, view, 0, view->n, &next_error);
	for (size_t i = 0; r == 0 && i < view->n; i++) {
		if (!is_replaced(request, view, i, &flaw, &error))
			continue;
		r = add_between(request, view, from, i, &next_error);
		if (r == 0)
			r = request_fail_item(request, view->base + i, error, true, view->attempts);
		else
			json_decref(error);
		from = i + 1;
	}
	return r == 0 ? add_between(request, view, from, view->n, &next_error) : r;
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
	const uint64_t running = request->running - n;
	const char *wrong = check_errors(&view);
	struct error error = {0};

	if (wrong)
		return wrong;
	if (add_all(request, &view) < 0) {
		/* Not the worker's fault. */
		request->running = running;
		error_set_no_memory(&error);
		request_fail(request, REQUEST_FAILED, &error);
	}
	/* A worker may claim any time; the sum stays one that JSON can tell. */
	request->work_us = report->results->busy_us > INT64_MAX - request->work_us
				   ? INT64_MAX
				   : request->work_us + report->results->busy_us;
	return NULL;
}

/* -------- settlements -------- */

static json_t *timeout_error(uint64_t index, const struct request *request, uint32_t attempts) {
	return with(new_error(index, ITEM_ERROR_ITEM_TIMEOUT, attempts), "message",
		    json_sprintf("the item took longer than %" PRIu32 " ms",
				 request->options.item_timeout_ms));
}

/* The error of an item whose worker is gone; message as died_error()'s. */
static int give_up(struct request *request, uint64_t index, const struct worker_end *end,
		   const char *message, uint32_t attempts) {
	json_t *error;

	if (request_is_cancelling(request, index))
		error = cancelled_error(index, attempts);
	else if (end->timed_out && !message && request->options.item_timeout_ms)
		error = timeout_error(index, request, attempts);
	else
		error = died_error(index, end, message, attempts);
	return request_fail_item(request, index, error, true, attempts);
}

/* The item that pays for the death is tried again, or has its error. */
static int blame(struct request *request, uint64_t index, const struct worker_end *end,
		 uint32_t attempts) {
	if (attempts > request->options.retries || request_is_cancelling(request, index))
		return give_up(request, index, end, NULL, attempts);
	request->retried++;
	return request_put_back(request, index, 1, 0, attempts);
}

/* The error of an item that ran, and whose result nobody will ever see. */
static json_t *lost_error(const struct request *request, uint64_t index, uint32_t attempts) {
	if (request_is_cancelling(request, index))
		return cancelled_error(index, attempts);
	return with(new_error(index, ITEM_ERROR_RESULT_LOST, attempts), "message",
		    json_string("the item had finished when its worker was lost, and its result "
				"was not reported"));
}

static int lose(struct request *request, uint64_t first, uint64_t count, uint32_t attempts) {
	int r = 0;

	for (uint64_t i = first; r == 0 && i < first + count; i++)
		r = request_fail_item(request, i, lost_error(request, i, attempts), true, attempts);
	return r;
}

/* Items that ran unreported run again, unless they must not. */
static int repeat(struct request *request, uint64_t first, uint64_t count, uint32_t attempts) {
	if (request->options.no_rerun)
		return lose(request, first, count, attempts);
	request->retried += count;
	return request_put_back(request, first, count, 0, attempts);
}

static int put_back_untouched(struct request *request, const struct chunk *chunk,
			      const struct worker_end *end) {
	uint32_t handed = chunk->handed + 1, half = chunk->count / 2;
	int r;

	if (chunk->count == 1 && handed >= HANDED_GIVE_UP)
		return give_up(request, chunk->first, end,
			       "every worker that was given the item died before starting it",
			       chunk->attempts);
	if (chunk->count == 1 || handed < HANDED_HALVE)
		return request_put_back(request, chunk->first, chunk->count, handed,
					chunk->attempts);
	r = request_put_back(request, chunk->first, half, 1, chunk->attempts);
	return r < 0 ? r
		     : request_put_back(request, chunk->first + half, chunk->count - half, 1,
					chunk->attempts);
}

/* Whether the last item that finished has cost enough workers that ended by themselves. */
static bool is_given_up(const struct request *request, const struct chunk *chunk,
			const struct worker_end *end) {
	return end && !end->ours && !request->options.no_rerun &&
	       chunk->attempts + 1 >= (uint64_t) request->options.retries + SILENT_GIVE_UP;
}

static int put_back_rest(struct request *request, const struct chunk *chunk,
			 const struct settlement *settlement, const struct worker_end *end) {
	bool given_up = settlement->silent && is_given_up(request, chunk, end);
	uint32_t finished = settlement->finished - given_up;
	int r = repeat(request, chunk->first + chunk->reported, finished - chunk->reported,
		       chunk->attempts + 1);

	if (r == 0 && given_up)
		r = give_up(request, chunk->first + finished, end,
			    "again and again a worker ended after the item and did not report it",
			    chunk->attempts + 1);
	if (r == 0 && settlement->blamed)
		r = blame(request, chunk->first + settlement->finished, end, chunk->attempts + 1);
	if (r == 0)
		r = request_put_back(request, chunk->first + settlement->rest,
				     chunk->count - settlement->rest, 0, chunk->attempts);
	return r;
}

int outcome_settle(struct request *request, const struct chunk *chunk,
		   const struct settlement *settlement, const struct worker_end *end) {
	const uint64_t running = request->running - (chunk->count - chunk->reported);
	int r = settlement->untouched ? put_back_untouched(request, chunk, end)
				      : put_back_rest(request, chunk, settlement, end);

	request->running = running; /* also of items that were lost for want of memory */
	return r;
}
