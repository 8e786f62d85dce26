#include <procpool/client.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/handle.h"
#include "tests/unit/script.h"
#include "tests/unit/unit.h"

/*
 * Calls whose connection is lost in the middle: what is repeated, how often, and what of a map is not.
 */

#define APPLY_CALL \
	"{\"method\":\"io.procpool.Apply\",\"parameters\":{\"function\":\"f\",\"options\":{}," \
	"\"argument\":1}}"
#define MAP_CALL(options_, items_) \
	"{\"method\":\"io.procpool.Map\",\"more\":true,\"parameters\":{\"function\":\"f\"," \
	"\"options\":{" options_ "},\"items\":" items_ "}}"
#define BATCH(members_) "{\"parameters\":{" members_ "},\"continues\":true}"
#define ERROR(index_) \
	"{\"index\":" index_ ",\"kind\":\"Exception\",\"message\":\"no\",\"attempts\":1}"
#define SUMMARY(items_, succeeded_, failed_) \
	"{\"parameters\":{\"summary\":{\"request\":\"7\",\"items\":" items_ \
	",\"succeeded\":" succeeded_ ",\"failed\":" failed_ ",\"workUs\":5}}}"

static const struct procpool_options idempotent = {.size = sizeof(idempotent), .idempotent = true};

/* The call failed when its connection was lost, and was not tried again. */
static void assert_not_repeated(const struct procpool *procpool) {
	cr_assert(strstr(procpool_last_error(procpool)->message, "was lost before its answer"),
		  "%s", procpool_last_error(procpool)->message);
}

static int show_batch(void *userdata, const struct procpool_batch *batch) {
	char *shown = userdata;

	sprintf(shown + strlen(shown), "%llu:", (unsigned long long) procpool_batch_first(batch));
	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		const struct procpool_item_error *error = procpool_batch_error(batch, i);
		struct procpool_timing timing;
		size_t size = 0;
		const char *result = procpool_batch_result(batch, i, &size);

		if (error)
			sprintf(shown + strlen(shown), " <%llu %s>",
				(unsigned long long) error->index, error->json);
		else
			sprintf(shown + strlen(shown), " %.*s", (int) size, result);
		if (procpool_batch_timing(batch, i, &timing))
			sprintf(shown + strlen(shown), "@%lld", (long long) timing.start_us);
	}
	strcat(shown, ";");
	return 0;
}

/* ---- streams ---- */

#define STREAM_CALL \
	"{\"method\":\"io.procpool.Stream\",\"upgrade\":true,\"parameters\":{\"function\":\"f\"}}"
#define STREAM_REPLY "{\"parameters\":{\"request\":\"17\",\"window\":10}}"

/* Opens it, sends the item if there is one, and waits for the end. */
static bool cut_off_stream_not_started(const struct step *script, const char *item) {
	struct server server;
	struct procpool *procpool;
	struct procpool_stream *stream;
	const struct procpool_batch *batch;
	bool not_started;

	serve(&server, script);
	procpool = connect_to(&server);
	cr_assert_eq(procpool_stream_open(procpool, "f", NULL, 0, &stream), 0);
	if (item)
		cr_assert_eq(procpool_stream_add(stream, item, strlen(item)), 0);
	cr_assert_eq(procpool_stream_receive(stream, -1, &batch), PROCPOOL_E_LOST);
	not_started = procpool_stream_last_error(stream)->not_started;
	procpool_stream_free(stream);
	procpool_free(procpool);
	served(&server);
	return not_started;
}

UNIT_TEST(client_again, a_stream_on_which_nothing_was_sent_did_not_start) {
	cr_assert(cut_off_stream_not_started(
		SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY}, {CLOSE, ""}),
		NULL));
}

UNIT_TEST(client_again, nobody_knows_of_a_stream_on_which_an_item_was_sent) {
	cr_assert(!cut_off_stream_not_started(SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL},
						     {SEND, STREAM_REPLY},
						     {EXPECT, "{\"items\":[1]}"}, {CLOSE, ""}),
					      "1"));
}

UNIT_TEST(client_again, the_opening_of_a_stream_is_repeated) {
	cr_assert(cut_off_stream_not_started(
		SCRIPT({ACCEPT, ""}, {EXPECT, STREAM_CALL}, {CLOSE, ""}, {ACCEPT, ""},
		       {EXPECT, STREAM_CALL}, {SEND, STREAM_REPLY}, {CLOSE, ""}),
		NULL));
}

/* ---- one item ---- */

/* "The end of the connection in the middle of a call means that nobody knows what was done: our
 * library does not repeat it, unless the caller said that it is idempotent or it only reads." */
UNIT_TEST(client_again, an_idempotent_apply_is_repeated) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL}, {CLOSE, ""}, {ACCEPT, ""},
			      {EXPECT, APPLY_CALL}, {SEND, "{\"parameters\":{\"result\":2}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", &idempotent, &result), 0);
	cr_assert_str_eq(result, "2");
	free(result);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, a_call_that_ends_every_daemon_is_given_up) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL}, {CLOSE, ""}, {ACCEPT, ""},
			      {EXPECT, APPLY_CALL}, {CLOSE, ""}, {ACCEPT, ""}, {EXPECT, APPLY_CALL},
			      {CLOSE, ""}, {ACCEPT, ""}, {EXPECT, APPLY_CALL}, {CLOSE, ""}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", &idempotent, &result), PROCPOOL_E_LOST);
	cr_assert_not(procpool_last_error(procpool)->not_started);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, a_daemon_that_does_not_come_back_is_waited_for_in_vain) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL}));
	procpool = connect_to(&server);
	procpool->patience_ms = 50;
	cr_assert_eq(procpool_apply(procpool, "f", "1", &idempotent, &result), PROCPOOL_E_LOST);
	cr_assert(strstr(procpool_last_error(procpool)->message, "none listened within"));
	cr_assert_not(procpool_last_error(procpool)->not_started);
	procpool_free(procpool);
	served(&server);
}

/* The first attempt may have run, whatever is known of the second. */
UNIT_TEST(client_again, what_failed_after_a_repeat_may_have_run) {
	struct server server;
	struct procpool *procpool;
	char *result;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL}, {CLOSE, ""}, {ACCEPT, ""},
		     {EXPECT, APPLY_CALL}, {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"},
		     {ACCEPT, ""}, {EXPECT, APPLY_CALL},
		     {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"}, {ACCEPT, ""},
		     {EXPECT, APPLY_CALL}, {SEND, "{\"error\":\"io.procpool.ShuttingDown\"}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", &idempotent, &result), PROCPOOL_E_ANSWER);
	cr_assert_not(procpool_last_error(procpool)->not_started);
	procpool_free(procpool);
	served(&server);
}

/* "The end of the connection in the middle of a call means that nobody knows what was done: our
 * library does not repeat it, unless the caller said that it is idempotent or it only reads." */
UNIT_TEST(client_again, methods_that_only_read_are_repeated_and_no_others) {
	struct server server;
	struct procpool *procpool;
	char *reply;

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, "{\"method\":\"io.procpool.Status\"}"}, {CLOSE, ""},
		     {ACCEPT, ""}, {EXPECT, "{\"method\":\"io.procpool.Status\"}"},
		     {SEND, "{\"parameters\":{\"pid\":7}}"},
		     {EXPECT, "{\"method\":\"io.procpool.Drain\"}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_call(procpool, "io.procpool.Status", NULL, &reply), 0);
	cr_assert_str_eq(reply, "{\"pid\":7}");
	free(reply);
	cr_assert_eq(procpool_call(procpool, "io.procpool.Drain", NULL, &reply), PROCPOOL_E_LOST);
	assert_not_repeated(procpool);
	procpool_free(procpool);
	served(&server);
}

/* What lies in the padding of a struct that ends before the option is nobody's wish. */
UNIT_TEST(client_again, an_older_caller_is_not_repeated) {
	struct procpool_options options;
	struct server server;
	struct procpool *procpool;
	char *result;

	memset(&options, 0xff, sizeof(options));
	options = (struct procpool_options) {.size = offsetof(struct procpool_options, idempotent)};
	memset(options.reserved, 0xff, sizeof(options.reserved));
	options.idempotent = true;
	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, APPLY_CALL}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_apply(procpool, "f", "1", &options, &result), PROCPOOL_E_LOST);
	assert_not_repeated(procpool);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, a_stream_refuses_to_be_idempotent) {
	struct procpool *procpool = procpool_new("/nonexistent");
	struct procpool_stream *stream;

	cr_assert_eq(procpool_stream_open(procpool, "f", &idempotent, 0, &stream),
		     PROCPOOL_E_BAD_INPUT);
	cr_assert(strstr(procpool_last_error(procpool)->message, "cannot be idempotent"));
	procpool_free(procpool);
}

/* ---- maps ---- */

UNIT_TEST(client_again, a_map_goes_on_behind_what_was_handed_out) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_summary *summary;
	char shown[512] = "";

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("", "[1, [2,3] ,\"x\",4]")},
		     {SEND,
		      BATCH("\"request\":\"5\",\"first\":0,\"results\":[null],\"errors\":[" ERROR(
			      "0") "]")},
		     {CLOSE, ""}, {ACCEPT, ""}, {EXPECT, MAP_CALL("", "[[2,3],\"x\",4]")},
		     {SEND, BATCH("\"first\":0,\"results\":[5,null],\"errors\":[" ERROR("1") "]")},
		     {CLOSE, ""}, {ACCEPT, ""}, {EXPECT, MAP_CALL("", "[4]")},
		     {SEND, BATCH("\"first\":0,\"results\":[16]")},
		     {SEND, SUMMARY("1", "1", "0")}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1, [2,3] ,\"x\",4]", 17, &idempotent, show_batch,
				  shown, &summary),
		     0, "%s", procpool_last_error(procpool)->message);
	cr_assert_str_eq(shown, "0: <0 " ERROR("0") ">;1: 5 <2 " ERROR("2") ">;3: 16;");
	cr_assert_str_eq(summary->request, "7");
	cr_assert_eq(summary->items, 4);
	cr_assert_eq(summary->succeeded, 2);
	cr_assert_eq(summary->failed, 2);
	cr_assert_eq(summary->work_us, 5);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, a_map_of_which_only_the_summary_is_missing_asks_for_that) {
	struct server server;
	struct procpool *procpool;
	const struct procpool_summary *summary;
	char shown[512] = "";

	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("", "[1]")},
		     {SEND, BATCH("\"first\":0,\"results\":[1]")}, {CLOSE, ""}, {ACCEPT, ""},
		     {EXPECT, MAP_CALL("", "[]")}, {SEND, SUMMARY("0", "0", "0")}));
	procpool = connect_to(&server);
	cr_assert_eq(
		procpool_map(procpool, "f", "[1]", 3, &idempotent, show_batch, shown, &summary), 0);
	cr_assert_str_eq(shown, "0: 1;");
	cr_assert_eq(summary->items, 1);
	cr_assert_eq(summary->succeeded, 1);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, an_unordered_map_fills_its_gaps) {
	struct procpool_options options = idempotent;
	struct server server;
	struct procpool *procpool;
	const struct procpool_summary *summary;
	char shown[512] = "";

	options.unordered = options.timings = true;
#define OPTIONS "\"order\":\"unordered\",\"timings\":true"
	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL(OPTIONS, "[0,1,2,3,4,5]")},
			      {SEND, BATCH("\"first\":4,\"results\":[16]")},
			      {SEND, BATCH("\"first\":1,\"results\":[1,4]")}, {CLOSE, ""},
			      {ACCEPT, ""}, {EXPECT, MAP_CALL(OPTIONS, "[0,3,5]")},
			      {SEND, BATCH("\"first\":0,\"results\":[0,9,null],\"errors\":[" ERROR(
					     "2") "],"
						  "\"startUs\":[7,8,9],\"durationUs\":[1,1,1],"
						  "\"attempts\":[1,1,1]")},
			      {SEND, SUMMARY("3", "2", "1")}));
#undef OPTIONS
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[0,1,2,3,4,5]", 13, &options, show_batch, shown,
				  &summary),
		     0);
	cr_assert_str_eq(shown, "4: 16;1: 1 4;0: 0@7;3: 9@8;5: <5 " ERROR("5") ">@9;");
	cr_assert_eq(summary->items, 6);
	cr_assert_eq(summary->succeeded, 5);
	procpool_free(procpool);
	served(&server);
}

/* Each call brings a result here, so that the bound on repeats does not end it. */
UNIT_TEST(client_again, a_map_is_continued_as_long_as_it_gets_on) {
	struct server server;
	struct procpool *procpool;
	char shown[512] = "";

#define LOST(items_) \
	{ACCEPT, ""}, {EXPECT, MAP_CALL("", items_)}, \
		{SEND, BATCH("\"first\":0,\"results\":[true]")}, {CLOSE, ""}
#define LOST_AT_ONCE(items_) \
	{ACCEPT, ""}, {EXPECT, MAP_CALL("", items_)}, {SEND, BATCH("\"request\":\"7\"")}, { \
		CLOSE, "" \
	}
	serve(&server,
	      SCRIPT(LOST("[1,2,3,4,5,6]"), LOST("[2,3,4,5,6]"), LOST("[3,4,5,6]"), LOST("[4,5,6]"),
		     LOST("[5,6]"), LOST_AT_ONCE("[6]"), LOST_AT_ONCE("[6]"), LOST_AT_ONCE("[6]")));
#undef LOST
#undef LOST_AT_ONCE
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1,2,3,4,5,6]", 13, &idempotent, show_batch,
				  shown, NULL),
		     PROCPOOL_E_LOST);
	cr_assert_str_eq(shown, "0: true;1: true;2: true;3: true;4: true;");
	cr_assert_not(procpool_last_error(procpool)->not_started);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, nothing_starts_after_an_item_failed_with_abort_on_error) {
	struct procpool_options options = idempotent;
	struct server server;
	struct procpool *procpool;
	char shown[512] = "";

	options.abort_on_error = true;
	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("\"onError\":\"abort\"", "[1,2]")},
		     {SEND, BATCH("\"first\":0,\"results\":[null],\"errors\":[" ERROR("0") "]")}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1,2]", 5, &options, show_batch, shown, NULL),
		     PROCPOOL_E_LOST);
	assert_not_repeated(procpool);
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, the_item_that_ends_a_continued_map_has_its_own_index) {
	struct procpool_options options = idempotent;
	struct server server;
	struct procpool *procpool;
	char shown[512] = "";

	options.abort_on_error = true;
	serve(&server,
	      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("\"onError\":\"abort\"", "[1,2,3]")},
		     {SEND, BATCH("\"first\":0,\"results\":[1]")}, {CLOSE, ""}, {ACCEPT, ""},
		     {EXPECT, MAP_CALL("\"onError\":\"abort\"", "[2,3]")},
		     {SEND, "{\"error\":\"io.procpool.ItemFailed\",\"parameters\":{\"item\":" ERROR(
				    "1") "}}"}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1,2,3]", 7, &options, show_batch, shown, NULL),
		     PROCPOOL_E_ANSWER);
	cr_assert_eq(procpool_last_error(procpool)->item->index, 2);
	cr_assert_str_eq(procpool_last_error(procpool)->parameters, "{\"item\":" ERROR("2") "}");
	procpool_free(procpool);
	served(&server);
}

UNIT_TEST(client_again, results_of_items_that_were_not_sent_again_are_refused) {
	struct server server;
	struct procpool *procpool;
	char shown[512] = "";

	serve(&server, SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("", "[1,2]")},
			      {SEND, BATCH("\"first\":0,\"results\":[1]")}, {CLOSE, ""},
			      {ACCEPT, ""}, {EXPECT, MAP_CALL("", "[2]")},
			      {SEND, BATCH("\"first\":0,\"results\":[1,4]")}));
	procpool = connect_to(&server);
	cr_assert_eq(procpool_map(procpool, "f", "[1,2]", 5, &idempotent, show_batch, shown, NULL),
		     PROCPOOL_E_BAD_REPLY);
	cr_assert_str_eq(shown, "0: 1;");
	procpool_free(procpool);
	served(&server);
}

/* ---- every allocation in turn ---- */

static int run_map(const char *path, char *shown) {
	struct procpool *procpool = procpool_new(path);
	int r = procpool ? procpool_map(procpool, "f", "[1,2,3]", 7, &idempotent, show_batch, shown,
					NULL)
			 : -ENOMEM;

	procpool_free(procpool);
	return r;
}

UNIT_TEST(client_again, memory_that_is_short_is_said_and_nothing_leaks) {
	struct server server;
	char shown[512];
	size_t n = 0;
	bool failed;
	int r;

	do {
		serve(&server,
		      SCRIPT({ACCEPT, ""}, {EXPECT, MAP_CALL("", "[1,2,3]")},
			     {SEND, BATCH("\"first\":1,\"results\":[1]")}, {CLOSE, ""},
			     {ACCEPT, ""}, {EXPECT, MAP_CALL("", "[1,3]")},
			     {SEND, BATCH("\"first\":0,\"results\":[1,null],\"errors\":[" ERROR(
					    "1") "]")},
			     {SEND, SUMMARY("2", "1", "1")}, {GONE, ""}));
		unit_fail(++n);
		shown[0] = '\0';
		r = run_map(server.path, shown);
		failed = unit_failed();
		stop_serving(&server);
		/* The words for a loss that is made good may be missing. */
		cr_assert(failed || r == 0, "allocation %zu: %d", n, r);
		if (r == 0)
			cr_assert_str_eq(shown, "1: 1;0: 1;2: <2 " ERROR("2") ">;");
	} while (failed);
	cr_assert_gt(n, 20);
}
