#include "client/nested.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "protocol/error.h"
#include "protocol/limits.h"

static int64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- whether ---- */

static nested_function find_worker(void) {
	void *symbol = dlsym(RTLD_DEFAULT, "procpool_worker_call");
	nested_function call = NULL;

	/* C has no cast from one to the other. */
	if (symbol)
		memcpy(&call, &symbol, sizeof(call));
	return call;
}

/* What one process cannot do to itself. */
static bool can_be_kept(const struct procpool_options *options) {
	return options->item_timeout_ms == 0 && options->timeout_ms == 0 &&
	       (!options->unpack || strcmp(options->unpack, "none") == 0);
}

static bool is_nested(const struct procpool_error *error) {
	return error->code == PROCPOOL_E_ANSWER && error_from_name(error->name) == ERROR_NESTED;
}

/* A value without the white space around it: so the worker is to see it. *ret is to be freed. */
static int trim(const char *json, char **ret) {
	size_t size;

	json += strspn(json, " \t\r\n");
	size = strlen(json);
	while (size > 0 && strchr(" \t\r\n", json[size - 1]))
		size--;
	*ret = strndup(json, size);
	return *ret ? 0 : -ENOMEM;
}

bool nested_init(struct nested *nested, struct procpool *procpool, const struct run_call *run) {
	nested_function call;

	*nested = (struct nested) {.run = *run, .options = options_known(run->options)};
	/* In a map that is continued the indexes are others. */
	if (!is_nested(&procpool->failure.error) || procpool->rest.origin ||
	    !can_be_kept(&nested->options))
		return false;
	call = find_worker();
	if (!call || call(run->function, 0, NULL, 0, NULL, NULL) != 0)
		return false;
	if (nested->options.common && trim(nested->options.common, &nested->common) < 0)
		return false;
	nested->call = call;
	nested->began_us = now_us();
	json_scan_init(&nested->scan, LIMIT_DEPTH, LIMIT_NUMBER, 1);
	return true;
}

void nested_done(struct nested *nested) {
	free(nested->common);
	free(nested->last_error);
	*nested = (struct nested) {0};
}

/* ---- replies ---- */

/* One item's outcome, as the worker says it. */
struct outcome {
	bool well;
	char *json; /* owned: its result, or its error */
	int64_t start_us, duration_us;
};

static int run_item(struct nested *nested, const char *argument, size_t size, struct outcome *ret) {
	int64_t start = now_us();
	int r = nested->call(nested->run.function, nested->next, argument, size, nested->common,
			     &ret->json);

	if (r < 0)
		return r;
	ret->well = r == 0;
	ret->start_us = start - nested->began_us;
	ret->duration_us = now_us() - start;
	nested->work_us += ret->duration_us;
	nested->failed += !ret->well;
	nested->next++;
	return 0;
}

static int put(struct procpool *procpool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds text to what is read from the connection. */
static int put(struct procpool *procpool, const char *format, ...) {
	va_list args;
	char *text;
	int size, r;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0)
		return -ENOMEM;
	r = bytes_add(&procpool->connection.in, text, (size_t) size);
	free(text);
	return r;
}

static int put_batch(struct nested *nested, struct procpool *procpool,
		     const struct outcome *outcome) {
	int r = put(procpool, "{\"continues\":true,\"parameters\":{\"first\":%llu,\"results\":[%s]",
		    (unsigned long long) nested->next - 1, outcome->well ? outcome->json : "null");

	if (r == 0 && !outcome->well)
		r = put(procpool, ",\"errors\":[%s]", outcome->json);
	if (r == 0 && nested->options.timings)
		r = put(procpool, ",\"startUs\":[%lld],\"durationUs\":[%lld],\"attempts\":[1]",
			(long long) outcome->start_us, (long long) outcome->duration_us);
	return r == 0 ? put(procpool, "}}") : r;
}

static int put_item_failed(struct procpool *procpool, const char *json) {
	return put(procpool, "{\"error\":\"io.procpool.ItemFailed\",\"parameters\":{\"item\":%s}}",
		   json);
}

static int put_end(struct nested *nested, struct procpool *procpool) {
	long long items = (long long) nested->next;

	if (nested->last_error)
		return put_item_failed(procpool, nested->last_error);
	return put(
		procpool,
		"{\"parameters\":{\"summary\":{\"request\":\"\",\"items\":%lld,\"succeeded\":%lld,"
		"\"failed\":%lld,\"cancelled\":0,\"retried\":0,\"queuedUs\":0,\"elapsedUs\":%lld,"
		"\"workUs\":%lld}}}",
		items, items - (long long) nested->failed, (long long) nested->failed,
		(long long) (now_us() - nested->began_us), (long long) nested->work_us);
}

static int out_of_memory(struct procpool *procpool) {
	connection_done(&procpool->connection);
	return failure_errno(&procpool->failure, -ENOMEM, "cannot run the item");
}

/* The next item. Returns false if there is none: the items are an array, the call with them was sent. */
static bool find_item(struct nested *nested, struct span *ret) {
	struct json_scan_token token = {.event = JSON_SCAN_MORE};

	while (token.event != JSON_SCAN_END) {
		if (json_scan_next(&nested->scan, nested->run.input, nested->run.input_size, true,
				   &token) != 0)
			return false;
		if (token.event == JSON_SCAN_OPEN)
			json_scan_enter(&nested->scan);
		if (token.event != JSON_SCAN_VALUE)
			continue;
		*ret = (struct span) {token.begin, token.end};
		return true;
	}
	return false;
}

int nested_reply(struct nested *nested, struct procpool *procpool) {
	struct outcome outcome = {0};
	struct span item;
	int r;

	if (nested->last_error || !find_item(nested, &item)) {
		r = put_end(nested, procpool);
	} else {
		r = run_item(nested, nested->run.input + item.begin, span_size(item), &outcome);
		if (r == 0)
			r = put_batch(nested, procpool, &outcome);
		if (r == 0 && !outcome.well && nested->options.abort_on_error) {
			nested->last_error = outcome.json;
			outcome.json = NULL;
		}
		free(outcome.json);
	}
	if (r == 0)
		r = bytes_add(&procpool->connection.in, "", 1);
	return r < 0 ? out_of_memory(procpool) : 0;
}

int nested_reply_one(struct nested *nested, struct procpool *procpool) {
	struct outcome outcome = {0};
	char *argument;
	int r = trim(nested->run.input ? nested->run.input : "null", &argument);

	if (r == 0)
		r = run_item(nested, argument, strlen(argument), &outcome);
	if (r == 0)
		r = outcome.well ? put(procpool, "{\"parameters\":{\"result\":%s}}", outcome.json)
				 : put_item_failed(procpool, outcome.json);
	if (r == 0)
		r = bytes_add(&procpool->connection.in, "", 1);
	free(outcome.json);
	free(argument);
	return r < 0 ? out_of_memory(procpool) : 0;
}
