#include "protocol/reply.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Promises: what a daemon says is decoded or refused with a reason; errors and timings that were decoded
 * belong to the results beside them; a call that failed has a name for it and no results. */

static void check_errors(const struct reply *reply, size_t count) {
	size_t i;
	json_t *error;

	FUZZ_CHECK(!reply->errors || json_is_array(reply->errors));
	json_array_foreach(reply->errors, i, error) {
		uint64_t index = (uint64_t) json_integer_value(json_object_get(error, "index"));

		FUZZ_CHECK(index >= reply->first && index - reply->first < count);
		FUZZ_CHECK(json_is_string(json_object_get(error, "kind")));
	}
}

static void check_times(const json_t *times, size_t count) {
	size_t i;
	json_t *time;

	FUZZ_CHECK(!times || json_array_size(times) == count);
	json_array_foreach((json_t *) times, i, time) FUZZ_CHECK(json_is_integer(time));
}

static void check_span(const struct document *doc, const char *text, struct span span,
		       const char *begins) {
	FUZZ_CHECK(span.begin <= span.end && span.end <= doc->length);
	FUZZ_CHECK(span_size(span) == 0 || !begins || strchr(begins, text[span.begin]));
}

static void check_reply(const struct reply *reply, enum reply_kind kind, const struct document *doc,
			const char *text) {
	size_t count = doc->elements.count;

	FUZZ_CHECK(!reply->parameters || json_is_object(reply->parameters));
	FUZZ_CHECK(!reply->error || (!reply->errors && !reply->summary && !reply->continues));
	FUZZ_CHECK(!reply->summary || json_is_object(reply->summary));
	FUZZ_CHECK(span_size(reply->plain) == 0 || kind != REPLY_RUN);
	check_errors(reply, count);
	check_times(reply->start_us, count);
	check_times(reply->duration_us, count);
	check_times(reply->attempts, count);
	check_span(doc, text, reply->plain, "{");
	check_span(doc, text, reply->result, NULL);
}

static void check(enum reply_kind kind, const char *text, size_t size) {
	const struct limits none = {0};
	struct document doc;
	struct reply reply;
	const char *reason = NULL;
	int r;

	document_init(&doc, &reply_shapes[kind], &none);
	if (document_feed(&doc, text, size) == DOCUMENT_WHOLE) {
		r = reply_decode(&reply, kind, &doc, text, &reason);
		FUZZ_CHECK(r == 0 || (r == 1 && reason && *reason));
		if (r == 0) {
			check_reply(&reply, kind, &doc, text);
			reply_done(&reply);
		}
	}
	document_done(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *text = fuzz_copy(data, size);

	/* The input's last byte stands for the NUL. */
	if (size > 0) {
		text[size - 1] = '\0';
		for (enum reply_kind kind = REPLY_PLAIN; kind <= REPLY_STREAM; kind++)
			check(kind, text, size);
	}
	free(text);
	return 0;
}
