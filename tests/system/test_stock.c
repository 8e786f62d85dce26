#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* From end to end: the real daemon and the stock worker, with the functions that misbehave on purpose. */

TestSuite(stock, .timeout = 60);

/* The parameters of a call over n items; format: of each, from its index. */
__attribute__((format(printf, 3, 0))) static char *call_of(const char *parameters, unsigned n,
							   const char *format) {
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "{%s'items':[", parameters);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			fputc(',', out);
		fprintf(out, format, i);
	}
	fputs("]}", out);
	fclose(out);
	return text;
}

Test(stock, square_of_a_thousand_items_in_order) {
	struct harness *h = harness_start(TWO_STOCKS);
	struct peer *p = peer_connect(h);
	char *call = call_of("'function':'square',", 1000, "%u");
	json_t *reply, *results, *value;
	size_t i;

	peer_call(p, "Map", "%s", call);
	reply = peer_receive(p);
	results = json_object_get(json_object_get(reply, "parameters"), "results");
	cr_assert_eq(json_array_size(results), 1000u);
	json_array_foreach(results, i, value)
		cr_assert_eq((size_t) json_integer_value(value), i * i);
	json_decref(reply);
	free(call);
	harness_stop(h);
}

#define ODD "0.1,-0,1e2,1180591620717411303424,\"\\u0000\",{\"b\":1,\"a\":2},[],\"\""

Test(stock, echo_is_byte_for_byte) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'echo','items':[%s]}", ODD);
	peer_expect_containing(p, "'results':[%s],", ODD);
	harness_stop(h);
}

Test(stock, a_crash_costs_one_item) {
	struct harness *h = harness_start(TWO_STOCKS);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'crash_if','common':5,'items':[0,1,2,3,4,5,6,7,8,9],"
		  "'options':{'chunkSize':5}}");
	peer_expect(p, "{'parameters':{'results':[0,1,2,3,4,null,6,7,8,9],'errors':[{'index':5,"
		       "'kind':'WorkerDied','exitSignal':11,'attempts':1, ...}], ...}}");
	harness_stop(h);
}

/* "A function may return `null`, too: only `errors` says what failed." */
Test(stock, an_abort_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'crash','items':[null,'abort',null],"
		  "'options':{'chunkSize':3}}");
	peer_expect(p, "{'parameters':{'results':[null,null,null],'errors':[{'index':1,"
		       "'kind':'WorkerDied','exitSignal':6,'attempts':1, ...}],"
		       "'summary':{'succeeded':2,'failed':1, ...}, ...}}");
	harness_stop(h);
}

Test(stock, an_exit_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'exit','items':[7,0],'options':{'chunkSize':2}}");
	peer_expect(p, "{'parameters':{'results':[null,null],'errors':["
		       "{'index':0,'kind':'WorkerDied','exitStatus':7,'attempts':1, ...},"
		       "{'index':1,'kind':'WorkerDied','exitStatus':0,'attempts':1, ...}], ...}}");
	harness_stop(h);
}

Test(stock, exceptions_are_data) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply",
		  "{'function':'fail','argument':{'exception':'KeyError',"
		  "'message':'no such key','trace':'line 3'}}");
	peer_expect_error(p, "ItemFailed",
			  "{'item':{'index':0,'kind':'Exception','exception':'KeyError',"
			  "'message':'no such key','trace':'line 3','attempts':1}}");
	peer_call(p, "Apply", "{'function':'square','argument':'seven'}");
	peer_expect_error(p, "ItemFailed",
			  "{'item':{'kind':'Exception','message':'~string', ...}}");
	harness_stop(h);
}

Test(stock, results_that_cannot_be_taken_are_item_errors) {
	struct harness *h = harness_start("limits { item = 1000 }\n" ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'big','items':[10,1000,1001,20],'options':{'chunkSize':4}}");
	peer_expect(p, "{'parameters':{'results':['~string','~string',null,'~string'],'errors':["
		       "{'index':2,'kind':'ResultTooLarge','attempts':1, ...}], ...}}");
	peer_call(p, "Map",
		  "{'function':'long_number','items':[5,1025],'options':{'chunkSize':2}}");
	peer_expect(p, "{'parameters':{'results':['~int',null],'errors':["
		       "{'index':1,'attempts':1, ...}], ...}}");
	peer_call(p, "Map",
		  "{'function':'badjson','items':['1]','[1','{','12'],"
		  "'options':{'chunkSize':4}}");
	peer_expect(p, "{'parameters':{'results':[null,null,null,12],'errors':["
		       "{'index':0, ...},{'index':1, ...},{'index':2, ...}], ...}}");
	peer_call(p, "Map", "{'function':'deep','items':[3,300,4],'options':{'chunkSize':3}}");
	peer_expect(p, "{'parameters':{'results':['~array',null,'~array'],'errors':["
		       "{'index':1, ...}], ...}}");
	harness_stop(h);
}

Test(stock, garbage_on_the_workers_socket_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'garbage','items':['','}{\\u0000',''],"
		  "'options':{'chunkSize':1}}");
	peer_expect(p, "{'parameters':{'results':['',null,''],'errors':[{'index':1,"
		       "'kind':'WorkerDied','exitSignal':9,'attempts':1, ...}], ...}}");
	harness_stop(h);
}

Test(stock, half_a_message_and_an_exit_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'half','items':['exit','crash'],'options':{'chunkSize':2}}");
	peer_expect(p, "{'parameters':{'results':[null,null],'errors':["
		       "{'index':0,'kind':'WorkerDied','exitStatus':0,'attempts':1, ...},"
		       "{'index':1,'kind':'WorkerDied','exitSignal':11,'attempts':1, ...}], ...}}");
	harness_stop(h);
}

Test(stock, another_chunks_number_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'wrong_chunk','argument':1}");
	peer_expect_error(p, "ItemFailed", "{'item':{'kind':'WorkerDied', ...}}");
	peer_call(p, "Apply", "{'function':'too_many','argument':3}");
	peer_expect_error(p, "ItemFailed", "{'item':{'kind':'WorkerDied', ...}}");
	peer_call(p, "Apply", "{'function':'square','argument':3}");
	peer_expect_text(p, "{'parameters':{'result':9}}");
	harness_stop(h);
}

Test(stock, the_page_cannot_be_cut) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'truncate_page'}");
	peer_expect_text(p, "{'parameters':{'result':'Operation not permitted'}}");
	harness_stop(h);
}

Test(stock, a_daemonised_child_costs_one_item) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'fork_daemon','argument':1}");
	peer_expect_error(p, "ItemFailed", "{'item':{'kind':'WorkerDied','exitSignal':9, ...}}");
	peer_call(p, "Apply", "{'function':'square','argument':3}");
	peer_expect_text(p, "{'parameters':{'result':9}}");
	harness_expect_strays(h, 1);
	harness_stop(h);
}

Test(stock, what_functions_print_does_no_harm) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'print','items':[{'bytes':1000000},"
		  "{'to':'stderr','bytes':100000},{'text':'{\\'chunk\\':1}'}]}");
	peer_expect(p, "{'parameters':{'results':[{'bytes':1000000},{'to':'stderr','bytes':100000},"
		       "{'text':'*'}],'summary':{'succeeded':3, ...}, ...}}");
	harness_stop(h);
}

/* Whether the only worker's process ignores SIGTERM. */
static bool ignores_term(void *data) {
	struct peer *p = data;
	json_t *status, *worker;
	unsigned long long ignored = 0;
	char path[64], line[128];
	FILE *file;

	peer_call(p, "Status", "{'workers':true}");
	status = peer_receive(p);
	worker = json_array_get(json_object_get(json_object_get(status, "parameters"), "workers"),
				0);
	snprintf(path, sizeof(path), "/proc/%lld/status",
		 (long long) json_integer_value(json_object_get(worker, "pid")));
	json_decref(status);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "SigIgn: %llx", &ignored);
	if (file)
		fclose(file);
	return ignored >> (SIGTERM - 1) & 1;
}

Test(stock, a_stubborn_item_is_cancelled) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	harness_expect_notify(h, "READY=1");
	peer_call_more(p, "Map",
		       "{'function':'hang','items':['stubborn'],'options':{'chunkSize':1}}");
	harness_wait(h, "the item to be stubborn", ignores_term, q);
	peer_call(q, "Cancel", "{'request':'1'}");
	peer_expect_text(q, "{}");
	peer_expect_error(p, "Cancelled", NULL);
	peer_call(p, "Apply", "{'function':'square','argument':3}");
	peer_expect_text(p, "{'parameters':{'result':9}}");
	harness_stop(h);
}

/* "`common` is a value that the function sees beside every item, and that is sent to each worker
 * only once." */
Test(stock, functions_know_their_index_and_the_common_value) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'index','items':[9,9,9,9,9],'options':{'chunkSize':2}}");
	peer_expect(p, "{'parameters':{'results':[0,1,2,3,4], ...}}");
	peer_call(p, "Map", "{'function':'common','items':[1,2],'common':{'k':[1.50]}}");
	peer_expect_containing(p, "'results':[{'k':[1.50]},{'k':[1.50]}]");
	peer_call(p, "Map", "{'function':'pair','items':[1,2],'common':'c'}");
	peer_expect(p, "{'parameters':{'results':[[1,'c'],[2,'c']], ...}}");
	harness_stop(h);
}

Test(stock, an_init_hook_that_fails_is_the_pools_reason) {
	struct harness *h = harness_start("pool default { command = STOCK workers = 1 "
					  "environment = {'PROCPOOL_TEST_INIT=fail'} }");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'square','argument':1}");
	peer_expect_error(p, "PoolFailed", "{'pool':'default','reason':'~has:not in the mood'}");
	harness_stop(h);
}

/* "When a worker is not needed any more, the daemon shuts down its sending side: the worker
 * finishes what it has read, reports it, and exits with 0." */
Test(stock, workers_end_cleanly_with_the_daemon) {
	char path[] = "/tmp/procpool-hooks-XXXXXX", conf[300], line[64];
	struct harness *h;
	struct peer *p;
	int inits = 0, exits = 0;
	FILE *log;

	close(mkstemp(path));
	snprintf(conf, sizeof(conf),
		 "daemon { slots = 2 } pool default { command = STOCK workers = 2 "
		 "environment = {'PROCPOOL_TEST_LOG=%s'} }",
		 path);
	h = harness_start(conf);
	p = peer_connect(h);
	harness_expect_notify(h, "READY=1");
	peer_call(p, "Map", "{'function':'square','items':[1,2,3,4]}");
	peer_expect(p, "{'parameters':{'results':[1,4,9,16], ...}}");
	harness_stop(h);
	log = fopen(path, "re");
	while (fgets(line, sizeof(line), log)) {
		inits += strncmp(line, "init", 4) == 0;
		exits += strncmp(line, "exit", 4) == 0;
	}
	fclose(log);
	unlink(path);
	cr_assert_eq(inits, 2);
	cr_assert_eq(exits, 2);
}

/* "Times are microseconds, and starts count from the acceptance of the call." */
Test(stock, timings_come_from_the_worker) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'sleep','items':[0.03,0.001],"
		  "'options':{'chunkSize':2,'timings':true}}");
	peer_expect(p, "{'parameters':{'results':[0.03,0.001],'startUs':['~min:0','~min:30000'],"
		       "'durationUs':['~min:30000','~min:1000'],'attempts':[1,1],"
		       "'summary':{'workUs':'~min:31000', ...}, ...}}");
	peer_call(p, "Map", "{'function':'sleep','items':[0.001],'options':{'timings':true}}");
	json_t *reply = peer_receive(p);
	json_int_t start;

	cr_assert_eq(json_unpack(reply, "{s{s[I]}}", "parameters", "startUs", &start), 0);
	cr_assert_lt(start, 60 * 1000000, "that is no time since the call was accepted");
	json_decref(reply);
	harness_stop(h);
}

/* ---- many items ---- */

#define STREAMED 20000

/* "Each item is in exactly one batch." */
Test(stock, a_long_stream_comes_out_in_order) {
	struct harness *h = harness_start(TWO_STOCKS);
	struct peer *p = peer_connect(h);
	json_int_t next = 0, sent = 0;
	char *object;

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,"
		     "'parameters':{'function':'echo','window':3000}}");
	peer_expect(p, "{'parameters':{'window':3000, ...}}");
	while (next < STREAMED) {
		json_t *batch, *value;
		size_t i;

		/* Never more than 2000 ahead of what was read, and never waiting for more than was sent. */
		while (sent < STREAMED && sent - next < 2000) {
			FILE *out;
			size_t size;

			out = open_memstream(&object, &size);
			fputs("{'items':[", out);
			for (int k = 0; k < 500; k++)
				fprintf(out, "%s%lld", k ? "," : "", (long long) sent++);
			fputs("]}", out);
			fclose(out);
			peer_send(p, "%s", object);
			free(object);
			if (sent == STREAMED)
				peer_send(p, "{'end':true}");
		}
		batch = peer_receive(p);
		cr_assert_eq(json_integer_value(json_object_get(batch, "first")), next);
		json_array_foreach(json_object_get(batch, "results"), i, value)
			cr_assert_eq(json_integer_value(value), next++);
		json_decref(batch);
	}
	peer_expect(p, "{'summary':{'items':20000,'succeeded':20000, ...}}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* Kills a worker that is busy now; returns whether there was one. */
static bool kill_one(struct peer *p, unsigned *seed) {
	json_t *status, *workers, *worker;
	pid_t busy[8];
	size_t i, n = 0;

	peer_call(p, "Status", "{'workers':true}");
	status = peer_receive(p);
	workers = json_object_get(json_object_get(status, "parameters"), "workers");
	json_array_foreach(workers, i,
			   worker) if (n < 8 &&
				       strcmp(json_string_value(json_object_get(worker, "state")),
					      "busy") == 0) busy[n++] =
		(pid_t) json_integer_value(json_object_get(worker, "pid"));
	json_decref(status);
	if (n > 0)
		kill(busy[(size_t) rand_r(seed) % n], SIGKILL);
	return n > 0;
}

#define SPUN  1500
#define KILLS 60

Test(stock, every_item_has_one_outcome_though_workers_are_killed_all_the_time) {
	struct harness *h = harness_start(TWO_STOCKS);
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	char *call = call_of("'function':'spin',", SPUN, "0.%04u");
	unsigned seed = 20260102, kills = 0, deaths = 0;
	json_t *reply, *results, *errors, *value;
	size_t i;

	harness_expect_notify(h, "READY=1");
	peer_call(p, "Map", "%s", call);
	while (kills < KILLS && peer_pending(p) == 0)
		kills += kill_one(q, &seed);
	reply = peer_receive(p);
	results = json_object_get(json_object_get(reply, "parameters"), "results");
	errors = json_object_get(json_object_get(reply, "parameters"), "errors");
	cr_assert_eq(json_array_size(results), SPUN);
	json_array_foreach(results, i, value) {
		if (json_is_null(value))
			deaths++;
		else
			cr_assert_float_eq(json_number_value(value), (double) i / 10000, 1e-9);
	}
	cr_assert_eq(json_array_size(errors), deaths);
	json_array_foreach(errors, i, value)
		cr_assert_str_eq(json_string_value(json_object_get(value, "kind")), "WorkerDied");
	cr_assert_leq(deaths, kills);
	json_decref(reply);
	free(call);
	harness_stop(h);
}
