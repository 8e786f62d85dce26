#include "protocol/json_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * A scan as a transcript, its tokens in their order: {1 [2 an object on level 1, an array on level
 * 2 is offered and entered (the number is the level) "a": a name =1 a value }1 ]2 the container
 * ended . the text is whole !7 reason it is refused at offset 7 A value with a long number in it
 * has ~OFFSET after it.
 */
#define TRANSCRIPT_MAX 4096

struct options {
	unsigned max_depth, max_number, levels;
	unsigned enter; /* containers down to this level are entered; levels: offered */
};

static const struct options whole = {256, 1024, 0, 0};
static const struct options deep = {256, 1024, 8, 8};

static void print_token(FILE *out, const char *text, const struct json_scan_token *token,
			bool entered) {
	size_t size = token->end - token->begin;

	switch (token->event) {
	case JSON_SCAN_OPEN:
		cr_assert_eq(text[token->begin], token->type);
		fprintf(out, "%c%u%s ", token->type, token->level, entered ? "" : "?");
		break;
	case JSON_SCAN_KEY:
		cr_assert_eq(token->escaped, memchr(text + token->begin, '\\', size) != NULL);
		fprintf(out, "\"%.*s\": ", (int) size, text + token->begin);
		break;
	case JSON_SCAN_VALUE:
		fprintf(out, "=%.*s ", (int) size, text + token->begin);
		if (token->long_number)
			fprintf(out, "~%zu ", token->number);
		break;
	case JSON_SCAN_CLOSE:
		cr_assert_eq(text[token->begin], token->type);
		fprintf(out, "%c%u ", text[token->end - 1], token->level);
		break;
	case JSON_SCAN_END: fprintf(out, "."); break;
	case JSON_SCAN_MORE: break;
	}
}

/* Scans size bytes as they would come in pieces of the given sizes: the first, then step by
 * step. */
static void scan(char *transcript, const struct options *options, const char *text, size_t size,
		 size_t first, size_t step) {
	struct json_scan scanner;
	struct json_scan_token token;
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	int r = 0;

	json_scan_init(&scanner, options->max_depth, options->max_number, options->levels);
	for (size_t there = first; r == 0; there = there + step < size ? there + step : size) {
		char *copy = unit_copy(text, there);

		do {
			r = json_scan_next(&scanner, copy, there, there == size, &token);
			if (r != 0)
				break;
			if (token.event == JSON_SCAN_OPEN && token.level <= options->enter)
				json_scan_enter(&scanner);
			print_token(out, copy, &token, token.level <= options->enter);
		} while (token.event != JSON_SCAN_MORE && token.event != JSON_SCAN_END);
		free(copy);
		if (r == 0 && there == size) {
			cr_assert_eq(token.event, JSON_SCAN_END,
				     "more is asked for after the last byte");
			break;
		}
	}
	if (r == JSON_SCAN_E_DEPTH)
		fprintf(out, "!%zu too deep", scanner.pos);
	else if (r != 0)
		fprintf(out, "!%zu %s", scanner.pos, scanner.reason);
	fclose(out);
}

/* Whatever the sizes of the reads, the transcript is the same. */
static void expect_sized(const struct options *options, const char *text, size_t size,
			 const char *expected) {
	static char transcript[TRANSCRIPT_MAX];

	scan(transcript, options, text, size, size, size);
	cr_assert_str_eq(transcript, expected, "%s\n came to %s\n and not %s", text, transcript,
			 expected);
	scan(transcript, options, text, size, 0, 1);
	cr_assert_str_eq(transcript, expected, "%s\n byte by byte came to %s\n and not %s", text,
			 transcript, expected);
	for (size_t first = 1; first < size; first++) {
		scan(transcript, options, text, size, first, size);
		cr_assert_str_eq(transcript, expected, "%s\n split at %zu came to %s\n and not %s",
				 text, first, transcript, expected);
	}
}

static void expect(const struct options *options, const char *text, const char *expected) {
	expect_sized(options, text, strlen(text), expected);
}

struct valid {
	unsigned levels, enter;
	const char *text, *transcript;
};

UNIT_TEST(json_scan, values_are_cut_as_deep_as_they_are_entered) {
	static const struct valid table[] = {
		{0, 0, "[1,[2]]", "=[1,[2]] ."},
		{0, 0, " {\"a\" : 1 } ", "={\"a\" : 1 } ."},
		{1, 0, "[1,[2]]", "[1? =[1,[2]] ."},
		{1, 1, "[1,[2]]", "[1 =1 =[2] ]1 ."},
		{2, 2, "[1,[2]]", "[1 =1 [2 =2 ]2 ]1 ."},
		{2, 1, "[1,[2]]", "[1 =1 [2? =[2] ]1 ."},
		{1, 1, "[]", "[1 ]1 ."},
		{1, 1, "[ ]", "[1 ]1 ."},
		{1, 1, "{\n}", "{1 }1 ."},
		{1, 1, "{\"a\":1}", "{1 \"a\": =1 }1 ."},
		{1, 1, "{\"a\":{\"b\":[2]},\"c\":\"\"}",
		 "{1 \"a\": ={\"b\":[2]} \"c\": =\"\" }1 ."},
		{2, 2, "{\"a\":{\"b\":[2]},\"c\":\"\"}",
		 "{1 \"a\": {2 \"b\": =[2] }2 \"c\": =\"\" }1 ."},
		{3, 3, "{\"a\":{\"b\":[2,{}]}}", "{1 \"a\": {2 \"b\": [3 =2 ={} ]3 }2 }1 ."},
		{8, 8, "[[[[[[[[[0]]]]]]]]]",
		 "[1 [2 [3 [4 [5 [6 [7 [8 =[0] ]8 ]7 ]6 ]5 ]4 ]3 ]2 ]1 ."},
		{1, 1, "\t[ 1 ,\r\n2\t]\n", "[1 =1 =2 ]1 ."},
		{1, 1, "{\"\\u0061\\n\":0}", "{1 \"\\u0061\\n\": =0 }1 ."},
		{1, 1, "{\"\":0,\"\":1}", "{1 \"\": =0 \"\": =1 }1 ."},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct options options = {256, 1024, table[i].levels, table[i].enter};

		expect(&options, table[i].text, table[i].transcript);
	}
}

UNIT_TEST(json_scan, every_kind_of_value_is_one_token) {
	static const char *const table[] = {
		"true",
		"false",
		"null",
		"0",
		"-0",
		"7",
		"-12",
		"10",
		"0.5",
		"-0.0",
		"1e2",
		"1E2",
		"1e+2",
		"1e-2",
		"0e0",
		"12.50e-007",
		"1180591620717411303424",
		"1e999999999999999999",
		"\"\"",
		"\" \"",
		"\"a/b\\/c\"",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\"",
		"\"\\u0000\"",
		"\"\\u00e9\\uD834\\udd1e\"",
		"\"\\ud83d\\ude00\\ud83d\\ude00\"",
		"\"\x7f\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
		"\"0123456\\\"89abcdef\xc3\xa9ghijklmnopq\\u00e9rstuvwxyz\"",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char text[256], transcript[512];

		snprintf(transcript, sizeof(transcript), "=%s .", table[i]);
		expect(&whole, table[i], transcript);
		snprintf(text, sizeof(text), "[%s,{\"k\": %s }]", table[i], table[i]);
		snprintf(transcript, sizeof(transcript), "[1 =%s {2 \"k\": =%s }2 ]1 .", table[i],
			 table[i]);
		expect(&deep, text, transcript);
	}
}

struct invalid {
	const char *text;
	size_t offset;
	const char *reason;
};

static const struct invalid invalid_structure[] = {
	{"", 0, "the text is empty"},
	{" \n", 2, "the text is empty"},
	{"x", 0, "expected a value"},
	{"]", 0, "expected a value"},
	{"\xef\xbb\xbf{}", 0, "expected a value"}, /* a byte order mark */
	{"1 2", 2, "more text after the value"},
	{"[]]", 2, "more text after the value"},
	{"{}x", 2, "more text after the value"},
	{"[", 1, "the text ends within an array or object"},
	{"[1", 2, "the text ends within an array or object"},
	{"[1,", 3, "the text ends within an array or object"},
	{"{\"a\"", 4, "the text ends within an array or object"},
	{"{\"a\": ", 6, "the text ends within an array or object"},
	{"[}", 1, "expected a value or ']'"},
	{"[,1]", 1, "expected a value or ']'"},
	{"[1,]", 3, "expected a value"},
	{"[1 2]", 3, "expected ',' or ']'"},
	{"[1}", 2, "expected ',' or ']'"},
	{"[1:2]", 2, "expected ',' or ']'"},
	{"{1:2}", 1, "expected a name in quotes or '}'"},
	{"{]", 1, "expected a name in quotes or '}'"},
	{"{,}", 1, "expected a name in quotes or '}'"},
	{"{\"a\":1,}", 7, "expected a name in quotes"},
	{"{\"a\":1,b:2}", 7, "expected a name in quotes"},
	{"{\"a\" 1}", 5, "expected ':'"},
	{"{\"a\",1}", 4, "expected ':'"},
	{"{\"a\"}", 4, "expected ':'"},
	{"{\"a\":}", 5, "expected a value"},
	{"{\"a\":1 \"b\":2}", 7, "expected ',' or '}'"},
	{"{\"a\":1]", 6, "expected ',' or '}'"},
	{"[1]\v", 3, "more text after the value"},
	{"[\f1]", 1, "expected a value or ']'"},
	{"[[1,2],[3,4}]", 11, "expected ',' or ']'"},
	{"// no\n1", 0, "expected a value"},
	{"'a'", 0, "expected a value"},
};

static const struct invalid invalid_tokens[] = {
	{"tru", 3, "the text ends within a literal"},
	{"trve", 2, "expected 'true'"},
	{"True", 0, "expected a value"},
	{"falsy", 4, "expected 'false'"},
	{"nul]", 3, "expected 'null'"},
	{"nulll", 4, "more text after the value"},
	{"NaN", 0, "expected a value"},
	{"-Infinity", 1, "expected a digit after '-'"},
	{"-", 1, "the text ends within a number"},
	{"+1", 0, "expected a value"},
	{".5", 0, "expected a value"},
	{"--1", 1, "expected a digit after '-'"},
	{"01", 1, "a number with a leading zero"},
	{"-012", 2, "a number with a leading zero"},
	{"00", 1, "a number with a leading zero"},
	{"1.", 2, "the text ends within a number"},
	{"[1.]", 3, "expected a digit after '.'"},
	{"1.e2", 2, "expected a digit after '.'"},
	{"1.2.3", 3, "more text after the value"},
	{"1e", 2, "the text ends within a number"},
	{"[1e]", 3, "expected a digit in an exponent"},
	{"1e+", 3, "the text ends within a number"},
	{"1e+-2", 3, "expected a digit in an exponent"},
	{"1e2e3", 3, "more text after the value"},
	{"1e2.3", 3, "more text after the value"},
	{"[0x10]", 2, "expected ',' or ']'"},
	{"[1_000]", 2, "expected ',' or ']'"},
	{"\"", 1, "the text ends within a string"},
	{"\"a", 2, "the text ends within a string"},
	{"\"a\\", 3, "the text ends within a string"},
	{"\"\\u12", 5, "the text ends within a string"},
	{"\"\\ud800", 7, "the text ends within a string"},
	{"\"\xe2\x82", 3, "the text ends within a string"},
	{"\"a\nb\"", 2, "control character in a string"},
	{"\"12345678\x1f\"", 9, "control character in a string"},
	{"[\"\t\"]", 2, "control character in a string"},
	{"\"\\x41\"", 2, "unknown escape in a string"},
	{"\"\\'\"", 2, "unknown escape in a string"},
	{"\"\\U0041\"", 2, "unknown escape in a string"},
	{"\"\\u004g\"", 6, "expected four hexadecimal digits after \\u"},
	{"\"\\u00:0\"", 5, "expected four hexadecimal digits after \\u"},
	{"\"\\u12\"", 5, "expected four hexadecimal digits after \\u"},
	{"\"\\udc00\"", 6, "escape of a low surrogate without a high one before"},
	{"\"\\uDFFF\\uD800\"", 6, "escape of a low surrogate without a high one before"},
	{"\"\\ud800\"", 7, "escape of a high surrogate without a low one after"},
	{"\"\\ud800a\"", 7, "escape of a high surrogate without a low one after"},
	{"\"\\ud800\\n\"", 8, "escape of a high surrogate without a low one after"},
	{"\"\\ud800\\u0041\"", 12, "escape of a high surrogate without a low one after"},
	{"\"\\udbff\\ud800\"", 12, "escape of a high surrogate without a low one after"},
	{"{\"\\ud800\":1}", 8, "escape of a high surrogate without a low one after"},
};

static const struct invalid invalid_utf8[] = {
	{"\"\x80\"", 1, NULL},             /* a continuation byte alone */
	{"\"\xbf\"", 1, NULL},             /* the same */
	{"\"a\xc3\"", 3, NULL},            /* cut short */
	{"\"\xc3(\"", 2, NULL},            /* no continuation byte */
	{"\"\xe2\x82\"", 3, NULL},         /* cut short */
	{"\"\xf0\x9f\x98\"", 4, NULL},     /* cut short */
	{"\"\xc0\xaf\"", 1, NULL},         /* overlong '/' */
	{"\"\xc1\xbf\"", 1, NULL},         /* overlong U+007F */
	{"\"\xe0\x80\xaf\"", 2, NULL},     /* overlong '/' */
	{"\"\xe0\x9f\xbf\"", 2, NULL},     /* overlong U+07FF */
	{"\"\xf0\x80\x80\xaf\"", 2, NULL}, /* overlong '/' */
	{"\"\xf0\x8f\xbf\xbf\"", 2, NULL}, /* overlong U+FFFF */
	{"\"\xed\xa0\x80\"", 2, NULL},     /* U+D800 */
	{"\"\xed\xbf\xbf\"", 2, NULL},     /* U+DFFF */
	{"\"\xf4\x90\x80\x80\"", 2, NULL}, /* U+110000 */
	{"\"\xf5\x80\x80\x80\"", 1, NULL}, /* beyond */
	{"\"\xf8\x88\x80\x80\x80\"", 1, NULL},
	{"\"\xfe\"", 1, NULL},
	{"\"\xff\"", 1, NULL},
	{"\"12345678\xff\"", 9, NULL},
	{"{\"\xff\":1}", 2, NULL},
};

static void expect_refused(const struct options *options, const char *text, const char *expected) {
	static char transcript[TRANSCRIPT_MAX];
	size_t size = strlen(text);
	const char *refusal;

	for (size_t first = 0; first <= size; first++) {
		scan(transcript, options, text, size, first, size);
		refusal = strchr(transcript, '!');
		cr_assert_not_null(refusal, "%s passed: %s", text, transcript);
		cr_assert_str_eq(refusal, expected, "%s, split at %zu", text, first);
	}
	scan(transcript, options, text, size, 0, 1);
	refusal = strchr(transcript, '!');
	cr_assert_not_null(refusal, "%s passed byte by byte: %s", text, transcript);
	cr_assert_str_eq(refusal, expected, "%s, byte by byte", text);
}

/* They are refused at the same byte whether their containers are entered or not: only the
 * transcript before it differs. */
static void expect_invalid(const struct invalid *table, size_t n, const char *reason) {
	char expected[256];

	for (size_t i = 0; i < n; i++) {
		snprintf(expected, sizeof(expected), "!%zu %s", table[i].offset,
			 table[i].reason ? table[i].reason : reason);
		expect_refused(&whole, table[i].text, expected);
		expect_refused(&deep, table[i].text, expected);
	}
}

UNIT_TEST(json_scan, bad_structure_is_refused_where_it_is) {
	expect_invalid(invalid_structure, sizeof(invalid_structure) / sizeof(struct invalid), NULL);
}

UNIT_TEST(json_scan, bad_tokens_are_refused_where_they_are) {
	expect_invalid(invalid_tokens, sizeof(invalid_tokens) / sizeof(struct invalid), NULL);
}

UNIT_TEST(json_scan, bad_utf8_is_refused_where_it_is) {
	expect_invalid(invalid_utf8, sizeof(invalid_utf8) / sizeof(struct invalid),
		       "invalid UTF-8 in a string");
}

UNIT_TEST(json_scan, a_nul_byte_is_no_white_space_and_no_character) {
	expect_sized(&whole, "1\0", 2, "=1 !1 more text after the value");
	expect_sized(&whole, "[\0]", 3, "!1 expected a value or ']'");
	expect_sized(&whole, "\"\0\"", 3, "!1 control character in a string");
	expect_sized(&whole, "\"\\\0\"", 4, "!2 unknown escape in a string");
}

/* Returns JSON_SCAN_END's 0, or the error. */
static int verdict(const char *text, size_t size) {
	struct json_scan scanner;
	struct json_scan_token token;
	int r;

	json_scan_init(&scanner, 256, 1024, 0);
	do
		r = json_scan_next(&scanner, text, size, true, &token);
	while (r == 0 && token.event != JSON_SCAN_END);
	return r;
}

UNIT_TEST(json_scan, every_character_of_unicode_is_taken_and_no_surrogate) {
	for (unsigned c = 0x20; c <= 0x110000; c++) {
		char text[8] = "\"";
		size_t n = 1;
		bool valid = (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff && c != '"' && c != '\\';

		if (c < 0x80) {
			text[n++] = (char) c;
		} else if (c < 0x800) {
			text[n++] = (char) (0xc0 | c >> 6);
		} else if (c < 0x10000) {
			text[n++] = (char) (0xe0 | c >> 12);
			text[n++] = (char) (0x80 | (c >> 6 & 0x3f));
		} else {
			text[n++] = (char) (0xf0 | c >> 18);
			text[n++] = (char) (0x80 | (c >> 12 & 0x3f));
			text[n++] = (char) (0x80 | (c >> 6 & 0x3f));
		}
		if (c >= 0x80)
			text[n++] = (char) (0x80 | (c & 0x3f));
		text[n++] = '"';
		if ((verdict(text, n) == 0) != valid)
			cr_assert_fail("U+%04X is %s", c, valid ? "refused" : "taken");
	}
}

/* Table 3-7 of the Unicode standard allows this many pairs of a first and a second byte. */
UNIT_TEST(json_scan, only_the_leading_bytes_of_unicode_are_taken) {
	unsigned taken = 0;

	for (unsigned first = 0x80; first <= 0xff; first++) {
		for (unsigned second = 0; second <= 0xff; second++) {
			char text[] = {'"', (char) first, (char) second, '\x80', '\x80', '"'};
			size_t n = first < 0xe0 ? 3 : first < 0xf0 ? 4 : 5;

			text[n] = '"';
			taken += verdict(text, n + 1) == 0;
		}
	}
	cr_assert_eq(taken, 30 * 64 + (32 + 64 * 12 + 32 + 64 * 2) + (48 + 64 * 3 + 16));
}

UNIT_TEST(json_scan, every_escape_is_taken_unless_it_is_half_a_pair) {
	char text[16];

	for (unsigned c = 0; c <= 0xffff; c++) {
		bool valid = c < 0xd800 || c > 0xdfff;

		snprintf(text, sizeof(text), c & 1 ? "\"\\u%04x\"" : "\"\\u%04X\"", c);
		if ((verdict(text, 8) == 0) != valid)
			cr_assert_fail("%s is %s", text, valid ? "refused" : "taken");
	}
}

UNIT_TEST(json_scan, the_depth_is_limited_to_the_bracket) {
	const struct options three = {3, 1024, 8, 8}, three_whole = {3, 1024, 0, 0};
	char text[2 * JSON_SCAN_DEPTH_MAX + 2];

	expect(&three, "[[[]]]", "[1 [2 [3 ]3 ]2 ]1 .");
	expect(&three, "[[[[]]]]", "[1 [2 [3 !3 too deep");
	expect(&three_whole, "[1,{\"a\":[2]}]", "=[1,{\"a\":[2]}] .");
	expect(&three_whole, "[1,{\"a\":[{}]}]", "!9 too deep");

	memset(text, '[', JSON_SCAN_DEPTH_MAX + 1);
	for (unsigned depth = 1; depth <= JSON_SCAN_DEPTH_MAX; depth++) {
		struct json_scan scanner;
		struct json_scan_token token;

		memset(text + depth, ']', depth);
		json_scan_init(&scanner, depth, 0, 0);
		cr_assert_eq(json_scan_next(&scanner, text, 2 * depth, true, &token), 0);
		cr_assert_eq(token.end, 2 * depth);
		json_scan_init(&scanner, depth - 1, 0, 0);
		cr_assert_eq(json_scan_next(&scanner, text, 2 * depth, true, &token),
			     JSON_SCAN_E_DEPTH);
		cr_assert_eq(scanner.pos, depth - 1);
		memset(text + depth, '[', depth);
	}
}

UNIT_TEST(json_scan, objects_and_arrays_are_told_apart_on_every_level) {
	unsigned long long seed = 5;
	char text[8 * JSON_SCAN_DEPTH_MAX], ends[JSON_SCAN_DEPTH_MAX];

	for (unsigned round = 0; round < 200; round++) {
		unsigned depth = 1 + unit_random(&seed, JSON_SCAN_DEPTH_MAX);
		unsigned wrong = unit_random(&seed, depth);
		struct json_scan scanner;
		struct json_scan_token token;
		size_t size = 0, wrong_at;

		for (unsigned i = 0; i < depth; i++) {
			bool object = unit_random(&seed, 2);

			size += (size_t) sprintf(text + size, object ? "{\"\":" : "[");
			ends[i] = object ? '}' : ']';
		}
		text[size++] = '0';
		wrong_at = size + wrong;
		for (unsigned i = depth; i > 0; i--)
			text[size++] = ends[i - 1];

		json_scan_init(&scanner, depth, 1, 0);
		cr_assert_eq(json_scan_next(&scanner, text, size, true, &token), 0);
		text[wrong_at] ^= '}' ^ ']';
		json_scan_init(&scanner, depth, 1, 0);
		cr_assert_eq(json_scan_next(&scanner, text, size, true, &token),
			     JSON_SCAN_E_SYNTAX);
		cr_assert_eq(scanner.pos, wrong_at);
	}
}

UNIT_TEST(json_scan, long_numbers_are_marked_where_they_are) {
	const struct options five = {256, 5, 1, 1}, five_whole = {256, 5, 0, 0};

	expect(&five, "[12345,123456,1]", "[1 =12345 =123456 ~7 =1 ]1 .");
	expect(&five, "[-1.25,-1.250,12e-5,1]", "[1 =-1.25 =-1.250 ~7 =12e-5 =1 ]1 .");
	expect(&five, "[[1,1234567],[2]]", "[1 =[1,1234567] ~4 =[2] ]1 .");
	expect(&five, "[[123456,1234567],2]", "[1 =[123456,1234567] ~2 =2 ]1 .");
	expect(&five, "{\"123456\":\"123456\",\"a\":{\"b\":123456}}",
	       "{1 \"123456\": =\"123456\" \"a\": ={\"b\":123456} ~28 }1 .");
	expect(&five_whole, "[1,2,123456,1234567]", "=[1,2,123456,1234567] ~5 .");
	expect(&five_whole, "123456", "=123456 ~0 .");
	expect(&five_whole, "12345", "=12345 .");
}

UNIT_TEST(json_scan, an_error_is_final) {
	struct json_scan scanner;
	struct json_scan_token token;

	json_scan_init(&scanner, 1, 1024, 0);
	cr_assert_eq(json_scan_next(&scanner, "[1x", 3, false, &token), JSON_SCAN_E_SYNTAX);
	cr_assert_eq(json_scan_next(&scanner, "[1x]", 4, true, &token), JSON_SCAN_E_SYNTAX);
	cr_assert_eq(scanner.pos, 2);
	cr_assert_str_eq(scanner.reason, "expected ',' or ']'");

	json_scan_init(&scanner, 1, 1024, 0);
	cr_assert_eq(json_scan_next(&scanner, "[[", 2, false, &token), JSON_SCAN_E_DEPTH);
	cr_assert_eq(json_scan_next(&scanner, "[[]]", 4, true, &token), JSON_SCAN_E_DEPTH);
	cr_assert_eq(scanner.pos, 1);

	json_scan_init(&scanner, 1, 1024, 0);
	cr_assert_eq(json_scan_next(&scanner, "\"\\udc00\"", 8, true, &token), JSON_SCAN_E_SYNTAX);
	cr_assert_eq(json_scan_next(&scanner, "\"\\udc00\"", 8, true, &token), JSON_SCAN_E_SYNTAX);
	cr_assert_eq(scanner.pos, 6);
}
