#include "protocol/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * Replies as transcripts: "continues first=5 results=[1|null] errors=…", or the error's name and parameters,
 * or "no: REASON".
 */
static void add(char *shown, const char *format, const char *text) {
	size_t n = strlen(shown);

	snprintf(shown + n, 512 - n, format, text);
}

static void add_json(char *shown, const char *format, const json_t *value) {
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (text)
		add(shown, format, text);
	free(text);
}

static void add_span(char *shown, const char *format, struct span span, const char *text) {
	char copy[256];

	snprintf(copy, sizeof(copy), "%.*s", (int) span_size(span), text + span.begin);
	if (span_size(span) > 0)
		add(shown, format, copy);
}

static void print(char *shown, const struct reply *reply, const struct document *doc,
		  const char *text) {
	char first[32];

	snprintf(first, sizeof(first), "%llu", (unsigned long long) reply->first);
	add(shown, reply->continues ? "continues" : "last", "");
	add(shown, reply->error ? " error=%s" : "", reply->error);
	add_json(shown, " parameters=%s", reply->parameters);
	add_span(shown, " plain=%s", reply->plain, text);
	add_span(shown, " result=%s", reply->result, text);
	if (doc->elements.present)
		add(shown, " first=%s", first);
	for (size_t i = 0; i < doc->elements.count; i++)
		add_span(shown, " [%s]", elements_span(&doc->elements, text, i, 1), text);
	add(shown, reply->request ? " request=%s" : "", reply->request);
	add_json(shown, " errors=%s", reply->errors);
	add_json(shown, " us=%s", reply->start_us);
	add_json(shown, " summary=%s", reply->summary);
}

static const char *decode(enum reply_kind kind, const char *text) {
	static const struct limits none = {0};
	static char shown[512];
	struct document doc;
	struct reply reply;
	const char *reason = NULL;
	char *copy = unit_copy(text, strlen(text) + 1);

	*shown = '\0';
	document_init(&doc, &reply_shapes[kind], &none);
	cr_assert_eq(document_feed(&doc, copy, strlen(text) + 1), DOCUMENT_WHOLE);
	if (reply_decode(&reply, kind, &doc, copy, &reason) == 0) {
		print(shown, &reply, &doc, copy);
		reply_done(&reply);
	} else {
		add(shown, "no: %s", reason);
	}
	document_done(&doc);
	free(copy);
	return shown;
}

#define EXPECT(kind, text, expected) cr_assert_str_eq(decode(kind, text), expected)

UNIT_TEST(reply, plain_parameters_stay_text) {
	EXPECT(REPLY_PLAIN, "{\"parameters\":{\"a\": 1e2}}", "last plain={\"a\": 1e2}");
	EXPECT(REPLY_PLAIN, "{\"continues\":true,\"parameters\":{}}", "continues plain={}");
	EXPECT(REPLY_PLAIN, "{}", "last");
	EXPECT(REPLY_PLAIN, "{\"parameters\":null,\"error\":null}", "last");
}

UNIT_TEST(reply, errors_come_with_name_and_parameters) {
	EXPECT(REPLY_PLAIN, "{\"error\":\"a.B\",\"parameters\":{\"x\":[1]}}",
	       "last error=a.B parameters={\"x\":[1]}");
	EXPECT(REPLY_RUN, "{\"error\":\"a.B\",\"parameters\":{\"x\":[1],\"y\":\"z\"}}",
	       "last error=a.B parameters={\"x\":[1],\"y\":\"z\"}");
	EXPECT(REPLY_STREAM, "{\"error\":\"a.B\",\"parameters\":{\"x\":1}}",
	       "last error=a.B parameters={\"x\":1}");
	EXPECT(REPLY_STREAM, "{\"error\":\"a.B\"}", "last error=a.B");
}

UNIT_TEST(reply, parameters_of_an_error_may_have_the_names_of_a_reply) {
	EXPECT(REPLY_RUN, "{\"parameters\":{\"first\":\"x\",\"request\":7},\"error\":\"a.B\"}",
	       "last error=a.B parameters={\"first\":\"x\",\"request\":7}");
}

UNIT_TEST(reply, results_are_spans) {
	EXPECT(REPLY_RUN,
	       "{\"parameters\":{\"first\":5,\"results\":[1, null,\"a\"],\"request\":\"17\"},"
	       "\"continues\":true}",
	       "continues first=5 [1] [null] [\"a\"] request=17");
	EXPECT(REPLY_STREAM, "{\"results\":[ -0 ],\"first\":9}", "last first=9 [-0]");
}

UNIT_TEST(reply, apply_has_one_result) {
	EXPECT(REPLY_RUN, "{\"parameters\":{\"result\":{\"a\":[0.10]}}}",
	       "last result={\"a\":[0.10]}");
	EXPECT(REPLY_RUN, "{\"parameters\":{\"result\":null}}", "last result=null");
}

UNIT_TEST(reply, summary_ends_a_stream) {
	EXPECT(REPLY_STREAM, "{\"summary\":{\"items\":3}}", "last summary={\"items\":3}");
	EXPECT(REPLY_RUN, "{\"parameters\":{\"summary\":{\"items\":0}}}",
	       "last summary={\"items\":0}");
}

UNIT_TEST(reply, item_errors_belong_to_results) {
	EXPECT(REPLY_STREAM,
	       "{\"first\":4,\"results\":[1,null],\"errors\":[{\"index\":5,\"kind\":\"X\"}]}",
	       "last first=4 [1] [null] errors=[{\"index\":5,\"kind\":\"X\"}]");
	EXPECT(REPLY_STREAM,
	       "{\"first\":4,\"results\":[1,null],\"errors\":[{\"index\":6,\"kind\":\"X\"}]}",
	       "no: an item error is not of these results");
	EXPECT(REPLY_STREAM,
	       "{\"first\":4,\"results\":[1,null],\"errors\":[{\"index\":3,\"kind\":\"X\"}]}",
	       "no: an item error is not of these results");
	EXPECT(REPLY_STREAM, "{\"results\":[null],\"errors\":[{\"index\":0}]}",
	       "no: an item error is not of these results");
	EXPECT(REPLY_STREAM, "{\"results\":[null],\"errors\":[7]}",
	       "no: an item error is not of these results");
}

UNIT_TEST(reply, timings_are_as_many_as_the_results) {
	EXPECT(REPLY_STREAM, "{\"results\":[1,2],\"startUs\":[7,8]}",
	       "last first=0 [1] [2] us=[7,8]");
	EXPECT(REPLY_STREAM, "{\"results\":[1,2],\"startUs\":[7]}",
	       "no: the timings are not those of these results");
	EXPECT(REPLY_STREAM, "{\"results\":[1],\"startUs\":[\"7\"]}",
	       "no: the timings are not those of these results");
}

UNIT_TEST(reply, unknown_members_are_passed_over) {
	EXPECT(REPLY_STREAM, "{\"later\":{\"x\":1},\"results\":[1]}", "last first=0 [1]");
	EXPECT(REPLY_RUN, "{\"parameters\":{\"later\":1,\"results\":[1]},\"x.y\":2}",
	       "last first=0 [1]");
}

UNIT_TEST(reply, wrong_types_are_refused) {
	static const char *const texts[] = {
		"{\"first\":-1,\"results\":[1]}",
		"{\"first\":\"0\"}",
		"{\"results\":7}",
		"{\"summary\":[]}",
		"{\"errors\":{}}",
		"{\"request\":7}",
		"{\"request\":\"1\",\"request\":\"2\"}",
		"{\"continues\":1}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		EXPECT(REPLY_STREAM, texts[i], "no: a member of the reply has the wrong type");
	EXPECT(REPLY_STREAM, "{\"error\":7}", "no: the name of the error is not a string");
	EXPECT(REPLY_STREAM, "{\"error\":\"a.B\",\"parameters\":[]}",
	       "no: the parameters of an error are not an object");
}

UNIT_TEST(reply, a_nul_in_a_message_costs_nothing) {
	EXPECT(REPLY_STREAM,
	       "{\"results\":[null],\"errors\":[{\"index\":0,\"kind\":\"X\",\"message\":"
	       "\"a\\u0000b\"}]}",
	       "last first=0 [null] "
	       "errors=[{\"index\":0,\"kind\":\"X\",\"message\":\"a\\u0000b\"}]");
}
