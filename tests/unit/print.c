#include "client/tool/output.h"
#include "client/tool/show.h"
#include "client/tool/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* ---- what is printed for results ---- */

struct sink {
	int ends[2];
	struct output output;
	char text[1024];
};

static void sink_open(struct sink *sink) {
	cr_assert_eq(pipe(sink->ends), 0);
	output_init(&sink->output, sink->ends[1]);
}

static const char *sink_close(struct sink *sink) {
	ssize_t n;

	cr_assert_eq(output_end(&sink->output), 0);
	cr_assert_eq(output_flush(&sink->output), 0);
	output_done(&sink->output);
	close(sink->ends[1]);
	n = read(sink->ends[0], sink->text, sizeof(sink->text) - 1);
	close(sink->ends[0]);
	sink->text[n < 0 ? 0 : n] = '\0';
	return sink->text;
}

static void result(struct sink *sink, uint64_t index, const char *json) {
	char *copy = unit_copy(json, strlen(json));

	cr_assert_eq(output_result(&sink->output, index, copy, strlen(json)), 0);
	free(copy);
}

static const struct procpool_item_error failure = {.index = 1, .json = "{\"kind\":\"X\"}"};

UNIT_TEST(print, a_result_a_line_and_null_for_what_failed) {
	struct sink sink;

	sink_open(&sink);
	result(&sink, 0, "1e2");
	cr_assert_eq(output_failed(&sink.output, &failure), 0);
	result(&sink, 2, "\"a\\nb\"");
	cr_assert_str_eq(sink_close(&sink), "1e2\nnull\n\"a\\nb\"\n");
}

UNIT_TEST(print, tags_carry_index_and_error) {
	struct sink sink;

	sink_open(&sink);
	sink.output.tag = true;
	result(&sink, 0, "[1]");
	cr_assert_eq(output_failed(&sink.output, &failure), 0);
	cr_assert_str_eq(sink_close(&sink), "{\"index\": 0, \"result\": [1]}\n"
					    "{\"index\": 1, \"error\": {\"kind\":\"X\"}}\n");
}

UNIT_TEST(print, an_array_is_one_json_text) {
	struct sink sink;

	sink_open(&sink);
	sink.output.array = true;
	result(&sink, 0, "1");
	cr_assert_eq(output_failed(&sink.output, &failure), 0);
	cr_assert_str_eq(sink_close(&sink), "[1,null]\n");
	sink_open(&sink);
	sink.output.array = true;
	cr_assert_str_eq(sink_close(&sink), "[]\n");
}

UNIT_TEST(print, line_ends_between_the_parts_of_a_value_are_dropped) {
	struct sink sink;

	sink_open(&sink);
	result(&sink, 0, "{\r\n \"a\":\n1\n}");
	cr_assert_str_eq(sink_close(&sink), "{ \"a\":1}\n");
}

UNIT_TEST(print, raw_strings_are_bare_and_other_values_stay) {
	struct sink sink;

	sink_open(&sink);
	sink.output.raw = true;
	result(&sink, 0, "\"a b\"");
	result(&sink, 1, "\"\"");
	result(&sink, 2, "[\"x\"]");
	cr_assert_str_eq(sink_close(&sink), "a b\n\n[\"x\"]\n");
}

UNIT_TEST(print, unquoted_strings_stand_for_their_characters) {
	static const char json[] =
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\ud83d\\ude00\\u0000z\"";
	static const char expected[] = "\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\0z";
	struct bytes bytes = {0};

	cr_assert_eq(unquote(&bytes, json, sizeof(json) - 1), 0);
	cr_assert_eq(bytes_size(&bytes), sizeof(expected) - 1);
	cr_assert_eq(memcmp(bytes_at(&bytes), expected, sizeof(expected) - 1), 0);
	bytes_done(&bytes);
}

UNIT_TEST(print, a_full_pipe_that_does_not_block_is_waited_for) {
	struct sink sink;
	char chunk[65536];
	size_t total = 0;
	pid_t reader;

	sink_open(&sink);
	fcntl(sink.ends[1], F_SETFL, O_NONBLOCK);
	memset(chunk, '1', sizeof(chunk));
	reader = fork();
	if (reader == 0) {
		close(sink.ends[1]);
		for (ssize_t n; (n = read(sink.ends[0], chunk, sizeof(chunk))) > 0;)
			total += (size_t) n;
		_exit(total == 16 * (sizeof(chunk) + 1) ? 0 : 1);
	}
	for (uint64_t i = 0; i < 16; i++)
		cr_assert_eq(output_result(&sink.output, i, chunk, sizeof(chunk)), 0);
	sink_close(&sink);
}

/* ---- tables ---- */

static const char *table_text(struct bytes *bytes) {
	cr_assert_eq(bytes_add(bytes, "", 1), 0);
	return bytes_at(bytes);
}

UNIT_TEST(print, columns_are_as_wide_as_their_cells) {
	static const char *const names[] = {"NAME", "N", "WHY"};
	struct table table;
	struct bytes bytes = {0};

	table_init(&table, 3, names, "lrl");
	table_add(&table, "%s", "a long one");
	table_add(&table, "%d", 5);
	table_add(&table, "%s", "");
	table_add(&table, "%s", "\xc3\xa4\x1b[31m");
	table_add(&table, "%d", 1000);
	table_add(&table, "%s", "because");
	cr_assert_eq(table_write(&table, &bytes), 0);
	cr_assert_str_eq(table_text(&bytes), "NAME           N  WHY\n"
					     "a long one     5\n"
					     "\xc3\xa4?[31m      1000  because\n");
	table_done(&table);
	bytes_done(&bytes);
}

UNIT_TEST(print, durations_as_people_say_them) {
	static const struct {
		long long us;
		const char *text;
	} cases[] = {
		{0, "0.00 ms"},
		{420, "0.42 ms"},
		{250000, "250 ms"},
		{12000000, "12 s"},
		{180000000, "3 min"},
		{4LL * 3600 * 1000000, "4 h"},
		{72LL * 3600000000, "3 d"},
	};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		show_duration(cases[i].us, text, sizeof(text));
		cr_assert_str_eq(text, cases[i].text);
	}
}

UNIT_TEST(print, status_shows_how_many_workers_a_pool_may_have) {
	json_t *status = json_loads(
		"{\"pools\":[{\"name\":\"a\",\"state\":\"running\",\"workers\":3,\"idle\":1,"
		"\"busy\":2,\"restarts\":7,\"min\":1,\"max\":16,\"slots\":true},"
		"{\"name\":\"b\",\"state\":\"running\",\"workers\":0,\"idle\":0,\"busy\":0,"
		"\"restarts\":0,\"min\":0,\"max\":2,\"slots\":false}]}",
		0, NULL);
	struct bytes bytes = {0};
	const char *text;

	cr_assert_eq(show_status(status, &bytes), 0);
	text = table_text(&bytes);
	cr_assert(strstr(text,
			 "POOL  STATE    WORKERS  MIN  MAX  IDLE  BUSY  SLOTS  RESTARTS  REASON\n"
			 "a     running        3    1   16     1     2  yes           7\n"
			 "b     running        0    0    2     0     0  no            0\n"),
		  "%s", text);
	json_decref(status);
	bytes_done(&bytes);
}

UNIT_TEST(print, status_of_an_older_daemon_shows_what_it_says) {
	json_t *status = json_loads("{\"state\":\"running\",\"version\":\"9\",\"slots\":4,"
				    "\"pools\":[{\"name\":\"default\",\"state\":\"failed\","
				    "\"reason\":\"no such file\"}]}",
				    0, NULL);
	struct bytes bytes = {0};
	const char *text;

	cr_assert_eq(show_status(status, &bytes), 0);
	text = table_text(&bytes);
	cr_assert(strstr(text, "procpoold 9, pid 0, up 0.00 ms: running\n"));
	cr_assert(strstr(text, "slots        0 of 4 busy\n"));
	cr_assert(strstr(
		text,
		"default  failed        0    -    -     0     0  -             0  no such file\n"));
	json_decref(status);
	bytes_done(&bytes);
}
