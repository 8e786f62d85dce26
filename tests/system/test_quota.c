#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

/* What users may hold: connections, items and bytes; and that nothing waits for itself when they hold it. */

TestSuite(quota, .timeout = 60);

#define INFO_CALL "{'method':'org.varlink.service.GetInfo'}"
#define INFO      "{'parameters':{'product':'procpoold', ...}}"
#define KIB       1024

/* A string of size bytes, its quotes included; to be freed. */
static char *string_of(size_t size) {
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[0] = text[size - 1] = '\'';
	text[size] = '\0';
	return text;
}

/* Somebody else, who may use the daemon; NULL where only root could be that. */
static struct harness *start_for_two(const char *conf) {
	if (getuid() != 0)
		cr_skip_test("only root can be somebody else");
	return harness_start_with(&(struct start) {.conf = conf, .activate = true});
}

#define STRANGER 65534

/* Asks until the only request that waits, waits for this. */
static void expect_waits_for(struct harness *h, const char *what) {
	struct peer *p = peer_connect(h);
	bool found = false;

	while (!found) {
		json_t *reply, *request;
		size_t i;

		peer_call(p, "ListRequests", "{}");
		reply = peer_receive(p);
		json_array_foreach(
			json_object_get(json_object_get(reply, "parameters"), "requests"), i,
			request) {
			const char *waits = json_string_value(json_object_get(request, "waitsFor"));

			found = found || (waits && strstr(waits, what));
		}
		json_decref(reply);
	}
	peer_close(p);
}

static struct peer *open_stream(struct harness *h, const char *parameters) {
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,'parameters':%s}", parameters);
	peer_expect(p, "{'parameters':{'request':'~string','window':'~min:1'}}");
	return p;
}

/* Reads batches until n results are there, and the summary. */
static void expect_results(struct peer *p, size_t n) {
	for (size_t seen = 0; seen < n;) {
		json_t *batch = peer_receive(p), *inner = json_object_get(batch, "parameters");
		json_t *results = json_object_get(inner ? inner : batch, "results");

		cr_assert(json_is_array(results));
		seen += json_array_size(results);
		json_decref(batch);
	}
	peer_expect(p, "{'summary':{'failed':0, ...}}");
}

/* Of the status that comes: items that the daemon has received and not finished. */
static unsigned queued_and_running(struct peer *p) {
	json_t *reply = peer_receive(p), *status = json_object_get(reply, "parameters");
	json_int_t n = json_integer_value(json_object_get(status, "itemsQueued")) +
		       json_integer_value(json_object_get(status, "itemsRunning"));

	json_decref(reply);
	return (unsigned) n;
}

/* ---- connections ---- */

/* "`io.procpool.TooManyConnections` | `limit`, `scope` | there are as many connections as there may be, of the
 * `user` or of the whole `server`: close some, or try again later | closes"
 * "connections | 4096, of one user 1024 | `TooManyConnections`, before anything was read" */
Test(quota, a_connection_too_many_is_told_so_and_closed) {
	struct harness *h = harness_start("limits { user_connections = 2 } " ONE_FAKE);
	struct peer *p = peer_connect(h), *q = peer_connect(h), *r;

	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	peer_send(q, INFO_CALL);
	peer_expect(q, INFO);
	r = peer_connect(h);
	peer_expect_error(r, "TooManyConnections", "{'limit':2,'scope':'user'}");
	peer_expect_eof(r);
	/* It does not count itself, so closing one of the two makes room. */
	peer_close(q);
	for (bool served = false; !served;) {
		json_t *reply;

		q = peer_connect(h);
		peer_send(q, INFO_CALL);
		reply = peer_receive(q);
		served = !json_object_get(reply, "error");
		json_decref(reply);
	}
	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "connections | 4096, of one user 1024 | `TooManyConnections`, before anything was read" */
Test(quota, connections_of_all_users_are_limited) {
	struct harness *h =
		start_for_two("limits { connections = 2 user_connections = 1 } " ONE_FAKE);
	struct peer *p = peer_connect(h), *q = peer_connect_as(h, STRANGER), *r;

	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	peer_send(q, INFO_CALL);
	peer_expect(q, INFO);
	r = peer_connect_as(h, STRANGER - 1);
	peer_expect_error(r, "TooManyConnections", "{'limit':2,'scope':'server'}");
	peer_expect_eof(r);
	r = peer_connect(h);
	peer_expect_error(r, "TooManyConnections", "{'limit':1,'scope':'user'}");
	peer_expect_eof(r);
	harness_stop(h);
}

/* More than are waited for, and none of them goes by itself. */
Test(quota, a_flood_of_connections_is_refused_one_by_one) {
	enum { FLOOD = 200 };
	struct harness *h = harness_start("limits { user_connections = 1 } " ONE_FAKE);
	struct peer *p = peer_connect(h), *flood[FLOOD];

	peer_send(p, INFO_CALL);
	peer_expect(p, INFO);
	for (int i = 0; i < FLOOD; i++)
		flood[i] = peer_connect(h);
	for (int i = 0; i < FLOOD; i++) {
		peer_expect_error(flood[i], "TooManyConnections", "{'limit':1,'scope':'user'}");
		peer_expect_eof(flood[i]);
	}
	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{'connections':1, ...}}");
	harness_stop(h);
}

/* ---- calls ---- */

/* "`io.procpool.QueueFull` | `limit`, `scope` | the `user`, or all users of the `server`, hold as much as they may
 * (1.9): try again when results were taken | stays; closes if the call was not whole"
 * "items of one user: received, and their results not sent | 4 194 304 | `QueueFull`, with the scope `user`"
 * "While as much is held as a limit says, `Apply`, `Map` and `Stream` fail with `QueueFull`." */
Test(quota, who_holds_too_many_items_may_not_add_any) {
	struct harness *h = start_for_two("limits { user_items = 3 } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h),
		    *stranger = peer_connect_as(h, STRANGER);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':4}");
	peer_expect_error(q, "QueueFull", "{'limit':3,'scope':'user'}");
	peer_call_more(q, "Map", "{'function':'f','items':[4]}");
	peer_expect_error(q, "QueueFull", "{'limit':3,'scope':'user'}");
	peer_send(q,
		  "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f'}}");
	peer_expect_error(q, "QueueFull", "{'limit':3,'scope':'user'}");
	/* That is nobody else's business. */
	peer_call(stranger, "Apply", "{'function':'f','argument':5}");
	for (unsigned chunk = 1; chunk <= 4; chunk++) {
		if (chunk > 1)
			worker_expect(w, "{'chunk':%u, ...}", chunk);
		worker_answer(w, chunk, 0, "[0]");
	}
	peer_expect_text(stranger, "{'parameters':{'result':0}}");
	peer_expect(p, "{'parameters':{'results':[0,0,0], ...}}");
	/* The results were sent, so there is room. */
	peer_call(q, "Apply", "{'function':'f','argument':6}");
	worker_expect(w, "{'chunk':5,'items':[6], ...}");
	worker_answer(w, 5, 0, "[6]");
	peer_expect_text(q, "{'parameters':{'result':6}}");
	harness_stop(h);
}

/* "bytes held for one user | 256 MiB | `QueueFull`, with the scope `user`"
 * "A call that is accepted may go beyond a limit by itself, and so may its results."
 * "It is done whatever is held then." */
Test(quota, who_holds_too_many_bytes_may_not_add_any) {
	struct harness *h = harness_start("limits { user_bytes = 200K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	char *large = string_of(220 * KIB);

	peer_call(p, "Apply", "{'function':'f','argument':%s}", large);
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(q, "Apply", "{'function':'f','argument':1}");
	peer_expect_error(q, "QueueFull", "{'limit':204800,'scope':'user'}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(q, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect_text(q, "{'parameters':{'result':2}}");
	free(large);
	harness_stop(h);
}

/* "bytes held for all users | 1 GiB, or half of the memory of the machine or of the daemon's control group if that
 * is less | `QueueFull`, with the scope `server`" */
Test(quota, all_users_together_hold_no_more_than_there_may_be) {
	struct harness *h = start_for_two("limits { total_bytes = 100K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *stranger = peer_connect_as(h, STRANGER);
	char *large = string_of(120 * KIB);

	peer_call(p, "Apply", "{'function':'f','argument':%s}", large);
	worker_expect(w, "{'chunk':1, ...}");
	peer_call(stranger, "Apply", "{'function':'f','argument':1}");
	peer_expect_error(stranger, "QueueFull", "{'limit':102400,'scope':'server'}");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(stranger, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect_text(stranger, "{'parameters':{'result':2}}");
	free(large);
	harness_stop(h);
}

/* "A call of which more than 64 KiB have come, and not all, fails with `QueueFull` before the rest is read, and the
 * daemon closes."
 * "What is held for a user are the bytes of items and common values that were received, with some 2 KiB for each
 * call; of results and replies that were not taken; and of messages that are not whole, beyond 64 KiB on each
 * connection." */
Test(quota, a_large_call_is_refused_before_all_of_it_is_there) {
	struct harness *h = harness_start("limits { user_bytes = 200K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h), *small = peer_connect(h);
	static const char begin[] = "{\"parameters\":{\"argument\":\"",
			  end[] = "\",\"function\":\"f\"},\"method\":\"io.procpool.Apply\"}";
	char *large = string_of(220 * KIB);

	peer_call(p, "Apply", "{'function':'f','argument':%s}", large);
	worker_expect(w, "{'chunk':1, ...}");
	/* 60 KiB of a call are always read. */
	peer_send_raw(small, begin, strlen(begin));
	peer_send_raw(small, large + 1, 60 * KIB);
	peer_send_raw(q, begin, strlen(begin));
	peer_send_raw(q, large + 1, 200 * KIB);
	peer_expect_error(q, "QueueFull", "{'limit':204800,'scope':'user'}");
	peer_expect_eof(q);
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_send_raw(small, end, sizeof end);
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect_text(small, "{'parameters':{'result':2}}");
	free(large);
	harness_stop(h);
}

#define ONEWAY \
	"{'method':'io.procpool.Apply','oneway':true,'parameters':{'function':'f','argument':%d}}"

/* "A `oneway` call gets no error: it waits for room, and with it the calls behind it on its connection." */
Test(quota, a_oneway_call_waits_for_room_and_those_behind_it_wait_too) {
	struct harness *h = harness_start("limits { user_items = 2 } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	for (int i = 1; i <= 4; i++)
		peer_send(p, ONEWAY, i);
	peer_send(p, INFO_CALL);
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	peer_call(q, "Apply", "{'function':'f','argument':9}");
	peer_expect_error(q, "QueueFull", "{'limit':2,'scope':'user'}");
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[{'id':'1', ...},{'id':'2', ...}]}}");
	peer_expect_nothing(p);
	for (unsigned i = 1; i <= 4; i++) {
		if (i > 1)
			worker_expect(w, "{'chunk':%u,'items':[%u], ...}", i, i);
		worker_answer(w, i, 0, "[0]");
	}
	peer_expect(p, INFO);
	harness_stop(h);
}

/* "`oneway` calls are the exception: those received whole are run to their end." */
Test(quota, oneway_calls_that_wait_for_room_outlive_their_connection) {
	struct harness *h = harness_start("limits { user_items = 1 } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	for (int i = 1; i <= 5; i++)
		peer_send(p, ONEWAY, i);
	peer_close(p);
	for (unsigned i = 1; i <= 5; i++) {
		worker_expect(w, "{'chunk':%u,'items':[%u], ...}", i, i);
		worker_answer(w, i, 0, "[0]");
	}
	harness_stop(h);
}

/* Twenty thousand calls of one client: it is not read without a limit. */
Test(quota, a_flood_of_oneway_calls_is_left_in_the_socket) {
	enum { CALLS = 20000 };
	struct harness *h = start_for_two("limits { user_bytes = 1M } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *stranger = peer_connect_as(h, STRANGER);
	static const char call[] = "{\"method\":\"io.procpool.Apply\",\"oneway\":true,"
				   "\"parameters\":{\"function\":\"f\",\"argument\":5}}";
	char *calls = malloc(CALLS * sizeof call);
	size_t taken;

	for (size_t i = 0; i < CALLS; i++)
		memcpy(calls + i * sizeof call, call, sizeof call);
	taken = peer_send_until_full(p, calls, CALLS * sizeof call);
	/* 1 MiB is what some 500 of them take; the rest is in the kernel, or was read ahead. */
	cr_assert_lt(taken, CALLS * sizeof call / 2);
	peer_call(stranger, "Status", "{}");
	peer_expect(stranger, "{'parameters':{'itemsQueued':'~max:1000', ...}}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_answer(w, 1, 0, "[0]");
	free(calls);
	harness_kill(h);
}

/* ---- streams ---- */

/* An object of one item of so many bytes, and n of them one after the other. */
static char *objects_of(size_t item, size_t n, size_t *ret_size) {
	char *text = string_of(item), *objects = malloc(n * (item + 13) + 1), *to = objects;

	text[0] = text[item - 1] = '"';
	for (size_t i = 0; i < n; i++)
		to += sprintf(to, "{\"items\":[%s]}", text) + 1;
	free(text);
	*ret_size = (size_t) (to - objects);
	return objects;
}

/* "A stream gets none either: while it holds 64 KiB or more it is not read then, and goes on when there is room." */
Test(quota, a_stream_is_not_read_while_its_user_holds_too_much) {
	struct harness *h = harness_start("limits { user_bytes = 100K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','options':{'chunkSize':1}}"), *q;
	enum { OBJECTS = 400 };
	size_t size, taken;
	char *objects = objects_of(10000, OBJECTS, &size);
	unsigned whole;

	taken = peer_send_until_full(p, objects, size);
	/* Far below the window; what the daemon holds, and the socket's buffers. */
	cr_assert_lt(taken, (size_t) 1 << 20);
	q = peer_connect(h);
	peer_call(q, "Apply", "{'function':'f','argument':1}");
	peer_expect_error(q, "QueueFull", "{'limit':102400,'scope':'user'}");
	whole = (unsigned) (taken / (size / OBJECTS));
	for (unsigned chunk = 1; chunk <= whole; chunk++) {
		worker_expect(w, "{'chunk':%u, ...}", chunk);
		worker_answer(w, chunk, 0, "[1]");
	}
	cr_assert_gt(peer_send_until_full(p, objects + taken, size - taken), 0u);
	free(objects);
	harness_kill(h);
}

/* "`waitsFor` | what it waits for, for people; left out while it runs" */
Test(quota, list_requests_tells_who_waits_for_room) {
	struct harness *h = harness_start("limits { user_bytes = 200K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h), *s = open_stream(h, "{'function':'f'}");
	char *large = string_of(220 * KIB), *object;
	size_t size;

	peer_call(p, "Apply", "{'function':'f','argument':%s}", large);
	worker_expect(w, "{'chunk':1, ...}");
	object = objects_of(300 * KIB, 1, &size);
	cr_assert_lt(peer_send_until_full(s, object, size / 2), size);
	expect_waits_for(h, "limits.user_bytes");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_send_raw(s, object + size / 2, size - size / 2);
	worker_expect(w, "{'chunk':2, ...}");
	worker_answer(w, 2, 0, "[2]");
	peer_expect(s, "{'first':0,'results':[2], ...}");
	free(object);
	free(large);
	harness_stop(h);
}

/* Each of them holds less than 64 KiB, together they hold far more than they may: none must wait for another. */
/* "A stream gets none either: while it holds 64 KiB or more it is not read then, and goes on when there is room." */
Test(quota, many_streams_of_one_user_all_go_on) {
	enum { STREAMS = 30, ROUNDS = 2 };
	struct harness *h = harness_start("limits { user_bytes = 64K } " ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *streams[STREAMS], *q;
	size_t size;
	char *object = objects_of(60000, 1, &size);

	for (int i = 0; i < STREAMS; i++)
		streams[i] = open_stream(h, "{'function':'f'}");
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STREAMS; i++)
			peer_send_raw(streams[i], object, size);
		/* All of it is read before anything is done. */
		for (unsigned read = 0; read < STREAMS;) {
			q = peer_connect(h);
			peer_call(q, "Status", "{}");
			read = queued_and_running(q);
			peer_close(q);
		}
		for (unsigned i = 0; i < STREAMS; i++) {
			worker_expect(w, "{'chunk':%u, ...}", round * STREAMS + i + 1);
			worker_answer(w, round * STREAMS + i + 1, 0, "[1]");
		}
	}
	for (int i = 0; i < STREAMS; i++) {
		peer_send(streams[i], "{'end':true}");
		expect_results(streams[i], ROUNDS);
	}
	free(object);
	harness_stop(h);
}

/* What streams sent of objects that are not whole is all that is held, and too much. */
/* "If unfinished objects alone are what is too much, one stream of the user after the other is read on." */
Test(quota, unfinished_objects_that_fill_the_limit_become_whole_one_by_one) {
	enum { STREAMS = 6 };
	struct harness *h = harness_start("limits { user_bytes = 200K } " ONE_STOCK);
	struct peer *streams[STREAMS];
	size_t size, sent[STREAMS];
	char *object = objects_of(300 * KIB, 1, &size);

	for (int i = 0; i < STREAMS; i++)
		streams[i] = open_stream(h, "{'function':'index'}");
	for (int i = 0; i < STREAMS; i++)
		sent[i] = peer_send_until_full(streams[i], object, size / 2);
	/* Whoever has its turn is the client's to guess: it sends where there is room. */
	for (size_t all = 0; all < STREAMS * size;) {
		all = 0;
		for (int i = 0; i < STREAMS; i++) {
			sent[i] +=
				peer_send_until_full(streams[i], object + sent[i], size - sent[i]);
			all += sent[i];
		}
	}
	for (int i = 0; i < STREAMS; i++) {
		peer_send(streams[i], "{'end':true}");
		expect_results(streams[i], 1);
	}
	free(object);
	harness_stop(h);
}

/* The stream's own results are what is too much: reading them is what makes room. */
Test(quota, a_stream_whose_own_results_fill_the_limit_goes_on_when_they_are_read) {
	enum { ITEMS = 60 };
	struct harness *h = harness_start("limits { user_bytes = 600K } " TWO_STOCKS);
	struct peer *p = open_stream(h, "{'function':'big','options':{'chunkSize':1}}"),
		    *q = peer_connect(h);

	for (int i = 0; i < ITEMS; i++)
		peer_send(p, "{'items':[50000]}");
	expect_waits_for(h, "its client to read results");
	peer_call(q, "Apply", "{'function':'value','argument':1}");
	peer_expect_error(q, "QueueFull", "{'limit':614400,'scope':'user'}");
	/* It holds no worker. */
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'slotsBusy':0,'itemsRunning':0, ...}}");
	peer_send(p, "{'end':true}");
	expect_results(p, ITEMS);
	peer_expect_eof(p);
	peer_call(q, "Apply", "{'function':'value','argument':1}");
	peer_expect_text(q, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* ---- results ---- */

/* "What was answered waits until you take it, however long that is: a client that takes nothing holds what is charged
 * to it, and never a worker." */
Test(quota, a_reader_that_takes_nothing_holds_bytes_and_no_worker) {
	struct harness *h = start_for_two("limits { user_bytes = 1M } " TWO_STOCKS);
	struct peer *p = peer_connect(h), *q = peer_connect(h),
		    *stranger = peer_connect_as(h, STRANGER);

	peer_call_more(p, "Map",
		       "{'function':'big','items':[400000,400000,400000,400000,400000,"
		       "400000,400000,400000,400000,400000]}");
	expect_waits_for(h, "its client to read results");
	peer_call(q, "Apply", "{'function':'value','argument':1}");
	peer_expect_error(q, "QueueFull", "{'limit':1048576,'scope':'user'}");
	peer_call(stranger, "Apply", "{'function':'value','argument':1}");
	peer_expect_text(stranger, "{'parameters':{'result':1}}");
	peer_call(stranger, "Status", "{}");
	peer_expect(stranger, "{'parameters':{'slotsBusy':0, ...}}");
	for (int seen = 0; seen < 10;) {
		json_t *batch = peer_receive(p);

		seen += (int) json_array_size(
			json_object_get(json_object_get(batch, "parameters"), "results"));
		json_decref(batch);
	}
	peer_expect(p, "{'parameters':{'summary':{'succeeded':10, ...}}}");
	peer_call(q, "Apply", "{'function':'value','argument':1}");
	peer_expect_text(q, "{'parameters':{'result':1}}");
	harness_stop(h);
}

/* "`ListRequests` and `ListFunctions` fail with `QueueFull` where replies that were not taken are that much." */
Test(quota, who_leaves_replies_untaken_gets_no_more_lists) {
	struct harness *h = harness_start("limits { user_bytes = 400K } " TWO_STOCKS);
	struct peer *p = peer_connect(h), *q = peer_connect(h);

	peer_call_more(p, "Map", "{'function':'big','items':[400000,400000,400000,400000,400000]}");
	/* All that is not in the socket is held. */
	for (const char *error = NULL; !error;) {
		json_t *reply;

		peer_call(q, "ListRequests", "{}");
		reply = peer_receive(q);
		error = json_object_get(reply, "error") ? "QueueFull" : NULL;
		json_decref(reply);
	}
	peer_call(q, "ListRequests", "{}");
	peer_expect_error(q, "QueueFull", "{'limit':409600,'scope':'user'}");
	peer_call(q, "ListFunctions", "{}");
	peer_expect_error(q, "QueueFull", "{'limit':409600,'scope':'user'}");
	peer_call(q, "Status", "{}");
	peer_expect(q, "{'parameters':{'state':*, ...}}");
	for (int seen = 0; seen < 5;) {
		json_t *batch = peer_receive(p);

		seen += (int) json_array_size(
			json_object_get(json_object_get(batch, "parameters"), "results"));
		json_decref(batch);
	}
	peer_expect(p, "{'parameters':{'summary':{'succeeded':5, ...}}}");
	peer_call(q, "ListRequests", "{}");
	peer_expect(q, "{'parameters':{'requests':[]}}");
	harness_stop(h);
}

/* "Where results take a user to twice the limit, or all users to one and a half times theirs, the newest call of
 * theirs that has one reply only ends with `ReplyTooLarge`; the limit in it is the one of held bytes." */
Test(quota, past_twice_the_limit_the_newest_call_with_one_reply_ends) {
	struct harness *h = harness_start("limits { user_bytes = 300K } " TWO_FAKES);
	struct peer *older = peer_connect(h), *newer = peer_connect(h);
	char *large = string_of(250 * KIB);
	struct fake *f, *g;

	harness_ready_worker(h, "f g");
	harness_ready_worker(h, "f g");
	peer_call(older, "Map",
		  "{'function':'f','items':[1,2],"
		  "'options':{'chunkSize':1,'maxWorkers':1}}");
	f = harness_expect_any(h, "{'function':'f', ...}");
	peer_call(newer, "Map",
		  "{'function':'g','items':[1,2],"
		  "'options':{'chunkSize':1,'maxWorkers':1}}");
	g = harness_expect_any(h, "{'function':'g', ...}");
	worker_send(f, "{'chunk':1,'results':[%s],'busyUs':50000}", large);
	worker_expect(f, "{'chunk':2, ...}");
	worker_send(g, "{'chunk':1,'results':[%s],'busyUs':50000}", large);
	worker_expect(g, "{'chunk':2, ...}");
	worker_send(f, "{'chunk':2,'results':[%s],'busyUs':50000}", large);
	peer_expect_error(newer, "ReplyTooLarge", "{'limit':307200}");
	peer_expect(older, "{'parameters':{'summary':{'succeeded':2, ...}, ...}}");
	free(large);
	harness_stop(h);
}

/* "Calls behind more than 1 MiB of replies that you did not take are not read, until less than 256 KiB are left." */
Test(quota, who_does_not_take_replies_is_not_read) {
	enum { CALLS = 20000 };
	struct harness *h = harness_start(ONE_FAKE);
	struct peer *p = peer_connect(h), *q = peer_connect(h);
	static const char call[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				   "\"parameters\":{\"interface\":\"io.procpool\"}}";
	char *calls = malloc(CALLS * sizeof call);
	size_t taken, whole;

	for (size_t i = 0; i < CALLS; i++)
		memcpy(calls + i * sizeof call, call, sizeof call);
	/* Again and again, for a daemon on a busy machine may seem not to read. */
	taken = 0;
	for (int round = 0; round < 5; round++) {
		taken += peer_send_until_full(p, calls + taken, CALLS * sizeof call - taken);
		peer_send(q, INFO_CALL);
		peer_expect(q, INFO);
	}
	cr_assert_lt(taken, CALLS * sizeof call / 2);
	whole = taken / sizeof call;
	for (size_t i = 0; i < whole; i++)
		peer_expect(p, "{'parameters':{'description':'~string'}}");
	peer_send_raw(p, calls + taken, sizeof call - taken % sizeof call);
	peer_expect(p, "{'parameters':{'description':'~string'}}");
	peer_send(q, INFO_CALL);
	peer_expect(q, INFO);
	free(calls);
	harness_stop(h);
}

/* "Shutting down only your sending side is fine: what you sent is done and answered, then the daemon closes."
 * "What was answered waits until you take it, however long that is: a client that takes nothing holds what is charged
 * to it, and never a worker." */
Test(quota, who_is_slow_to_read_the_last_reply_gets_all_of_it) {
	struct harness *h = harness_start(ONE_STOCK);
	struct peer *p = peer_connect(h), *s = open_stream(h, "{'function':'big'}");

	peer_call(p, "Apply", "{'function':'big','argument':3000000}");
	peer_half_close(p);
	peer_send(s, "{'items':[900000],'end':true}");
	/* Longer than a peer is waited for that has its answer and does not go. */
	harness_measure(h, 2500);
	peer_expect_containing(p, "xxxxxxxx\"}}");
	peer_expect_eof(p);
	peer_expect_containing(s, "xxxxxxxx\"]}");
	peer_expect(s, "{'summary':{'succeeded':1, ...}}");
	peer_expect_eof(s);
	harness_stop(h);
}

/* ---- windows ---- */

/* An item of a window of one comes back from a dead worker. */
/* "The oldest item may always start, however full the window is." */
Test(quota, a_window_of_one_lets_a_returned_item_start_again) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = open_stream(h, "{'function':'f','window':1}");

	peer_send(p, "{'items':[1,2],'end':true}");
	worker_expect(w, "{'items':[1], ...}");
	worker_order(w, "signal 9");
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':[1], ...}");
	worker_answer(w, 1, 0, "[1]");
	worker_expect(w, "{'chunk':2,'items':[2], ...}");
	worker_answer(w, 2, 0, "[2]");
	expect_results(p, 2);
	harness_stop(h);
}

/* The same with results in any order, and a second item that ran ahead. */
/* "`window` is how far ahead of the oldest result that was not sent to you items are started, in
 * items; with `order` `unordered`, how many may run or have a result that was not sent." */
Test(quota, an_unordered_window_lets_a_returned_item_start_again) {
	struct harness *h = harness_start(TWO_FAKES);
	struct fake *w;
	struct peer *p;

	harness_ready_worker(h, "f");
	harness_ready_worker(h, "f");
	harness_expect_notify(h, "READY=1");
	p = open_stream(h, "{'function':'f','window':2,'options':{'chunkSize':1,'order':"
			   "'unordered'}}");
	peer_send(p, "{'items':[0,1,2],'end':true}");
	w = harness_expect_any(h, "{'items':[0], ...}");
	worker_order(w, "signal 9");
	w = harness_expect_any(h, "{'items':[1], ...}");
	worker_answer_last(w, "[1]");
	for (int left = 2; left > 0; left--) {
		w = harness_expect_any(h, "{'items':['~max:2'], ...}");
		worker_answer_last(w, "[0]");
	}
	expect_results(p, 3);
	harness_stop(h);
}
