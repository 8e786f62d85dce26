#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"
#include "protocol/json_scan.h"
#include "tests/unit/json_texts.h"
#include "tests/unit/unit.h"

/*
 * The fast lane is taken only where many bytes lie ahead: a text that comes byte by byte never sees
 * it. Whatever a text is, and however it comes, the parts found and the verdict must be the same.
 */
#define TEXTS 300000
#define ENDS  70

struct options {
	unsigned max_depth, max_number, levels, enter;
	size_t room, largest; /* of json_scan_collect() */
};

/* What was found, one number after the other. */
struct findings {
	size_t at[8 * JSON_TEXT_MAX], n;
	size_t collected; /* elements that came without being reported */
};

static void found(struct findings *findings, size_t what) {
	cr_assert_lt(findings->n, sizeof(findings->at) / sizeof(findings->at[0]));
	findings->at[findings->n++] = what;
}

/* An element is the same, reported or not, if it could have been collected. */
static void found_token(struct findings *findings, const struct options *options,
			const struct json_scan_token *token, bool in_array) {
	if (token->event == JSON_SCAN_MORE)
		return;
	if (token->event == JSON_SCAN_VALUE && in_array && !token->long_number &&
	    token->end - token->begin <= options->largest) {
		found(findings, token->end);
		return;
	}
	found(findings, token->event);
	found(findings, token->begin);
	found(findings, token->end);
	found(findings, token->level);
	if (token->event == JSON_SCAN_VALUE && token->long_number)
		found(findings, token->number);
}

/* Reads size bytes, of which first ones come at once, then step by step. Returns the verdict. */
static int scan(struct findings *findings, const struct options *options, const char *text,
		size_t size, size_t first, size_t step) {
	struct json_scan scan;
	struct json_scan_token token;
	char types[8] = "";
	size_t there = first;
	int r;

	findings->n = findings->collected = 0;
	json_scan_init(&scan, options->max_depth, options->max_number, options->levels);
	do {
		uint32_t ends[ENDS];
		unsigned level = scan.entered;

		if (level > 0 && types[level - 1] == '[')
			json_scan_collect(&scan, ends, options->room, options->largest);
		else
			scan.ends = ends;
		r = json_scan_next(&scan, text, there, there == size, &token);
		for (const uint32_t *end = ends; end < scan.ends; end++) {
			found(findings, *end);
			findings->collected++;
		}
		if (r != 0)
			break;
		if (token.event == JSON_SCAN_MORE)
			there = there + step < size ? there + step : size;
		if (token.event == JSON_SCAN_OPEN && token.level <= options->enter) {
			json_scan_enter(&scan);
			types[token.level - 1] = token.type;
		}
		found_token(findings, options, &token,
			    token.level > 0 && types[token.level - 1] == '[');
	} while (token.event != JSON_SCAN_END);
	found(findings, (size_t) r);
	found(findings, scan.pos);
	found(findings, r == JSON_SCAN_E_SYNTAX ? (size_t) scan.reason : 0);
	return r;
}

static void expect_same(const struct json_text *text, const struct findings *expected,
			const struct findings *findings, const char *how, size_t first) {
	cr_assert(expected->n == findings->n &&
			  memcmp(expected->at, findings->at, expected->n * sizeof(size_t)) == 0,
		  "%s (%zu) another outcome than byte by byte:\n%.*s", how, first, (int) text->size,
		  text->bytes);
}

UNIT_TEST(json_lane, what_is_found_does_not_depend_on_how_a_text_comes) {
	static struct findings slow, fast;
	unsigned taken = 0, refused = 0;
	size_t collected = 0;
	uint64_t seed = 20261123;

	for (unsigned i = 0; i < TEXTS; i++) {
		struct json_text text;
		size_t first;
		char *copy;

		json_text_make(&text, &seed);
		struct options options = {
			.max_depth = json_text_pick(&seed, 4) ? 256 : 3,
			.max_number = json_text_pick(&seed, 4) ? 1024 : 5,
			.levels = json_text_pick(&seed, 4),
			.enter = json_text_pick(&seed, 4),
			.room = json_text_pick(&seed, 4) ? ENDS : json_text_pick(&seed, ENDS),
			.largest = json_text_pick(&seed, 4) ? 1024 : 4,
		};
		first = json_text_pick(&seed, (unsigned) text.size + 1);

		if (scan(&slow, &options, text.bytes, text.size, 0, 1) == 0)
			taken++;
		else
			refused++;
		/* Blocks of just their size: a sanitizer sees what is read beyond them. */
		copy = unit_copy(text.bytes, text.size);
		scan(&fast, &options, copy, text.size, text.size, 1);
		expect_same(&text, &slow, &fast, "at once", 0);
		collected += fast.collected;
		scan(&fast, &options, copy, text.size, first, text.size);
		expect_same(&text, &slow, &fast, "in two pieces", first);
		free(copy);
		copy = unit_copy(text.bytes, first);
		scan(&slow, &options, text.bytes, first, 0, 1);
		scan(&fast, &options, copy, first, first, 1);
		expect_same(&text, &slow, &fast, "cut off", first);
		free(copy);
	}
	cr_assert_gt(taken, TEXTS / 4);
	cr_assert_gt(refused, TEXTS / 4);
	cr_assert_gt(collected, 2 * TEXTS);
}

/* ---- documents ---- */

static int feed(struct document *doc, const char *text, size_t size, size_t first, size_t step) {
	size_t there = first;
	int verdict;

	while ((verdict = document_feed(doc, text, there)) == DOCUMENT_MORE && there < size)
		there = there + step < size ? there + step : size;
	return verdict;
}

static void expect_same_elements(const struct document *a, const struct document *b) {
	size_t stored = a->too_many ? a->limits.items : a->elements.count;

	cr_assert_eq(a->offset, b->offset);
	cr_assert_eq(a->reason, b->reason);
	cr_assert_eq(a->too_many, b->too_many);
	cr_assert_eq(a->elements.count, b->elements.count);
	cr_assert_eq(a->elements.begin, b->elements.begin);
	cr_assert_eq(a->n_flaws, b->n_flaws);
	if (stored > 0)
		cr_assert_arr_eq(a->elements.ends, b->elements.ends, stored * sizeof(uint32_t));
	for (size_t i = 0; i < a->n_flaws; i++) {
		cr_assert_eq(a->flaws[i].index, b->flaws[i].index);
		cr_assert_eq(a->flaws[i].kind, b->flaws[i].kind);
	}
}

UNIT_TEST(json_lane, elements_do_not_depend_on_how_a_message_comes) {
	static const struct document_shape shape = {.array = "items", .lenient_numbers = true};
	unsigned whole = 0, flawed = 0, over = 0;
	uint64_t seed = 7;

	for (unsigned i = 0; i < TEXTS / 4; i++) {
		struct json_text text;
		const struct limits limits = {
			.message = json_text_pick(&seed, 8) ? 0 : json_text_pick(&seed, 600),
			.items = json_text_pick(&seed, 2) ? 0 : 1 + json_text_pick(&seed, 60),
			.item = json_text_pick(&seed, 2) ? 0 : 1 + json_text_pick(&seed, 100),
		};
		char message[JSON_TEXT_MAX + 64], *copy;
		struct document slow, fast;
		size_t size;
		int verdict;

		json_text_make(&text, &seed);
		size = 1 + (size_t) snprintf(message, sizeof(message), "{\"items\":%.*s}",
					     (int) text.size, text.bytes);
		copy = unit_copy(message, size);
		document_init(&slow, &shape, &limits);
		document_init(&fast, &shape, &limits);
		verdict = feed(&slow, message, size, 0, 1);
		cr_assert_eq(feed(&fast, copy, size, json_text_pick(&seed, 40), 400), verdict, "%s",
			     message);
		expect_same_elements(&slow, &fast);
		if (slow.elements.count > 0)
			cr_assert_gt(message[slow.elements.begin], ' ');
		whole += verdict == DOCUMENT_WHOLE && slow.elements.count > 10;
		flawed += verdict == DOCUMENT_WHOLE && slow.n_flaws > 0;
		over += slow.too_many;
		document_done(&slow);
		document_done(&fast);
		free(copy);
	}
	cr_assert_gt(whole, 1000, "%u %u %u", whole, flawed, over);
	cr_assert_gt(flawed, 1000);
	cr_assert_gt(over, 1000);
}
