#include "protocol/work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/page.h"
#include "tests/unit/unit.h"

/* The messages between daemon and worker, and the names in them. */

static const struct limits no_limits;

/* Reads one whole message. The document stays for the caller. */
static void feed(struct document *doc, const struct document_shape *shape, const char *text) {
	document_init(doc, shape, &no_limits);
	cr_assert_eq(document_feed(doc, text, strlen(text) + 1), DOCUMENT_WHOLE, "%s: %s", text,
		     doc->reason);
}

static int decode_worker(struct worker_message *ret, const char *text, const char **ret_reason) {
	struct document doc;
	int r;

	feed(&doc, &worker_shape, text);
	r = worker_message_decode(ret, &doc, text, ret_reason);
	document_done(&doc);
	return r;
}

static int decode_work(struct work_message *ret, const char *text, const char **ret_reason) {
	struct document doc;
	int r;

	feed(&doc, &work_shape, text);
	r = work_message_decode(ret, &doc, text, ret_reason);
	document_done(&doc);
	return r;
}

/* ---- worker → daemon ---- */

/* "`protocol` | 1"
 * "`runtime` | language or program, for people; 1 to 256 bytes"
 * "`page` | optional; `true`: it writes the page (2.5)"
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix"
 * "`unpack` | optional: which ways of 1.5 it knows; `none` always" */
UNIT_TEST(work, a_hello_says_what_the_worker_can_do) {
	struct worker_message message;
	const char *reason;

	cr_assert_eq(decode_worker(&message,
				   "{\"hello\":{\"protocol\":1,\"runtime\":\"c\",\"page\":true,"
				   "\"unpack\":[\"none\",\"both\"],\"functions\":["
				   "{\"name\":\"square\",\"description\":\"a\\u0000b\"},"
				   "{\"name\":\"mypkg.tasks:*\"}]}}",
				   &reason),
		     0);
	cr_assert_eq(message.type, WORKER_HELLO);
	cr_assert_str_eq(message.hello.runtime, "c");
	cr_assert(message.hello.page);
	cr_assert(message.hello.unpack[UNPACK_NONE]);
	cr_assert_not(message.hello.unpack[UNPACK_POSITIONAL]);
	cr_assert(message.hello.unpack[UNPACK_BOTH]);
	cr_assert_eq(json_array_size(message.hello.functions), 2);
	worker_message_done(&message);
}

/* "`unpack` | optional: which ways of 1.5 it knows; `none` always"
 * "`page` | optional; `true`: it writes the page (2.5)"
 * "A worker that does not write it leaves out `page` in its hello." */
UNIT_TEST(work, a_short_hello_has_no_page_and_unpacks_nothing) {
	struct worker_message message;
	const char *reason;

	cr_assert_eq(
		decode_worker(&message,
			      "{\"hello\":{\"protocol\":1,\"runtime\":\"sh\",\"functions\":[]}}",
			      &reason),
		0);
	cr_assert_not(message.hello.page);
	cr_assert(message.hello.unpack[UNPACK_NONE]);
	cr_assert_not(message.hello.unpack[UNPACK_KEYWORDS]);
	worker_message_done(&message);
}

/* "`chunk` | which"
 * "`busyUs` | optional: microseconds the function took for these items"
 * "`errors` | optional: `{"offset", "exception"?, "message"?, "trace"?}` for each that failed, in
 * order; `offset` counts from the **chunk's** first item, also in later reports" */
UNIT_TEST(work, results_say_how_far_a_chunk_is) {
	struct worker_message message;
	const char *reason;

	cr_assert_eq(decode_worker(&message,
				   "{\"busyUs\":12,\"results\":[1,null],\"chunk\":17,"
				   "\"us\":[100,5,105,6],\"errors\":[{\"offset\":3,"
				   "\"exception\":\"E\",\"message\":\"a\\u0000b\"}]}",
				   &reason),
		     0, "%s", reason);
	cr_assert_eq(message.type, WORKER_RESULTS);
	cr_assert_eq(message.results.chunk, 17);
	cr_assert_eq(message.results.busy_us, 12);
	cr_assert_eq(json_array_size(message.results.us), 4);
	cr_assert_eq(json_array_size(message.results.errors), 1);
	cr_assert_not(message.results.has_returned);
	cr_assert_not(message.results.unknown);
	worker_message_done(&message);
}

UNIT_TEST(work, a_chunk_comes_back_or_is_unknown) {
	struct worker_message message;
	const char *reason;

	cr_assert_eq(decode_worker(&message, "{\"chunk\":1,\"returned\":0}", &reason), 0);
	cr_assert(message.results.has_returned);
	cr_assert_eq(message.results.returned, 0);
	worker_message_done(&message);

	cr_assert_eq(
		decode_worker(&message, "{\"chunk\":1,\"results\":[1],\"returned\":1}", &reason),
		0);
	cr_assert_eq(message.results.returned, 1);
	worker_message_done(&message);

	cr_assert_eq(decode_worker(&message, "{\"chunk\":1,\"unknown\":true}", &reason), 0);
	cr_assert(message.results.unknown);
	worker_message_done(&message);
}

#define HELLO(rest) "{\"hello\":{\"protocol\":1,\"runtime\":\"c\"" rest "}}"
#define NAMED(name) HELLO(",\"functions\":[{\"name\":" name "}]")

/* "`protocol` | 1"
 * "`runtime` | language or program, for people; 1 to 256 bytes"
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix"
 * "a member that is not listed here, comes twice, or has another type."
 * "an error for an item that has a result, or errors out of order;" */
UNIT_TEST(work, what_a_worker_may_not_say_has_a_reason) {
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"{}", "chunk is missing"},
		{"{\"chunk\":1}", "says nothing"},
		{"{\"chunk\":1,\"busyUs\":3}", "says nothing"},
		{"{\"results\":[1]}", "chunk is missing"},
		{"{\"chunk\":0,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":-1,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":1.0,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":1e0,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":\"1\",\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":8796093022208,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":18446744073709551617,\"results\":[1]}", "no chunk's number"},
		{"{\"chunk\":1,\"results\":1}", "results is no array"},
		{"{\"chunk\":1,\"results\":[1],\"more\":1}", "unknown member"},
		{"{\"chunk\":1,\"chunk\":1,\"results\":[1]}", "twice"},
		{"{\"chunk\":1,\"results\":[1],\"busyUs\":-1}", "busyUs"},
		{"{\"chunk\":1,\"results\":[1],\"busyUs\":null}", "busyUs"},
		{"{\"chunk\":1,\"returned\":-1}", "returned"},
		{"{\"chunk\":1,\"returned\":1048576}", "returned"},
		{"{\"chunk\":1,\"unknown\":false}", "unknown is not true"},
		{"{\"chunk\":1,\"unknown\":true,\"results\":[]}", "unknown comes with"},
		{"{\"chunk\":1,\"unknown\":true,\"returned\":0}", "unknown comes with"},
		{"{\"chunk\":1,\"returned\":0,\"errors\":[]}", "without results"},
		{"{\"chunk\":1,\"returned\":0,\"us\":[]}", "without results"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":{}}", "errors is no array"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[1]}", "one is no object"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{}]}", "an offset"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":-1}]}", "an offset"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":1048576}]}", "an offset"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":0,\"kind\":\"x\"}]}",
		 "unknown member"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":0,\"message\":1}]}",
		 "no string"},
		{"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":0},{\"offset\":1}]}",
		 "more errors"},
		{"{\"chunk\":1,\"results\":[1,2],\"errors\":[{\"offset\":1},{\"offset\":0}]}",
		 "out of order"},
		{"{\"chunk\":1,\"results\":[1,2],\"errors\":[{\"offset\":1},{\"offset\":1}]}",
		 "out of order"},
		{"{\"chunk\":1,\"results\":[1],\"us\":[1]}", "two numbers"},
		{"{\"chunk\":1,\"results\":[1],\"us\":1}", "two numbers"},
		{"{\"chunk\":1,\"results\":[1],\"us\":[1,-1]}", "no time"},
		{"{\"chunk\":1,\"results\":[1],\"us\":[1,1.5]}", "no time"},
		{"{\"hello\":{},\"chunk\":1}", "does not come alone"},
		{"{\"hello\":{},\"results\":[]}", "does not come alone"},
		{"{\"hello\":1}", "no object"},
		{"{\"hello\":{\"page\":true,\"page\":true}}", "duplicate key"},
		{"{\"chunk\":1,\"results\":[1],\"us\":[1e999,1]}", "out of range"},
		{"{\"hello\":{}}", "protocol"},
		{"{\"hello\":{\"protocol\":2,\"runtime\":\"c\",\"functions\":[]}}", "protocol"},
		{"{\"hello\":{\"protocol\":1,\"functions\":[]}}", "runtime"},
		{"{\"hello\":{\"protocol\":1,\"runtime\":\"\",\"functions\":[]}}", "runtime"},
		{"{\"hello\":{\"protocol\":1,\"runtime\":\"a\\u0000\",\"functions\":[]}}",
		 "runtime"},
		{HELLO(""), "functions"},
		{HELLO(",\"functions\":{}"), "functions"},
		{HELLO(",\"functions\":[],\"x\":1"), "unknown member"},
		{HELLO(",\"functions\":[],\"page\":1"), "page"},
		{HELLO(",\"functions\":[],\"unpack\":\"none\""), "unpack"},
		{HELLO(",\"functions\":[],\"unpack\":[\"nine\"]"), "unpack"},
		{HELLO(",\"functions\":[],\"unpack\":[0]"), "unpack"},
		{HELLO(",\"functions\":[\"a\"]"), "a function is no object"},
		{HELLO(",\"functions\":[{\"name\":\"a\",\"x\":1}]"), "a function is no object"},
		{HELLO(",\"functions\":[{\"name\":\"a\",\"description\":1}]"),
		 "a function is no object"},
		{HELLO(",\"functions\":[{\"name\":\"a\"},{\"name\":\"a\"}]"), "same name"},
		{NAMED("\"\""), "name has characters"},
		{NAMED("\"a b\""), "name has characters"},
		{NAMED("\"a*b\""), "name has characters"},
		{NAMED("\"a\\u0000\""), "name has characters"},
		/* The name of a function that exists, for whoever reads it as a C string. */
		{NAMED("\"square\\u0000x\""), "name has characters"},
		{NAMED("\"square\"},{\"name\":\"square\\u0000x\""), "name has characters"},
		{NAMED("\"a\",\"name\\u0000\":\"square\""), "hello has a duplicate key"},
		{NAMED("1"), "a function is no object"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct worker_message message;
		const char *reason = NULL;

		cr_assert_eq(decode_worker(&message, cases[i].text, &reason), 1, "taken: %s",
			     cases[i].text);
		cr_assert(strstr(reason, cases[i].reason), "%s: %s, not: %s", cases[i].text, reason,
			  cases[i].reason);
	}
}

/* A hello with a runtime of so many bytes and so many functions. */
static bool hello_taken(size_t runtime, size_t functions) {
	char *text = malloc(runtime + 24 * functions + 100), *to = text;
	struct worker_message message;
	const char *reason;
	int r;

	to += sprintf(to, "{\"hello\":{\"protocol\":1,\"runtime\":\"");
	memset(to, 'r', runtime);
	to += runtime;
	to += sprintf(to, "\",\"functions\":[");
	for (size_t i = 0; i < functions; i++)
		to += sprintf(to, "%s{\"name\":\"%zu\"}", i ? "," : "", i);
	strcpy(to, "]}}");
	r = decode_worker(&message, text, &reason);
	if (r == 0)
		worker_message_done(&message);
	free(text);
	return r == 0;
}

/* "`runtime` | language or program, for people; 1 to 256 bytes"
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix" */
UNIT_TEST(work, a_hello_has_limits) {
	cr_assert(hello_taken(256, 1));
	cr_assert_not(hello_taken(257, 1));
	cr_assert(hello_taken(1, 65536));
	cr_assert_not(hello_taken(1, 65537));
}

UNIT_TEST(work, a_failed_allocation_is_no_violation) {
	static const char *const texts[] = {
		NAMED("\"square\""),
		"{\"chunk\":1,\"results\":[1],\"errors\":[{\"offset\":0,\"message\":\"m\"}],"
		"\"us\":[1,2]}",
	};

	for (size_t i = 0; i < 2; i++) {
		const char *reason;
		bool failed;
		size_t n = 0;

		do {
			struct worker_message message;
			struct document doc;
			int r;

			feed(&doc, &worker_shape, texts[i]);
			unit_fail(++n);
			r = worker_message_decode(&message, &doc, texts[i], &reason);
			failed = unit_failed();
			cr_assert_eq(r, failed ? -ENOMEM : 0, "%zu: %d %s", n, r, reason);
			if (r == 0)
				worker_message_done(&message);
			document_done(&doc);
		} while (failed);
		cr_assert_gt(n, 5);
	}
}

/* ---- daemon → worker ---- */

/* Writes the chunk around one item, and reads it back. */
static void round_trip(const struct work_chunk *chunk) {
	char text[2 * WORK_CHUNK_MAX];
	struct work_message message;
	const char *reason = NULL;
	size_t length = work_chunk_head(text, WORK_CHUNK_MAX, chunk);

	text[length++] = '5';
	length += work_chunk_tail(text + length, WORK_CHUNK_MAX, chunk);
	cr_assert_eq(strlen(text) + 1, length, "the tail has the NUL");

	cr_assert_eq(decode_work(&message, text, &reason), 0, "%s: %s", text, reason);
	cr_assert_eq(message.type, WORK_CHUNK);
	cr_assert_eq(message.chunk.chunk, chunk->chunk);
	cr_assert_str_eq(message.chunk.function, chunk->function);
	cr_assert_eq(message.chunk.first, chunk->first);
	cr_assert_eq(message.chunk.common, chunk->common);
	cr_assert_eq(message.chunk.unpack, chunk->unpack);
	cr_assert_eq(message.chunk.times, chunk->times);
	cr_assert_eq(message.chunk.clock, chunk->clock);
	cr_assert_eq(message.chunk.stride, chunk->stride);
	work_message_done(&message);
}

/* "`items` | 1 to 1 048 575 items, consecutive in the input; the function runs once for each"
 * "`clock` | optional; `true`: keep the page's `began`"
 * "`stride` | optional: the page's `progress` may be written only every so many items"
 * "`times` | optional; `true`: report `us`"
 * "`common` | optional: the number of the common value (2.4)"
 * "`unpack` | optional: as in 1.5; absent is `none`" */
UNIT_TEST(work, a_chunk_arrives_as_it_was_written) {
	char name[LIMIT_FUNCTION_NAME + 1];

	round_trip(&(struct work_chunk) {.chunk = 1, .function = (char[]) {"square"}, .stride = 1});

	/* Everything at its longest still fits WORK_CHUNK_MAX. */
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	round_trip(&(struct work_chunk) {.chunk = PAGE_CHUNK_MAX,
					 .function = name,
					 .first = INT64_MAX,
					 .common = INT64_MAX,
					 .unpack = UNPACK_POSITIONAL,
					 .times = true,
					 .clock = true,
					 .stride = LIMIT_CHUNK_ITEMS});
}

UNIT_TEST(work, common_values_come_and_go) {
	static const char common[] = "{\"value\": {\"a\": [1]} ,\"common\":7}";
	struct work_message message;
	const char *reason;

	cr_assert_eq(decode_work(&message, common, &reason), 0);
	cr_assert_eq(message.type, WORK_COMMON);
	cr_assert_eq(message.common.id, 7);
	cr_assert_eq(span_size(message.common.value), strlen("{\"a\": [1]}"));
	cr_assert_eq(memcmp(common + message.common.value.begin, "{\"a\": [1]}", 10), 0);

	cr_assert_eq(decode_work(&message, "{\"forget\":7}", &reason), 0);
	cr_assert_eq(message.type, WORK_FORGET);
	cr_assert_eq(message.forget, 7);
}

#define CHUNK(rest) "{\"chunk\":1,\"function\":\"f\"" rest "}"

/* "`items` | 1 to 1 048 575 items, consecutive in the input; the function runs once for each" */
UNIT_TEST(work, what_a_daemon_may_not_say_has_a_reason) {
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"{}", "neither chunk nor common"},
		{"{\"x\":1}", "neither chunk nor common"},
		{CHUNK(""), "items"},
		{CHUNK(",\"items\":[]"), "items"},
		{CHUNK(",\"items\":1"), "items"},
		{CHUNK(",\"items\":[1],\"x\":1"), "unknown member"},
		{CHUNK(",\"items\":[1],\"function\":\"g\""), "twice"},
		{"{\"chunk\":1,\"items\":[1]}", "function"},
		{"{\"chunk\":1,\"items\":[1],\"function\":1}", "function"},
		{"{\"chunk\":1,\"items\":[1],\"function\":\"\"}", "function"},
		{"{\"chunk\":1,\"items\":[1],\"function\":\"f*\"}", "function"},
		{"{\"chunk\":1,\"items\":[1],\"function\":\"f\\u0000\"}", "function"},
		{"{\"chunk\":0,\"items\":[1],\"function\":\"f\"}", "no chunk's number"},
		{CHUNK(",\"items\":[1],\"first\":-1"), "first"},
		{CHUNK(",\"items\":[1],\"common\":0"), "common"},
		{CHUNK(",\"items\":[1],\"clock\":1"), "clock"},
		{CHUNK(",\"items\":[1],\"times\":null"), "times"},
		{CHUNK(",\"items\":[1],\"stride\":0"), "stride"},
		{CHUNK(",\"items\":[1],\"stride\":1048576"), "stride"},
		{CHUNK(",\"items\":[1],\"unpack\":\"nine\""), "unpack"},
		{CHUNK(",\"items\":[1],\"unpack\":0"), "unpack"},
		{"{\"common\":7}", "has no value"},
		{"{\"common\":0,\"value\":1}", "common is no number"},
		{"{\"common\":7,\"value\":1,\"x\":1}", "unknown member"},
		{"{\"common\":7,\"value\":1,\"items\":[]}", "common is no number"},
		{"{\"forget\":\"7\"}", "forget"},
		{"{\"forget\":7,\"value\":1}", "unknown member"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct work_message message;
		const char *reason = NULL;

		cr_assert_eq(decode_work(&message, cases[i].text, &reason), 1, "taken: %s",
			     cases[i].text);
		cr_assert(strstr(reason, cases[i].reason), "%s: %s, not: %s", cases[i].text, reason,
			  cases[i].reason);
	}
}

UNIT_TEST(work, members_are_known_by_their_escapes_too) {
	struct work_message message;
	const char *reason = NULL;

	cr_assert_eq(decode_work(&message,
				 "{\"\\u0063hunk\":1,\"function\":\"sq\\u0075are\",\"items\":[1]}",
				 &reason),
		     0, "%s", reason);
	cr_assert_str_eq(message.chunk.function, "square");
	work_message_done(&message);
}

/* ---- names ---- */

/* "A function's name has 1 to 256 of the characters `A-Z a-z 0-9 _ . : -`." */
UNIT_TEST(work, names_of_functions) {
	char longest[LIMIT_FUNCTION_NAME + 2];

	cr_assert(function_name_valid("square", false));
	cr_assert(function_name_valid("my-pkg.tasks:Resize_2", false));
	cr_assert_not(function_name_valid("", false));
	cr_assert_not(function_name_valid("a/b", false));
	cr_assert_not(function_name_valid("\xc3\xa4", false));
	cr_assert_not(function_name_valid("a*", false));
	cr_assert(function_name_valid("a*", true));
	cr_assert_not(function_name_valid("*", true));
	cr_assert_not(function_name_valid("a**", true));

	memset(longest, 'x', sizeof longest);
	longest[LIMIT_FUNCTION_NAME + 1] = '\0';
	cr_assert_not(function_name_valid(longest, false));
	longest[LIMIT_FUNCTION_NAME] = '\0';
	cr_assert(function_name_valid(longest, false));
}
