#include "worker/value.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/number.h"
#include "tests/unit/unit.h"
#include "worker/buffer.h"
#include "worker/common.h"
#include "worker/registry.h"

/* Values, numbers and texts on their way into a message; the registry. */

static void assert_text(const struct buffer *buffer, const char *text) {
	cr_assert_eq(buffer->size, strlen(text), "%.*s, not %s", (int) buffer->size, buffer->bytes,
		     text);
	cr_assert_eq(memcmp(buffer->bytes, text, buffer->size), 0, "%.*s, not %s",
		     (int) buffer->size, buffer->bytes, text);
}

UNIT_TEST(value, strings_are_escaped_and_made_utf8) {
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""},
		{"a\"b\\c/", "\"a\\\"b\\\\c/\""},
		{"\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		 "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"a\xffz", "\"a\xef\xbf\xbdz\""},
		{"\xc3", "\"\xef\xbf\xbd\""},                                 /* cut off */
		{"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer buffer = {0};
		size_t size = strlen(cases[i].text), offset;
		char *copy = unit_copy(cases[i].text, size);

		buffer_append_string(&buffer, copy, size);
		assert_text(&buffer, cases[i].json);
		cr_assert_null(value_check(buffer.bytes, buffer.size, &offset));
		free(copy);
		buffer_done(&buffer);
	}
}

UNIT_TEST(value, doubles_have_the_fewest_digits_that_keep_them) {
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0.1, "0.1"},
		{0.30000000000000004, "0.30000000000000004"},
		{1, "1.0"},
		{-0.0, "-0.0"},
		{1e22, "1e+22"},
		{123456789012345680, "1.2345678901234568e+17"},
		{5e-324, "5e-324"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{1.0 / 3, "0.3333333333333333"},
	};
	unsigned long long state = 1;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[NUMBER_DOUBLE_MAX + 1] = {0};

		text[number_from_double(text, cases[i].value)] = '\0';
		cr_assert_str_eq(text, cases[i].text);
	}
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = (uint64_t) unit_random(&state, UINT32_MAX) << 32 |
				unit_random(&state, UINT32_MAX);
		char text[NUMBER_DOUBLE_MAX];
		double value, back;

		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value))
			continue;
		cr_assert(number_to_double(text, number_from_double(text, value), &back));
		cr_assert_eq(memcmp(&value, &back, sizeof value), 0, "%a", value);
	}
}

UNIT_TEST(value, numbers_beyond_doubles_are_refused) {
	char digits[LIMIT_NUMBER + 1];
	double value = 7;

	cr_assert_not(number_to_double("1e400", 5, &value));
	cr_assert_not(number_to_double("-1e400", 6, &value));
	memset(digits, '1', sizeof digits);
	cr_assert_not(number_to_double(digits, sizeof digits, &value));
	cr_assert_eq(value, 7);
	cr_assert(number_to_double("1e-400", 6, &value));
	cr_assert_eq(value, 0);
}

UNIT_TEST(value, values_are_written_as_json) {
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"null", "null"},
		{"[true, false,null]", "[true,false,null]"},
		{"{\"b\":1,\"a\":[{}, []]}", "{\"b\":1,\"a\":[{},[]]}"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775807", "9223372036854775807"},
		{"[0.50,-2e0]", "[0.5,-2.0]"},
		{"\"\\u0000\\u00e4\\\"\"", "\"\\u0000\xc3\xa4\\\"\""},
		{"{\"\\\"\":\"\"}", "{\"\\\"\":\"\"}"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer buffer = {0};
		json_t *value = json_loads(cases[i].text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

		cr_assert_null(value_append(&buffer, value));
		assert_text(&buffer, cases[i].written);
		json_decref(value);
		buffer_done(&buffer);
	}
}

static json_t *nested(unsigned depth) {
	json_t *value = json_array();

	while (--depth > 0)
		value = json_pack("[o]", value);
	return value;
}

UNIT_TEST(value, what_is_too_deep_or_contains_itself_is_refused) {
	struct buffer buffer = {0};
	json_t *value = nested(VALUE_DEPTH_MAX);

	cr_assert_null(value_append(&buffer, value));
	json_decref(value);

	value = nested(VALUE_DEPTH_MAX + 1);
	cr_assert_str_eq(value_append(&buffer, value),
			 "it is nested too deeply, or contains itself");
	json_decref(value);

	/* Two ways into itself: without the limit of the buffer this writes 2^254 brackets. */
	value = json_object();
	json_object_set_new(value, "a", json_pack("[OO]", value, value));
	buffer_cut(&buffer, 0);
	buffer.limit = 100000;
	cr_assert_not_null(value_append(&buffer, value));
	cr_assert_leq(buffer.size, 100000);
	json_object_clear(value);
	json_decref(value);
	buffer_done(&buffer);
}

UNIT_TEST(value, just_one_json_value_is_a_result) {
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"1", true},         {"\"a\"", true},        {"[1,{\"a\":null}]", true},
		{"-0", true},        {"1e400", true},        {"", false},
		{"1 2", false},      {"1,2", false},         {"1]", false},
		{"[1", false},       {"01", false},          {"NaN", false},
		{"\"\xff\"", false}, {"\"\\ud800\"", false}, {"{\"a\":1}}", false},
		{"\"a\nb\"", false}, {"nul", false},         {"'a'", false},
		{" ", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t size = strlen(cases[i].text), offset = 99;
		char *copy = unit_copy(cases[i].text, size);
		const char *reason = value_check(copy, size, &offset);

		cr_assert_eq(!reason, cases[i].good, "%s: %s", cases[i].text, reason);
		cr_assert(!reason || offset <= size);
		free(copy);
	}
}

UNIT_TEST(value, the_limits_of_messages_hold_for_results) {
	char text[4096];
	size_t offset;

	memset(text, '[', VALUE_DEPTH_MAX);
	memset(text + VALUE_DEPTH_MAX, ']', VALUE_DEPTH_MAX);
	cr_assert_null(value_check(text, 2 * VALUE_DEPTH_MAX, &offset));
	memset(text, '[', VALUE_DEPTH_MAX + 1);
	memset(text + VALUE_DEPTH_MAX + 1, ']', VALUE_DEPTH_MAX + 1);
	cr_assert_str_eq(value_check(text, 2 * VALUE_DEPTH_MAX + 2, &offset),
			 "it is nested too deeply");

	memset(text, '7', sizeof text);
	cr_assert_null(value_check(text, LIMIT_NUMBER, &offset));
	cr_assert_str_eq(value_check(text, LIMIT_NUMBER + 1, &offset),
			 "it has a number of too many characters");
	text[0] = '[';
	text[LIMIT_NUMBER + 2] = ']';
	cr_assert_not_null(value_check(text, LIMIT_NUMBER + 3, &offset));
}

UNIT_TEST(value, a_buffer_that_failed_stays_as_it_was) {
	struct buffer buffer = {.limit = 5};

	buffer_append_text(&buffer, "abc");
	buffer_append_text(&buffer, "def");
	buffer_append_text(&buffer, "g");
	cr_assert(buffer.failed);
	assert_text(&buffer, "abc");
	buffer_cut(&buffer, 2);
	buffer_append_uint(&buffer, 18);
	assert_text(&buffer, "ab18");
	buffer_done(&buffer);

	unit_fail(1);
	buffer_append_text(&buffer, "a");
	cr_assert(unit_failed());
	cr_assert(buffer.failed);
	cr_assert_eq(buffer.size, 0);
}

/* ---- common values ---- */

UNIT_TEST(common, values_are_found_until_they_are_forgotten) {
	struct commons commons;
	json_error_t error;

	commons_init(&commons);
	cr_assert_eq(commons_add(&commons, 7, "[1]", 3), 0);
	cr_assert_eq(commons_add(&commons, 8, "1e999", 5), 0);
	cr_assert_eq(commons_add(&commons, 7, "2", 1), -EEXIST);
	cr_assert_null(commons_find(&commons, 9));
	cr_assert_eq(common_value(commons_find(&commons, 7), &error),
		     common_value(commons_find(&commons, 7), &error), "it is parsed once");
	cr_assert_null(common_value(commons_find(&commons, 8), &error));
	commons_forget(commons_find(&commons, 7), &commons);
	cr_assert_null(commons_find(&commons, 7));
	unit_fail(1);
	cr_assert_eq(commons_add(&commons, 7, "1", 1), -ENOMEM);
	cr_assert(unit_failed());
	commons_done(&commons);
}

/* ---- registry ---- */

static int nop(struct procpool_item *item, const char *text, size_t size) {
	return procpool_write(item, text, size);
}

static int value_nop(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item;
	*ret_result = json_incref(argument);
	return 0;
}

/* At file scope, where a compound literal lives for ever. */
#define TABLE(...) \
	{ \
		.abi = PROCPOOL_WORKER_ABI, .functions = (struct procpool_function[]) { \
			__VA_ARGS__, { \
				0 \
			} \
		} \
	}
#define RAW(name_) \
	{ .name = name_, .call_raw = nop }

static struct procpool_table table_a = TABLE(RAW("a")), table_b = TABLE(RAW("b"));
static const struct procpool_table table_ba =
	TABLE(RAW("b"), {.name = "a", .call = value_nop, .description = "say \"a\""});
static const struct procpool_table table_aa = TABLE(RAW("aa"));

UNIT_TEST(registry, functions_are_found_by_name) {
	struct registry *registry = registry_new();
	struct buffer hello = {0};

	cr_assert_eq(registry_add(registry, &table_ba, "one"), 0);
	cr_assert_eq(registry_add(registry, &table_aa, "two"), 0);
	cr_assert_str_eq(registry->sources[registry_find(registry, "aa")->source].name, "two");
	cr_assert_str_eq(registry->sources[registry_find(registry, "b")->source].name, "one");
	cr_assert_null(registry_find(registry, "c"));

	registry_hello(registry, true, &hello);
	cr_assert_str_eq(hello.bytes, "{\"hello\":{\"protocol\":1,\"runtime\":\"c\",\"page\":true,"
				      "\"unpack\":[\"none\"],\"functions\":["
				      "{\"name\":\"a\",\"description\":\"say \\\"a\\\"\"},"
				      "{\"name\":\"aa\"},{\"name\":\"b\"}]}}");
	cr_assert_eq(hello.size, strlen(hello.bytes) + 1);
	buffer_done(&hello);
	registry_free(registry);
}

static const struct procpool_table table_future = {.abi = PROCPOOL_WORKER_ABI + 1};
static const struct procpool_table table_empty = {.abi = PROCPOOL_WORKER_ABI};
static const struct procpool_table table_bad_name = TABLE(RAW("x y"));
static const struct procpool_table table_neither = TABLE({.name = "b"});
static const struct procpool_table table_both =
	TABLE({.name = "b", .call = value_nop, .call_raw = nop});
static const struct procpool_table table_twins = TABLE(RAW("b"), RAW("b"));

UNIT_TEST(registry, bad_tables_are_refused_whole_and_by_name) {
	static const struct {
		const struct procpool_table *table;
		const char *reason;
	} cases[] = {
		{&table_future, "x.so is built for version 2 of <procpool/worker.h>; this worker "
				"knows 1: build it again"},
		{&table_empty, "x.so: its table has no functions"},
		{&table_bad_name, "x.so: 'x y' is no function's name: that has 1 to 256 of "
				  "A-Z a-z 0-9 _ . : -"},
		{&table_neither, "x.so: the function b has neither of call and call_raw"},
		{&table_both, "x.so: the function b has both of call and call_raw"},
		{&table_ba, "two functions are called a: one of a.so, one of x.so"},
		{&table_twins, "two functions are called b: both of x.so"},
	};
	struct registry *registry = registry_new();

	cr_assert_eq(registry_add(registry, &table_a, "a.so"), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(registry_add(registry, cases[i].table, "x.so"), REGISTRY_E_BAD);
		cr_assert_str_eq(registry->reason, cases[i].reason);
	}
	cr_assert_null(registry_find(registry, "b"), "what was refused is not there in part");
	cr_assert_eq(registry->n_entries, 1);
	registry_free(registry);
}

static char hooks[16]; /* which ran, in order */

static int init_a(void **ret_state) {
	strcat(hooks, "a");
	*ret_state = hooks;
	return 0;
}

static int init_b(void **ret_state) {
	(void) ret_state;
	strcat(hooks, "b");
	return 5;
}

static void exit_a(void *state) {
	cr_assert_eq(state, hooks);
	strcat(hooks, "A");
}

static void exit_b(void *state) {
	(void) state;
	strcat(hooks, "B");
}

UNIT_TEST(registry, only_what_was_started_is_stopped) {
	struct registry *registry = registry_new();

	table_a.init = init_a, table_a.exit = exit_a;
	table_b.init = init_b, table_b.exit = exit_b;
	cr_assert_eq(registry_add(registry, &table_a, "a.so"), 0);
	cr_assert_eq(registry_add(registry, &table_b, "b.so"), 0);
	cr_assert_eq(registry_start(registry), REGISTRY_E_BAD);
	cr_assert_str_eq(registry->reason, "b.so: its init returned 5");
	registry_stop(registry);
	cr_assert_str_eq(hooks, "abA");
	registry_free(registry);
}

UNIT_TEST(registry, a_failed_allocation_leaves_it_as_it_was) {
	bool failed;
	size_t n = 0;

	do {
		struct registry *registry;
		int r;

		unit_fail(++n);
		registry = registry_new();
		if (registry) {
			r = registry_add(registry, &table_a, "one");
			failed = unit_failed();
			cr_assert_eq(r, failed ? -ENOMEM : 0);
			cr_assert_eq(registry->n_entries, failed ? 0 : 1);
		}
		failed = unit_failed() || !registry || registry->n_entries == 0;
		registry_free(registry);
	} while (failed);
	cr_assert_gt(n, 3);
}
