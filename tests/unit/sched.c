#include "daemon/sched.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Requests a … h, one letter each; whose are in `blocked` cannot run. */
struct play {
	struct sched sched;
	struct sched_node nodes[8];
	const char *blocked;
	size_t asked;
};

static bool runs(struct sched_node *node, void *context) {
	struct play *play = context;

	play->asked++;
	return !strchr(play->blocked, 'a' + (int) (node - play->nodes));
}

static void setup(struct play *play) {
	*play = (struct play) {.blocked = ""};
	sched_init(&play->sched);
}

static void add(struct play *play, char name, uid_t uid) {
	cr_assert_eq(sched_add(&play->sched, &play->nodes[name - 'a'], uid), 0);
}

static void end(struct play *play) {
	for (size_t i = 0; i < 8; i++)
		sched_remove(&play->sched, &play->nodes[i]);
	cr_assert_eq(play->sched.n_principals, 0);
	sched_done(&play->sched);
}

/* The next turns; "-" = nobody can run. */
static void expect(struct play *play, const char *turns) {
	for (const char *turn = turns; *turn; turn++) {
		struct sched_node *node = sched_pick(&play->sched, runs, play);
		char name = node ? (char) ('a' + (node - play->nodes)) : '-';

		cr_assert_eq(name, *turn, "turn %d of %s went to %c", (int) (turn - turns), turns,
			     name);
	}
}

UNIT_TEST(sched, requests_of_one_user_take_turns_in_the_order_they_came) {
	struct play play;

	setup(&play);
	expect(&play, "-");
	add(&play, 'a', 1000);
	expect(&play, "aa");
	add(&play, 'b', 1000);
	add(&play, 'c', 1000);
	expect(&play, "abcabc");
	end(&play);
}

UNIT_TEST(sched, many_requests_of_one_user_count_no_more_than_one_of_another) {
	struct play play;

	setup(&play);
	add(&play, 'a', 1000);
	add(&play, 'b', 1000);
	add(&play, 'c', 1000);
	add(&play, 'h', 2000);
	cr_assert_eq(play.sched.n_principals, 2);
	expect(&play, "ahbhchah");
	end(&play);
}

UNIT_TEST(sched, who_cannot_run_keeps_its_turn) {
	struct play play;

	setup(&play);
	add(&play, 'a', 1000);
	add(&play, 'b', 1000);
	add(&play, 'c', 2000);
	play.blocked = "a";
	expect(&play, "bcbc");
	play.blocked = "ab";
	expect(&play, "ccc");
	play.blocked = "abc";
	expect(&play, "-");
	play.blocked = "";
	expect(&play, "acbc");
	end(&play);
}

UNIT_TEST(sched, a_new_user_waits_for_no_more_than_one_turn_of_each) {
	struct play play;

	setup(&play);
	add(&play, 'a', 1);
	add(&play, 'b', 2);
	expect(&play, "aba");
	add(&play, 'c', 3);
	expect(&play, "bacbac");
	end(&play);
}

UNIT_TEST(sched, a_request_can_leave_at_any_time_and_twice) {
	struct play play;

	setup(&play);
	add(&play, 'a', 1000);
	add(&play, 'b', 1000);
	add(&play, 'c', 2000);
	expect(&play, "ac");
	sched_remove(&play.sched, &play.nodes['b' - 'a']);
	sched_remove(&play.sched, &play.nodes['b' - 'a']);
	expect(&play, "acac");
	sched_remove(&play.sched, &play.nodes['a' - 'a']);
	cr_assert_eq(play.sched.n_principals, 1, "a user without requests is forgotten");
	expect(&play, "cc");
	add(&play, 'a', 1000);
	expect(&play, "ca");
	end(&play);
}

UNIT_TEST(sched, a_request_is_runnable_if_all_four_facts_hold) {
	for (unsigned bits = 0; bits < 16; bits++) {
		const struct sched_facts facts = {
			.startable = bits & 1,
			.below_max_workers = bits & 2,
			.worker_idle = bits & 4,
			.slot_free = bits & 8,
		};

		cr_assert_eq(sched_runnable(&facts), bits == 15, "%u", bits);
	}
}

UNIT_TEST(sched, without_memory_a_request_is_not_in_the_schedule) {
	struct play play;

	setup(&play);
	unit_fail(1);
	cr_assert_eq(sched_add(&play.sched, &play.nodes[0], 1000), -ENOMEM);
	cr_assert(unit_failed());
	cr_assert_null(play.nodes[0].principal);
	expect(&play, "-");
	end(&play);
}
