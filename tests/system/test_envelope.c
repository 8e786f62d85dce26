#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/system/harness.h"

/* The Varlink envelope: PROTOCOL's rules about calls, flags, order, and ends of connections. */

TestSuite(envelope, .timeout = 60);

#define GET_INFO "{'method':'org.varlink.service.GetInfo'}"
#define INFO     "{'parameters':{'product':'procpoold', ...}}"
#define REASON   "{'reason':'~string','offset':'~int'}"

/* ---- org.varlink.service ---- */

/* "`org.varlink.service.GetInfo() → (vendor, product, version, url, interfaces)` says `procpool`
 * and `procpoold`, and names two interfaces: `org.varlink.service` and `io.procpool`." */
Test(envelope, get_info_names_the_product_and_the_interfaces) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, GET_INFO);
	peer_expect(p,
		    "{'parameters':{'vendor':'procpool','product':'procpoold','version':'~string',"
		    "'url':'~string','interfaces':['org.varlink.service','io.procpool']}}");
	harness_stop(h);
}

static char *file_text(const char *path) {
	FILE *in = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	cr_assert(in && text && fread(text, 1, (1 << 20) - 1, in) > 0, "%s", path);
	fclose(in);
	return text;
}

/* "The daemon describes itself: `org.varlink.service.GetInterfaceDescription` returns the file
 * `protocol/io.procpool.varlink`, with every type and comment." */
Test(envelope, get_interface_description_serves_the_file) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);
	char *file = file_text(SOURCE_DIR "/protocol/io.procpool.varlink");
	const char *description;
	json_t *reply;

	peer_send(p, "{'method':'org.varlink.service.GetInterfaceDescription',"
		     "'parameters':{'interface':'io.procpool'}}");
	reply = peer_receive(p);
	description = json_string_value(
		json_object_get(json_object_get(reply, "parameters"), "description"));
	cr_assert_str_eq(description, file);
	json_decref(reply);
	free(file);
	harness_stop(h);
}

/* "`error` | the call failed, and this is why (section 1.8)"
 * "`org.varlink.service.InterfaceNotFound` | `interface` | there is no such interface | stays"
 * "`org.varlink.service.MethodNotFound` | `method` | the interface has no such method | stays"
 * "`org.varlink.service.ExpectedUpgrade` | | `Stream` without `upgrade` | stays"
 * "`Stream(function, common?, options?, window?) → (request, window)` must be called with
 * `upgrade`."
 * "`GetInterfaceDescription(interface) → (description)` knows both." */
Test(envelope, both_interfaces_are_described) {
	static const char *const names[] = {"org.varlink.service", "io.procpool"};
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	for (size_t i = 0; i < 2; i++) {
		peer_send(p,
			  "{'method':'org.varlink.service.GetInterfaceDescription',"
			  "'parameters':{'interface':'%s'}}",
			  names[i]);
		peer_expect(p, "{'parameters':{'description':'~has:interface %s'}}", names[i]);
	}
	harness_stop(h);
}

/* "`error` | the call failed, and this is why (section 1.8)"
 * "`org.varlink.service.InterfaceNotFound` | `interface` | there is no such interface | stays"
 * "`org.varlink.service.MethodNotFound` | `method` | the interface has no such method | stays"
 * "`org.varlink.service.ExpectedUpgrade` | | `Stream` without `upgrade` | stays"
 * "`Stream(function, common?, options?, window?) → (request, window)` must be called with
 * `upgrade`." */
Test(envelope, standard_errors_say_what_was_not_found) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'org.varlink.service.GetInterfaceDescription',"
		     "'parameters':{'interface':'no.such'}}");
	peer_expect_error(p, "org.varlink.service.InterfaceNotFound", "{'interface':'no.such'}");
	peer_send(p, "{'method':'no.such.Method'}");
	peer_expect_error(p, "org.varlink.service.InterfaceNotFound", "{'interface':'no.such'}");
	peer_send(p, "{'method':'io.procpool.Nothing'}");
	peer_expect_error(p, "org.varlink.service.MethodNotFound",
			  "{'method':'io.procpool.Nothing'}");
	peer_send(p, "{'method':'org.varlink.service.Nothing'}");
	peer_expect_error(p, "org.varlink.service.MethodNotFound",
			  "{'method':'org.varlink.service.Nothing'}");
	peer_send(p, "{'method':'nodots'}");
	peer_expect(p, "{'error':'~has:NotFound', ...}");
	peer_call(p, "Stream", "{'function':'square'}");
	peer_expect_error(p, "org.varlink.service.ExpectedUpgrade", NULL);
	peer_send(p, GET_INFO);
	peer_expect(p, INFO);
	harness_stop(h);
}

/* ---- rule 1: members ---- */

/* Sends it on a connection of its own, expects the error and the end. */
static void expect_malformed(struct harness *h, const char *bytes, size_t size) {
	struct peer *p = peer_connect(h);

	peer_send_raw(p, bytes, size);
	peer_expect_error(p, "MalformedMessage", REASON);
	peer_expect_eof(p);
	peer_close(p);
}

static void expect_all_malformed(const char *const *calls, size_t n) {
	struct harness *h = harness_start(ONE_FAKE);
	char text[512];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s", calls[i]);
		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		expect_malformed(h, text, strlen(text) + 1);
	}
	harness_stop(h);
}

#define EXPECT_ALL_MALFORMED(calls) expect_all_malformed(calls, sizeof(calls) / sizeof(calls[0]))

/* "Any other member, and any breach of the above, is a `MalformedMessage`."
 * "`io.procpool.MalformedMessage` | `reason`, `offset` | not JSON, or no call; `offset` is the
 * byte in the message | closes" */
Test(envelope, unknown_members_are_refused_and_the_connection_closes) {
	static const char *const calls[] = {
		"{'method':'org.varlink.service.GetInfo','surprise':1}",
		"{'surprise':{'method':'org.varlink.service.GetInfo'}}",
		"{'Method':'org.varlink.service.GetInfo'}",
		"{'method':'org.varlink.service.GetInfo','':0}",
	};

	EXPECT_ALL_MALFORMED(calls);
}

/* "A member that comes twice where the daemon looks at it makes the message malformed, also if one
 * of the names is written with escapes." */
Test(envelope, duplicate_members_are_refused) {
	static const char *const calls[] = {
		"{'method':'org.varlink.service.GetInfo','method':'org.varlink.service.GetInfo'}",
		"{'method':'org.varlink.service.GetInfo','more':false,'more':false}",
		"{'method':'org.varlink.service.GetInfo','parameters':{},'parameters':{}}",
		"{'method':'io.procpool.Map','parameters':{'items':[],'function':'a','items':[]}}",
		("{'method':'io.procpool.Map','parameters':{'items':[],'function':'a',"
		 "'function':'b'}}"),
		/* The same name, written with an escape. */
		"{'method':'org.varlink.service.GetInfo','m\\u0065thod':'a.B'}",
	};

	EXPECT_ALL_MALFORMED(calls);
}

/* "A flag is `true`, `false` or absent, and at most one of the three is `true`." */
Test(envelope, flags_are_booleans_and_exclude_each_other) {
	static const char *const calls[] = {
		"{'method':'org.varlink.service.GetInfo','more':1}",
		"{'method':'org.varlink.service.GetInfo','oneway':'true'}",
		"{'method':'org.varlink.service.GetInfo','upgrade':null}",
		"{'method':'org.varlink.service.GetInfo','more':true,'oneway':true}",
		"{'method':'org.varlink.service.GetInfo','more':true,'upgrade':true}",
		"{'method':'org.varlink.service.GetInfo','oneway':true,'upgrade':true}",
	};

	EXPECT_ALL_MALFORMED(calls);
}

/* "`method` | a string, required: interface, dot, name"
 * "Any other member, and any breach of the above, is a `MalformedMessage`." */
Test(envelope, method_is_a_string_and_must_be_there) {
	static const char *const calls[] = {
		"{}",
		"{'parameters':{}}",
		"{'method':null}",
		"{'method':7}",
		"{'method':['org.varlink.service.GetInfo']}",
	};

	EXPECT_ALL_MALFORMED(calls);
}

/* "Messages are read strictly, as RFC 8259 has it: no comments, no trailing commas, no `NaN`,
 * valid UTF-8 without overlong forms, no escape of half a surrogate pair, no unescaped control
 * character in a string, nothing but white space after the object." */
Test(envelope, what_is_no_json_object_is_refused) {
	static const char *const calls[] = {
		"",
		" ",
		"{'method':",
		"{'method':'org.varlink.service.GetInfo'",
		"{'method':'org.varlink.service.GetInfo',}",
		"{'method':'org.varlink.service.GetInfo'} {}",
		"{'method':'org.varlink.service.GetInfo'}x",
		"[]",
		"1",
		"null",
		"GET / HTTP/1.1\r\n\r\n",
		"{'method':'org.varlink.service.GetInfo','parameters':[]}",
		"{'method':'org.varlink.service.GetInfo','parameters':1}",
		"{'method':'org.varlink.service.GetInfo','x.y':01}",
		"{'method':'org.varlink.service.GetInfo','x.y':NaN}",
		"{'method':'org.varlink.service.GetInfo','x.y':'\\ud800'}",
		"{'method':'org.varlink.service.GetInfo','x.y':'\xc3('}",
		"{'method':'org.varlink.service.GetInfo','x.y':'\xc0\xaf'}",
		"{'method':'org.varlink.service.GetInfo' /* a comment */}",
		"{'method':'org.varlink.service.GetInfo'} // another",
		"{'method':'org.varlink.service.GetInfo','x.y':'\x01'}",
	};

	EXPECT_ALL_MALFORMED(calls);
}

/* "Members whose name has a dot are skipped."
 * "A flag is `true`, `false` or absent, and at most one of the three is `true`." */
Test(envelope, flags_may_be_false) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'org.varlink.service.GetInfo','more':false,'oneway':false,"
		     "'upgrade':false}");
	peer_expect(p, INFO);
	peer_send(p, "{'method':'org.varlink.service.GetInfo','more':true,'oneway':false}");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "Members whose name has a dot are skipped." */
Test(envelope, members_with_a_dot_are_skipped) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, "{'org.example.trace':{'id':[1,{'a':null}],'id':2},"
		     "'method':'org.varlink.service.GetInfo','a.b':1,'a.b':1,'.':0}");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* ---- rule 2: parameters ---- */

/* "`parameters` | an object; absent, `null` and `{}` mean the same" */
Test(envelope, parameters_absent_null_and_empty_are_the_same) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, GET_INFO);
	peer_expect(p, INFO);
	peer_send(p, "{'method':'org.varlink.service.GetInfo','parameters':null}");
	peer_expect(p, INFO);
	peer_send(p, "{'method':'org.varlink.service.GetInfo','parameters':{}}");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "One that is unknown, missing or of the wrong type is an `InvalidParameter`, whose `parameter`
 * is the path to it: `function`, `options.chunkSize`."
 * "`org.varlink.service.InvalidParameter` | `parameter` | a parameter is unknown, missing or of the
 * wrong type | stays" */
Test(envelope, wrong_parameters_are_named_and_the_connection_lives) {
	static const struct {
		const char *method, *parameters, *named;
	} calls[] = {
		{"Map", "{'function':'f'}", "items"},
		{"Map", "{'items':[]}", "function"},
		{"Map", "{'function':'f','items':{}}", "items"},
		{"Map", "{'function':'f','items':'x'}", "items"},
		{"Map", "{'function':7,'items':[]}", "function"},
		{"Map", "{'function':'a b','items':[]}", "function"},
		{"Map", "{'function':'','items':[]}", "function"},
		{"Map", "{'function':'a/b/c','items':[]}", "function"},
		{"Map", "{'function':'f*','items':[]}", "function"},
		{"Map", "{'function':'f','items':[],'itemz':[]}", "itemz"},
		{"Map", "{'function':'f','items':[],'argument':1}", "argument"},
		{"Map", "{'function':'f','items':[],'options':[]}", "options"},
		{"Map", "{'function':'f','items':[],'window':5}", "window"},
		{"Apply", "{'function':'f','items':[]}", "items"},
		{"Apply", "{}", "function"},
		{"Cancel", "{}", "request"},
		{"Cancel", "{'request':17}", "request"},
		{"Status", "{'workers':1}", "workers"},
		{"Status", "{'verbose':true}", "verbose"},
		{"ListFunctions", "{'pool':'default'}", "pool"},
	};
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		peer_call(p, calls[i].method, "%s", calls[i].parameters);
		peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'%s'}",
				  calls[i].named);
	}
	harness_stop(h);
}

/* "A nullable parameter (those with a `?` below) may be left out or be `null`."
 * "`options` is an object; an option that is `null` counts as left out." */
Test(envelope, nullable_parameters_may_be_null) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'echo','argument':null,'common':null,'options':null}");
	worker_expect(w, "{'chunk':1,'items':[null], ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(p, "Apply", "{'function':'echo','options':{'chunkSize':null,'retries':null}}");
	worker_expect(w, "{'chunk':2,'items':[null], ...}");
	worker_answer(w, 2, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* ---- rule 3: order of members ---- */

/* "The members may come in any order."
 * "Parameters may come in any order." */
Test(envelope, members_come_in_any_order) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_send(p,
		  "{ 'parameters' : {'options':{'chunkSize':2}, 'items':[7, 8], 'function':'echo'},"
		  "\n'more':true, 'method':'io.procpool.Map' }\n");
	worker_expect(w, "{'chunk':1,'items':[7,8], ...}");
	worker_answer(w, 1, 0, "[7,8]");
	peer_expect(p, "{'parameters':{'request':'~string','first':0,'results':[7,8]},"
		       "'continues':true}");
	peer_expect(p, "{'parameters':{'summary':'~object'}}");
	harness_stop(h);
}

/* ---- rule 4: one active call, pipelining, oneway, more ---- */

/* "Calls on one connection are served one at a time, in their order." */
Test(envelope, pipelined_calls_are_answered_in_order) {
	static const char calls[] = "{\"method\":\"org.varlink.service.GetInfo\"}\0"
				    "{\"method\":\"io.procpool.Nothing\"}\0"
				    "{\"method\":\"org.varlink.service.GetInfo\"}";
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send_raw(p, calls, sizeof(calls));
	peer_expect(p, INFO);
	peer_expect_error(p, "org.varlink.service.MethodNotFound", "*");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "Calls on one connection are served one at a time, in their order."
 * "Calls on several connections are served side by side." */
Test(envelope, a_pipelined_call_waits_for_the_active_one) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call(p, "Apply", "{'function':'echo','argument':1}");
	peer_send(p, GET_INFO);
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_send(q, GET_INFO);
	peer_expect(q, INFO);
	peer_expect_nothing(p);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "You may send the next one early; up to 64 KiB of waiting calls are read ahead, the rest stays
 * in your socket buffer." */
Test(envelope, little_is_read_ahead_while_a_call_runs) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);
	size_t size = 4 << 20, unit = strlen(GET_INFO) + 1;
	char *calls = calloc(1, size);

	for (size_t i = 0; i + unit <= size; i += unit)
		memcpy(calls + i, "{\"method\":\"org.varlink.service.GetInfo\"}", unit);
	peer_call(p, "Apply", "{'function':'echo','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	/* 64 KiB in the daemon, and what the socket's buffers hold in the kernel. */
	cr_assert_lt(peer_send_until_full(p, calls, size), (size_t) 1 << 20);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect(p, INFO);
	peer_expect(p, INFO);
	free(calls);
	harness_stop(h);
}

/* "`oneway` | `true`: no reply at all, neither result nor error" */
Test(envelope, oneway_calls_are_answered_by_silence) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'org.varlink.service.GetInfo','oneway':true}");
	peer_send(p, "{'method':'no.such.Method','oneway':true}");
	peer_send(p, "{'method':'io.procpool.Map','parameters':{'function':'echo'},'oneway':true}");
	peer_send(p, "{'method':'io.procpool.Apply','parameters':{'function':'echo','argument':5},"
		     "'oneway':true}");
	worker_expect(w, "{'chunk':1,'items':[5], ...}");
	worker_answer(w, 1, 0, "[5]");
	/* The first thing to be heard is the answer to the first call that wants one. */
	peer_call(p, "ListFunctions", "{}");
	peer_expect(p, "{'parameters':{'functions':[{'name':'echo', ...}]}}");
	harness_stop(h);
}

/* "`oneway` calls are the exception: those received whole are run to their end." */
Test(envelope, oneway_calls_outlive_their_connection) {
	static const char calls[] = "{\"method\":\"io.procpool.Apply\",\"oneway\":true,"
				    "\"parameters\":{\"function\":\"echo\",\"argument\":1}}\0"
				    "{\"method\":\"io.procpool.Map\",\"oneway\":true,"
				    "\"parameters\":{\"function\":\"echo\",\"items\":[2,3],"
				    "\"options\":{\"chunkSize\":2}}}";
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);
	struct fake *w;

	peer_send_raw(p, calls, sizeof(calls));
	peer_close(p);
	w = harness_ready_worker(h, "echo");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2,3], ...}");
	worker_answer(w, 2, 0, "[2,3]");
	harness_stop(h);
}

/* "`more` changes nothing where a method has but one reply." */
Test(envelope, more_on_a_method_that_does_not_stream_gets_one_reply) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'org.varlink.service.GetInfo','more':true}");
	peer_expect(p, INFO);
	peer_call_more(p, "Apply", "{'function':'echo','argument':1}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* ---- rule 6: upgrade ---- */

/* "`upgrade` where there is none is an `InvalidParameter`, and the bytes behind the call are read
 * as calls."
 * "Bytes behind the call belong to the stream if it is accepted, and are read as calls if it is
 * not." */
Test(envelope, upgrade_is_refused_on_other_methods_and_what_follows_is_read_as_calls) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'org.varlink.service.GetInfo','upgrade':true}");
	peer_send(p, GET_INFO);
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'upgrade'}");
	peer_expect(p, INFO);
	peer_send(p, "{'method':'io.procpool.Stream','parameters':{'function':7},'upgrade':true}");
	peer_send(p, GET_INFO);
	peer_expect_error(p, "org.varlink.service.InvalidParameter", "{'parameter':'function'}");
	peer_expect(p, INFO);
	harness_stop(h);
}

/* ---- rules 7 and 8: ends ---- */

/* "After some errors the daemon closes (the table in 1.8 says which)."
 * "It sends the error, ends its sending side, and reads on until you close too, for two seconds at
 * most, so that the error reaches you whatever you are sending." */
Test(envelope, an_error_that_closes_is_readable_though_the_client_goes_on_sending) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);
	size_t size = 100000;
	char *garbage = malloc(size);

	memset(garbage, '?', size);
	peer_send_raw(p, garbage, size);
	peer_expect_error(p, "MalformedMessage", "{'reason':'~string','offset':0}");
	peer_expect_eof(p);
	free(garbage);
	harness_stop(h);
}

/* "Calls before the one that was wrong are answered." */
static bool takes_nothing(void *data) {
	return peer_send_raw(data, "?", 1) == 0;
}

/* "It sends the error, ends its sending side, and reads on until you close too, for two seconds at
 * most, so that the error reaches you whatever you are sending." */
Test(envelope, a_refused_client_that_stays_is_dropped_after_two_seconds) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);
	struct timespec since, now;

	clock_gettime(CLOCK_MONOTONIC, &since);
	peer_send(p, "?");
	peer_expect_error(p, "MalformedMessage", "{'reason':'~string','offset':0}");
	peer_expect_eof(p);
	harness_wait(h, "the daemon to read no more", takes_nothing, p);
	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_assert_geq((now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1000000,
		      1980);
	harness_stop(h);
}

/* "Calls before the one that was wrong are answered." */
Test(envelope, calls_before_a_malformed_one_are_answered) {
	static const char calls[] = "{\"method\":\"org.varlink.service.GetInfo\"}\0oops";
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_send_raw(p, calls, sizeof(calls));
	peer_expect(p, INFO);
	peer_expect_error(p, "MalformedMessage", REASON);
	peer_expect_eof(p);
	harness_stop(h);
}

/* "Shutting down only your sending side is fine: what you sent is done and answered, then the
 * daemon closes." */
Test(envelope, after_a_half_close_the_answer_still_comes) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'echo','items':[1,2],'options':{'chunkSize':2}}");
	peer_send(p, GET_INFO);
	peer_half_close(p);
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_answer(w, 1, 0, "[1,2]");
	peer_expect(p, "{'parameters':{'results':[1,2], ...}}");
	peer_expect(p, INFO);
	peer_expect_eof(p);
	harness_stop(h);
}

/* The daemon's CPU time so far, in clock ticks. */
static long cpu_ticks(struct harness *h) {
	unsigned long user, system;
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) harness_pid(h));
	in = fopen(path, "re");
	cr_assert(in &&
		  fscanf(in, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			 &user, &system) == 2);
	fclose(in);
	return (long) (user + system);
}

/* A level-triggered half-close, or unread bytes behind the active call, would wake the daemon again and again. */
Test(envelope, waiting_costs_no_cpu) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	size_t size = 1 << 20;
	char *spaces = malloc(size);
	long before;

	memset(spaces, ' ', size);
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	peer_half_close(p);
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(q, "Apply", "{'function':'f','argument':2}");
	peer_send_until_full(q, spaces, size);
	before = cpu_ticks(h);
	harness_measure(h, 300);
	/* A tick is 10 ms; a loop that spins takes 30 of them. */
	cr_assert_leq(cpu_ticks(h) - before, 5);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect_eof(p);
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect_text(q, "{'parameters':{'result':2}}");
	free(spaces);
	harness_stop(h);
}

Test(envelope, a_half_close_before_any_call_ends_the_connection) {
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h);

	peer_half_close(p);
	peer_expect_eof(p);
	harness_stop(h);
}

/* "A call without its NUL is not run." */
Test(envelope, a_message_cut_off_by_the_end_runs_nothing) {
	static const char half[] =
		"{\"method\":\"io.procpool.Apply\",\"parameters\":{\"function\":\"echo\"}}";
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "echo");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_send_raw(p, half, strlen(half)); /* without its NUL */
	peer_half_close(p);
	peer_expect_eof(p);
	peer_call(q, "Apply", "{'function':'echo','argument':'second'}");
	worker_expect(w, "{'chunk':1,'items':['second'], ...}");
	worker_answer(w, 1, 0, "[2]");
	peer_expect_text(q, "{'parameters':{'result':2}}");
	harness_stop(h);
}
