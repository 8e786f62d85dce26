/* How the time of the workers is shared. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/harness.h"

TestSuite(fair, .timeout = 120);

/* Enough that none of them ends during a test. */
#define MANY 300
/* What an item takes, in ms. */
#define TURN 10

/* A map of many items, all of them this letter, a chunk each. */
static void map(struct peer *p, char letter, int priority) {
	char items[4 * MANY + 1] = "", *end = items;

	for (int i = 0; i < MANY; i++)
		end += sprintf(end, "%s'%c'", i ? "," : "", letter);
	peer_call(p, "Map", "{'function':'f','items':[%s],'options':{'chunkSize':1,'priority':%d}}",
		  items, priority);
}

/* What was sent to the daemon before is done once this has its answer. */
static void settle(struct harness *h) {
	struct peer *p = peer_connect(h);

	peer_call(p, "Status", "{}");
	peer_expect(p, "{'parameters':{...}}");
	peer_close(p);
}

/* The worker's next item; it is in the worker's hands. */
static char next_item(struct fake *w, json_int_t *ret_chunk) {
	json_t *message = worker_receive(w);
	char letter = *json_string_value(json_array_get(json_object_get(message, "items"), 0));

	*ret_chunk = json_integer_value(json_object_get(message, "chunk"));
	worker_page_store(w, (uint64_t) *ret_chunk, 0, true);
	json_decref(message);
	return letter;
}

static double now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* What the only worker did. Turns are as long as they are on this machine now: time is counted. */
struct work {
	struct harness *h;
	struct fake *w;
	double since;     /* the worker has its present item */
	double ms[128];   /* by letter */
	double last;      /* of the last turn */
	char turns[1000]; /* for the report */
	unsigned n_turns;
};

/* To be called before the first call. */
static struct work work_begin(struct harness *h) {
	return (struct work) {.h = h, .w = harness_ready_worker(h, "f"), .since = now_ms()};
}

/* The worker's item is over. */
static void work_note(struct work *work, char letter) {
	double now = now_ms();

	work->last = now - work->since;
	work->ms[(unsigned char) letter] += work->last;
	work->since = now;
	work->turns[work->n_turns++] = letter;
}

/* The worker runs one item. */
static char turn(struct work *work) {
	json_int_t chunk;
	char letter = next_item(work->w, &chunk);

	harness_measure(work->h, TURN);
	worker_answer(work->w, (uint64_t) chunk, 0, "[0]");
	work_note(work, letter);
	return letter;
}

/* For so many turns, and then the letter had such a part of the time, give or take a third: the daemon counts from
 * other moments than we, and the machine may be busy. */
static void expect_share(struct work *work, unsigned n, char letter, double part) {
	double all = 0, share;

	memset(work->ms, 0, sizeof(work->ms));
	while (n-- > 0)
		turn(work);
	for (unsigned i = 0; i < 128; i++)
		all += work->ms[i];
	share = work->ms[(unsigned char) letter] / all;
	cr_assert(share > 0.67 * part && share < 1.34 * part,
		  "%c had %.3f of the time, not %.3f: %s", letter, share, part, work->turns);
}

/* "The time of the workers is shared evenly between the users who have something to run, a user's time between its
 * programs (client processes), and a program's between its calls, whatever the number of connections, calls and
 * items." */
Test(fair, between_the_calls_of_a_program) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);

	map(peer_connect(h), 'a', 0);
	map(peer_connect(h), 'b', 0);
	map(peer_connect(h), 'c', 0);
	settle(h);
	expect_share(&work, 40, 'c', 1.0 / 3);
	harness_stop(h);
}

Test(fair, between_a_program_with_one_call_and_one_with_thirty) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);

	for (unsigned i = 0; i < 30; i++)
		map(peer_connect(h), 'm', 0);
	map(peer_connect_elsewhere(h), 'o', 0);
	settle(h);
	expect_share(&work, 50, 'o', 0.5);
	harness_stop(h);
}

Test(fair, between_a_user_with_one_program_and_one_with_thirty) {
	struct harness *h;
	struct work work;

	if (getuid() != 0)
		cr_skip_test("only root can be two users");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	work = work_begin(h);
	map(peer_connect_as(h, 65534), 'o', 0);
	for (unsigned i = 0; i < 30; i++)
		map(peer_connect_elsewhere(h), 'm', 0);
	settle(h);
	expect_share(&work, 50, 'o', 0.5);
	harness_stop(h);
}

/* "A call weighs 1.25 times as much as one whose `priority` is higher by 1, and a program as much as its heaviest
 * call."
 * "`priority` | integer from -20 to 19 | how much the call weighs beside others of its program, see below; 0 if left
 * out" */
Test(fair, by_priority_between_the_calls_of_a_program) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);

	map(peer_connect(h), 'a', -20);
	map(peer_connect(h), 'b', -15);
	settle(h);
	/* 3.05 to 1. */
	expect_share(&work, 60, 'b', 0.247);
	harness_stop(h);
}

Test(fair, by_the_heaviest_call_between_programs) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);
	struct peer *other;

	map(peer_connect(h), 'a', 0);
	map(peer_connect(h), 'a', 19);
	other = peer_connect_elsewhere(h);
	map(other, 'b', 5);
	settle(h);
	expect_share(&work, 60, 'b', 0.247);
	harness_stop(h);
}

Test(fair, with_a_priority_of_one_user_that_is_none_of_anothers_business) {
	struct harness *h;
	struct work work;

	if (getuid() != 0)
		cr_skip_test("only root can be two users");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	work = work_begin(h);
	map(peer_connect_as(h, 65534), 'a', -20);
	map(peer_connect(h), 'b', 19);
	settle(h);
	expect_share(&work, 50, 'b', 0.5);
	harness_stop(h);
}

/* "Who had nothing to run is owed nothing for it, and items of a call that was cancelled are paid for." */
Test(fair, to_who_was_idle_no_more_than_from_now_on) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);
	struct peer *idle = peer_connect_elsewhere(h);
	json_int_t chunk;

	map(idle, 'i', 0);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(turn(&work), 'i');
	cr_assert_eq(next_item(work.w, &chunk), 'i');
	peer_close(idle);
	map(peer_connect(h), 'a', 0);
	worker_answer(work.w, (uint64_t) chunk, 0, "[0]");
	work_note(&work, 'i');
	for (unsigned i = 0; i < 30; i++)
		cr_assert_eq(turn(&work), 'a');
	map(peer_connect_elsewhere(h), 'i', 0);
	settle(h);
	expect_share(&work, 30, 'a', 0.5);
	harness_stop(h);
}

/* One call of one item. Others have the worker for no longer than the last such call had, for which is paid first, and a
 * turn before and after. */
static void expect_soon(struct work *work, struct peer *p, double *paid) {
	double others = 0;
	unsigned n = 0;

	peer_call(p, "Apply", "{'function':'f','argument':'s'}");
	settle(work->h);
	while (turn(work) != 's') {
		cr_assert(n++ < 2 || others <= *paid + TURN, "%u turns of others: %s", n,
			  work->turns);
		others += n == 1 ? 0 : work->last;
	}
	*paid = work->last;
	peer_expect_text(p, "{'parameters':{'result':0}}");
}

Test(fair, so_that_calls_of_one_item_are_answered_beside_a_map_at_once) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);
	double paid = 0;
	struct peer *p;

	map(peer_connect(h), 'm', 0);
	p = peer_connect_elsewhere(h);
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(turn(&work), 'm');
	for (unsigned i = 0; i < 10; i++)
		expect_soon(&work, p, &paid);
	/* The same of the program of the map, and of one that is new each time. */
	for (unsigned i = 0; i < 5; i++)
		expect_soon(&work, peer_connect(h), &paid);
	for (unsigned i = 0; i < 5; i++)
		expect_soon(&work, peer_connect_elsewhere(h), &paid);
	harness_stop(h);
}

Test(fair, so_that_a_map_goes_on_beside_calls_of_one_item_without_end) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);
	struct peer *callers[4];
	double begin;

	map(peer_connect(h), 'm', 0);
	for (unsigned i = 0; i < 4; i++) {
		callers[i] = peer_connect(h);
		peer_call(callers[i], "Apply", "{'function':'f','argument':'%u'}", i);
	}
	settle(h);
	begin = now_ms();
	/* Who was answered calls again: always four of them wait, and each is new. */
	for (unsigned i = 0; i < 60; i++) {
		char letter = turn(&work);

		if (letter == 'm')
			continue;
		peer_expect_text(callers[letter - '0'], "{'parameters':{'result':0}}");
		peer_call(callers[letter - '0'], "Apply", "{'function':'f','argument':'%c'}",
			  letter);
	}
	cr_assert(work.ms['m'] > (now_ms() - begin) / 20, "the map had %.0f ms: %s", work.ms['m'],
		  work.turns);
	harness_stop(h);
}

/* Its items run, and are cancelled while they do. Then it asks for the same again. */
Test(fair, to_who_cancels_in_a_loop_no_more_than_to_others) {
	struct harness *h = harness_start(ONE_FAKE);
	struct work work = work_begin(h);
	struct peer *p, *q = peer_connect(h);
	unsigned cancelled = 0;

	map(peer_connect(h), 'm', 0);
	settle(h);
	p = peer_connect_elsewhere(h);
	map(p, 'c', 0);
	settle(h);
	for (unsigned i = 0; i < 40; i++) {
		json_int_t chunk;
		char letter = next_item(work.w, &chunk);
		double begin = now_ms();

		if (letter == 'c') {
			/* The map was the first request. */
			peer_call(q, "Cancel", "{'request':'%u'}", ++cancelled + 1);
			peer_expect_text(q, "{}");
			peer_expect_error(p, "Cancelled", NULL);
			map(p, 'c', 0);
		}
		harness_measure(h, TURN);
		/* On a machine that stood still meanwhile the grace of the cancelled item may be over. */
		if (letter == 'c' && now_ms() - begin > 50) {
			worker_expect_gone(work.w);
			work.w = harness_ready_worker(h, "f");
			work_note(&work, letter);
			continue;
		}
		worker_answer(work.w, (uint64_t) chunk, 0, "[0]");
		work_note(&work, letter);
	}
	cr_assert(work.ms['c'] < 1.2 * work.ms['m'], "%.0f ms, and %.0f of others: %s",
		  work.ms['c'], work.ms['m'], work.turns);
	harness_stop(h);
}

/* Chunks that are sent ahead are not sent past somebody who waits for the worker. */
Test(fair, to_another_user_even_if_the_worker_would_never_be_idle) {
	struct harness *h;
	struct fake *w;
	struct peer *p, *q;
	json_int_t chunk;
	unsigned n = 0;

	if (getuid() != 0)
		cr_skip_test("only root can be two users");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	q = peer_connect_as(h, 65534);
	/* An item takes 10 us. */
	peer_call(p, "Apply", "{'function':'f','argument':'a'}");
	next_item(w, &chunk);
	worker_page_store(w, (uint64_t) chunk, 1, false);
	worker_send(w, "{'chunk':%lld,'results':[0],'busyUs':10}", (long long) chunk);
	peer_expect_text(p, "{'parameters':{'result':0}}");
	map(p, 'm', 0);
	settle(h);
	peer_call(q, "Apply", "{'function':'f','argument':'s'}");
	settle(h);
	while (next_item(w, &chunk) != 's') {
		cr_assert(++n < MANY, "all of the map came first");
		worker_page_store(w, (uint64_t) chunk, 1, false);
		worker_send(w, "{'chunk':%lld,'results':[0],'busyUs':10}", (long long) chunk);
		settle(h);
	}
	/* What the worker had, and 1 ms, by the daemon's reckoning, of what it has been given since. */
	cr_assert(n <= 64 + 100 + 2, "%u items of the map came first", n);
	harness_stop(h);
}

Test(fair, to_the_items_behind_a_long_one_if_a_worker_is_idle) {
	struct harness *h = harness_start(TWO_STOCKS);
	struct peer *p = peer_connect(h);
	char items[20 * 8] = "";
	size_t n = 0;

	for (unsigned i = 0; i < 19; i++)
		strcat(items, ",'/'");
	/* The first waits for a file; the others are through at once. */
	peer_call_more(p, "Map",
		       "{'function':'wait_for','items':['%s'%s],"
		       "'options':{'chunkSize':20,'order':'unordered'}}",
		       harness_path(h, "go"), items);
	while (n < 19) {
		json_t *reply = peer_receive(p);
		json_t *parameters = json_object_get(reply, "parameters");

		cr_assert_gt(json_integer_value(json_object_get(parameters, "first")), 0);
		n += json_array_size(json_object_get(parameters, "results"));
		json_decref(reply);
	}
	harness_write(h, "go", "");
	peer_expect(p, "{'parameters':{'results':['~string'],'first':0, ...}, ...}");
	harness_stop(h);
}
