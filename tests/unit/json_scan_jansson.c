#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/json_scan.h"
#include "tests/unit/json_texts.h"
#include "tests/unit/unit.h"

/*
 * json_scan beside jansson, over generated texts. Both must
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
#define TEXTS 300000

static uint64_t seed = 20260101;

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
static int scan(struct json_scan *scanner, const struct json_text *text, const json_t *whole) {
	size_t there = json_text_pick(&seed, (unsigned) text->size + 1), index = 0;
	bool parts = json_text_pick(&seed, 2); /* or all of it as one, as is fastest */
	struct json_scan_token token;
	int r;

	json_scan_init(scanner, 256, 1024, parts ? 1 : 0);
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
	if (r == 0 && parts)
		cr_assert_eq(index, json_array_size(whole));
	return r;
}

struct tally {
	unsigned both, none, number, name, nul;
};

static void compare(const struct json_text *text, struct tally *tally) {
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
		struct json_text text;

		json_text_make(&text, &seed);
		compare(&text, &tally);
	}
	/* The texts are neither all good nor all bad, and reach the known differences. */
	cr_assert_gt(tally.both, TEXTS / 4);
	cr_assert_gt(tally.none, TEXTS / 4);
	cr_assert_gt(tally.number, 100);
	cr_assert_gt(tally.name, 100);
	cr_assert_gt(tally.nul, 100);
}
