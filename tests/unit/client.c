#include <procpool/client.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/script.h"
#include "tests/unit/unit.h"

/*
 * libprocpool against a server that does as a script says.
 */

#define STATUS_CALL "{\"method\":\"io.procpool.Status\"}"

/* ---- calls ---- */

UNIT_TEST(client, call_returns_the_parameters_as_they_came) {
	struct server server;
	struct procpool *procpool;
	char *reply;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, "{\"method\":\"a.B\",\"parameters\":{\"x\": 1}}"},
		     {TRICKLE, "{\"parameters\":{\"y\": 1e2}}"}, {EXPECT, STATUS_CALL},
		     {SEND, "{}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_call(procpool, "a.B", "{\"x\": 1}", &reply), 0);
	cr_assert_str_eq(reply, "{\"y\": 1e2}");
	free(reply);
	cr_assert_eq(procpool_call(procpool, "io.procpool.Status", NULL, &reply), 0);
	cr_assert_str_eq(reply, "{}");
	free(reply);
	procpool_free(procpool);
	served(&server);
}

static int count_replies(void *userdata, const char *parameters) {
	strcat(userdata, parameters);
	return 0;
}

UNIT_TEST(client, call_more_hands_out_every_reply) {
	struct server server;
	struct procpool *procpool;
	char seen[64] = "";

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, "{\"method\":\"a.B\",\"more\":true}"},
		     {SEND, "{\"parameters\":{\"n\":1},\"continues\":true}"},
		     {SEND, "{\"continues\":true}"}, {SEND, "{\"parameters\":{\"n\":2}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_call_more(procpool, "a.B", NULL, count_replies, seen), 0);
	cr_assert_str_eq(seen, "{\"n\":1}{}{\"n\":2}");
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, apply_says_all_options) {
	struct procpool_options options = {
		.size = sizeof(options),
		.common = "[7]",
		.unpack = "positional",
		.chunk_size = 3,
		.max_workers = 2,
		.abort_on_error = true,
		.unordered = true,
		.timings = true,
		.priority = -5,
		.retries = 4,
		.item_timeout_ms = 5,
		.timeout_ms = 6,
		.queue_timeout_ms = 7,
		.no_rerun = true,
	};
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""},
		     {EXPECT, "{\"method\":\"io.procpool.Apply\",\"parameters\":{"
			      "\"function\":\"f\",\"common\":[7],\"options\":{\"chunkSize\":3,"
			      "\"maxWorkers\":2,\"priority\":-5,\"retries\":4,"
			      "\"itemTimeoutMs\":5,\"timeoutMs\":6,\"queueTimeoutMs\":7,"
			      "\"rerun\":false,\"unpack\":\"positional\","
			      "\"order\":\"unordered\","
			      "\"onError\":\"abort\",\"timings\":true},\"argument\":0.10}}"},
		     {SEND, "{\"parameters\":{\"result\":-0}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "0.10", &options, &result), 0);
	cr_assert_str_eq(result, "-0");
	free(result);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, options_of_an_older_caller_are_read_as_far_as_they_go) {
	struct procpool_options options = {
		.size = offsetof(struct procpool_options, max_workers),
		.chunk_size = 3,
		.max_workers = 99,
	};
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""},
			      {EXPECT, "{\"method\":\"io.procpool.Apply\",\"parameters\":{"
				       "\"function\":\"f\",\"options\":{\"chunkSize\":3}}}"},
			      {SEND, "{\"parameters\":{\"result\":1}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", NULL, &options, &result), 0);
	free(result);
	procpool_free(procpool);
	served(&server);
}

/* ---- errors ---- */

UNIT_TEST(client, errors_have_name_parameters_and_a_sentence) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_error *error;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""},
			      {EXPECT, "{\"method\":\"io.procpool.Apply\",\"parameters\":{"
				       "\"function\":\"a\\\"b\"}}"},
			      {SEND, "{\"error\":\"io.procpool.NoSuchFunction\",\"parameters\":{"
				     "\"function\":\"a\\\"b\"}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "a\"b", NULL, NULL, &result), PROCPOOL_E_ANSWER);
	error = procpool_last_error(procpool);
	cr_assert_eq(error->code, PROCPOOL_E_ANSWER);
	cr_assert_str_eq(error->name, "io.procpool.NoSuchFunction");
	cr_assert_str_eq(error->parameters, "{\"function\":\"a\\\"b\"}");
	cr_assert_str_eq(error->message,
			 "no pool offers this function; `procpool functions` lists them "
			 "(function a\"b)");
	cr_assert_not(error->not_started);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, an_error_nobody_knows_keeps_its_name) {
	struct server server;
	struct procpool *procpool;
	char *reply;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, STATUS_CALL}, {SEND, "{\"error\":\"new.Error\"}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_call(procpool, "io.procpool.Status", NULL, &reply),
		     PROCPOOL_E_ANSWER);
	cr_assert_str_eq(procpool_last_error(procpool)->name, "new.Error");
	cr_assert_str_eq(procpool_last_error(procpool)->message, "the daemon answered new.Error");
	cr_assert_null(procpool_last_error(procpool)->parameters);
	procpool_free(procpool);
	served(&server);
}

#define SQUARE_CALL \
	"{\"method\":\"io.procpool.Apply\",\"parameters\":{\"function\":\"f\",\"argument\":1}}"

UNIT_TEST(client, a_failed_item_is_explained) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_item_error *item;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, SQUARE_CALL},
		     {SEND, "{\"error\":\"io.procpool.ItemFailed\",\"parameters\":{\"item\":{"
			    "\"index\":0,\"kind\":\"WorkerDied\",\"attempts\":1,"
			    "\"exitSignal\":11,\"stderr\":\"a\\nlast\\tone\\n\"}}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), PROCPOOL_E_ANSWER);
	item = procpool_last_error(procpool)->item;
	cr_assert_not_null(item);
	cr_assert_str_eq(item->kind, "WorkerDied");
	cr_assert_eq(item->exit_signal, 11);
	cr_assert_eq(item->exit_status, -1);
	cr_assert_eq(item->attempts, 1);
	cr_assert_null(item->exception);
	cr_assert_str_eq(item->text, "WorkerDied: its worker was killed by signal 11, SIGSEGV; "
				     "its last line: last one");
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, input_that_is_no_json_is_never_sent) {
	struct procpool *procpool = procpool_new("/nonexistent");
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	char *result;

	cr_assert_eq(procpool_apply(procpool, "f", "[1,]", NULL, &result), PROCPOOL_E_BAD_INPUT);
	cr_assert_str_eq(procpool_last_error(procpool)->message,
			 "the argument is not JSON: expected a value at byte 3");
	cr_assert_eq(procpool_last_error(procpool)->offset, 3);
	cr_assert_eq(procpool_apply(procpool, "f\xff", NULL, NULL, &result), PROCPOOL_E_BAD_INPUT);
	options.common = "1,\"x\":2";
	cr_assert_eq(procpool_apply(procpool, "f", NULL, &options, &result), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(procpool_call(procpool, "a.B", "{}}", &result), PROCPOOL_E_BAD_INPUT);
	procpool_free(procpool);
}

UNIT_TEST(client, no_daemon_is_told_apart) {
	struct procpool *procpool = procpool_new("/nonexistent/socket");

	cr_assert_eq(procpool_connect(procpool), PROCPOOL_E_NO_DAEMON);
	cr_assert(procpool_last_error(procpool)->not_started);
	cr_assert(strstr(procpool_last_error(procpool)->message, "/nonexistent/socket"));
	procpool_free(procpool);
}

/* ---- what may be repeated ---- */

/* "What a client may conclude: `ShuttingDown`, or `EPIPE` before the last byte of the call was
 * written, mean that the call was **not accepted**, and it can be repeated on a new connection." */
UNIT_TEST(client, a_call_that_was_not_started_is_repeated) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, SQUARE_CALL},
			      {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"}, {ACCEPT, ""},
			      {EXPECT, SQUARE_CALL}, {SEND, "{\"parameters\":{\"result\":2}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), 0);
	cr_assert_str_eq(result, "2");
	free(result);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, a_daemon_that_keeps_shutting_down_is_given_up) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, SQUARE_CALL},
		     {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"}, {ACCEPT, ""},
		     {EXPECT, SQUARE_CALL}, {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"},
		     {ACCEPT, ""}, {EXPECT, SQUARE_CALL},
		     {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), PROCPOOL_E_ANSWER);
	cr_assert(procpool_last_error(procpool)->not_started);
	procpool_free(procpool);
	served(&server);
}

/* "What a client may conclude: `ShuttingDown`, or `EPIPE` before the last byte of the call was
 * written, mean that the call was **not accepted**, and it can be repeated on a new connection." */
UNIT_TEST(client, a_call_the_daemon_did_not_read_is_repeated) {
	struct server server;
	struct procpool *procpool;
	size_t size = 4u << 20; /* more than a socket holds */
	char *item = malloc(size + 1), *result;

	memset(item, '1', size);
	item[0] = item[size - 1] = '"';
	item[size] = '\0';
	serve(&server,
	      SCRIPT({ACCEPT, ""}, {DEAF, ""}, {CLOSE, ""}, {ACCEPT, ""}, {DEAF, ""}, {CLOSE, ""},
		     {ACCEPT, ""}, {SEND, "{\"parameters\":{\"result\":3}}"}, {DEAF, ""}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", item, NULL, &result), 0);
	cr_assert_str_eq(result, "3");
	free(result);
	free(item);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, a_connection_closed_while_idle_is_opened_again) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, SQUARE_CALL}, {SEND, "{\"parameters\":{\"result\":1}}"},
		     {CLOSE, ""}, {PAUSE, ""}, {ACCEPT, ""}, {EXPECT, SQUARE_CALL},
		     {SEND, "{\"parameters\":{\"result\":2}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), 0);
	free(result);
	served_on(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), 0);
	cr_assert_str_eq(result, "2");
	free(result);
	procpool_free(procpool);
	served(&server);
}

/* "The end of the connection in the middle of a call means that nobody knows what was done: our
 * library does not repeat it, unless the caller said that it is idempotent or it only reads." */
UNIT_TEST(client, what_may_have_run_is_not_repeated) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, SQUARE_CALL}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), PROCPOOL_E_LOST);
	cr_assert_not(procpool_last_error(procpool)->not_started);
	cr_assert(strstr(procpool_last_error(procpool)->message, "was lost before its answer"));
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, an_answer_is_read_although_the_call_was_not_taken) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {DEAF, ""},
		     {SEND, "{\"error\":\"io.procpool.TooManyConnections\",\"parameters\":{"
			    "\"limit\":4,\"scope\":\"user\"}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", NULL, &result), PROCPOOL_E_ANSWER);
	cr_assert_str_eq(procpool_last_error(procpool)->message,
			 "too many connections are open (limit 4, scope user)");
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client, replies_that_are_not_understood_are_refused) {
	static const char *const replies[] = {"[]", "{\"parameters\":7}", "nonsense", "{\"a\":}"};
	struct server server;
	struct procpool *procpool;
	char *reply;

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STATUS_CALL}, {SEND, replies[i]}));
		procpool = connect_to(&server);
		cr_assert_eq(procpool_call(procpool, "io.procpool.Status", NULL, &reply),
			     PROCPOOL_E_BAD_REPLY);
		procpool_free(procpool);
		served(&server);
	}
}

/* ---- Map ---- */

static int print_batch(void *userdata, const struct procpool_batch *batch) {
	char *shown = userdata;

	sprintf(shown + strlen(shown), "%llu:", (unsigned long long) procpool_batch_first(batch));
	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		size_t size = 0;
		const char *result = procpool_batch_result(batch, i, &size);
		const struct procpool_item_error *error = procpool_batch_error(batch, i);

		cr_assert_eq(!result, !!error);
		sprintf(shown + strlen(shown), " %.*s", result ? (int) size : 99,
			result ? result : error->text);
	}
	strcat(shown, ";");
	return 0;
}

#define MAP_CALL \
	"{\"method\":\"io.procpool.Map\",\"more\":true,\"parameters\":{\"function\":\"f\"," \
	"\"items\":[1, 2,3]}}"

UNIT_TEST(client, map_hands_out_batches_as_they_come) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_summary *summary;
	char shown[256] = "";

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL},
		     {TRICKLE,
		      "{\"parameters\":{\"request\":\"7\",\"first\":0,\"results\":[1, null]"
		      ",\"errors\":[{\"index\":1,\"kind\":\"Exception\",\"exception\":\"E\","
		      "\"message\":\"no\",\"attempts\":1}]},\"continues\":true}"},
		     {SEND, "{\"parameters\":{\"first\":2,\"results\":[ null ]},"
			    "\"continues\":true}"},
		     {SEND, "{\"parameters\":{\"summary\":{\"request\":\"7\",\"items\":3,"
			    "\"succeeded\":2,\"failed\":1,\"cancelled\":0,\"retried\":0,"
			    "\"queuedUs\":1,\"elapsedUs\":2,\"workUs\":3}}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1, 2,3]", 8, NULL, print_batch, shown, &summary),
		     0);
	cr_assert_str_eq(shown, "0: 1 E: no;2: null;");
	cr_assert_str_eq(summary->request, "7");
	cr_assert_eq(summary->failed, 1);
	cr_assert_eq(summary->work_us, 3);
	procpool_free(procpool);
	served(&server);
}

static int refuse_batch(void *userdata, const struct procpool_batch *batch) {
	(void) userdata;
	(void) batch;
	return 1;
}

UNIT_TEST(client, a_callback_that_stops_cancels_by_closing) {
	struct server server;
	struct procpool *procpool;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL},
		     {SEND, "{\"parameters\":{\"first\":0,\"results\":[1]},\"continues\":true}"},
		     {GONE, ""}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1, 2,3]", 8, NULL, refuse_batch, NULL, NULL),
		     PROCPOOL_E_STOPPED);
	served(&server);
	procpool_free(procpool);
}

UNIT_TEST(client, timings_are_there_if_asked_for) {
	struct server server;
	struct procpool *procpool;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	struct procpool_timing timing;

	options.timings = true;
	serve(&server,
	      SCRIPT({ACCEPT, ""},
		     {EXPECT, "{\"method\":\"io.procpool.Stream\",\"upgrade\":true,\"parameters\":{"
			      "\"function\":\"f\",\"options\":{\"timings\":true}}}"},
		     {SEND, "{\"parameters\":{\"request\":\"1\",\"window\":9}}"},
		     {EXPECT, "{\"items\":[1,2]}"},
		     {SEND, "{\"first\":0,\"results\":[1,2],\"startUs\":[10,20],"
			    "\"durationUs\":[3,4],\"attempts\":[1,2]}"},
		     {GONE, ""}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_stream_open(procpool, "f", &options, 0, &stream), 0);
	cr_assert_eq(procpool_stream_add(stream, "1", 1), 0);
	cr_assert_eq(procpool_stream_add(stream, "2", 1), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	cr_assert(procpool_batch_timing(batch, 1, &timing));
	cr_assert_eq(timing.start_us, 20);
	cr_assert_eq(timing.duration_us, 4);
	cr_assert_eq(timing.attempts, 2);
	procpool_stream_free(stream);
	procpool_free(procpool);
	served(&server);
}

/* ---- streams ---- */

#define STREAM_CALL \
	"{\"method\":\"io.procpool.Stream\",\"upgrade\":true,\"parameters\":{\"function\":\"f\"}}"
#define STREAM_REPLY "{\"parameters\":{\"request\":\"17\",\"window\":65536}}"
#define SUMMARY \
	"{\"summary\":{\"request\":\"17\",\"items\":3,\"succeeded\":3,\"failed\":0,\"cancelled\":" \
	"0," \
	"\"retried\":0,\"queuedUs\":0,\"elapsedUs\":0,\"workUs\":0}}"

static struct procpool_stream *stream_to(const struct server *server) {
	struct procpool *procpool = connect_to(server);
	struct procpool_stream *stream;

	cr_assert_eq(procpool_stream_open(procpool, "f", NULL, 0, &stream), 0);
	procpool_free(procpool);
	return stream;
}

static int add(struct procpool_stream *stream, const char *json) {
	char *copy = unit_copy(json, strlen(json));
	int r = procpool_stream_add(stream, copy, strlen(json));

	free(copy);
	return r;
}

UNIT_TEST(client, a_stream_sends_what_it_has_when_nothing_else_waits) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	char shown[128] = "";

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY},
			      {EXPECT, "{\"items\":[1, {\"a\":2} ]}"},
			      {SEND, "{\"first\":0,\"results\":[1,4]}"},
			      {EXPECT, "{\"items\":[\"x\\n\"]}"}, {EXPECT, "{\"end\":true}"},
			      {TRICKLE, "{\"first\":2,\"results\":[9]}"}, {SEND, SUMMARY}));
	stream = stream_to(&server);
	cr_assert_str_eq(procpool_stream_request(stream), "17");
	cr_assert_eq(add(stream, "1"), 0);
	cr_assert_eq(add(stream, " {\"a\":2} "), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	print_batch(shown, batch);
	cr_assert_null(procpool_stream_summary(stream));
	cr_assert_eq(procpool_stream_add_string(stream, "x\n", 2), 0);
	cr_assert_eq(procpool_stream_end(stream), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	print_batch(shown, batch);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	cr_assert_null(batch);
	cr_assert_str_eq(shown, "0: 1 4;2: 9;");
	cr_assert_eq(procpool_stream_summary(stream)->items, 3);
	procpool_stream_free(stream);
	served(&server);
}

UNIT_TEST(client, a_bad_item_is_refused_and_the_stream_goes_on) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	char deep[600];

	memset(deep, '[', 300);
	memset(deep + 300, ']', 300);
	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY},
			      {EXPECT, "{\"items\":[1,2]}"}, {SEND, SUMMARY}));
	stream = stream_to(&server);
	cr_assert_eq(add(stream, "foo"), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(add(stream, "1"), 0);
	cr_assert_eq(add(stream, "1,2"), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(add(stream, ""), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(add(stream, "1]}"), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(procpool_stream_add(stream, "1\0", 2), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(procpool_stream_add(stream, deep, sizeof(deep)), PROCPOOL_E_BAD_INPUT);
	cr_assert_eq(procpool_stream_add_string(stream, "\xff", 1), PROCPOOL_E_BAD_INPUT);
	cr_assert_str_eq(procpool_stream_last_error(stream)->message, "the string is not UTF-8");
	cr_assert_eq(add(stream, "2"), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	procpool_stream_free(stream);
	served(&server);
}

UNIT_TEST(client, items_are_cancelled_by_index) {
	static const uint64_t indexes[] = {3, 5};
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY},
		     {EXPECT, "{\"items\":[1]}"}, {EXPECT, "{\"cancel\":[3,5]}"}, {SEND, SUMMARY}));
	stream = stream_to(&server);
	cr_assert_eq(add(stream, "1"), 0);
	cr_assert_eq(procpool_stream_cancel(stream, indexes, 2), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	procpool_stream_free(stream);
	served(&server);
}

/* "If the connection ends after neither, the stream was cut off: our library says so." */
UNIT_TEST(client, a_stream_that_is_cut_off_stays_lost) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	char shown[64] = "";

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY},
			      {SEND, "{\"first\":0,\"results\":[1]}"}));
	stream = stream_to(&server);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), 0);
	print_batch(shown, batch);
	cr_assert_str_eq(shown, "0: 1;");
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), PROCPOOL_E_LOST);
	cr_assert_eq(add(stream, "1"), PROCPOOL_E_LOST);
	cr_assert_eq(procpool_stream_end(stream), PROCPOOL_E_LOST);
	cr_assert_eq(procpool_stream_process(stream), PROCPOOL_E_LOST);
	cr_assert_eq(procpool_stream_events(stream), 0);
	procpool_stream_free(stream);
	served(&server);
}

UNIT_TEST(client, the_error_of_a_stream_is_read_although_items_cannot_be_sent) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	int r;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY}, {DEAF, ""},
			      {SEND, "{\"error\":\"io.procpool.Cancelled\"}"}));
	stream = stream_to(&server);
	do
		r = add(stream, "1");
	while (r == 0);
	cr_assert_eq(r, PROCPOOL_E_FULL);
	do
		r = procpool_stream_receive(stream, -1, &batch);
	while (r == 0);
	cr_assert_eq(r, PROCPOOL_E_ANSWER);
	cr_assert_str_eq(procpool_stream_last_error(stream)->name, "io.procpool.Cancelled");
	procpool_stream_free(stream);
	served(&server);
}

UNIT_TEST(client, a_stream_whose_daemon_does_not_read_is_full_and_waits) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	size_t bytes = 0;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY}, {PAUSE, ""}));
	stream = stream_to(&server);
	for (;;) {
		int r = add(stream, "\"0123456789012345678901234567890123456789\"");

		bytes += 43;
		if (r == PROCPOOL_E_FULL)
			break;
		cr_assert_eq(r, 0);
	}
	cr_assert_lt(bytes, 1u << 20);
	cr_assert(procpool_stream_full(stream));
	cr_assert(procpool_stream_events(stream) & POLLOUT);
	cr_assert(procpool_stream_events(stream) & POLLIN);
	/* A socket's buffer takes some of it, which makes room. */
	cr_assert_eq(procpool_stream_receive(stream, 5000, &batch), 0);
	cr_assert_null(batch);
	cr_assert_not(procpool_stream_full(stream));
	procpool_stream_free(stream);
	stop_serving(&server);
}

UNIT_TEST(client, a_timeout_ends_the_wait) {
	struct server server;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY}, {GONE, ""}));
	stream = stream_to(&server);
	cr_assert_eq(procpool_stream_receive(stream, 20, &batch), 0);
	cr_assert_null(batch);
	cr_assert_null(procpool_stream_summary(stream));
	procpool_stream_free(stream);
	served(&server);
}

/* ---- every allocation in turn ---- */

/* A whole stream. Returns the first code that is not 0. */
static int run_stream(const char *path) {
	struct procpool *procpool = procpool_new(path);
	struct procpool_stream *stream = NULL;
	const struct procpool_batch *batch;
	int r = procpool ? procpool_stream_open(procpool, "f", NULL, 0, &stream) : -ENOMEM;

	if (r == 0)
		r = procpool_stream_add(stream, "1", 1);
	if (r == 0)
		r = procpool_stream_end(stream);
	while (r == 0 && !procpool_stream_summary(stream))
		r = procpool_stream_receive(stream, -1, &batch);
	procpool_stream_free(stream);
	procpool_free(procpool);
	return r;
}

UNIT_TEST(client, memory_that_is_short_is_said_and_nothing_leaks) {
	struct server server;
	size_t n = 0;
	bool failed;
	int r;

	do {
		serve(&server,
		      SCRIPT({ACCEPT, ""}, {SEND, STREAM_REPLY},
			     {SEND, "{\"first\":0,\"results\":[null],\"errors\":[{\"index\":0,"
				    "\"kind\":\"WorkerDied\",\"stderr\":\"a\\n\"}]}"},
			     {SEND, SUMMARY}, {EXPECT, STREAM_CALL}, {EXPECT, "{\"items\":[1]}"},
			     {EXPECT, "{\"end\":true}"}, {GONE, ""}));
		unit_fail(++n);
		r = run_stream(server.path);
		failed = unit_failed();
		stop_serving(&server);
		cr_assert_eq(failed, r != 0, "allocation %zu: %d", n, r);
	} while (failed);
	cr_assert_gt(n, 10);
}
