#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tests/system/harness.h"

/* The death of a worker: the page says which item was running, and at most that one is lost. */

TestSuite(death, .timeout = 60);

/* A call of three items that one worker holds as chunk 1. */
struct scene {
	struct harness *h;
	struct peer *p;
	struct fake *w;
};

static struct scene scene_start(void) {
	struct scene s = {.h = harness_start(ONE_FAKE)};

	s.w = harness_ready_worker(s.h, "f");
	s.p = peer_connect(s.h);
	peer_call(s.p, "Map",
		  "{'function':'f','items':['a','b','c'],"
		  "'options':{'chunkSize':3,'timings':true}}");
	worker_expect(s.w, "{'chunk':1,'items':['a','b','c'], ...}");
	return s;
}

/* The worker dies of SIGSEGV and its successor says hello. */
static struct fake *scene_die(struct scene *s) {
	worker_order(s->w, "signal %d", SIGSEGV);
	return harness_ready_worker(s->h, "f");
}

static void expect_chunk(struct fake *w, unsigned chunk, const char *items, unsigned first,
			 const char *results) {
	worker_expect(w, "{'chunk':%u,'items':%s,'first':%u, ...}", chunk, items, first);
	worker_answer(w, chunk, 0, results);
}

#define DIED(index, attempts) \
	"{'index':" #index ",'kind':'WorkerDied','exitSignal':11,'attempts':" #attempts \
	",'message':'~string', ...}"

/* "Items that it had not begun run elsewhere."
 * "If none was running, nobody is blamed." */
Test(death, before_anything_started_all_items_run_elsewhere) {
	struct scene s = scene_start();
	struct fake *next = scene_die(&s);

	expect_chunk(next, 1, "['a','b','c']", 0, "[1,2,3]");
	peer_expect(s.p,
		    "{'parameters':{'request':'*','results':[1,2,3],'startUs':'*','durationUs':'*',"
		    "'attempts':[1,1,1],'summary':{'succeeded':3,'failed':0,'retried':0, ...}}}");
	harness_stop(s.h);
}

Test(death, with_the_page_at_an_earlier_chunk_nothing_started) {
	struct scene s = scene_start();
	struct fake *next;

	worker_answer(s.w, 1, 0, "[1,2,3]");
	peer_expect(s.p, "{'parameters':{'results':[1,2,3], ...}}");
	peer_call(s.p, "Map", "{'function':'f','items':['d','e'],'options':{'chunkSize':2}}");
	worker_expect(s.w, "{'chunk':2,'items':['d','e'], ...}");
	next = scene_die(&s);
	expect_chunk(next, 1, "['d','e']", 0, "[4,5]");
	peer_expect(
		s.p,
		"{'parameters':{'results':[4,5],'summary':{'failed':0,'retried':0, ...}, ...}}");
	harness_stop(s.h);
}

/* "The death of a worker costs at most the one item that it was running."
 * "Items that it had not begun run elsewhere."
 * "A position is `chunk << 21 | offset << 1 | running`, with the number of the chunk and the
 * offset of the item in it."
 * "`startUs`, `durationUs`, `attempts` | with `timings`: one integer for each item; both times are
 * 0 for one whose worker died"
 * "An exit is a death whatever its status: the item that was running gets `WorkerDied`." */
Test(death, of_the_running_item_blames_it_alone) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 0, true);
	next = scene_die(&s);
	expect_chunk(next, 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p,
		    "{'parameters':{'results':[null,2,3],'errors':[" DIED(
			    0, 1) "],"
				  "'startUs':[0,'~min:1','~min:1'],'durationUs':[0,'~int','~int'],"
				  "'attempts':[1,1,1],'summary':{'succeeded':2,'failed':1,'"
				  "retried':0, ...}, ...}}");
	harness_stop(s.h);
}

/* "`retried` | how often an item was started again because a worker died or was stopped"
 * "Items that it had finished without reporting them run again, but with `rerun` `false`."
 * "`attempts` | how often the item was started" */
Test(death, finished_items_whose_results_were_not_reported_run_again) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 1, true);
	next = scene_die(&s);
	expect_chunk(next, 1, "['a']", 0, "[1]");
	expect_chunk(next, 2, "['c']", 2, "[3]");
	peer_expect(s.p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(
				 1, 1) "],"
				       "'attempts':[2,1,1],'summary':{'succeeded':2,'failed':1,'"
				       "retried':1, ...}, ...}}");
	harness_stop(s.h);
}

/* "Results that it had reported stay." */
Test(death, reported_results_stay) {
	struct scene s = scene_start();
	struct fake *next;

	worker_send(s.w, "{'chunk':1,'results':[1],'busyUs':50000}");
	worker_page_store(s.w, 1, 1, true);
	next = scene_die(&s);
	expect_chunk(next, 1, "['c']", 2, "[3]");
	peer_expect(s.p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(
				 1, 1) "],"
				       "'attempts':[1,1,1], ...}}");
	harness_stop(s.h);
}

/* "If none was running, nobody is blamed."
 * "0 | progress | worker | before an item: its position with running = 1; after it: the position
 * of the next with running = 0" */
Test(death, between_two_items_blames_nobody) {
	struct scene s = scene_start();
	struct fake *next;

	worker_send(s.w, "{'chunk':1,'results':[1],'busyUs':50000}");
	worker_page_store(s.w, 1, 2, false);
	next = scene_die(&s);
	expect_chunk(next, 1, "['b']", 1, "[2]");
	expect_chunk(next, 2, "['c']", 2, "[3]");
	peer_expect(s.p,
		    "{'parameters':{'request':'*','results':[1,2,3],'startUs':'*','durationUs':'*',"
		    "'attempts':[1,2,1],'summary':{'succeeded':3,'failed':0,'retried':1, ...}}}");
	harness_stop(s.h);
}

Test(death, after_the_last_item_but_before_its_report_runs_all_unreported_again) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 3, false);
	next = scene_die(&s);
	expect_chunk(next, 1, "['a','b','c']", 0, "[1,2,3]");
	peer_expect(s.p, "{'parameters':{'results':[1,2,3],'attempts':[2,2,2],"
			 "'summary':{'failed':0,'retried':3, ...}, ...}}");
	harness_stop(s.h);
}

Test(death, after_the_last_result_costs_nothing) {
	struct scene s = scene_start();
	struct fake *next;

	worker_answer(s.w, 1, 0, "[1,2,3]");
	next = scene_die(&s);
	peer_expect(s.p, "{'parameters':{'results':[1,2,3],'summary':{'failed':0, ...}, ...}}");
	peer_call(s.p, "Apply", "{'function':'f','argument':'d'}");
	expect_chunk(next, 1, "['d']", 0, "[4]");
	peer_expect_text(s.p, "{'parameters':{'result':4}}");
	harness_stop(s.h);
}

/* Nobody can say what ran: the first item without a result pays. */
static void expect_first_blamed(uint64_t word) {
	struct scene s = scene_start();
	struct fake *next;

	worker_send(s.w, "{'chunk':1,'results':[1],'busyUs':50000}");
	worker_page_store_word(s.w, word);
	next = scene_die(&s);
	expect_chunk(next, 1, "['c']", 2, "[3]");
	peer_expect(s.p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(1, 1) "], ...}}");
	harness_stop(s.h);
}

#define POSITION(chunk, offset, running) ((uint64_t) (chunk) << 21 | (offset) << 1 | (running))

/* "So is a death when the page says what cannot be." */
Test(death, an_offset_beyond_the_chunk_blames_the_first_unreported_item) {
	expect_first_blamed(POSITION(1, 3, 1));
}

Test(death, an_offset_before_the_results_blames_the_first_unreported_item) {
	expect_first_blamed(POSITION(1, 0, 1));
}

Test(death, a_chunk_that_was_never_given_blames_the_first_unreported_item) {
	expect_first_blamed(POSITION(2, 0, 1));
}

/* "So is a death when the page says what cannot be." */
Test(death, a_page_of_ones_blames_the_first_unreported_item) {
	expect_first_blamed(UINT64_MAX);
}

Test(death, a_page_that_went_back_blames_the_first_unreported_item) {
	expect_first_blamed(0);
}

/* "A worker that does not write it leaves out `page` in its hello."
 * "It works, but its death is always blamed on the first item without a result."
 * "`page` | optional; `true`: it writes the page (2.5)" */
Test(death, a_worker_without_a_page_loses_the_first_unreported_item) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_worker(h), *next;
	struct peer *p = peer_connect(h);
	const char *hello = "{'hello':{'protocol':1,'runtime':'sh','page':false,'unpack':['none'],"
			    "'functions':[{'name':'f'}]}}";

	worker_send(w, "%s", hello);
	peer_call(p, "Map", "{'function':'f','items':[1,2],'options':{'chunkSize':2}}");
	worker_expect(w, "{'chunk':1,'items':[1,2], ...}");
	worker_order(w, "signal %d", SIGSEGV);
	next = harness_worker(h);
	worker_send(next, "%s", hello);
	expect_chunk(next, 1, "[2]", 1, "[4]");
	peer_expect(p, "{'parameters':{'results':[null,4],'errors':[" DIED(0, 1) "], ...}}");
	harness_stop(h);
}

/* ---- what the error tells ---- */

/* "`exitSignal`, `exitStatus` | of `WorkerDied`: the number of the signal that ended the worker,
 * or its exit status; one of them"
 * "`WorkerDied` | the worker's process ended while the item ran"
 * "`stderr` | of `WorkerDied`: the last lines that the worker wrote to standard error, at most 2
 * KiB; left out if there are none" */
Test(death, by_exit_tells_the_status_and_the_last_lines_of_stderr) {
	struct scene s = scene_start();

	worker_order(s.w, "print goodbye, cruel pool");
	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "exit 7");
	expect_chunk(harness_ready_worker(s.h, "f"), 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p,
		    "{'parameters':{'results':[null,2,3],'errors':[{'index':0,"
		    "'kind':'WorkerDied','exitStatus':7,'attempts':1,'message':'~has:status 7',"
		    "'stderr':'~has:goodbye, cruel pool'}], ...}}");
	harness_stop(s.h);
}

/* "An exit is a death whatever its status: the item that was running gets `WorkerDied`."
 * "`stderr` | of `WorkerDied`: the last lines that the worker wrote to standard error, at most 2
 * KiB; left out if there are none" */
Test(death, no_more_than_2_kib_of_stderr_are_told) {
	struct scene s = scene_start();
	json_t *reply, *error;
	const char *tail;

	/* An order is a line of at most 500 characters. */
	for (int i = 0; i < 10; i++)
		worker_order(s.w, "print %d%0*d", i, 400, 0);
	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "exit 1");
	harness_ready_worker(s.h, "f");
	worker_answer(harness_expect_any(s.h, "{'items':['b','c'], ...}"), 1, 0, "[2,3]");
	reply = peer_receive(s.p);
	error = json_array_get(json_object_get(json_object_get(reply, "parameters"), "errors"), 0);
	tail = json_string_value(json_object_get(error, "stderr"));
	cr_assert_leq(strlen(tail), 2048u);
	cr_assert(strstr(tail, "90000"));
	cr_assert_not(strstr(tail, "40000"));
	json_decref(reply);
	harness_stop(s.h);
}

/* "An exit is a death whatever its status: the item that was running gets `WorkerDied`." */
Test(death, an_exit_with_status_0_is_a_death_too) {
	struct scene s = scene_start();

	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "exit 0");
	expect_chunk(harness_ready_worker(s.h, "f"), 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p, "{'parameters':{'results':[null,2,3],'errors':[{'index':0,"
			 "'kind':'WorkerDied','exitStatus':0, ...}], ...}}");
	harness_stop(s.h);
}

/* "What a worker wrote while it served one user is not shown to another." */
Test(death, stderr_of_one_user_is_not_shown_to_the_next) {
	struct harness *h;
	struct fake *w;
	struct peer *p, *q;

	if (geteuid() != 0)
		cr_skip_test("only root can be somebody else");
	h = harness_start_with(&(struct start) {.conf = ONE_FAKE, .activate = true});
	w = harness_ready_worker(h, "f");
	p = peer_connect(h);
	q = peer_connect_as(h, 65534);
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_order(w, "print the first one's secret");
	worker_answer(w, 1, 0, "[1]");
	peer_expect_text(p, "{'parameters':{'result':1}}");
	peer_call(q, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':2, ...}");
	worker_order(w, "print something else");
	worker_page_store(w, 2, 0, true);
	worker_order(w, "exit 1");
	harness_ready_worker(h, "f");
	peer_expect_error(q, "ItemFailed",
			  "{'item':{'kind':'WorkerDied',"
			  "'stderr':'something else\\n', ...}}");
	harness_stop(h);
}

/* "If the item fails, for whatever reason, the error is `ItemFailed`, and its `item` is the item
 * error (1.7)." */
Test(death, apply_reports_it_as_item_failed) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f','argument':1}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "signal 9");
	peer_expect_error(p, "ItemFailed",
			  "{'item':{'index':0,'kind':'WorkerDied','exitSignal':9,"
			  "'attempts':1,'message':'~string'}}");
	harness_ready_worker(h, "f");
	harness_stop(h);
}

/* ---- handed over again and again ---- */

/* "An item that three workers were given, and died before they began it, is given up, with `WorkerDied` and
 * `attempts` 0." */
Test(death, an_item_handed_over_thrice_without_a_start_is_given_up) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':['poison','good'],'options':{'chunkSize':1}}");
	for (int i = 0; i < 3; i++) {
		worker_expect(w, "{'chunk':1,'items':['poison'], ...}");
		worker_order(w, "signal %d", SIGSEGV);
		w = harness_ready_worker(h, "f");
	}
	expect_chunk(w, 1, "['good']", 1, "[1]");
	peer_expect(p, "{'parameters':{'results':[null,1],'errors':[" DIED(0, 0) "], ...}}");
	harness_stop(h);
}

/* From here on the function is known to be fast: what waits is sent ahead. */
static void teach_that_it_is_fast(struct fake *w, struct peer *p) {
	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':1}");
	peer_expect_text(p, "{'parameters':{'result':0}}");
}

/* "Deaths behind another chunk do not count." */
Test(death, what_was_sent_behind_a_poison_item_runs_however_often_that_is_tried) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);
	unsigned chunk = 2;

	teach_that_it_is_fast(w, p);
	peer_call(p, "Map",
		  "{'function':'f','items':['poison','a','b'],'options':{'chunkSize':1,"
		  "'retries':4}}");
	for (int i = 0; i < 5; i++, chunk = 1) {
		worker_expect(w, "{'chunk':%u,'items':['poison'], ...}", chunk);
		worker_expect(w, "{'chunk':%u,'items':['a'], ...}", chunk + 1);
		worker_expect(w, "{'chunk':%u,'items':['b'], ...}", chunk + 2);
		worker_page_store(w, chunk, 0, true);
		worker_order(w, "signal %d", SIGSEGV);
		w = harness_ready_worker(h, "f");
	}
	worker_expect(w, "{'chunk':1,'items':['a'], ...}");
	worker_expect(w, "{'chunk':2,'items':['b'], ...}");
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':1}");
	worker_send(w, "{'chunk':2,'results':[2],'busyUs':1}");
	peer_expect(p, "{'parameters':{'results':[null,1,2],'errors':[" DIED(0, 5) "], ...}}");
	harness_stop(h);
}

/* "Where one of them counted, the next worker gets the chunk alone." */
Test(death, of_who_reads_an_item_is_not_blamed_on_what_was_read_with_it) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	teach_that_it_is_fast(w, p);
	peer_call(p, "Map",
		  "{'function':'f','items':['a','poison','b'],'options':{'chunkSize':1}}");
	worker_expect(w, "{'chunk':2,'items':['a'], ...}");
	worker_expect(w, "{'chunk':3,'items':['poison'], ...}");
	worker_expect(w, "{'chunk':4,'items':['b'], ...}");
	worker_order(w, "signal %d", SIGSEGV);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':['a'], ...}");
	cr_assert_not(worker_has_message(w));
	worker_send(w, "{'chunk':1,'results':[1],'busyUs':1}");
	worker_page_store(w, 1, 1, false);
	worker_expect(w, "{'chunk':2,'items':['poison'], ...}");
	worker_expect(w, "{'chunk':3,'items':['b'], ...}");
	for (int i = 0; i < 2; i++) {
		worker_order(w, "signal %d", SIGSEGV);
		w = harness_ready_worker(h, "f");
		worker_expect(w, "{'chunk':1,'items':['poison'], ...}");
		cr_assert_not(worker_has_message(w));
	}
	worker_order(w, "signal %d", SIGSEGV);
	w = harness_ready_worker(h, "f");
	worker_expect(w, "{'chunk':1,'items':['b'], ...}");
	worker_send(w, "{'chunk':1,'results':[2],'busyUs':1}");
	peer_expect(p, "{'parameters':{'results':[1,null,2],'errors':[" DIED(1, 0) "], ...}}");
	harness_stop(h);
}

/* It has finished, and each time its worker is gone before it says so. */
/* "An item is given up, too, with `WorkerDied`, if its worker died after the item had finished, neither reporting it nor
 * beginning another, and if that was at least the tenth start beyond its `retries`." */
Test(death, after_an_item_costs_so_many_workers_and_no_more) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map",
		  "{'function':'f','items':['a','poison','b'],"
		  "'options':{'chunkSize':3,'retries':1}}");
	worker_expect(w, "{'chunk':1,'items':['a','poison','b'], ...}");
	for (int i = 0; i < 11; i++) {
		worker_page_store(w, 1, 2, false);
		worker_order(w, "signal %d", SIGSEGV);
		w = harness_ready_worker(h, "f");
		if (i < 10)
			worker_expect(w, "{'chunk':1,'items':['a','poison'], ...}");
	}
	expect_chunk(w, 1, "['a']", 0, "[1]");
	expect_chunk(w, 2, "['b']", 2, "[3]");
	peer_expect(p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(1, 11) "], ...}}");
	harness_stop(h);
}

Test(death, a_chunk_handed_over_twice_without_a_start_is_halved) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Map", "{'function':'f','items':[1,2,3,4],'options':{'chunkSize':4}}");
	for (int i = 0; i < 2; i++) {
		worker_expect(w, "{'chunk':1,'items':[1,2,3,4], ...}");
		worker_order(w, "signal %d", SIGSEGV);
		w = harness_ready_worker(h, "f");
	}
	expect_chunk(w, 1, "[1,2]", 0, "[1,4]");
	expect_chunk(w, 2, "[3,4]", 2, "[9,16]");
	peer_expect(p, "{'parameters':{'results':[1,4,9,16],'summary':{'failed':0, ...}, ...}}");
	harness_stop(h);
}

/* ---- the exit decides ---- */

static long elapsed_ms(const struct timespec *since) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* "The exit of the process ends it, not that of its socket." */
Test(death, a_daemonised_child_that_holds_all_fds_delays_nothing) {
	struct scene s = scene_start();
	struct timespec since;
	struct fake *next;

	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "fork");
	clock_gettime(CLOCK_MONOTONIC, &since);
	worker_order(s.w, "signal %d", SIGSEGV);
	next = harness_ready_worker(s.h, "f");
	expect_chunk(next, 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p, "{'parameters':{'results':[null,2,3],'errors':[" DIED(0, 1) "], ...}}");
	cr_assert_lt(elapsed_ms(&since), 1000);
	harness_stop(s.h);
}

/* "Whatever is left of its process group is killed." */
Test(death, the_process_group_goes_with_its_worker) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "child");
	worker_order(s.w, "signal %d", SIGSEGV);
	worker_expect_family_gone(s.w);
	next = harness_ready_worker(s.h, "f");
	expect_chunk(next, 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p, "{'parameters':{'results':[null,2,3],'errors':[" DIED(0, 1) "], ...}}");
	harness_stop(s.h);
}

/* "What it had written before still counts, up to the last whole message." */
Test(death, results_in_the_socket_at_the_exit_count) {
	struct scene s = scene_start();
	struct fake *next;

	worker_hold_socket(s.w);
	worker_page_store(s.w, 1, 1, true);
	/* The daemon, stopped meanwhile, hears of the exit before it hears of the results. */
	harness_freeze(s.h);
	worker_order(s.w, "signal %d", SIGSEGV);
	worker_send(s.w, "{'chunk':1,'results':[1],'busyUs':50000}");
	harness_thaw(s.h);
	next = harness_ready_worker(s.h, "f");
	expect_chunk(next, 1, "['c']", 2, "[3]");
	peer_expect(s.p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(
				 1, 1) "],"
				       "'attempts':[1,1,1], ...}}");
	harness_stop(s.h);
}

Test(death, the_last_lines_are_told_however_much_was_printed_before) {
	struct scene s = scene_start();

	worker_page_store(s.w, 1, 0, true);
	/* More than is read at once, and all of it before the daemon reads. */
	harness_freeze(s.h);
	for (int i = 0; i < 400; i++)
		worker_order(s.w, "print %0100d", i);
	worker_order(s.w, "print that was all");
	worker_order(s.w, "exit 1");
	harness_thaw(s.h);
	expect_chunk(harness_ready_worker(s.h, "f"), 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p, "{'parameters':{'results':[null,2,3],'errors':[{'index':0,"
			 "'stderr':'~has:that was all', ...}], ...}}");
	harness_stop(s.h);
}

/* "The last lines in a `WorkerDied` are not fewer for that." */
Test(death, the_last_lines_are_told_though_they_were_not_logged) {
	struct harness *h =
		harness_start("pool default { command = FAKE workers = 1 stderr_rate = 1 }");
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_call(p, "Apply", "{'function':'f'}");
	worker_expect(w, "{'chunk':1, ...}");
	worker_page_store(w, 1, 0, true);
	harness_freeze(h);
	for (int i = 0; i < 20; i++)
		worker_order(w, "print line %d of many", i);
	worker_order(w, "exit 1");
	harness_thaw(h);
	peer_expect(p,
		    "{'error':'io.procpool.ItemFailed','parameters':{'item':{'kind':'WorkerDied',"
		    "'stderr':'~has:line 18 of many\\nline 19 of many', ...}}}");
	harness_expect_log(h, "default/1: line 4 of many");
	cr_assert_not(harness_log_has(h, "default/1: line 5 of many"));
	/* When it is gone nothing more comes to be counted. */
	harness_expect_log(h, "default/1: 15 more lines were not logged");
	harness_stop(h);
}

/* "What it had written before still counts, up to the last whole message." */
Test(death, half_a_message_at_the_exit_counts_for_nothing) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 1, true);
	worker_send_raw(s.w, "{\"chunk\":1,\"results\":[1]", 24);
	next = scene_die(&s);
	expect_chunk(next, 1, "['a']", 0, "[1]");
	expect_chunk(next, 2, "['c']", 2, "[3]");
	peer_expect(s.p, "{'parameters':{'results':[1,null,3],'errors':[" DIED(
				 1, 1) "],"
				       "'attempts':[2,1,1], ...}}");
	harness_stop(s.h);
}

/* "A worker that closes its socket without an exit is treated so, too." */
Test(death, a_worker_that_closes_its_socket_but_lives_is_stopped) {
	struct scene s = scene_start();
	struct fake *next;

	worker_page_store(s.w, 1, 0, true);
	worker_order(s.w, "close");
	worker_expect_gone(s.w);
	next = harness_ready_worker(s.h, "f");
	expect_chunk(next, 1, "['b','c']", 1, "[2,3]");
	peer_expect(s.p,
		    "{'parameters':{'results':[null,2,3],'errors':[{'index':0,'kind':'WorkerDied',"
		    "'exitSignal':15, ...}], ...}}");
	harness_stop(s.h);
}

/* Whoever cancels another of its items meanwhile does not save it. */
/* "A worker that closes its socket without an exit is treated so, too." */
Test(death, a_worker_that_closed_its_socket_is_stopped_though_an_item_is_cancelled) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f");
	struct peer *p = peer_connect(h);

	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f',"
		     "'options':{'chunkSize':3}}}");
	peer_expect(p, "{'parameters':{'request':'1','window':'~int'}}");
	peer_send(p, "{'items':[10,11,12],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11,12], ...}");
	worker_page_store(w, 1, 0, true);
	worker_order(w, "close");
	peer_send(p, "{'cancel':[2]}");
	worker_expect_gone(w);
	expect_chunk(harness_ready_worker(h, "f"), 1, "[11]", 1, "[1]");
	peer_expect(p, "{'first':0,'results':[null],'errors':[{'index':0,'kind':'WorkerDied', "
		       "...}]}");
	peer_expect(p, "{'first':1,'results':[1,null],'errors':[{'index':2,'kind':'Cancelled', "
		       "...}]}");
	peer_expect(p, "{'summary':{'succeeded':1,'failed':1,'cancelled':1, ...}}");
	harness_stop(h);
}

static bool worker_is_stopping(void *data) {
	struct peer *p = data;
	json_t *status, *worker;
	bool stopping = false;
	size_t i;

	peer_call(p, "Status", "{'workers':true}");
	status = peer_receive(p);
	json_array_foreach(json_object_get(json_object_get(status, "parameters"), "workers"), i,
			   worker) stopping |=
		strcmp(json_string_value(json_object_get(worker, "state")), "stopping") == 0;
	json_decref(status);
	return stopping;
}

/* Item 0 is cancelled, its worker deaf to TERM; before the KILL item 0 is reported and item 1 runs. */
/* "The state of a pool is `starting`, `running` or `failed`, that of a worker `starting`, `idle`,
 * `busy` or `stopping`." */
Test(death, by_a_blow_meant_for_another_item_goes_uncharged) {
	struct harness *h = harness_start(ONE_FAKE);
	struct fake *w = harness_ready_worker(h, "f"), *next;
	struct peer *p = peer_connect(h);

	worker_order(w, "deaf");
	peer_send(p, "{'method':'io.procpool.Stream','upgrade':true,'parameters':{'function':'f',"
		     "'options':{'chunkSize':2,'timings':true}}}");
	peer_expect(p, "{'parameters':{'request':'1','window':'~int'}}");
	peer_send(p, "{'items':[10,11],'end':true}");
	worker_expect(w, "{'chunk':1,'items':[10,11], ...}");
	worker_page_store(w, 1, 0, true);
	peer_send(p, "{'cancel':[0]}");
	harness_wait(h, "TERM", worker_is_stopping, peer_connect(h));
	worker_send(w, "{'chunk':1,'results':[0],'busyUs':5}");
	worker_page_store(w, 1, 1, true);
	worker_expect_gone(w);
	next = harness_ready_worker(h, "f");
	expect_chunk(next, 1, "[11]", 1, "[1]");
	peer_expect(p, "{'first':0,'results':[null, ...],'errors':[{'index':0,'kind':'Cancelled', "
		       "...}], ...}");
	peer_expect(p, "{'first':1,'results':[1],'attempts':[1], ...}");
	peer_expect(p, "{'summary':{'succeeded':1,'failed':0,'cancelled':1, ...}}");
	harness_stop(h);
}
