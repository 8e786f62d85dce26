#include "client/encode.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol/json_scan.h"
#include "protocol/limits.h"
#include "protocol/text.h"

int check_json(const char *text, size_t size, unsigned around, const char *what,
	       struct failure *failure) {
	struct json_scan scan;
	struct json_scan_token token;
	int r;

	json_scan_init(&scan, LIMIT_DEPTH - around, LIMIT_NUMBER, 0);
	do {
		r = json_scan_next(&scan, text, size, true, &token);
		if (r == 0 && token.event == JSON_SCAN_VALUE && token.long_number) {
			failure_set(failure, PROCPOOL_E_BAD_INPUT,
				    "%s has a number of more than %d characters", what,
				    LIMIT_NUMBER);
			failure->error.offset = token.number;
			return PROCPOOL_E_BAD_INPUT;
		}
	} while (r == 0 && token.event != JSON_SCAN_END);
	if (r == 0)
		return 0;

	if (r == JSON_SCAN_E_DEPTH)
		failure_set(failure, PROCPOOL_E_BAD_INPUT, "%s is nested deeper than %u", what,
			    LIMIT_DEPTH - around);
	else
		failure_set(failure, PROCPOOL_E_BAD_INPUT, "%s is not JSON: %s at byte %zu", what,
			    scan.reason, scan.pos);
	failure->error.offset = scan.pos;
	return PROCPOOL_E_BAD_INPUT;
}

/* ---- pieces ---- */

static int add_escaped(struct bytes *bytes, unsigned char byte) {
	char escape[8];

	switch (byte) {
	case '"':
	case '\\': snprintf(escape, sizeof(escape), "\\%c", byte); break;
	case '\n': return bytes_add_string(bytes, "\\n");
	case '\t': return bytes_add_string(bytes, "\\t");
	case '\r': return bytes_add_string(bytes, "\\r");
	default: snprintf(escape, sizeof(escape), "\\u%04x", byte);
	}
	return bytes_add_string(bytes, escape);
}

/* Returns 0; 1 if the string is not UTF-8; -ENOMEM. */
static int add_quoted(struct bytes *bytes, const char *string, size_t size) {
	if (bytes_reserve(bytes, size + 2) < 0 || bytes_add(bytes, "\"", 1) < 0)
		return -ENOMEM;
	while (size > 0) {
		size_t plain = text_plain(string, size);

		if (bytes_add(bytes, string, plain) < 0)
			return -ENOMEM;
		string += plain;
		size -= plain;
		if (size == 0)
			break;
		if ((unsigned char) *string >= 0x80)
			return 1;
		if (add_escaped(bytes, (unsigned char) *string) < 0)
			return -ENOMEM;
		string++;
		size--;
	}
	return bytes_add(bytes, "\"", 1);
}

int encode_string(struct bytes *bytes, const char *string, size_t size, struct failure *failure) {
	size_t before = bytes_size(bytes);
	int r = add_quoted(bytes, string, size);

	if (r == 0)
		return 0;
	if (r < 0)
		return failure_errno(failure, r, "cannot add a string");
	bytes->end = bytes->begin + before;
	return failure_set(failure, PROCPOOL_E_BAD_INPUT, "the string is not UTF-8");
}

/* Adds `"name": value` of a text that is JSON already. */
static int add_member(struct bytes *bytes, const char *name, const char *json, size_t size) {
	const char *comma = bytes->data[bytes->end - 1] == '{' ? "" : ",";

	if (bytes_add_string(bytes, comma) < 0 || bytes_add(bytes, "\"", 1) < 0 ||
	    bytes_add_string(bytes, name) < 0 || bytes_add(bytes, "\":", 2) < 0 ||
	    bytes_add(bytes, json, size) < 0)
		return -ENOMEM;
	return 0;
}

static int add_number(struct bytes *bytes, const char *name, uint32_t number) {
	char text[16];

	if (number == 0)
		return 0;
	return add_member(bytes, name, text, (size_t) snprintf(text, sizeof(text), "%u", number));
}

/* 0 is left out as well. */
static int add_priority(struct bytes *bytes, int32_t priority) {
	char text[16];

	if (priority == 0)
		return 0;
	return add_member(bytes, "priority", text,
			  (size_t) snprintf(text, sizeof(text), "%" PRId32, priority));
}

static int add_constant(struct bytes *bytes, const char *name, const char *json) {
	return json ? add_member(bytes, name, json, strlen(json)) : 0;
}

static int add_text(struct bytes *bytes, const char *name, const char *text,
		    struct failure *failure) {
	if (add_member(bytes, name, "", 0) < 0)
		return -ENOMEM;
	return encode_string(bytes, text, strlen(text), failure);
}

/* ---- calls ---- */

static int add_envelope(struct bytes *call, const char *method, const char *flag,
			struct failure *failure) {
	int r = bytes_add(call, "{", 1);

	if (r == 0)
		r = add_text(call, "method", method, failure);
	if (r == 0 && flag)
		r = add_member(call, flag, "true", 4);
	return r;
}

/* A failure of memory, whichever step it was in, gets its words here. */
static int finish(struct bytes *call, int r, struct failure *failure) {
	if (r == 0)
		r = bytes_add(call, "}", 2);
	if (r == -ENOMEM)
		failure_errno(failure, r, "cannot write the call");
	if (r != 0)
		bytes_done(call);
	return r;
}

int encode_call(struct bytes *call, const char *method, const char *flag, const char *parameters,
		struct failure *failure) {
	int r = 0;

	if (parameters)
		r = check_json(parameters, strlen(parameters), 1, "the parameters", failure);
	if (r == 0)
		r = add_envelope(call, method, flag, failure);
	if (r == 0)
		r = add_constant(call, "parameters", parameters);
	return finish(call, r, failure);
}

/* The caller may be older than this library: what its struct does not have is not read. */
struct procpool_options options_known(const struct procpool_options *options) {
	struct procpool_options known = {0};

	if (options)
		memcpy(&known, options,
		       options->size < sizeof(known) ? options->size : sizeof(known));
	return known;
}

static int add_options(struct bytes *call, const struct procpool_options *options,
		       struct failure *failure) {
	int r = add_member(call, "options", "{", 1);

	if (r == 0)
		r = add_number(call, "chunkSize", options->chunk_size);
	if (r == 0)
		r = add_number(call, "maxWorkers", options->max_workers);
	if (r == 0)
		r = add_priority(call, options->priority);
	if (r == 0)
		r = add_number(call, "retries", options->retries);
	if (r == 0)
		r = add_number(call, "itemTimeoutMs", options->item_timeout_ms);
	if (r == 0)
		r = add_number(call, "timeoutMs", options->timeout_ms);
	if (r == 0)
		r = add_number(call, "queueTimeoutMs", options->queue_timeout_ms);
	if (r == 0 && options->no_rerun)
		r = add_constant(call, "rerun", "false");
	if (r == 0 && options->unpack)
		r = add_text(call, "unpack", options->unpack, failure);
	if (r == 0 && options->unordered)
		r = add_member(call, "order", "\"unordered\"", 11);
	if (r == 0 && options->abort_on_error)
		r = add_member(call, "onError", "\"abort\"", 7);
	if (r == 0 && options->timings)
		r = add_member(call, "timings", "true", 4);
	if (r == 0)
		r = bytes_add(call, "}", 1);
	return r;
}

static int check_run(const struct run_call *run, const struct procpool_options *options,
		     struct failure *failure) {
	int r = 0;

	if (options->common)
		r = check_json(options->common, strlen(options->common), 2, "the common value",
			       failure);
	if (r == 0 && run->input)
		r = check_json(run->input, run->input_size, 2,
			       run->input_name[0] == 'a' ? "the argument" : "the array of items",
			       failure);
	return r;
}

int encode_run_call(struct bytes *call, const struct run_call *run, struct failure *failure) {
	struct procpool_options options = options_known(run->options);
	char method[64];
	int r = check_run(run, &options, failure);

	snprintf(method, sizeof(method), "io.procpool.%s", run->method);
	if (r == 0)
		r = add_envelope(call, method, run->flag, failure);
	if (r == 0)
		r = add_member(call, "parameters", "{", 1);
	if (r == 0)
		r = add_text(call, "function", run->function, failure);
	if (r == 0)
		r = add_constant(call, "common", options.common);
	if (r == 0 && run->options)
		r = add_options(call, &options, failure);
	if (r == 0)
		r = add_number(call, "window", run->window);
	if (r == 0 && run->input)
		r = add_member(call, run->input_name, run->input, run->input_size);
	if (r == 0)
		r = bytes_add(call, "}", 1);
	return finish(call, r, failure);
}
