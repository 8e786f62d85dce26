#include "worker/stock/stock.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "worker/item.h"

/* The stock functions, without a daemon. wordcount is compared with wc by tests/wordcount.sh. */

/* Runs a stock function. Returns its result, or "exception: message"; to be freed. */
static char *run(const char *name, const char *text, size_t size) {
	const struct procpool_function *function = stock_functions.functions;
	struct procpool_item *item = calloc(1, sizeof *item);
	struct buffer out = {0};
	char *copy = unit_copy(text, size), *result;

	while (strcmp(function->name, name) != 0)
		function++;
	item->out = &out;
	if (item_run(item, function, copy, size))
		result = strndup(out.bytes, out.size);
	else
		cr_assert_geq(asprintf(&result, "%s: %s", item->exception, item->message), 0);
	buffer_done(&out);
	free(copy);
	free(item);
	return result;
}

static void assert_run(const char *name, const char *text, const char *expected) {
	char *result = run(name, text, strlen(text));

	cr_assert(strncmp(result, expected, strlen(expected)) == 0, "%s %s: %s, not %s", name, text,
		  result, expected);
	free(result);
}

UNIT_TEST(square, numbers_and_what_is_none) {
	static const char *const cases[][2] = {
		{"0", "0"},
		{"-0", "0"},
		{"7", "49"},
		{"-12", "144"},
		{"999999999", "999999998000000001"},
		{"1000000000", "1000000000000000000"},
		{"-9223372036854775808", "85070591730234615865843651857942052864"},
		{"18446744073709551616", "340282366920938463463374607431768211456"},
		{"1180591620717411303424", "1393796574908163946345982392040522594123776"},
		{"1.5", "2.25"},
		{"-0.1", "0.010000000000000002"},
		{"1e2", "10000.0"},
		{"1E-200", "0.0"},
		{"1e154", "1e+308"},
		{"1e155", "OverflowError: "},
		{"-1e400", "OverflowError: "},
		{"\"7\"", "ValueError: square takes a number, not a string"},
		{"[7]", "ValueError: square takes a number, not an array"},
		{"{}", "ValueError: square takes a number, not an object"},
		{"true", "ValueError: square takes a number, not a boolean"},
		{"null", "ValueError: square takes a number, not null"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *result = run("square", cases[i][0], strlen(cases[i][0]));
		size_t prefix = strlen(cases[i][1]);

		cr_assert(cases[i][1][prefix - 1] == ' ' ? strncmp(result, cases[i][1], prefix) == 0
							 : strcmp(result, cases[i][1]) == 0,
			  "%s: %s, not %s", cases[i][0], result, cases[i][1]);
		free(result);
	}
}

UNIT_TEST(square, integers_of_up_to_18_digits_agree_with_the_machine) {
	unsigned long long state = 7;

	for (int i = 0; i < 5000; i++) {
		uint64_t value = ((uint64_t) unit_random(&state, UINT32_MAX) << 28 |
				  unit_random(&state, 1u << 28)) >>
				 unit_random(&state, 60);
		unsigned __int128 product = (unsigned __int128) value * value;
		char text[24], expected[48];
		char *at = expected + sizeof expected - 1, *result;

		*at = '\0';
		do
			*--at = (char) ('0' + (int) (product % 10));
		while (product /= 10);
		snprintf(text, sizeof text, "%" PRIu64, value);
		result = run("square", text, strlen(text));
		cr_assert_str_eq(result, at);
		free(result);
	}
}

/* (10^n - 1)^2 is n-1 nines, an 8, n-1 zeros and a 1. */
UNIT_TEST(square, integers_of_every_length_that_a_number_may_have) {
	char nines[600], expected[1200];

	memset(nines, '9', sizeof nines);
	for (size_t n = 1; n <= 512; n++) {
		char *result = run("square", nines, n);

		memset(expected, '9', n - 1);
		expected[n - 1] = '8';
		memset(expected + n, '0', n - 1);
		expected[2 * n - 1] = '1';
		expected[2 * n] = '\0';
		cr_assert_str_eq(result, n == 1 ? "81" : expected, "%zu digits", n);
		free(result);
	}
	for (size_t n = 513; n < 600; n += 43) {
		char *result = run("square", nines, n);

		cr_assert(strncmp(result, "OverflowError: ", 15) == 0, "%zu digits: %s", n, result);
		free(result);
	}
}

UNIT_TEST(echo, returns_what_it_got) {
	assert_run("echo", "0.10", "0.10");
	assert_run("echo", "-0", "-0");
	assert_run("echo", "{\"b\": 1e2,\"a\":\"\\u0000\"}", "{\"b\": 1e2,\"a\":\"\\u0000\"}");
}

UNIT_TEST(sleep, waits_and_returns_what_it_got) {
	assert_run("sleep", "0", "0");
	assert_run("sleep", "-0.0", "-0.0");
	assert_run("sleep", "1.0e-3", "1.0e-3");
	assert_run("sleep", "-1",
		   "ValueError: sleep takes a number of seconds that is not negative");
	assert_run("sleep", "1e300", "ValueError: sleep takes at most 3155760000 seconds");
	assert_run("sleep", "1e999", "ValueError: sleep takes at most 3155760000 seconds");
	assert_run("sleep", "\"1\"", "ValueError: sleep takes a number of seconds, not a string");
}

UNIT_TEST(wordcount, says_why_a_path_has_no_count) {
	assert_run("wordcount", "7",
		   "ValueError: wordcount takes the path of a file, a string, not a");
	assert_run("wordcount", "\"README.md\"", "ValueError: README.md: is a relative path");
	assert_run("wordcount", "\"\"", "ValueError: \"\": is a relative path");
	assert_run("wordcount", "\"/a\\u0000b\"", "ValueError: a path cannot contain a NUL");
	assert_run("wordcount", "\"/does/not/exist\"",
		   "FileNotFoundError: /does/not/exist: No such file or directory");
	assert_run("wordcount", "\"/proc\"", "IsADirectoryError: /proc: Is a directory");
	assert_run("wordcount", "\"/dev/null\"", "ValueError: /dev/null: is no regular file");
}

UNIT_TEST(wordcount, counts_as_wc_whatever_the_locale) {
	/* A no-break space separates; a control character and a byte that is no UTF-8 do not. */
	static const char text[] = "one two\xc2\xa0three\n\x01\nfo\x01ur\xff\xe2\x82\xac five";
	char path[] = "/tmp/procpool-stock-test-XXXXXX", argument[64], expected[128];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(dprintf(fd, "%s", text), (int) sizeof text - 1);
	snprintf(argument, sizeof argument, "\"%s\"", path);
	snprintf(expected, sizeof expected, "{\"lines\":2,\"words\":5,\"bytes\":%zu}",
		 sizeof text - 1);
	assert_run("wordcount", argument, expected);
	cr_assert_not_null(setlocale(LC_ALL, "C"));
	assert_run("wordcount", argument, expected);
	unlink(path);
}
