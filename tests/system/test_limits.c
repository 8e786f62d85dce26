#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

/* Each limit of PROTOCOL's table: its error, what it says, and whether the connection lives. Meanwhile another
 * client's map runs, and must not notice. */

TestSuite(limits, .timeout = 60);

#define INFO_CALL "{'method':'org.varlink.service.GetInfo'}"
#define INFO      "{'parameters':{'product':'procpoold', ...}}"

/* The client that must not notice: a map of two items whose second one ends with the test. */
struct bystander {
	struct peer *peer;
	struct fake *worker;
};

static struct bystander bystander_start(struct harness *h) {
	struct bystander b = {.peer = peer_connect(h), .worker = harness_ready_worker(h, "f")};

	peer_call_more(b.peer, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	worker_expect(b.worker, "{'chunk':1,'items':[1], ...}");
	worker_answer(b.worker, 1, 0, "[1]");
	peer_expect(b.peer, "{'parameters':{'first':0,'results':[1], ...},'continues':true}");
	worker_expect(b.worker, "{'chunk':2,'items':[2], ...}");
	return b;
}

static void bystander_end(struct bystander *b) {
	worker_answer(b->worker, 2, 0, "[4]");
	peer_expect(b->peer, "{'parameters':{'first':1,'results':[4]},'continues':true}");
	peer_expect(b->peer, "{'parameters':{'summary':{'succeeded':2, ...}}}");
}

/* text[0 … size): begin, then fill up to the end, which comes last. */
static char *padded(const char *begin, char fill, const char *end, size_t size) {
	char *text = malloc(size + 1);

	memset(text, fill, size);
	text[size] = '\0';
	memcpy(text, begin, strlen(begin));
	memcpy(text + size - strlen(end), end, strlen(end));
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return text;
}

/* Sends text, which should be refused, and then whether the connection still serves. */
static void expect_refused(struct harness *h, char *text, bool lives, const char *error,
			   const char *parameters) {
	struct peer *p = peer_connect(h);

	peer_send_raw(p, text, strlen(text) + 1);
	peer_expect_error(p, error, "%s", parameters);
	if (lives) {
		peer_send(p, INFO_CALL);
		peer_expect(p, INFO);
	} else {
		peer_expect_eof(p);
	}
	peer_close(p);
	free(text);
}

static void expect_taken(struct harness *h, char *text) {
	struct peer *p = peer_connect(h);

	peer_send_raw(p, text, strlen(text) + 1);
	peer_expect(p, INFO);
	peer_close(p);
	free(text);
}

#define MAP  "{'method':'io.procpool.Map','parameters':{'function':'f','items':["
#define FULL "{'method':'org.varlink.service.GetInfo','x.y':'"

/* "`io.procpool.MessageTooLarge` | `limit` | the message is over the limit: use a stream | closes"
 * "one message, one object of a stream | 16 MiB | `MessageTooLarge`" */
Test(limits, message) {
	struct harness *h = harness_start("limits { message = 2000 } " ONE_FAKE);
	struct bystander b = bystander_start(h);

	expect_taken(h, padded(FULL, 'x', "'}", 2000));
	expect_refused(h, padded(FULL, 'x', "'}", 2001), false, "MessageTooLarge",
		       "{'limit':2000}");
	expect_refused(h, padded(MAP "'", 'x', "']}}", 1 << 20), false, "MessageTooLarge",
		       "{'limit':2000}");
	bystander_end(&b);
	harness_stop(h);
}

/* "of it, all but items, argument and common | 64 KiB | `MalformedMessage`" */
Test(limits, envelope) {
	struct harness *h = harness_start("limits { envelope = 1000 } " ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h);
	char *item = padded("'", 'x', "'", 5000);

	expect_taken(h, padded(FULL, 'x', "'}", 900));
	expect_refused(h, padded(FULL, 'x', "'}", 1100), false, "MalformedMessage",
		       "{'reason':'~string','offset':'~int'}");
	expect_refused(h,
		       padded("{'method':'io.procpool.Apply','parameters':{'function':'", 'x',
			      "'}}", 1100),
		       false, "MalformedMessage", "{'reason':'~string','offset':'~int'}");
	/* Items, argument and common do not count. */
	peer_call(p, "Map", "{'function':'nothing','items':[%s],'common':%s}", item, item);
	peer_expect_error(p, "NoSuchFunction", "*");
	peer_call(p, "Apply", "{'argument':%s,'function':'nothing'}", item);
	peer_expect_error(p, "NoSuchFunction", "*");
	free(item);
	bystander_end(&b);
	harness_stop(h);
}

/* "If they are more than 16 MiB, the call ends at once with `ReplyTooLarge`."
 * "`io.procpool.ReplyTooLarge` | `limit` | the results of a `Map` without `more` are too large:
 * use `more` | stays"
 * "results of a `Map` without `more`, together | 16 MiB | `ReplyTooLarge`" */
Test(limits, reply) {
	struct harness *h = harness_start("limits { reply = 2000 } " TWO_FAKES);
	struct bystander b = bystander_start(h);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char *result = padded("['", 'x', "']", 1500);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, result);
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, result);
	peer_expect_error(p, "ReplyTooLarge", "{'limit':2000}");
	/* The same with more has no such limit, and the connection lives. */
	peer_call_more(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':1}}");
	for (unsigned i = 0; i < 2; i++) {
		json_t *chunk = worker_receive(w);

		worker_answer(w, (uint64_t) json_integer_value(json_object_get(chunk, "chunk")), 0,
			      result);
		json_decref(chunk);
		peer_expect(p, "{'parameters':{'first':%u, ...},'continues':true}", i);
	}
	peer_expect(p, "{'parameters':{'summary':'~object'}}");
	free(result);
	bystander_end(&b);
	harness_stop(h);
}

/* text: n brackets inside the call's two braces and its array of items. */
static char *nested(size_t n, bool closed) {
	char *text = calloc(1, 2 * n + 200), *end;

	strcpy(text,
	       "{\"method\":\"io.procpool.Map\",\"parameters\":{\"function\":\"none\",\"items\":[");
	end = text + strlen(text);
	memset(end, '[', n);
	if (closed) {
		memset(end + n, ']', n);
		strcpy(end + 2 * n, "]}}");
	}
	return text;
}

/* "Nesting counts from the message's own braces, which are level 1; 256 levels are allowed."
 * "`io.procpool.TooDeep` | `limit` | the message is nested too deeply | closes"
 * "depth, with the message's own braces | 256 levels | `TooDeep`" */
Test(limits, depth) {
	struct harness *h = harness_start(ONE_FAKE);
	struct bystander b = bystander_start(h);

	expect_refused(h, nested(253, true), true, "NoSuchFunction", "'*'");
	expect_refused(h, nested(254, true), false, "TooDeep", "{'limit':256}");
	expect_refused(h, nested(1 << 20, false), false, "TooDeep", "{'limit':256}");
	bystander_end(&b);
	harness_stop(h);
}

/* "`io.procpool.TooManyItems` | `limit` | the call has too many items: use a stream | stays"
 * "items in one call | 1 000 000 | `TooManyItems`; streams have no such limit"
 * "A reply of `Map` may have 257 levels, for a result of the deepest kind lies one level deeper
 * there than with the worker." */
Test(limits, a_result_of_the_deepest_kind_is_delivered) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char result[2 * 254 + 1] = "";

	/* In the report two levels surround it, in the reply three. */
	memset(result, '[', 254);
	memset(result + 254, ']', 254);
	peer_call(p, "Map", "{'function':'f','items':[1]}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_send(w, "{'chunk':1,'results':[%s],'busyUs':9}", result);
	peer_expect_containing(p, "{'parameters':{'request':'1','results':[%s],", result);
	harness_stop(h);
}

/* "`io.procpool.TooManyItems` | `limit` | the call has too many items: use a stream | stays"
 * "items in one call | 1 000 000 | `TooManyItems`; streams have no such limit" */
Test(limits, items) {
	struct harness *h = harness_start("limits { items = 3 } " ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'nothing','items':[1,2,3]}");
	peer_expect_error(p, "NoSuchFunction", "*");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4]}");
	peer_expect_error(p, "TooManyItems", "{'limit':3}");
	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4,5,6,7,8,9,10,11,12]}");
	peer_expect_error(p, "TooManyItems", "{'limit':3}");
	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	bystander_end(&b);
	harness_stop(h);
}

/* "`io.procpool.ItemTooLarge` | `limit`, `index` | an item is too large, and the first of them is
 * at `index` | stays"
 * "one item, argument | 4 MiB | `ItemTooLarge`" */
Test(limits, item) {
	struct harness *h = harness_start("limits { item = 32 } " ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h);
	char *fits = padded("'", 'x', "'", 32), *large = padded("'", 'x', "'", 33);

	peer_call(p, "Map", "{'function':'nothing','items':[%s,%s]}", fits, fits);
	peer_expect_error(p, "NoSuchFunction", "*");
	peer_call(p, "Map", "{'function':'f','items':[1,%s,%s,2,%s]}", fits, large, large);
	peer_expect_error(p, "ItemTooLarge", "{'limit':32,'index':2}");
	peer_call(p, "Apply", "{'function':'f','argument':%s}", large);
	peer_expect_error(p, "ItemTooLarge", "{'limit':32,'index':0}");
	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	free(fits);
	free(large);
	bystander_end(&b);
	harness_stop(h);
}

/* "`ResultTooLarge` | the result is larger than 4 MiB"
 * "one result | 4 MiB | item error `ResultTooLarge`" */
Test(limits, result) {
	struct harness *h = harness_start("limits { item = 32 } " TWO_FAKES);
	struct bystander b = bystander_start(h);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char *large = padded("'", 'x', "'", 33);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':3}}");
	worker_expect(w, "{'chunk':1,'items':[1,2,3], ...}");
	worker_send(w, "{'chunk':1,'results':['a',%s,'b'],'busyUs':9}", large);
	peer_expect(p, "{'parameters':{'results':['a',null,'b'],'errors':[{'index':1,"
		       "'kind':'ResultTooLarge','attempts':1, ...}], ...}}");
	cr_assert_not(worker_is_gone(w));
	free(large);
	bystander_end(&b);
	harness_stop(h);
}

/* "The text of one number may have 1024 characters."
 * "characters of a number | 1024 | `MalformedMessage`; in a result `BadResult`" */
Test(limits, number_token) {
	struct harness *h = harness_start(ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h);
	char *fits = padded("", '1', "", 1024), *large = padded("", '1', "", 1025), *text;

	peer_call(p, "Map", "{'function':'nothing','items':[%s]}", fits);
	peer_expect_error(p, "NoSuchFunction", "*");
	text = malloc(2000);
	sprintf(text,
		"{\"method\":\"io.procpool.Map\",\"parameters\":{\"function\":\"f\",\"items\":[%s]}"
		"}",
		large);
	expect_refused(h, text, false, "MalformedMessage", "{'reason':'~string','offset':'~int'}");
	free(fits);
	free(large);
	bystander_end(&b);
	harness_stop(h);
}

/* "characters of a number | 1024 | `MalformedMessage`; in a result `BadResult`"
 * "`BadResult` | the result has a number of more than 1024 characters" */
Test(limits, number_token_in_a_result_is_a_bad_result) {
	struct harness *h = harness_start(TWO_FAKES);
	struct bystander b = bystander_start(h);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char *large = padded("", '1', "", 1025);

	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_send(w, "{'chunk':1,'results':[%s,7],'busyUs':9}", large);
	peer_expect(p, "{'parameters':{'results':[null,7],'errors':[{'index':0,'kind':'BadResult',"
		       "'attempts':1, ...}], ...}}");
	cr_assert_not(worker_is_gone(w));
	free(large);
	bystander_end(&b);
	harness_stop(h);
}

/* "a message over 16 MiB (`limits.worker_message`);" */
Test(limits, worker_message) {
	struct harness *h = harness_start("limits { worker_message = 4000 } " TWO_FAKES);
	struct bystander b = bystander_start(h);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	char *large = padded("'", 'x', "'", 5000);

	peer_call(p, "Map", "{'function':'f','items':[1],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_page_store(w, 1, 0, true);
	worker_send(w, "{'chunk':1,'results':[%s],'busyUs':9}", large);
	worker_expect_gone(w);
	peer_expect(p, "{'parameters':{'results':[null],'errors':[{'index':0,'kind':'WorkerDied',"
		       "'exitSignal':9,'attempts':1,'message':'~has:worker_message', ...}], ...}}");
	free(large);
	bystander_end(&b);
	harness_stop(h);
}

/* "`io.procpool.TimedOut` | `timeoutMs` | the call took longer than its options allow; or a message was begun and not
 * finished in time | stays; or closes"
 * "an unfinished message | 30 s without a byte, 10 min in all | `TimedOut`" */
Test(limits, unfinished_message) {
	struct harness *h = harness_start("limits { message_timeout = 200ms } " ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h), *idle = peer_connect(h);

	peer_send_raw(p, "{\"method\":", 10);
	peer_expect_error(p, "TimedOut", "{'timeoutMs':200}");
	peer_expect_eof(p);
	/* Who has said nothing yet, or waits for an answer, is not late. */
	peer_send(idle, INFO_CALL);
	peer_expect(idle, INFO);
	bystander_end(&b);
	harness_stop(h);
}

/* "an unfinished message | 30 s without a byte, 10 min in all | `TimedOut`" */
Test(limits, unfinished_message_in_all) {
	struct harness *h = harness_start(
		"limits { message_timeout = 5s message_timeout_total = 300ms } " ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h);
	bool ended = false;

	peer_send_raw(p, "{\"method\":\"", 11);
	/* A byte each time another connection was served: never late, never finished. */
	while (!ended) {
		struct peer *q = peer_connect(h);

		peer_send_raw(p, "x", 1);
		peer_send(q, INFO_CALL);
		peer_expect(q, INFO);
		peer_close(q);
		ended = peer_pending(p) > 0;
	}
	peer_expect_error(p, "TimedOut", "{'timeoutMs':300}");
	peer_expect_eof(p);
	bystander_end(&b);
	harness_stop(h);
}

/* "Each message is one JSON object in UTF-8, followed by one NUL byte (`\0`), with clients and
 * with workers alike."
 * "Nothing precedes the first message, and a message may arrive in pieces of any size."
 * "An unfinished message is timed only while the daemon is reading." */
Test(limits, a_message_is_not_late_while_the_daemon_does_not_read) {
	struct harness *h = harness_start("limits { message_timeout = 100ms } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	/* The second call is unfinished, and nobody reads it before the first is answered. */
	peer_call(p, "Apply", "{'function':'f','argument':1}");
	peer_send_raw(p, "{\"method\":", 10);
	worker_expect(w, "{'chunk':1, ...}");
	harness_measure(h, 300);
	peer_expect_nothing(p);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_expect_error(p, "TimedOut", "{'timeoutMs':100}");
	peer_expect_eof(p);
	harness_stop(h);
}

/* "Each message is one JSON object in UTF-8, followed by one NUL byte (`\0`), with clients and
 * with workers alike."
 * "Nothing precedes the first message, and a message may arrive in pieces of any size." */
Test(limits, a_message_that_comes_byte_by_byte_is_a_message) {
	static const char call[] = "{\"parameters\":{\"items\":[ 1 ,\"\\u00e9\",{\"a\":[]}],"
				   "\"function\":\"none\"},\"method\":\"io.procpool.Map\"}";
	struct harness *h = harness_start(ONE_FAKE);
	struct bystander b = bystander_start(h);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	for (size_t i = 0; i < sizeof(call); i++) {
		peer_send_raw(p, call + i, 1);
		/* The daemon has read the byte before the next one is sent. */
		peer_send(q, INFO_CALL);
		peer_expect(q, INFO);
	}
	peer_expect_error(p, "NoSuchFunction", "{'function':'none'}");
	bystander_end(&b);
	harness_stop(h);
}

Test(limits, garbage_of_every_kind_leaves_other_clients_alone) {
	struct harness *h = harness_start(ONE_FAKE);
	struct bystander b = bystander_start(h);
	unsigned seed = 20260101;
	char bytes[3000];

	for (int round = 0; round < 40; round++) {
		struct peer *p = peer_connect(h);

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char) (rand_r(&seed) >> 8);
		peer_send_raw(p, bytes, (size_t) rand_r(&seed) % sizeof(bytes) + 1);
		if (round % 2)
			peer_half_close(p);
		peer_close(p);
	}
	bystander_end(&b);
	harness_stop(h);
}

static json_int_t connections(struct peer *p) {
	json_t *status;
	json_int_t n;

	peer_call(p, "Status", "{}");
	status = peer_receive(p);
	n = json_integer_value(
		json_object_get(json_object_get(status, "parameters"), "connections"));
	json_decref(status);
	return n;
}

struct count {
	struct peer *p;
	json_int_t before;
};

static bool hardly_more_than_before(void *data) {
	const struct count *count = data;

	/* The harness may have opened one of its own meanwhile. */
	return connections(count->p) <= count->before + 1;
}

/* They were not read any more, as they took no replies; and the end came while some were on their way. */
Test(limits, nobody_stays_connected_who_left_calls_unread_and_replies_untaken) {
	enum { PEERS = 30, CALLS = 2000 };
	static const char call[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				   "\"parameters\":{\"interface\":\"io.procpool\"}}";
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *peers[PEERS];
	struct count count = {.p = peer_connect(h)};
	char *calls = malloc(CALLS * sizeof call);

	count.before = connections(count.p);
	for (int i = 0; i < CALLS; i++)
		memcpy(calls + i * sizeof call, call, sizeof call);
	for (int i = 0; i < PEERS; i++) {
		peers[i] = peer_connect(h);
		peer_send_until_full(peers[i], calls, CALLS * sizeof call);
	}
	free(calls);
	harness_freeze(h);
	for (int i = 0; i < PEERS; i++)
		peer_close(peers[i]);
	harness_thaw(h);
	harness_wait(h, "all others to be gone", hardly_more_than_before, &count);
	harness_stop(h);
}
