#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"
#include "tests/unit/unit.h"

/* A member whose value is the whole text. */
static struct member member_of(const char *text) {
	return (struct member) {.value = {0, (uint32_t) strlen(text)}, .type = text[0]};
}

UNIT_TEST(member, a_name_is_compared_as_what_it_means) {
	static const struct {
		const char *name, *means;
	} table[] = {
		{"a", "a"},
		{"", ""},
		{"\\u0061b", "ab"},
		{"\\n\\t\\b\\f\\r", "\n\t\b\f\r"},
		{"\\\"\\\\\\/", "\"\\/"},
		{"\\u002F\\u002f", "//"},
		{"\\u00e9", "\xc3\xa9"},
		{"\xc3\xa9\\u0061", "\xc3\xa9\x61"},
		{"\\ud83d\\ude00\\u20ac", "\xf0\x9f\x98\x80\xe2\x82\xac"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct member member = {
			.name = {0, (uint32_t) strlen(table[i].name)},
			.escaped = strchr(table[i].name, '\\'),
		};
		char longer[32];

		cr_assert(member_is(&member, table[i].name, table[i].means), "%s", table[i].name);
		snprintf(longer, sizeof(longer), "%sx", table[i].means);
		cr_assert_not(member_is(&member, table[i].name, longer), "%s", table[i].name);
		if (table[i].means[0] == '\0')
			continue;
		snprintf(longer, strlen(table[i].means), "%s", table[i].means);
		cr_assert_not(member_is(&member, table[i].name, longer), "%s", table[i].name);
	}
}

UNIT_TEST(member, a_string_is_read_as_what_it_means) {
	static const struct {
		const char *text, *means;
	} table[] = {
		{"\"\"", ""},
		{"\"plain text, longer than sixteen bytes\"",
		 "plain text, longer than sixteen bytes"},
		{"\"\xc3\xa9\"", "\xc3\xa9"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u007f\\u0080\\u07FF\\u0800\\uffff\"",
		 "A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
		{"\"\\ud800\\udc00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *string = NULL, *copy = unit_copy(table[i].text, strlen(table[i].text));
		struct member member = member_of(table[i].text);

		cr_assert_eq(member_string(&member, copy, &string), 0, "%s", table[i].text);
		cr_assert_str_eq(string, table[i].means);
		free(string);
		free(copy);
	}
}

UNIT_TEST(member, no_string_is_made_of_other_values_or_a_nul) {
	static const char *const table[] = {"7",  "null",         "[\"a\"]",
					    "{}", "\"a\\u0000\"", "\"\\u0000b\""};
	char *string = NULL;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct member member = member_of(table[i]);

		cr_assert_eq(member_string(&member, table[i], &string), 1, "%s", table[i]);
	}
	cr_assert_null(string);
}

UNIT_TEST(member, a_value_is_read_or_refused) {
	static const char *const refused[] = {"1e999", "99999999999999999999", "\"\\u0000\"",
					      "{\"\\u0000\":1}", "{\"x\":1,\"x\":2}"};
	static const char text[] = "{\"b\":[1,2.5]}";
	struct member member = member_of(text);
	json_t *value = NULL, *none = NULL;

	cr_assert_eq(member_read(&member, text, &value), 0);
	cr_assert_float_eq(json_real_value(json_array_get(json_object_get(value, "b"), 1)), 2.5, 0);
	json_decref(value);
	value = member_load(&member, text);
	cr_assert(json_is_object(value));
	json_decref(value);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		member = member_of(refused[i]);
		cr_assert_eq(member_read(&member, refused[i], &none), 1, "%s", refused[i]);
		cr_assert_null(member_load(&member, refused[i]), "%s", refused[i]);
	}
	cr_assert_null(none);
}

UNIT_TEST(member, short_memory_is_told_from_a_refusal) {
	static const char text[] = "{\"a\":[1,\"two\",{\"three\":4.5}],\"b\":null}";
	static const char string[] = "\"a string of over fifteen bytes\"";
	struct member value_member = member_of(text), string_member = member_of(string);
	size_t n = 0;
	bool failed;

	do {
		json_t *value = NULL;
		char *copy = NULL;
		int r;

		unit_fail(++n);
		r = member_read(&value_member, text, &value);
		if (r == 0)
			r = member_string(&string_member, string, &copy);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0, "allocation %zu: %d", n, r);
		json_decref(value);
		free(copy);
	} while (failed);
	cr_assert_gt(n, 8);
}
