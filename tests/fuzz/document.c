#include "protocol/document.h"

#include <string.h>

#include "protocol/call.h"
#include "protocol/parameters.h"
#include "protocol/work.h"
#include "tests/fuzz/fuzz.h"

/* Promises: the sizes of the reads change neither the verdict nor what is found; the limits hold;
 * every member and element is a JSON value of its own. */

static int feed(struct document *doc, const uint8_t *data, size_t size, uint32_t *seed) {
	size_t there = seed ? 0 : size;
	int verdict;

	for (;;) {
		char *copy = fuzz_copy(data, there);

		verdict = document_feed(doc, copy, there);
		free(copy);
		if (verdict != DOCUMENT_MORE || there == size)
			return verdict;
		there += 1 + fuzz_next(seed, size - there);
	}
}

static void check_same(const struct document *a, const struct document *b) {
	FUZZ_CHECK(a->length == b->length && a->offset == b->offset && a->reason == b->reason);
	FUZZ_CHECK(a->n_members == b->n_members && a->n_flaws == b->n_flaws);
	FUZZ_CHECK(a->too_many == b->too_many && a->elements.present == b->elements.present);
	FUZZ_CHECK(a->elements.count == b->elements.count);
	for (size_t i = 0; i < a->elements.count && !a->too_many; i++)
		FUZZ_CHECK(a->elements.ends[i] == b->elements.ends[i]);
	for (size_t i = 0; i < a->n_members; i++) {
		FUZZ_CHECK(a->members[i].name.begin == b->members[i].name.begin);
		FUZZ_CHECK(a->members[i].value.begin == b->members[i].value.begin);
		FUZZ_CHECK(a->members[i].value.end == b->members[i].value.end);
		FUZZ_CHECK(a->members[i].nested == b->members[i].nested);
	}
	for (size_t i = 0; i < a->n_flaws; i++)
		FUZZ_CHECK(a->flaws[i].index == b->flaws[i].index);
}

static void check_value(const char *text, struct span span) {
	struct json_scan scan;
	struct json_scan_token token;

	json_scan_init(&scan, LIMIT_DEPTH, LIMIT_NUMBER, 0);
	FUZZ_CHECK(json_scan_next(&scan, text + span.begin, span_size(span), true, &token) == 0);
	FUZZ_CHECK(token.event == JSON_SCAN_VALUE);
	FUZZ_CHECK(token.begin == 0 && token.end == span_size(span));
}

static void check_parts(const struct document *doc, const char *text) {
	size_t stored = doc->elements.count;

	if (doc->limits.message)
		FUZZ_CHECK(doc->length <= doc->limits.message);
	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		struct span name = {member->name.begin - 1, member->name.end + 1};

		check_value(text, name);
		check_value(text, member->value);
		FUZZ_CHECK(member->type == '0' || member->type == text[member->value.begin]);
	}
	FUZZ_CHECK(doc->too_many || !doc->limits.items || stored <= doc->limits.items);
	if (doc->too_many) {
		FUZZ_CHECK(stored > doc->limits.items);
		stored = doc->limits.items;
	}
	for (size_t i = 0; i < stored; i++)
		check_value(text, elements_span(&doc->elements, text, i, 1));
}

static void check(const struct document_shape *shape, const struct limits *limits,
		  const uint8_t *data, size_t size, uint32_t *seed) {
	struct document whole, pieces;
	int verdict;

	document_init(&whole, shape, limits);
	document_init(&pieces, shape, limits);
	verdict = feed(&whole, data, size, NULL);
	FUZZ_CHECK(verdict >= 0);
	FUZZ_CHECK(verdict == feed(&pieces, data, size, seed));
	check_same(&whole, &pieces);
	if (verdict == DOCUMENT_WHOLE)
		check_parts(&whole, (const char *) data);
	if (verdict == DOCUMENT_E_MALFORMED)
		FUZZ_CHECK(whole.reason && whole.offset <= size);

	document_reset(&pieces);
	FUZZ_CHECK(verdict == feed(&pieces, data, size, seed));
	check_same(&whole, &pieces);
	document_done(&whole);
	document_done(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const struct limits none, small = {100, 40, 3, 8}, envelope = {.envelope = 24};
	uint32_t seed = fuzz_seed(data, size);
	uint8_t *ended = (uint8_t *) fuzz_copy(data, size);
	const struct document_shape *const shapes[] = {&call_shape, &stream_shape, &worker_shape,
						       &work_shape};
	const struct limits *const limits[] = {&none, &small, &envelope};

	/* The input's last byte becomes the NUL if there is none. */
	if (size > 0 && !memchr(ended, '\0', size) && (seed & 7) != 0)
		ended[size - 1] = '\0';
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (size_t j = 0; j < sizeof(limits) / sizeof(limits[0]); j++)
			check(shapes[i], limits[j], ended, size, &seed);
	free(ended);
	return 0;
}
