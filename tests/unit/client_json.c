#include <procpool/client_json.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/handle.h"
#include "client/value.h"
#include "tests/unit/script.h"
#include "tests/unit/unit.h"

/*
 * Values of jansson in and out: what is written, what cannot be, and that a result which jansson refuses
 * costs no other.
 */

/* ---- to text and back ---- */

/* Steals value. */
static void assert_written(json_t *value, const char *text) {
	struct failure failure;
	struct bytes bytes = {0};

	failure_init(&failure);
	cr_assert_eq(value_write(&bytes, value, 2, "the item", &failure), 0, "%s: %s", text,
		     failure.error.message);
	cr_assert_eq(bytes_size(&bytes), strlen(text), "%.*s, not %s", (int) bytes_size(&bytes),
		     bytes_at(&bytes), text);
	cr_assert_eq(memcmp(bytes_at(&bytes), text, strlen(text)), 0, "%.*s, not %s",
		     (int) bytes_size(&bytes), bytes_at(&bytes), text);
	bytes_done(&bytes);
	failure_done(&failure);
	json_decref(value);
}

/* Steals value. */
static void assert_refused(json_t *value, const char *message) {
	struct failure failure;
	struct bytes bytes = {0};

	failure_init(&failure);
	cr_assert_eq(value_write(&bytes, value, 2, "the item", &failure), PROCPOOL_E_BAD_INPUT);
	cr_assert_str_eq(failure.error.message, message);
	bytes_done(&bytes);
	failure_done(&failure);
	json_decref(value);
}

/* Arrays within each other, so many. */
static json_t *nested(unsigned levels) {
	json_t *value = json_array(), *outer;

	while (--levels > 0) {
		outer = json_array();
		json_array_append_new(outer, value);
		value = outer;
	}
	return value;
}

UNIT_TEST(client_json, values_are_written_as_short_as_they_can_be) {
	assert_written(json_pack("{s:[i,f,n,b], s:{}}", "a\"b", -5, 0.1, 1, "\xc3\xa4"),
		       "{\"a\\\"b\":[-5,0.1,null,true],\"\xc3\xa4\":{}}");
	assert_written(json_integer(INT64_MIN), "-9223372036854775808");
	assert_written(json_real(-0.0), "-0.0");
	assert_written(json_real(1e300), "1e+300");
	assert_written(json_stringn("a\0b\n", 4), "\"a\\u0000b\\n\"");
	assert_written(json_false(), "false");
	assert_written(json_array(), "[]");
}

UNIT_TEST(client_json, values_that_are_no_json_are_refused) {
	json_t *loop = json_array();
	struct failure failure;
	struct bytes bytes = {0};

	assert_refused(json_stringn_nocheck("\xff", 1), "the string is not UTF-8");
	assert_refused(json_pack("[[o]]", json_stringn_nocheck("a\xc3", 2)),
		       "the string is not UTF-8");
	assert_refused(nested(255), "the item is nested deeper than 254, or contains itself");
	assert_refused(NULL, "the item is missing: it is NULL");

	/* jansson refuses an array in itself, but not in one that is in it. */
	json_array_append_new(loop, json_array());
	json_array_append(json_array_get(loop, 0), loop);
	failure_init(&failure);
	cr_assert_eq(value_write(&bytes, loop, 2, "the item", &failure), PROCPOOL_E_BAD_INPUT);
	bytes_done(&bytes);
	failure_done(&failure);
	json_array_clear(json_array_get(loop, 0));
	json_decref(loop);
}

UNIT_TEST(client_json, the_deepest_value_that_fits_is_written) {
	struct failure failure;
	struct bytes bytes = {0};
	json_t *value = nested(254);

	failure_init(&failure);
	cr_assert_eq(value_write(&bytes, value, 2, "the item", &failure), 0);
	cr_assert_eq(check_json(bytes_at(&bytes), bytes_size(&bytes), 2, "it", &failure), 0);
	bytes_done(&bytes);
	json_decref(value);
}

/* ---- results ---- */

/* The results of a batch as one line: values as compact JSON, errors in brackets. */
static void show(char *shown, const struct procpool_batch *batch) {
	const struct procpool_item_error *error;
	json_t *value;

	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		cr_assert_eq(procpool_batch_json(batch, i, &value, &error), 0);
		cr_assert_neq(!value, !error);
		if (value) {
			char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

			sprintf(shown + strlen(shown), "%s;", text);
			free(text);
		} else {
			sprintf(shown + strlen(shown), "<%llu %s %s>;",
				(unsigned long long) error->index, error->kind, error->message);
		}
		json_decref(value);
	}
}

static int show_batch(void *userdata, const struct procpool_batch *batch) {
	show(userdata, batch);
	return 0;
}

#define MAP_CALL \
	"{\"method\":\"io.procpool.Map\",\"more\":true,\"parameters\":{\"function\":\"f\"," \
	"\"items\":[1,\"x\"]}}"

UNIT_TEST(client_json, a_result_that_jansson_refuses_costs_no_other) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_summary *summary;
	json_t *items = json_pack("[i,s]", 1, "x");
	char shown[1024] = "";

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL},
		     {SEND, "{\"parameters\":{\"first\":3,\"results\":[ 7 ,"
			    "123456789012345678901234567890,{\"a\":1,\"a\":[0.5]},1e999,"
			    "{\"\\u0000\":1},\"\\u0000\",null,null],\"errors\":[{\"index\":9,"
			    "\"kind\":\"Exception\",\"message\":\"no\",\"attempts\":1}]},"
			    "\"continues\":true}"},
		     {SEND, "{\"parameters\":{\"summary\":{\"request\":\"7\",\"items\":2}}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map_json(procpool, "f", items, NULL, show_batch, shown, &summary), 0);
	cr_assert_str_eq(
		shown,
		"7;"
		"<4 Unreadable jansson cannot hold the result: too big integer"
		"; it can be read as text>;"
		"{\"a\":[0.5]};"
		"<6 Unreadable jansson cannot hold the result: real number overflow near '1e999'; "
		"it can be read as text>;"
		"<7 Unreadable jansson cannot hold the result: NUL byte in object key not "
		"supported near '\"\\u0000\"'; it can be read as text>;"
		"\"\\u0000\";"
		"<9 Exception no>;"
		"null;");
	cr_assert_eq(summary->items, 2);
	json_decref(items);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_json, items_that_are_no_array_are_refused) {
	struct procpool *procpool = procpool_new("/nonexistent");
	json_t *items = json_object();

	cr_assert_eq(procpool_map_json(procpool, "f", items, NULL, show_batch, NULL, NULL),
		     PROCPOOL_E_BAD_INPUT);
	cr_assert_str_eq(procpool_last_error(procpool)->message, "the items are no array");
	json_decref(items);
	cr_assert_eq(procpool_map_json(procpool, "f", NULL, NULL, show_batch, NULL, NULL),
		     PROCPOOL_E_BAD_INPUT);
	procpool_free(procpool);
}

/* ---- calls ---- */

#define APPLY_CALL \
	"{\"method\":\"io.procpool.Apply\",\"parameters\":{\"function\":\"f\",\"argument\":[0.1]}" \
	"}"

UNIT_TEST(client_json, apply_takes_and_gives_a_value) {
	struct server server;
	struct procpool *procpool;
	json_t *argument = json_pack("[f]", 0.1), *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL},
		     {SEND, "{\"parameters\":{\"result\":{\"r\":2}}}"},
		     {EXPECT,
		      "{\"method\":\"io.procpool.Apply\",\"parameters\":{\"function\":\"f\"}}"},
		     {SEND, "{}"}, {EXPECT, APPLY_CALL},
		     {SEND, "{\"parameters\":{\"result\":99999999999999999999}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply_json(procpool, "f", argument, NULL, &result), 0);
	cr_assert_eq(json_integer_value(json_object_get(result, "r")), 2);
	json_decref(result);
	cr_assert_eq(procpool_apply_json(procpool, "f", NULL, NULL, &result), 0);
	cr_assert(json_is_null(result));
	json_decref(result);
	cr_assert_eq(procpool_apply_json(procpool, "f", argument, NULL, &result),
		     PROCPOOL_E_UNREADABLE);
	cr_assert_eq(procpool_last_error(procpool)->code, PROCPOOL_E_UNREADABLE);
	cr_assert_str_eq(procpool_last_error(procpool)->message,
			 "jansson cannot hold the answer: too big integer near "
			 "'99999999999999999999'");
	json_decref(argument);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_json, call_takes_and_gives_objects) {
	struct server server;
	struct procpool *procpool;
	json_t *parameters = json_pack("{s:b}", "workers", 1), *reply;

	serve(&server, SCRIPT({ACCEPT, ""},
			      {EXPECT, "{\"method\":\"a.B\",\"parameters\":{\"workers\":true}}"},
			      {SEND, "{\"parameters\":{\"pid\":7}}"},
			      {EXPECT, "{\"method\":\"a.B\"}"}, {SEND, "{}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_call_json(procpool, "a.B", parameters, &reply), 0);
	cr_assert_eq(json_integer_value(json_object_get(reply, "pid")), 7);
	json_decref(reply);
	cr_assert_eq(procpool_call_json(procpool, "a.B", NULL, &reply), 0);
	cr_assert_eq(json_object_size(reply), 0);
	json_decref(reply);
	json_decref(parameters);
	procpool_free(procpool);
	served(&server);
}

/* ---- streams ---- */

static int add_json(struct procpool_stream *stream, json_t *stolen) {
	int r = procpool_stream_add_json(stream, stolen);

	json_decref(stolen);
	return r;
}

#define STREAM_CALL \
	"{\"method\":\"io.procpool.Stream\",\"upgrade\":true,\"parameters\":{\"function\":\"f\"}}"
#define STREAM_REPLY "{\"parameters\":{\"request\":\"17\",\"window\":65536}}"

UNIT_TEST(client_json, a_stream_takes_values_and_refuses_others_alone) {
	struct server server;
	struct procpool *procpool;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	char shown[256] = "";

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY},
			      {EXPECT, "{\"items\":[1,{\"a\":\"b\"}]}"},
			      {SEND, "{\"first\":0,\"results\":[12345678901234567890,4]}"},
			      {EXPECT, "{\"end\":true}"}, {SEND, "{\"summary\":{\"items\":2}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_stream_open(procpool, "f", NULL, 0, &stream), 0);
	cr_assert_eq(add_json(stream, json_integer(1)), 0);
	cr_assert_eq(add_json(stream, nested(255)), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(add_json(stream, json_pack("[i,o]", 1, json_stringn_nocheck("\xff", 1))),
		     PROCPOOL_E_BAD_INPUT);
	cr_assert_str_eq(procpool_stream_last_error(stream)->message, "the string is not UTF-8");
	cr_assert_eq(add_json(stream, NULL), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(add_json(stream, json_pack("{s:s}", "a", "b")), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	show(shown, batch);
	cr_assert_str_eq(shown,
			 "<0 Unreadable jansson cannot hold the result: too big integer near "
			 "'12345678901234567890'; it can be read as text>;4;");
	cr_assert_eq(procpool_stream_end(stream), 0);
	cr_assert_eq(add_json(stream, json_integer(3)), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	cr_assert_eq(procpool_stream_summary(stream)->items, 2);
	procpool_stream_free(stream);
	procpool_free(procpool);
	served(&server);
}

/* ---- every allocation in turn ---- */

static int take_batch(void *userdata, const struct procpool_batch *batch) {
	const struct procpool_item_error *error;
	json_t *value;
	int *code = userdata;

	for (size_t i = 0; *code == 0 && i < procpool_batch_count(batch); i++) {
		*code = procpool_batch_json(batch, i, &value, &error);
		if (*code == 0)
			json_decref(value);
	}
	return *code;
}

/* The first code that is not 0, that of the results included. */
static int run_map(const char *path, const json_t *items) {
	struct procpool *procpool = procpool_new(path);
	int code = 0,
	    r = procpool ? procpool_map_json(procpool, "f", items, NULL, take_batch, &code, NULL)
			 : -ENOMEM;

	procpool_free(procpool);
	return code != 0 ? code : r;
}

UNIT_TEST(client_json, memory_that_is_short_is_said_and_nothing_leaks) {
	json_t *items = json_pack("[i,s]", 1, "x");
	struct server server;
	size_t n = 0;
	bool failed;
	int r;

	do {
		serve(&server,
		      SCRIPT({ACCEPT, ""},
			     {SEND, "{\"parameters\":{\"first\":0,\"results\":[[1],1e999]},"
				    "\"continues\":true}"},
			     {SEND, "{\"parameters\":{\"summary\":{\"items\":2}}}"},
			     {EXPECT, MAP_CALL}, {GONE, ""}));
		unit_fail(++n);
		r = run_map(server.path, items);
		failed = unit_failed();
		stop_serving(&server);
		cr_assert_eq(failed, r != 0, "allocation %zu: %d", n, r);
	} while (failed);
	cr_assert_gt(n, 10);
	json_decref(items);
}
