#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "tests/system/harness.h"

/* Workers that break the protocol go; the item they held first is blamed, everybody else runs. */

TestSuite(violation, .timeout = 60);

/* A call of three items, two at a time. The worker says text instead of an answer. */
static void expect_violation(struct harness *h, struct fake **w, const char *text, size_t size) {
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':['a','b','c'],'options':{'chunkSize':2}}");
	worker_expect(*w, "{'chunk':1,'items':['a','b'],'first':0, ...}");
	worker_page_store(*w, 1, 0, true);
	worker_send_raw(*w, text, size);
	worker_expect_gone(*w);
	*w = harness_ready_worker(h, "f");
	worker_expect(*w, "{'chunk':1,'items':['b'],'first':1, ...}");
	worker_answer(*w, 1, 0, "[2]");
	worker_expect(*w, "{'chunk':2,'items':['c'],'first':2, ...}");
	worker_answer(*w, 2, 0, "[3]");
	peer_expect(p,
		    "{'parameters':{'results':[null,2,3],'errors':[{'index':0,'kind':'WorkerDied',"
		    "'exitSignal':9,'attempts':1,'message':'~string', ...}], ...}}");
	peer_close(p);
	/* The next round wants chunk 1 of a fresh worker. */
	worker_order(*w, "exit 0");
	*w = harness_ready_worker(h, "f");
}

static void expect_violations(const char *const *texts, size_t n) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	for (size_t i = 0; i < n; i++) {
		char *text = strdup(texts[i]);

		for (char *c = text; *c; c++)
			if (*c == '\'')
				*c = '"';
		expect_violation(h, &w, text, strlen(text) + 1);
		free(text);
	}
	harness_stop(h);
}

#define EXPECT_VIOLATIONS(texts) expect_violations(texts, sizeof(texts) / sizeof(texts[0]))

/* "a report for another chunk than the oldest that has not ended, or for none;" */
Test(violation, results_for_a_chunk_that_the_worker_does_not_have) {
	static const char *const texts[] = {
		"{'chunk':2,'results':[1],'busyUs':1}",
		"{'chunk':0,'results':[1],'busyUs':1}",
		"{'chunk':-1,'results':[1],'busyUs':1}",
		"{'chunk':18446744073709551617,'results':[1],'busyUs':1}",
		"{'chunk':'1','results':[1],'busyUs':1}",
		"{'results':[1],'busyUs':1}",
	};

	EXPECT_VIOLATIONS(texts);
}

/* "more results than the chunk has items left;" */
Test(violation, more_results_than_items) {
	static const char *const texts[] = {"{'chunk':1,'results':[1,2,3],'busyUs':1}"};

	EXPECT_VIOLATIONS(texts);
}

/* A message that never ends: each of its members would take memory. */
/* "more than 64 KiB in one message beside `hello`, `results`, `errors` and `us`;" */
Test(violation, many_small_members_before_the_message_ends) {
	enum { MEMBERS = LIMIT_WORKER_ENVELOPE / 5 + 1 };
	char *text = malloc(MEMBERS * 5 + 2), *to = text;
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");

	*to++ = '{';
	for (int i = 0; i < MEMBERS; i++)
		to = stpcpy(to, "\"\":1,");
	expect_violation(h, &w, text, (size_t) (to - text));
	free(text);
	harness_stop(h);
}

/* "Messages are read strictly, as RFC 8259 has it: no comments, no trailing commas, no `NaN`,
 * valid UTF-8 without overlong forms, no escape of half a surrogate pair, no unescaped control
 * character in a string, nothing but white space after the object."
 * "text that is not JSON, or is nested deeper than 256 levels;" */
Test(violation, what_is_no_json_object) {
	static const char *const texts[] = {
		"",
		"Traceback (most recent call last):\n",
		"[1]",
		"{'chunk':1,'results':[1,],'busyUs':1}",
		"{'chunk':1,'results':[1],'busyUs':1}}",
		"{'chunk':1,'results':[NaN],'busyUs':1}",
		"{'chunk':1,'results':['\\ud800'],'busyUs':1}",
		"{'chunk':1,'results':['\xff'],'busyUs':1}",
		"{'chunk':1,'results':['\xc0\xaf'],'busyUs':1}",
		"{'chunk':1,'results':['\x01'],'busyUs':1}",
		"{'chunk':1,'results':[1] /* a comment */,'busyUs':1}",
	};

	EXPECT_VIOLATIONS(texts);
}

/* "an error for an item that has a result, or errors out of order;"
 * "a second hello;"
 * "a member that is not listed here, comes twice, or has another type."
 * "`returned` without a limit, or with another offset than that of the first item without a
 * result;" */
Test(violation, messages_that_are_not_understood_whole) {
	static const char *const texts[] = {
		"{}",
		"{'chunk':1,'results':{},'busyUs':1}",
		"{'chunk':1,'results':[1],'busyUs':-1}",
		"{'chunk':1,'results':[1],'results':[2],'busyUs':1}",
		"{'chunk':1,'results':[1],'busyUs':1,'surprise':true}",
		"{'chunk':1,'results':[null],'busyUs':1,'errors':[{'offset':5}]}",
		"{'chunk':1,'results':[null],'busyUs':1,'errors':[{'message':'x'}]}",
		"{'chunk':1,'results':[7],'busyUs':1,'errors':[{'offset':0}]}",
		"{'chunk':1,'results':[null,null],'busyUs':1,'errors':[{'offset':1},{'offset':0}]}",
		"{'chunk':1,'results':[null],'busyUs':1,'errors':[{'offset':0,'message':7}]}",
		"{'chunk':1,'results':[1],'busyUs':1,'us':[1]}",
		"{'chunk':1,'returned':0}",
		("{'hello':{'protocol':1,'runtime':'c','page':true,'unpack':['none'],"
		 "'functions':[{'name':'f'}]}}"),
	};

	EXPECT_VIOLATIONS(texts);
}

/* "text that is not JSON, or is nested deeper than 256 levels;" */
Test(violation, results_nested_too_deeply) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	char text[1200] = "{\"chunk\":1,\"busyUs\":1,\"results\":[";
	size_t begin = strlen(text);

	memset(text + begin, '[', 300);
	memset(text + begin + 300, ']', 300);
	strcpy(text + begin + 600, "]}");
	expect_violation(h, &w, text, strlen(text) + 1);
	harness_stop(h);
}

Test(violation, a_result_cannot_break_out_of_its_slot) {
	static const char *const texts[] = {
		"{'chunk':1,'results':[1],'errors':[]},{'busyUs':[1],'busyUs':1}",
		"{'chunk':1,'results':[1]],'busyUs':1}",
	};

	EXPECT_VIOLATIONS(texts);
}

/* "A worker that sends anything else than this chapter allows is killed, and the first item
 * without a result is blamed:" */
static bool has_limit(void *data) {
	return worker_page_limit(data) != UINT64_MAX;
}

/* "`returned` without a limit, or with another offset than that of the first item without a
 * result;" */
Test(violation, another_offset_than_was_asked_for) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,"
		     "'parameters':{'function':'f','options':{'chunkSize':3}}}");
	peer_expect(p, "{'parameters':'~object'}");
	peer_send(p, "{'items':[10,11,12],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11,12], ...}");
	peer_send(p, "{'cancel':[1]}");
	harness_wait(h, "the limit", has_limit, w);
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':50000}");
	worker_send(w, "{'chunk':1,'returned':2}");
	harness_expect_log(h, "items returned that were not asked back");
	worker_expect_gone(w);
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* "A worker that sends anything else than this chapter allows is killed, and the first item
 * without a result is blamed:" */
Test(violation, results_already_reported_are_kept) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *next;
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':['a','b','c'],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'items':['a','b','c'], ...}");
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':1}");
	worker_send(w, "rubbish");
	worker_expect_gone(w);
	next = harness_ready_worker(h, "f");
	worker_expect(next, "{'chunk':1,'items':['c'],'first':2, ...}");
	worker_answer(next, 1, 0, "[3]");
	peer_expect(p, "{'parameters':{'results':[1,null,3],'errors':[{'index':1,"
		       "'kind':'WorkerDied', ...}], ...}}");
	harness_stop(h);
}

Test(violation, random_garbage_costs_one_item) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	unsigned seed = 4711;
	char text[500];

	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char) (rand_r(&seed) >> 8);
		expect_violation(h, &w, text, sizeof(text));
	}
	harness_stop(h);
}

/* "A worker is given nothing before its hello, which is its first message."
 * "`protocol` | 1"
 * "`functions` | at most 65 536 objects `{"name", "description"?}`, each name once; a `*` at the
 * end makes a prefix"
 * "A worker that ends before its hello, or within a second after it without having been given
 * anything, could not start." */
Test(violation, before_hello_counts_as_a_failed_start) {
	static const char *const texts[] = {
		"{'chunk':1,'results':[1],'busyUs':1}",
		"{'hello':{'protocol':2,'runtime':'c','page':true,'unpack':['none'],'functions':[]}"
		"}",
		"{'hello':{'protocol':1,'runtime':'c','page':true,'unpack':['none'],"
		"'functions':[{'name':'a b'}]}}",
		"{'hello':{'protocol':1,'runtime':'c','page':true,'unpack':['none'],"
		"'functions':[{'name':'a'},{'name':'a'}]}}",
		"{'hello':{'runtime':'c','functions':[]}}",
		"hello",
	};
	struct peer *p;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct harness *h = harness_start(ONE_FAKE);
		struct fake *w = harness_worker(h);

		p = peer_connect(h);
		worker_send(w, "%s", texts[i]);
		worker_expect_gone(w);
		w = harness_ready_worker(h, "f");
		peer_call(p, "Apply", "{'function':'f','argument':1}");
		worker_expect(w, "{'chunk':1, ...}");
		worker_answer(w, 1, 0, "[1]");
		peer_expect_text(p, "{'parameters':{'result':1}}");
		harness_stop(h);
	}
}

Test(violation, another_users_map_is_unharmed) {
	struct harness *h = harness_start(TWO_FAKES);
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	struct fake *good, *bad;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	peer_call(p, "Map", "{'function':'f','items':['good'],'options':{'chunkSize':1}}");
	good = harness_expect_any(h, "{'chunk':1,'items':['good'], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':'bad'}");
	bad = harness_expect_any(h, "{'chunk':1,'items':['bad'], ...}");
	worker_send(bad, "rubbish");
	peer_expect_error(q, "ItemFailed", "{'item':{'kind':'WorkerDied', ...}}");
	worker_answer(good, 1, 0, "[true]");
	peer_expect(p, "{'parameters':{'results':[true], ...}}");
	harness_ready_worker(h, "f");
	harness_stop(h);
}
