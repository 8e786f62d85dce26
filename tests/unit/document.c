#include "protocol/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * A document as a transcript. Of a whole one its parts:
 *   method="x"            a member of the top          parameters/function="y"  a nested member
 *   [1|2|3]               the elements                 2:large 3:number         flaws by index
 *   too many(7)           elements over the limit, and how many there were
 * Of the others: "more", "malformed 7: reason", "too deep 7", "too large".
 */
#define TRANSCRIPT_MAX 8192

static const char *const payload[] = {"argument", "common", NULL};
static const struct document_shape call = {"parameters", "items", payload, false, 0};
static const struct document_shape stream = {NULL, "items", NULL, false, 0};
static const struct document_shape results = {NULL, "results", NULL, true, 0};
static const struct document_shape flat = {NULL, NULL, NULL, true, 0};
static const struct limits none = {0, 0, 0, 0};

static void print_parts(FILE *out, const struct document *doc, const char *text) {
	static const char *const kinds[] = {
		[FLAW_TOO_LARGE] = "large", [FLAW_LONG_NUMBER] = "number"};
	size_t n = doc->elements.count;

	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *m = &doc->members[i];

		fprintf(out, "%s%s%.*s=%.*s", i > 0 ? " " : "", m->nested ? "/" : "",
			(int) span_size(m->name), text + m->name.begin, (int) span_size(m->value),
			text + m->value.begin);
		fprintf(out, "%s", m->long_number ? "~" : "");
		cr_assert_eq(m->type, strchr("-0123456789", text[m->value.begin])
					      ? '0'
					      : text[m->value.begin]);
	}
	if (doc->too_many) {
		fprintf(out, " too many(%zu)", n);
		n = doc->limits.items;
	}
	for (size_t i = 0; i < n; i++) {
		struct span span = elements_span(&doc->elements, text, i, 1);

		fprintf(out, "%s%.*s", i > 0 ? "|" : " [", (int) span_size(span),
			text + span.begin);
	}
	if (doc->elements.present)
		fprintf(out, n > 0 ? "]" : " []");
	for (size_t i = 0; i < doc->n_flaws; i++)
		fprintf(out, " %zu:%s", doc->flaws[i].index, kinds[doc->flaws[i].kind]);
}

static void print(FILE *out, const struct document *doc, int verdict, const char *text) {
	switch (verdict) {
	case DOCUMENT_MORE: fprintf(out, "more"); break;
	case DOCUMENT_WHOLE: print_parts(out, doc, text); break;
	case DOCUMENT_E_MALFORMED:
		fprintf(out, "malformed %zu: %s", doc->offset, doc->reason);
		if (doc->limit)
			fprintf(out, " of %zu", doc->limit);
		break;
	case DOCUMENT_E_TOO_DEEP: fprintf(out, "too deep %zu", doc->offset); break;
	case DOCUMENT_E_TOO_LARGE: fprintf(out, "too large"); break;
	default: fprintf(out, "unexpected verdict %d", verdict);
	}
}

/* Feeds size bytes: the first ones, then step by step, each time from another place in memory. */
static void feed(char *transcript, const struct document_shape *shape, const struct limits *limits,
		 const char *text, size_t size, size_t first, size_t step) {
	struct document doc;
	FILE *out = fmemopen(memset(transcript, 0, 1), TRANSCRIPT_MAX, "w");
	int verdict = DOCUMENT_MORE;

	document_init(&doc, shape, limits);
	for (size_t there = first;; there = there + step < size ? there + step : size) {
		char *copy = unit_copy(text, there);

		verdict = document_feed(&doc, copy, there);
		if (verdict != DOCUMENT_MORE || there == size) {
			print(out, &doc, verdict, copy);
			free(copy);
			break;
		}
		free(copy);
	}
	fclose(out);
	document_done(&doc);
}

static void expect_sized(const struct document_shape *shape, const struct limits *limits,
			 const char *text, size_t size, const char *expected) {
	static char transcript[TRANSCRIPT_MAX];

	for (size_t first = 0; first <= size; first++) {
		feed(transcript, shape, limits, text, size, first, size);
		cr_assert_str_eq(transcript, expected,
				 "%.*s\n split at %zu came to %s\n and not %s", (int) size, text,
				 first, transcript, expected);
	}
	feed(transcript, shape, limits, text, size, 0, 1);
	cr_assert_str_eq(transcript, expected, "%.*s\n byte by byte came to %s\n and not %s",
			 (int) size, text, transcript, expected);
}

/* The text and its NUL. */
static void expect(const struct document_shape *shape, const struct limits *limits,
		   const char *text, const char *expected) {
	expect_sized(shape, limits, text, strlen(text) + 1, expected);
}

struct row {
	const char *text, *transcript;
};

static void expect_all(const struct document_shape *shape, const struct limits *limits,
		       const struct row *table, size_t n) {
	for (size_t i = 0; i < n; i++)
		expect(shape, limits, table[i].text, table[i].transcript);
}

#define EXPECT_ALL(shape, limits, table) \
	expect_all(shape, limits, table, sizeof(table) / sizeof(table[0]))

UNIT_TEST(document, a_call_is_cut_into_members_and_items) {
	static const struct row table[] = {
		{"{}", ""},
		{" { } ", ""},
		{"{\"method\":\"a.B\"}", "method=\"a.B\""},
		{"{\"method\":\"a.B\",\"parameters\":{}}", "method=\"a.B\""},
		{"{\"parameters\":null,\"more\":true}", "parameters=null more=true"},
		{"{\"parameters\":[1]}", "parameters=[1]"},
		{"{\"parameters\":{\"function\":\"f\",\"items\":[1,\"2\",[3],{\"4\":4}]}}",
		 "/function=\"f\" [1|\"2\"|[3]|{\"4\":4}]"},
		{"{\"parameters\":{\"items\":[ 1 ,\n2\t,\r3 ] ,\"function\" : \"f\" "
		 "},\"more\":false }",
		 "/function=\"f\" more=false [1|2|3]"},
		{"{\"parameters\":{\"items\":[]}}", " []"},
		{"{\"parameters\":{\"items\":[ ]}}", " []"},
		{"{\"parameters\":{\"items\":7}}", "/items=7"},
		{"{\"parameters\":{\"items\":{}}}", "/items={}"},
		{"{\"parameters\":{\"items\":null}}", "/items=null"},
		{"{\"items\":[1,2]}", "items=[1,2]"}, /* not in parameters: a member like others */
		{"{\"parameters\":{\"options\":{\"items\":[1]}}}", "/options={\"items\":[1]}"},
		{"{\"parameters\":{\"parameters\":{\"items\":[1]}}}",
		 "/parameters={\"items\":[1]}"},
		{"{\"parameters\":{\"argument\":[1,2],\"common\":{\"a\":[]}}}",
		 "/argument=[1,2] /common={\"a\":[]}"},
		{"{\"a.b\":{\"c\":[1]},\"a.b\":2}", "a.b={\"c\":[1]} a.b=2"},
	};

	EXPECT_ALL(&call, &none, table);
}

UNIT_TEST(document, a_stream_object_has_its_items_at_the_top) {
	static const struct row table[] = {
		{"{\"items\":[1,2]}", " [1|2]"},
		{"{\"cancel\":[1,2]}", "cancel=[1,2]"},
		{"{\"end\":true}", "end=true"},
		{"{\"parameters\":{\"items\":[1]}}", "parameters={\"items\":[1]}"},
		{"{\"items\":[[1,2],[]],\"end\":true}", "end=true [[1,2]|[]]"},
	};

	EXPECT_ALL(&stream, &none, table);
	expect(&flat, &none, "{\"items\":[1,2],\"a\":{}}", "items=[1,2] a={}");
}

UNIT_TEST(document, what_is_no_object_is_malformed) {
	static const struct row table[] = {
		{"", "malformed 0: the text is empty"},
		{"  ", "malformed 2: the text is empty"},
		{"[]", "malformed 0: the message is not an object"},
		{" 17 ", "malformed 1: the message is not an object"},
		{"\"a\"", "malformed 0: the message is not an object"},
		{"null", "malformed 0: the message is not an object"},
		{"{} {}", "malformed 3: more text after the value"},
		{"{\"a\":1", "malformed 6: the text ends within an array or object"},
		{"{\"parameters\":{\"items\":[1,]}}", "malformed 26: expected a value"},
		{"{\"x.y\":[\"\t\"]}", "malformed 9: control character in a string"},
	};

	EXPECT_ALL(&call, &none, table);
}

UNIT_TEST(document, what_is_cut_apart_may_come_only_once) {
	static const struct row table[] = {
		{"{\"parameters\":{},\"parameters\":{}}",
		 "malformed 18: a member that may come only once comes twice"},
		{"{\"parameters\":null,\"parameters\":{}}",
		 "malformed 20: a member that may come only once comes twice"},
		{"{\"parameters\":{\"items\":[1],\"items\":[2]}}",
		 "malformed 28: a member that may come only once comes twice"},
		{"{\"parameters\":{\"items\":null,\"items\":[2]}}",
		 "malformed 29: a member that may come only once comes twice"},
		{"{\"parameters\":{\"items\":[1],\"i\\u0074ems\":[2]}}",
		 "malformed 28: a member that may come only once comes twice"},
		/* Others are the business of whoever reads the members. */
		{"{\"more\":true,\"more\":true}", "more=true more=true"},
	};

	EXPECT_ALL(&call, &none, table);
}

UNIT_TEST(document, names_with_escapes_are_the_same_names) {
	static const struct row table[] = {
		{"{\"p\\u0061rameters\":{\"\\u0069tem\\u0073\":[1]}}", " [1]"},
		{"{\"parameters\\u0000\":{\"items\":[1]}}", "parameters\\u0000={\"items\":[1]}"},
		{"{\"parameters\\u00e9\":{}}", "parameters\\u00e9={}"},
		{"{\"p\\u0161rameters\":{}}", "p\\u0161rameters={}"},
		{"{\"parameter\\\\u0073\":{}}", "parameter\\\\u0073={}"},
		{"{\"parameter\":{}}", "parameter={}"},
	};

	EXPECT_ALL(&call, &none, table);
}

UNIT_TEST(document, a_message_ends_at_its_nul) {
	static const char two[] = "{\"a\":1}\0{\"b\":2}";
	struct document doc;

	expect_sized(&flat, &none, two, sizeof(two), "a=1");
	expect_sized(&flat, &none, two, 7, "more");
	expect_sized(&flat, &none, "", 0, "more");

	document_init(&doc, &flat, &none);
	cr_assert_eq(document_feed(&doc, two, sizeof(two)), DOCUMENT_WHOLE);
	cr_assert_eq(doc.length, 7);
	document_reset(&doc);
	cr_assert_eq(doc.n_members, 0);
	cr_assert_eq(document_feed(&doc, two + 8, sizeof(two) - 8), DOCUMENT_WHOLE);
	cr_assert_eq(doc.length, 7);
	cr_assert(member_is(&doc.members[0], two + 8, "b"));
	document_done(&doc);
}

UNIT_TEST(document, bytes_once_read_are_not_read_again) {
	size_t n = 20000, size = 0, half;
	char *text = malloc(2 * n + 64);
	struct document doc;

	size += (size_t) sprintf(text, "{\"items\":[0");
	for (size_t i = 1; i < n; i++)
		size += (size_t) sprintf(text + size, ",%zu", i % 10);
	size += (size_t) sprintf(text + size, "]}") + 1;

	document_init(&doc, &stream, &none);
	half = size / 2;
	cr_assert_eq(document_feed(&doc, text, half), DOCUMENT_MORE);
	memset(text, '\0', half); /* neither the scanner nor the search for the NUL looks back */
	cr_assert_eq(document_feed(&doc, text, size), DOCUMENT_WHOLE);
	cr_assert_eq(doc.length, size - 1);
	cr_assert_eq(doc.elements.count, n);
	cr_assert_eq(doc.elements.ends[n - 1], size - 3);
	document_done(&doc);
	free(text);
}

UNIT_TEST(document, a_message_over_its_limit_is_refused_at_once) {
	const struct limits limits = {.message = 10};

	expect(&flat, &limits, "{\"ab\":123}", "ab=123");
	expect(&flat, &limits, "{\"ab\":1234}", "too large");
	expect_sized(&flat, &limits, "{\"ab\":123 ", 10, "more");
	expect_sized(&flat, &limits, "{\"ab\":1234", 10, "more");
	expect_sized(&flat, &limits, "{\"ab\":1234}", 11,
		     "too large"); /* its NUL is not there yet */
	expect_sized(&flat, &limits, "{\"ab\":\"abcdefghi", 16, "too large");
	/* What is wrong before the limit is said first, whether the rest is there or not. */
	expect(&flat, &limits, "{\"ab\":x23456789}", "malformed 6: expected a value");
}

UNIT_TEST(document, the_envelope_is_all_but_the_payload) {
	/* {"method":"m","parameters":{"function":"f","items":}} has 53 bytes. */
	const struct limits limits = {.envelope = 53};
	static const struct row table[] = {
		{"{\"method\":\"m\",\"parameters\":{\"function\":\"f\",\"items\":[]}}",
		 "method=\"m\" /function=\"f\" []"},
		{"{\"method\":\"m\",\"parameters\":{\"function\":\"f\",\"items\":[\"a long one\", "
		 "2 ]}}",
		 "method=\"m\" /function=\"f\" [\"a long one\"|2]"},
		{"{\"method\":\"m\",\"parameters\":{\"items\":[\"a long "
		 "one\"],\"function\":\"f\"}}",
		 "method=\"m\" /function=\"f\" [\"a long one\"]"},
		{"{\"method\":\"m\",\"parameters\":{\"items\":[\"a long "
		 "one\"],\"function\":\"f2\"}}",
		 "malformed 67: the envelope is over its limit of 53"},
		{"{\"method\":\"m\",\"parameters\":{\"function\":\"f\",\"items\": []}}",
		 "malformed 55: the envelope is over its limit of 53"},
		{"{\"method\":\"m\",\"parameters\":{\"function\":\"f\",\"items\":[]} }",
		 "malformed 55: the envelope is over its limit of 53"},
		{"{\"method\":\"m\",\"parameters\":{\"argument\":\"a very very very very long "
		 "one\"}}",
		 "method=\"m\" /argument=\"a very very very very long one\""},
		{"{\"method\":\"m\",\"parameters\":{\"common\":{\"a\":\"a very very very long "
		 "one\"}}}",
		 "method=\"m\" /common={\"a\":\"a very very very long one\"}"},
		{"{\"method\":\"m\",\"parameters\":{\"commom\":{\"a\":\"a very very very long "
		 "one\"}}}",
		 "malformed 53: the envelope is over its limit of 53"},
		{"{\"method\":\"m\",\"common\":{\"a\":\"a very very very very very long one\"}}",
		 "malformed 53: the envelope is over its limit of 53"},
		{"{\"a.b\":\"names with a dot are no payload, but envelope\"}",
		 "malformed 53: the envelope is over its limit of 53"},
		{"{\"items\":[\"in a call they are in parameters, not here\"]}",
		 "malformed 53: the envelope is over its limit of 53"},
	};

	EXPECT_ALL(&call, &limits, table);
	/* It is refused before the message ends. */
	char text[54];

	memset(text, ' ', sizeof(text));
	expect_sized(&call, &limits, memcpy(text, "{\"a\":\"", 6), 53, "more");
	expect_sized(&call, &limits, text, 54,
		     "malformed 53: the envelope is over its limit of 53");
}

UNIT_TEST(document, items_over_their_number_are_counted_only) {
	const struct limits limits = {.items = 3};

	expect(&stream, &limits, "{\"items\":[1,2,3]}", " [1|2|3]");
	expect(&stream, &limits, "{\"items\":[1,2,3,4,[5]],\"end\":true}",
	       "end=true too many(5) [1|2|3]");
	expect(&stream, &limits, "{\"items\":[1,2,3,4,x]}", "malformed 18: expected a value");
}

UNIT_TEST(document, items_over_their_size_are_flaws) {
	const struct limits limits = {.item = 5, .items = 4};

	expect(&stream, &limits, "{\"items\":[12345,123456,\"abc\",\"abcd\"]}",
	       " [12345|123456|\"abc\"|\"abcd\"] 1:large 3:large");
	expect(&stream, &limits, "{\"items\":[  1  ,[ 1 ],[ 1  ]]}", " [1|[ 1 ]|[ 1  ]] 2:large");
	expect(&stream, &limits, "{\"items\":[1,2,3,4,123456]}", " too many(5) [1|2|3|4]");
}

UNIT_TEST(document, a_long_number_is_an_error_or_a_flaw) {
	const struct limits limits = {.item = 2000};
	char digits[LIMIT_NUMBER + 2], text[4096], expected[4096];

	memset(digits, '1', sizeof(digits));
	digits[LIMIT_NUMBER + 1] = '\0';

	snprintf(text, sizeof(text), "{\"results\":[1,[2,%s],3]}", digits);
	snprintf(expected, sizeof(expected), " [1|[2,%s]|3] 1:number", digits);
	expect(&results, &limits, text, expected);
	snprintf(text, sizeof(text), "{\"busyUs\":%s}", digits);
	snprintf(expected, sizeof(expected), "busyUs=%s~", digits);
	expect(&results, &limits, text, expected);

	snprintf(text, sizeof(text), "{\"parameters\":{\"items\":[1,[2,%s],3]}}", digits);
	expect(&call, &limits, text, "malformed 29: a number of more than 1024 characters");
	snprintf(text, sizeof(text), "{\"a.b\":{\"c\":%s}}", digits);
	expect(&call, &limits, text, "malformed 12: a number of more than 1024 characters");

	digits[LIMIT_NUMBER] = '\0';
	snprintf(text, sizeof(text), "{\"items\":[%s]}", digits);
	snprintf(expected, sizeof(expected), " [%s]", digits);
	expect(&stream, &limits, text, expected);
}

UNIT_TEST(document, the_depth_counts_the_message_itself) {
	char text[2 * LIMIT_DEPTH + 64];
	size_t depth = LIMIT_DEPTH - 2, head = strlen("{\"items\":[");
	struct document doc;

	memcpy(text, "{\"items\":[", head);
	memset(text + head, '[', depth);
	memset(text + head + depth, ']', depth);
	memcpy(text + head + 2 * depth, "]}", 3);
	document_init(&doc, &stream, &none);
	cr_assert_eq(document_feed(&doc, text, strlen(text) + 1), DOCUMENT_WHOLE);
	document_done(&doc);

	text[head + depth] = '[';
	expect(&stream, &none, text, "too deep 264");
}

UNIT_TEST(document, a_range_of_elements_keeps_its_commas) {
	static const char text[] = "{\"items\":[ 1 ,\n\"a,b\" , [2, 3],{}]}";
	static const struct {
		size_t first, count;
		const char *bytes;
	} table[] = {
		{0, 1, "1"},
		{0, 2, "1 ,\n\"a,b\""},
		{1, 1, "\"a,b\""},
		{1, 2, "\"a,b\" , [2, 3]"},
		{2, 2, "[2, 3],{}"},
		{3, 1, "{}"},
		{0, 4, "1 ,\n\"a,b\" , [2, 3],{}"},
	};
	struct document doc;

	document_init(&doc, &stream, &none);
	cr_assert_eq(document_feed(&doc, text, sizeof(text)), DOCUMENT_WHOLE);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct span span =
			elements_span(&doc.elements, text, table[i].first, table[i].count);

		cr_assert_eq(span_size(span), strlen(table[i].bytes));
		cr_assert_arr_eq(text + span.begin, table[i].bytes, span_size(span));
	}
	document_done(&doc);
}

UNIT_TEST(document, every_allocation_may_fail) {
	/* Members, ends and flaws each grow more than once. */
	static const char text[] =
		"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
		"\"it\\u0065ms\":[10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28]}";
	const struct limits limits = {.item = 1};
	size_t n = 0;
	bool failed;

	do {
		struct document doc;
		int r;

		document_init(&doc, &stream, &limits);
		unit_fail(++n);
		r = document_feed(&doc, text, sizeof(text));
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : DOCUMENT_WHOLE);

		document_reset(&doc);
		cr_assert_eq(document_feed(&doc, text, sizeof(text)), DOCUMENT_WHOLE);
		cr_assert_eq(doc.n_members, 9);
		cr_assert_eq(doc.elements.count, 19);
		cr_assert_eq(doc.n_flaws, 19);
		document_done(&doc);
	} while (failed);
	cr_assert_geq(n, 8, "only %zu allocations were seen", n - 1);
}

UNIT_TEST(document, small_messages_in_a_row_need_no_more_memory) {
	static const char text[] = "{\"items\":[1,2,3],\"a\":{\"b\":4},\"c\":5}";
	const struct limits limits = {.item = 1000};
	struct document doc;

	document_init(&doc, &stream, &limits);
	cr_assert_eq(document_feed(&doc, text, sizeof(text)), DOCUMENT_WHOLE);
	unit_fail(1);
	for (unsigned i = 0; i < 3; i++) {
		document_reset(&doc);
		cr_assert_eq(doc.n_members, 0);
		cr_assert_eq(doc.elements.count, 0);
		cr_assert_eq(document_feed(&doc, text, sizeof(text)), DOCUMENT_WHOLE);
		cr_assert_eq(doc.n_members, 2);
		cr_assert_eq(doc.elements.count, 3);
	}
	cr_assert_not(unit_failed());
	document_done(&doc);
}

UNIT_TEST(document, what_a_large_message_needed_is_not_kept) {
	static char text[10000];
	size_t size = (size_t) sprintf(text, "{\"items\":[0"), before;
	struct document doc;

	while (size < sizeof(text) - 20)
		size += (size_t) sprintf(text + size, ",1");
	size += (size_t) sprintf(text + size, "]}") + 1;
	document_init(&doc, &stream, &none);
	before = unit_live();
	cr_assert_eq(document_feed(&doc, text, size), DOCUMENT_WHOLE);
	document_reset(&doc);
	cr_assert_eq(unit_live(), before);
	document_done(&doc);
}
