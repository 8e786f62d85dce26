#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/json_scan.h"
#include "tests/unit/unit.h"

/*
 * json_scan beside jansson, over texts that a seeded generator writes and then damages. Both must
 * take or refuse the same texts, and find the same values in them. The known differences:
 *
 *   integers outside of int64_t and reals outside of double: json_scan takes them, as text;
 *   the escape of NUL in a name: json_scan takes it, jansson's names are C strings;
 *   a NUL byte after a number: jansson 2.14 swallows it, json_scan refuses every NUL byte;
 *   nesting: jansson's limit is 2048; not written here.
 *
 * jansson is asked with JSON_ALLOW_NUL (or it would refuse the escape of NUL in values too) and
 * JSON_DECODE_ANY (or it would take objects and arrays only).
 */
#define TEXTS    300000
#define TEXT_MAX 512

struct text {
	char bytes[TEXT_MAX + 64];
	size_t size;
};

static unsigned long long seed = 20260101;

static unsigned pick(unsigned below) {
	return unit_random(&seed, below);
}

static void put(struct text *text, const char *bytes) {
	size_t n = strlen(bytes);

	if (text->size + n > TEXT_MAX)
		return;
	memcpy(text->bytes + text->size, bytes, n);
	text->size += n;
}

#define PUT_ONE_OF(text, ...) \
	do { \
		static const char *const choices[] = {__VA_ARGS__}; \
		put(text, choices[pick(sizeof(choices) / sizeof(choices[0]))]); \
	} while (0)

static void put_space(struct text *text) {
	if (pick(4) == 0)
		PUT_ONE_OF(text, " ", "\n", "\t", "\r", "  ", " \r\n\t");
}

static void put_number(struct text *text) {
	PUT_ONE_OF(text, "", "", "-");
	PUT_ONE_OF(text, "0", "1", "7", "10", "42", "65536", "9007199254740993");
	if (pick(3) == 0)
		PUT_ONE_OF(text, ".0", ".5", ".25", ".001");
	if (pick(4) == 0)
		PUT_ONE_OF(text, "e0", "E1", "e+2", "E-3", "e10", "e400", "e-400");
	if (pick(40) == 0)
		put(text, "00000000000000000000");
}

static void put_string(struct text *text) {
	put(text, "\"");
	for (unsigned n = pick(6); n > 0; n--)
		PUT_ONE_OF(text, "a", "key", "0123456789abcdef", " ", "/", "\\\\", "\\\"", "\\/",
			   "\\b", "\\n", "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
			   "\\u0000", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
			   "\xed\x9f\xbf", "\x7f");
	put(text, "\"");
}

static void put_value(struct text *text, unsigned depth) {
	unsigned kind = pick(depth > 0 ? 9 : 5);

	put_space(text);
	switch (kind) {
	case 0: PUT_ONE_OF(text, "true", "false", "null"); break;
	case 1:
	case 2: put_number(text); break;
	case 3:
	case 4: put_string(text); break;
	case 5:
	case 6:
		put(text, "[");
		for (unsigned n = pick(4), i = 0; i < n; i++) {
			put(text, i > 0 ? "," : "");
			put_value(text, depth - 1);
		}
		put_space(text);
		put(text, "]");
		break;
	default:
		put(text, "{");
		for (unsigned n = pick(4), i = 0; i < n; i++) {
			put(text, i > 0 ? "," : "");
			put_space(text);
			put_string(text);
			put_space(text);
			put(text, ":");
			put_value(text, depth - 1);
		}
		put_space(text);
		put(text, "}");
	}
	put_space(text);
}

/* Bytes at which grammars part. */
static char odd_byte(void) {
	static const char odd[] =
		"\"\\/{}[]:,0123456789-+.eEtfnu \t\r\n\x00\x1f\x7f\x80\xa0\xbf\xc0\xc2\xe0"
		"\xed\xef\xf0\xf4\xf5\xff";

	return pick(8) ? odd[pick(sizeof(odd) - 1)] : (char) pick(256);
}

static void damage(struct text *text) {
	size_t at = pick((unsigned) text->size + 1), n;

	switch (pick(5)) {
	case 0:
		if (at < text->size)
			text->bytes[at] = odd_byte();
		break;
	case 1:
		memmove(text->bytes + at + 1, text->bytes + at, text->size - at);
		text->bytes[at] = odd_byte();
		text->size++;
		break;
	case 2:
		n = pick(4);
		n = n < text->size - at ? n : text->size - at;
		memmove(text->bytes + at, text->bytes + at + n, text->size - at - n);
		text->size -= n;
		break;
	case 3: text->size = at; break;
	default:
		n = pick(8);
		n = n < text->size - at ? n : text->size - at;
		memmove(text->bytes + at + n, text->bytes + at, text->size - at);
		text->size += n;
	}
}

static json_t *load(const char *bytes, size_t size, json_error_t *error) {
	return json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

/* The values found in the outermost container, if it is an array, are jansson's. */
static void expect_element(const json_t *whole, size_t index, const char *bytes,
			   const struct json_scan_token *token) {
	json_t *element = load(bytes + token->begin, token->end - token->begin, NULL);

	cr_assert(json_equal(json_array_get(whole, index), element), "element %zu of %.*s", index,
		  (int) token->end, bytes);
	json_decref(element);
}

/* Scans in two pieces. Returns 0 or the error. */
static int scan(struct json_scan *scanner, const struct text *text, const json_t *whole) {
	size_t there = pick((unsigned) text->size + 1), index = 0;
	struct json_scan_token token;
	int r;

	json_scan_init(scanner, 256, 1024, 1);
	for (;;) {
		r = json_scan_next(scanner, text->bytes, there, there == text->size, &token);
		if (r != 0 || token.event == JSON_SCAN_END)
			break;
		if (token.event == JSON_SCAN_MORE)
			there = text->size;
		if (token.event == JSON_SCAN_OPEN)
			json_scan_enter(scanner);
		if (token.event == JSON_SCAN_VALUE && token.level == 1 && json_is_array(whole))
			expect_element(whole, index++, text->bytes, &token);
	}
	if (r == 0)
		cr_assert_eq(index, json_array_size(whole));
	return r;
}

struct tally {
	unsigned both, none, number, name, nul;
};

static void compare(const struct text *text, struct tally *tally) {
	struct json_scan scanner;
	json_error_t error;
	json_t *value = load(text->bytes, text->size, &error);
	int r = scan(&scanner, text, value);

	if (memchr(text->bytes, '\0', text->size)) {
		cr_assert_neq(r, 0, "a NUL byte was taken");
		tally->nul++;
	} else if (value && r == 0) {
		tally->both++;
	} else if (!value && json_error_code(&error) == json_error_numeric_overflow) {
		tally->number++;
	} else if (!value && json_error_code(&error) == json_error_null_byte_in_key) {
		tally->name++;
	} else {
		cr_assert(!value && r != 0, "jansson: %s, json_scan: %s at %zu\n%.*s",
			  value ? "takes it" : error.text, r ? scanner.reason : "takes it",
			  scanner.pos, (int) text->size, text->bytes);
		tally->none++;
	}
	json_decref(value);
}

UNIT_TEST(json_scan_jansson, both_take_the_same_texts_and_find_the_same_values) {
	struct tally tally = {0};

	for (unsigned i = 0; i < TEXTS; i++) {
		struct text text = {.size = 0};

		put_value(&text, 4);
		for (unsigned n = pick(3); n > 0; n--)
			damage(&text);
		compare(&text, &tally);
	}
	/* The texts are neither all good nor all bad, and reach the known differences. */
	cr_assert_gt(tally.both, TEXTS / 4);
	cr_assert_gt(tally.none, TEXTS / 4);
	cr_assert_gt(tally.number, 100);
	cr_assert_gt(tally.name, 100);
	cr_assert_gt(tally.nul, 100);
}
