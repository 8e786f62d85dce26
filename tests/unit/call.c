#include "protocol/call.h"
#include "protocol/parameters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * Calls as transcripts: "a.B more" is the method and the flags that are true, "f argument=1
 * common=2 chunkSize=3" the parameters of a run, and an error is its name and parameters, as in
 * "MalformedMessage reason=no offset=3".
 */
#define TRANSCRIPT_MAX 1024

static const struct limits limits = {.message = 4096, .envelope = 1024, .items = 4, .item = 64};

static void print_error(FILE *out, const struct error *error) {
	const char *key;
	json_t *value;

	fputs(strrchr(error_name(error->id), '.') + 1, out);
	json_object_foreach(error->parameters, key, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		fprintf(out, " %s=%s", key,
			json_is_string(value) ? json_string_value(value) : text);
		free(text);
	}
}

static void print_call(FILE *out, const struct call *call) {
	fprintf(out, "%s%s%s%s", call->method, call->oneway ? " oneway" : "",
		call->more ? " more" : "", call->upgrade ? " upgrade" : "");
}

static void print_span(FILE *out, const char *name, struct span span, const char *text) {
	if (span.begin != span.end)
		fprintf(out, " %s=%.*s", name, (int) span_size(span), text + span.begin);
}

static void print_count(FILE *out, const char *name, uint32_t count) {
	if (count > 0)
		fprintf(out, " %s=%u", name, count);
}

static void print_run(FILE *out, const struct run_parameters *run, const char *text) {
	fprintf(out, "%s", run->function);
	print_span(out, "argument", run->argument, text);
	print_span(out, "common", run->common, text);
	print_count(out, "chunkSize", run->options.chunk_size);
	print_count(out, "maxWorkers", run->options.max_workers);
	print_count(out, "window", run->window);
	if (run->options.priority)
		fprintf(out, " priority=%d", run->options.priority);
	fprintf(out, "%s%s%s%s%s", run->options.unpack ? " " : "",
		run->options.unpack ? unpack_name(run->options.unpack) : "",
		run->options.abort ? " abort" : "", run->options.unordered ? " unordered" : "",
		run->options.timings ? " timings" : "");
}

/* The message as a document. Returns 0; 1 and *error. */
static int read_document(struct document *doc, const struct document_shape *shape, const char *text,
			 struct error *error) {
	int verdict;

	document_init(doc, shape, &limits);
	verdict = document_feed(doc, text, strlen(text) + 1);
	if (verdict == DOCUMENT_WHOLE)
		return 0;
	cr_assert_gt(verdict, DOCUMENT_WHOLE, "%s", text);
	call_document_error(doc, verdict, error);
	return 1;
}

static void decode_call(char *transcript, const char *text) {
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	struct document doc;
	struct error error = {0};
	struct call decoded = {0};

	if (read_document(&doc, &call_shape, text, &error) == 0 &&
	    call_decode(&decoded, &doc, text, &error) == 0)
		print_call(out, &decoded);
	else
		print_error(out, &error);
	fclose(out);
	call_done(&decoded);
	error_done(&error);
	document_done(&doc);
}

struct row {
	const char *text, *transcript;
};

static void expect_calls(const struct row *table, size_t n) {
	static char transcript[TRANSCRIPT_MAX];

	for (size_t i = 0; i < n; i++) {
		decode_call(transcript, table[i].text);
		cr_assert_str_eq(transcript, table[i].transcript, "%s came to %s", table[i].text,
				 transcript);
	}
}

#define EXPECT_CALLS(table) expect_calls(table, sizeof(table) / sizeof(table[0]))

/* Rule 1: a call has method, parameters, oneway, more, upgrade. */
UNIT_TEST(call, the_members_of_the_envelope_are_read) {
	static const struct row table[] = {
		{"{\"method\":\"a.B\"}", "a.B"},
		{"{\"method\":\"a.B\",\"parameters\":{}}", "a.B"},
		{"{\"method\":\"a.B\",\"parameters\":{\"any\":1}}", "a.B"},
		{"{\"method\":\"a.B\",\"more\":true}", "a.B more"},
		{"{\"method\":\"a.B\",\"oneway\":true}", "a.B oneway"},
		{"{\"method\":\"a.B\",\"upgrade\":true}", "a.B upgrade"},
		{"{\"method\":\"a.B\",\"upgrade\":false,\"more\":false,\"oneway\":false}", "a.B"},
		{"{\"method\":\"a.B\",\"upgrade\":false,\"more\":true,\"oneway\":false}",
		 "a.B more"},
		{"{\"m\\u0065thod\":\"a\\u002eB\"}", "a.B"},
		{"{\"method\":\"\"}", ""},
	};

	EXPECT_CALLS(table);
}

/* Rule 1: members whose name contains a dot are skipped. */
UNIT_TEST(call, members_with_a_dot_in_their_name_are_skipped) {
	static const struct row table[] = {
		{"{\"method\":\"a.B\",\"x.y\":1}", "a.B"},
		{"{\"method\":\"a.B\",\"x.y\":1,\"x.y\":{\"q\":[],\"q\":1e999}}", "a.B"},
		{"{\".\":null,\"method\":\"a.B\"}", "a.B"},
		{"{\"method\":\"a.B\",\"more.\":17}", "a.B"},
		{"{\"method\":\"a.B\",\"x\\u002ey\":1,\"x\\u002Ey\":2}", "a.B"},
		{"{\"method\":\"a.B\",\"x\\\\u002ey\":1}",
		 "MalformedMessage reason=unknown member of the call offset=17"},
	};

	EXPECT_CALLS(table);
}

/* Rule 1: anything else is io.procpool.MalformedMessage. */
UNIT_TEST(call, anything_else_in_the_envelope_is_malformed) {
	static const struct row table[] = {
		{"{\"method\":\"a.B\",\"x\":1}",
		 "MalformedMessage reason=unknown member of the call offset=17"},
		{"{\"method\":\"a.B\",\"Method\":1}",
		 "MalformedMessage reason=unknown member of the call offset=17"},
		{"{\"method\":\"a.B\",\"method\":\"a.B\"}",
		 "MalformedMessage reason=duplicate member of the call offset=17"},
		{"{\"method\":\"a.B\",\"m\\u0065thod\":\"a.B\"}",
		 "MalformedMessage reason=duplicate member of the call offset=17"},
		{"{\"method\":\"a.B\",\"more\":true,\"more\":true}",
		 "MalformedMessage reason=duplicate member of the call offset=29"},
		{"{\"method\":\"a.B\",\"parameters\":{},\"parameters\":{}}",
		 "MalformedMessage reason=a member that may come only once comes twice offset=33"},
		{"{\"method\":\"a.B\",\"more\":1}",
		 "MalformedMessage reason=a flag must be true or false offset=17"},
		{"{\"method\":\"a.B\",\"oneway\":\"true\"}",
		 "MalformedMessage reason=a flag must be true or false offset=17"},
		{"{\"method\":\"a.B\",\"upgrade\":null}",
		 "MalformedMessage reason=a flag must be true or false offset=17"},
		{"{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
		 "MalformedMessage reason=oneway, more and upgrade exclude each other offset=0"},
		{"{\"method\":\"a.B\",\"more\":true,\"upgrade\":true}",
		 "MalformedMessage reason=oneway, more and upgrade exclude each other offset=0"},
		{"{\"method\":\"a.B\",\"upgrade\":true,\"oneway\":true}",
		 "MalformedMessage reason=oneway, more and upgrade exclude each other offset=0"},
		{"{}", "MalformedMessage reason=the call has no method offset=0"},
		{"{\"parameters\":{\"method\":\"a.B\"}}",
		 "MalformedMessage reason=the call has no method offset=0"},
		{"{\"method\":7}", "MalformedMessage reason=method must be a string offset=2"},
		{"{\"method\":null}", "MalformedMessage reason=method must be a string offset=2"},
		{"{\"method\":\"a.B\\u0000\"}",
		 "MalformedMessage reason=method must be a string offset=2"},
		{"{\"method\":\"a.B\",\"parameters\":[]}",
		 "MalformedMessage reason=parameters must be an object offset=17"},
		{"{\"method\":\"a.B\",\"parameters\":false}",
		 "MalformedMessage reason=parameters must be an object offset=17"},
		{"[]", "MalformedMessage reason=the message is not an object offset=0"},
		{"{\"method\" \"a.B\"}", "MalformedMessage reason=expected ':' offset=10"},
		{"{\"method\":\"a.B\",\"x.y\":[1,]}",
		 "MalformedMessage reason=expected a value offset=25"},
	};

	EXPECT_CALLS(table);
}

static void decode_run(char *transcript, enum run_method method, const char *text) {
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	struct document doc;
	struct error error = {0};
	struct run_parameters run = {0};

	if (read_document(&doc, &call_shape, text, &error) == 0 &&
	    run_parameters_decode(&run, method, &doc, text, &error) == 0)
		print_run(out, &run, text);
	else
		print_error(out, &error);
	fclose(out);
	run_parameters_done(&run);
	error_done(&error);
	document_done(&doc);
}

/* The parameters of a run: parameters is what stands between the braces. */
static void expect_run(enum run_method method, const char *parameters, const char *expected) {
	static char text[2048], transcript[TRANSCRIPT_MAX];

	snprintf(text, sizeof(text), "{\"method\":\"a.B\",\"parameters\":{%s}}", parameters);
	decode_run(transcript, method, text);
	cr_assert_str_eq(transcript, expected, "%s came to %s", text, transcript);
}

struct run_row {
	enum run_method method;
	const char *parameters, *transcript;
};

static void expect_runs(const struct run_row *table, size_t n) {
	for (size_t i = 0; i < n; i++)
		expect_run(table[i].method, table[i].parameters, table[i].transcript);
}

#define EXPECT_RUNS(table) expect_runs(table, sizeof(table) / sizeof(table[0]))

/* Rule 2 and 3: absent is null, and members come in any order. */
UNIT_TEST(call, the_parameters_of_a_run_come_in_any_order) {
	static const struct run_row table[] = {
		{RUN_APPLY, "\"function\":\"f\"", "f"},
		{RUN_APPLY, "\"function\":\"f\",\"argument\":[1,2]", "f argument=[1,2]"},
		{RUN_APPLY, "\"common\":{\"a\":1},\"argument\":0.10,\"function\":\"f\"",
		 "f argument=0.10 common={\"a\":1}"},
		{RUN_APPLY, "\"function\":\"f\",\"argument\":null,\"common\":null,\"options\":null",
		 "f"},
		{RUN_MAP, "\"function\":\"f\",\"items\":[]", "f"},
		{RUN_MAP, "\"items\":[1,2],\"function\":\"p/f.g:h-i_2\",\"common\":\"c\"",
		 "p/f.g:h-i_2 common=\"c\""},
		{RUN_STREAM, "\"function\":\"f\"", "f"},
		{RUN_STREAM, "\"window\":7,\"function\":\"f\",\"common\":-0",
		 "f common=-0 window=7"},
		{RUN_STREAM, "\"window\":null,\"function\":\"f\"", "f"},
		{RUN_STREAM, "\"window\":99999999999,\"function\":\"f\"", "f window=4294967295"},
	};

	EXPECT_RUNS(table);
}

UNIT_TEST(call, options_are_honoured_or_refused_by_name) {
	static const struct run_row table[] = {
		{RUN_MAP,
		 "\"function\":\"f\",\"items\":[],\"options\":{\"chunkSize\":3,\"maxWorkers\":2,"
		 "\"onError\":\"abort\",\"unpack\":\"both\",\"order\":\"unordered\",\"timings\":"
		 "true}",
		 "f chunkSize=3 maxWorkers=2 both abort unordered timings"},
		{RUN_MAP,
		 "\"function\":\"f\",\"items\":[],\"options\":{\"chunkSize\":null,\"maxWorkers\":"
		 "null,"
		 "\"onError\":\"collect\",\"unpack\":\"none\",\"order\":\"ordered\",\"timings\":"
		 "false}",
		 "f"},
		{RUN_MAP, "\"function\":\"f\",\"items\":[],\"options\":{}", "f"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"unpack\":\"keywords\"}",
		 "f keywords"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"unpack\":\"positional\"}",
		 "f positional"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":7",
		 "InvalidParameter parameter=options"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"timings\":true,\"timings\":true}",
		 "InvalidParameter parameter=options"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"chunkSize\":0}",
		 "InvalidParameter parameter=options.chunkSize"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"chunkSize\":1.5}",
		 "InvalidParameter parameter=options.chunkSize"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"maxWorkers\":-1}",
		 "InvalidParameter parameter=options.maxWorkers"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"onError\":\"ignore\"}",
		 "InvalidParameter parameter=options.onError"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"unpack\":1}",
		 "InvalidParameter parameter=options.unpack"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"order\":\"\"}",
		 "InvalidParameter parameter=options.order"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"timings\":1}",
		 "InvalidParameter parameter=options.timings"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"unheard\":1}",
		 "InvalidParameter parameter=options.unheard"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":-20}", "f priority=-20"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":19}", "f priority=19"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":0}", "f"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":-21}",
		 "InvalidParameter parameter=options.priority"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":20}",
		 "InvalidParameter parameter=options.priority"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":4294967296}",
		 "InvalidParameter parameter=options.priority"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"priority\":0.5}",
		 "InvalidParameter parameter=options.priority"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"itemTimeoutMs\":0}",
		 "InvalidParameter parameter=options.itemTimeoutMs"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"retries\":-1}",
		 "InvalidParameter parameter=options.retries"},
		{RUN_APPLY, "\"function\":\"f\",\"options\":{\"rerun\":1}",
		 "InvalidParameter parameter=options.rerun"},
	};

	EXPECT_RUNS(table);
}

/* Rule 2: unknown, missing or ill-typed parameters are named. */
UNIT_TEST(call, what_is_wrong_with_a_parameter_names_it) {
	static const struct run_row table[] = {
		{RUN_APPLY, "", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":null", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":1", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"a b\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"a\\u0000\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"a*\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"/a\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"a/\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"a/b/c\"", "InvalidParameter parameter=function"},
		{RUN_APPLY, "\"function\":\"f\",\"unheard\":1",
		 "InvalidParameter parameter=unheard"},
		{RUN_APPLY, "\"function\":\"f\",\"unheard\":null",
		 "InvalidParameter parameter=unheard"},
		{RUN_APPLY, "\"function\":\"f\",\"x.y\":1", "InvalidParameter parameter=x.y"},
		{RUN_APPLY, "\"function\":\"f\",\"items\":[1]", "InvalidParameter parameter=items"},
		{RUN_APPLY, "\"function\":\"f\",\"items\":1", "InvalidParameter parameter=items"},
		{RUN_APPLY, "\"function\":\"f\",\"window\":1", "InvalidParameter parameter=window"},
		{RUN_MAP, "\"function\":\"f\"", "InvalidParameter parameter=items"},
		{RUN_MAP, "\"function\":\"f\",\"items\":null", "InvalidParameter parameter=items"},
		{RUN_MAP, "\"function\":\"f\",\"items\":{}", "InvalidParameter parameter=items"},
		{RUN_MAP, "\"function\":\"f\",\"items\":[],\"argument\":1",
		 "InvalidParameter parameter=argument"},
		{RUN_MAP, "\"function\":\"f\",\"items\":[],\"window\":1",
		 "InvalidParameter parameter=window"},
		{RUN_STREAM, "\"function\":\"f\",\"items\":[]", "InvalidParameter parameter=items"},
		{RUN_STREAM, "\"function\":\"f\",\"argument\":1",
		 "InvalidParameter parameter=argument"},
		{RUN_STREAM, "\"function\":\"f\",\"window\":0",
		 "InvalidParameter parameter=window"},
		{RUN_STREAM, "\"function\":\"f\",\"window\":\"7\"",
		 "InvalidParameter parameter=window"},
	};
	char name[LIMIT_FUNCTION_NAME + 64], expected[LIMIT_FUNCTION_NAME + 64];

	EXPECT_RUNS(table);

	snprintf(name, sizeof(name), "\"function\":\"%0*d\"", LIMIT_FUNCTION_NAME, 0);
	snprintf(expected, sizeof(expected), "%0*d", LIMIT_FUNCTION_NAME, 0);
	expect_run(RUN_APPLY, name, expected);
	snprintf(name, sizeof(name), "\"function\":\"%0*d\"", LIMIT_FUNCTION_NAME + 1, 0);
	expect_run(RUN_APPLY, name, "InvalidParameter parameter=function");
}

UNIT_TEST(call, limits_have_errors_of_their_own) {
	static const struct run_row table[] = {
		{RUN_MAP, "\"function\":\"f\",\"items\":[1,2,3,4]", "f"},
		{RUN_MAP, "\"function\":\"f\",\"items\":[1,2,3,4,5]", "TooManyItems limit=4"},
		{RUN_MAP,
		 "\"function\":\"f\",\"items\":[1,2,"
		 "\"12345678901234567890123456789012345678901234567890123456789012345\"]",
		 "ItemTooLarge limit=64 index=2"},
		{RUN_APPLY,
		 "\"function\":\"f\",\"argument\":"
		 "\"12345678901234567890123456789012345678901234567890123456789012345\"",
		 "ItemTooLarge limit=64 index=0"},
	};
	static char text[2 * 4096], transcript[TRANSCRIPT_MAX];

	EXPECT_RUNS(table);

	snprintf(text, sizeof(text), "{\"method\":\"a.B\",\"x.y\":\"%01024d\"}", 0);
	decode_call(transcript, text);
	cr_assert_str_eq(transcript,
			 "MalformedMessage reason=the envelope is over its limit of 1024 bytes "
			 "offset=1024");
	snprintf(text, sizeof(text), "{\"method\":\"a.B\",\"parameters\":{\"common\":\"%04096d\"}}",
		 0);
	decode_call(transcript, text);
	cr_assert_str_eq(transcript, "MessageTooLarge limit=4096");
	memset(text, '[', LIMIT_DEPTH + 7);
	memcpy(text, "{\"x.y\":", 7);
	text[LIMIT_DEPTH + 7] = '\0';
	decode_call(transcript, text);
	cr_assert_str_eq(transcript, "TooDeep limit=256");
}

static void decode_scalars(char *transcript, const char *text) {
	static const struct parameter table[] = {
		{"pool", PARAMETER_STRING, true},
		{"workers", PARAMETER_INT, false},
		{"all", PARAMETER_BOOL, false},
	};
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	struct document doc;
	struct error error = {0};
	json_t *values[3];

	cr_assert_eq(read_document(&doc, &call_shape, text, &error), 0);
	if (parameters_decode(table, 3, values, &doc, text, &error) == 0) {
		for (size_t i = 0; i < 3; i++) {
			char *value = values[i] ? json_dumps(values[i], JSON_ENCODE_ANY) : NULL;

			if (value)
				fprintf(out, "%s=%s ", table[i].name, value);
			free(value);
			json_decref(values[i]);
		}
	} else {
		print_error(out, &error);
	}
	fclose(out);
	error_done(&error);
	document_done(&doc);
}

UNIT_TEST(call, methods_with_scalars_check_their_types) {
	static const struct row table[] = {
		{"{\"parameters\":{\"pool\":\"a\"}}", "pool=\"a\" "},
		{"{\"parameters\":{\"workers\":3,\"all\":true,\"pool\":\"a\"}}",
		 "pool=\"a\" workers=3 all=true "},
		{"{\"parameters\":{\"workers\":null,\"all\":null,\"pool\":\"a\"}}", "pool=\"a\" "},
		{"{}", "InvalidParameter parameter=pool"},
		{"{\"parameters\":null}", "InvalidParameter parameter=pool"},
		{"{\"parameters\":{}}", "InvalidParameter parameter=pool"},
		{"{\"parameters\":{\"pool\":null}}", "InvalidParameter parameter=pool"},
		{"{\"parameters\":{\"pool\":1}}", "InvalidParameter parameter=pool"},
		{"{\"parameters\":{\"pool\":\"a\",\"workers\":1.0}}",
		 "InvalidParameter parameter=workers"},
		{"{\"parameters\":{\"pool\":\"a\",\"workers\":99999999999999999999}}",
		 "InvalidParameter parameter=workers"},
		{"{\"parameters\":{\"pool\":\"a\",\"all\":0}}", "InvalidParameter parameter=all"},
		{"{\"parameters\":{\"pool\":\"a\",\"x\":0}}", "InvalidParameter parameter=x"},
		{"{\"parameters\":{\"pool\":\"a\",\"items\":[1]}}",
		 "InvalidParameter parameter=items"},
		{"{\"parameters\":{\"pool\":\"a\",\"pool\":\"a\"}}",
		 "MalformedMessage reason=duplicate parameter offset=27"},
	};
	static char transcript[TRANSCRIPT_MAX];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		decode_scalars(transcript, table[i].text);
		cr_assert_str_eq(transcript, table[i].transcript, "%s came to %s", table[i].text,
				 transcript);
	}
}

static void decode_stream(char *transcript, const char *text) {
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	struct document doc;
	struct error error = {0};
	struct stream_object object = {0};

	cr_assert_eq(read_document(&doc, &stream_shape, text, &error), 0);
	if (stream_object_decode(&object, &doc, text, &error) == 0)
		fprintf(out, "%s%s%s", object.items ? "items " : "", object.end ? "end " : "",
			object.cancel ? "cancel" : "");
	else
		print_error(out, &error);
	if (object.cancel)
		fprintf(out, " %zu", json_array_size(object.cancel));
	fclose(out);
	json_decref(object.cancel);
	error_done(&error);
	document_done(&doc);
}

UNIT_TEST(call, a_stream_takes_items_cancel_and_end) {
	static const struct row table[] = {
		{"{}", ""},
		{"{\"items\":[]}", "items "},
		{"{\"items\":[1,2],\"end\":true}", "items end "},
		{"{\"items\":[1,2,3,4,5],\"end\":true}", "TooManyItems limit=4"},
		{"{\"cancel\":[0,7]}", "cancel 2"},
		{"{\"end\":true,\"cancel\":[]}", "end cancel 0"},
		{"{\"items\":1}", "MalformedMessage reason=items must be an array offset=2"},
		{"{\"items\":null}", "MalformedMessage reason=items must be an array offset=2"},
		{"{\"end\":false}", "MalformedMessage reason=end must be true offset=2"},
		{"{\"end\":1}", "MalformedMessage reason=end must be true offset=2"},
		{"{\"end\":true,\"end\":true}",
		 "MalformedMessage reason=duplicate member offset=13"},
		{"{\"cancel\":1}",
		 "MalformedMessage reason=cancel must be an array of indexes offset=2"},
		{"{\"cancel\":[-1]}",
		 "MalformedMessage reason=cancel must be an array of indexes offset=2"},
		{"{\"cancel\":[\"1\"]}",
		 "MalformedMessage reason=cancel must be an array of indexes offset=2"},
		{"{\"cancel\":[],\"cancel\":[]}",
		 "MalformedMessage reason=duplicate member offset=14"},
		{"{\"more\":true}", "MalformedMessage reason=a stream takes objects with items, "
				    "cancel or end offset=2"},
	};
	static char transcript[TRANSCRIPT_MAX];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		decode_stream(transcript, table[i].text);
		cr_assert_str_eq(transcript, table[i].transcript, "%s came to %s", table[i].text,
				 transcript);
	}
}

/* With memory short a good call is never said to be bad. */
UNIT_TEST(call, every_allocation_may_fail) {
	static const char text[] =
		"{\"method\":\"io.procpool.Stream\",\"parameters\":{\"function\":\"f\\u0067\","
		"\"window\":3,\"options\":{\"chunkSize\":3,\"unpack\":\"both\"}}}";
	size_t n = 0;
	bool failed;

	do {
		struct document doc;
		struct error error = {0};
		struct call decoded = {0};
		struct run_parameters run = {0};
		int r;

		document_init(&doc, &call_shape, &limits);
		cr_assert_eq(document_feed(&doc, text, sizeof(text)), DOCUMENT_WHOLE);
		unit_fail(++n);
		r = call_decode(&decoded, &doc, text, &error);
		if (r == 0)
			r = run_parameters_decode(&run, RUN_STREAM, &doc, text, &error);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0, "allocation %zu: %d %s", n, r,
			     error_name(error.id));
		run_parameters_done(&run);
		call_done(&decoded);
		error_done(&error);
		document_done(&doc);
	} while (failed);
	cr_assert_gt(n, 5);
}

UNIT_TEST(call, every_allocation_of_a_scalar_or_a_stream_may_fail) {
	static const char scalar[] = "{\"parameters\":{\"a\":\"text\",\"b\":17}}";
	static const char stream[] = "{\"cancel\":[1,2,3]}";
	static const struct parameter table[] = {
		{"a", PARAMETER_STRING, true},
		{"b", PARAMETER_INT, true},
	};
	size_t n = 0;
	bool failed;

	do {
		struct document a, b;
		struct error error = {0};
		json_t *values[2];
		struct stream_object object = {0};
		int r;

		document_init(&a, &call_shape, &limits);
		document_init(&b, &stream_shape, &limits);
		cr_assert_eq(document_feed(&a, scalar, sizeof(scalar)), DOCUMENT_WHOLE);
		cr_assert_eq(document_feed(&b, stream, sizeof(stream)), DOCUMENT_WHOLE);
		unit_fail(++n);
		r = parameters_decode(table, 2, values, &a, scalar, &error);
		if (r == 0)
			r = stream_object_decode(&object, &b, stream, &error);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0, "allocation %zu: %d %s", n, r,
			     error_name(error.id));
		json_decref(values[0]);
		json_decref(values[1]);
		json_decref(object.cancel);
		error_done(&error);
		document_done(&a);
		document_done(&b);
	} while (failed);
	cr_assert_gt(n, 5);
}
