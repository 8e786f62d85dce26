#include "daemon/sched.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Requests a … z, one letter each. Each turn is charged `charge` seconds; whose are in `blocked` cannot run. */
struct play {
	struct sched sched;
	struct sched_node nodes[26];
	const char *blocked;
	double charge, credit;
};

static bool runs(struct sched_node *node, void *context) {
	struct play *play = context;

	return !strchr(play->blocked, 'a' + (int) (node - play->nodes));
}

static void setup(struct play *play) {
	*play = (struct play) {.blocked = "", .charge = 1, .credit = 2};
	sched_init(&play->sched);
}

static struct sched_node *node_of(struct play *play, char name) {
	return &play->nodes[name - 'a'];
}

static void want(struct play *play, char name) {
	sched_set_ready(&play->sched, node_of(play, name), true, 0);
}

static void rest(struct play *play, char name) {
	sched_set_ready(&play->sched, node_of(play, name), false, 0);
}

/* Adds each of the requests to the program of the user; they are ready. */
static void add(struct play *play, const char *names, uid_t uid, pid_t program, int priority) {
	for (; *names; names++) {
		cr_assert_eq(sched_add(&play->sched, node_of(play, *names), uid, program, priority),
			     0);
		want(play, *names);
	}
}

static void drop(struct play *play, char name) {
	sched_remove(&play->sched, node_of(play, name));
}

static void end(struct play *play) {
	for (char name = 'a'; name <= 'z'; name++)
		drop(play, name);
	cr_assert_eq(sched_ready(&play->sched), 0);
	cr_assert_eq(sched_principals(&play->sched), 0);
	sched_done(&play->sched);
}

static char turn(struct play *play) {
	struct sched_node *node = sched_pick(&play->sched, play->credit, runs, play);

	if (!node)
		return '-';
	sched_charge(&play->sched, node, play->charge);
	return (char) ('a' + (node - play->nodes));
}

/* The next turns; "-" = nobody can run. */
static void expect(struct play *play, const char *turns) {
	char got[100] = "";

	for (size_t i = 0; turns[i]; i++)
		got[i] = turn(play);
	cr_assert_str_eq(got, turns);
}

UNIT_TEST(sched, requests_of_one_program_take_turns_in_the_order_they_came) {
	struct play play;

	setup(&play);
	expect(&play, "-");
	add(&play, "a", 1000, 1, 0);
	expect(&play, "aa");
	add(&play, "bc", 1000, 1, 0);
	/* b and c come when a has had the turn that V stands at, and its charge lies before it. */
	expect(&play, "bcabcabc");
	end(&play);
}

UNIT_TEST(sched, many_requests_of_one_user_count_no_more_than_one_of_another) {
	struct play play;

	setup(&play);
	add(&play, "abc", 1000, 1, 0);
	add(&play, "h", 2000, 1, 0);
	cr_assert_eq(sched_principals(&play.sched), 2);
	cr_assert_eq(sched_ready(&play.sched), 4);
	expect(&play, "ahbhchah");
	end(&play);
}

UNIT_TEST(sched, many_programs_of_one_user_count_no_more_than_one_of_another) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 1000, 2, 0);
	add(&play, "c", 1000, 3, 0);
	add(&play, "h", 2000, 1, 0);
	expect(&play, "ahbhchah");
	end(&play);
}

UNIT_TEST(sched, many_requests_of_one_program_count_no_more_than_one_of_another) {
	struct play play;

	setup(&play);
	add(&play, "abc", 1000, 1, 0);
	add(&play, "h", 1000, 2, 0);
	expect(&play, "ahbhchah");
	end(&play);
}

UNIT_TEST(sched, among_equals_the_least_cost_is_first_then_the_oldest) {
	struct play play;

	setup(&play);
	add(&play, "abc", 1000, 1, 0);
	add(&play, "d", 2000, 1, 0);
	sched_set_ready(&play.sched, node_of(&play, 'a'), true, 0.2);
	sched_set_ready(&play.sched, node_of(&play, 'b'), true, 0.1);
	sched_set_ready(&play.sched, node_of(&play, 'c'), true, 0.1);
	sched_set_ready(&play.sched, node_of(&play, 'd'), true, 0.05);
	/* A user comes with its cheapest request: d before b, then c before … */
	expect(&play, "dbdcda");
	end(&play);
}

UNIT_TEST(sched, weights_are_a_quarter_more_for_each_priority) {
	struct play play;
	unsigned a = 0, b = 0;

	setup(&play);
	add(&play, "a", 1000, 1, 3);
	add(&play, "b", 1000, 1, 4);
	for (unsigned i = 0; i < 9 * 100; i++)
		*(turn(&play) == 'a' ? &a : &b) += 1;
	cr_assert(a >= 499 && a <= 501, "%u", a);
	cr_assert(b >= 399 && b <= 401, "%u", b);
	end(&play);
}

UNIT_TEST(sched, priorities_of_one_user_take_nothing_from_another) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, -20);
	add(&play, "b", 2000, 1, 19);
	expect(&play, "abababab");
	end(&play);
}

UNIT_TEST(sched, a_program_weighs_as_its_heaviest_request) {
	struct play play;
	unsigned turns[26] = {0};

	setup(&play);
	add(&play, "ab", 1000, 1, 4);
	add(&play, "c", 1000, 2, 0);
	add(&play, "d", 1000, 1, -2);
	for (unsigned i = 0; i < 1000; i++)
		turns[turn(&play) - 'a']++;
	/* 1.25^2 = 1.5625 to 1 between the programs. */
	cr_assert(turns[2] >= 389 && turns[2] <= 392, "%u", turns[2]);
	drop(&play, 'd');
	memset(turns, 0, sizeof turns);
	for (unsigned i = 0; i < 1000; i++)
		turns[turn(&play) - 'a']++;
	/* 1 to 1.25^-4 = 0.4096: 709.4 of 1000. */
	cr_assert(turns[2] >= 707 && turns[2] <= 711, "%u", turns[2]);
	end(&play);
}

UNIT_TEST(sched, a_charge_is_corrected_up_or_down) {
	struct play play;

	setup(&play);
	add(&play, "ab", 1000, 1, 0);
	expect(&play, "ab");
	sched_charge(&play.sched, node_of(&play, 'a'), 3);
	expect(&play, "bbba");
	sched_charge(&play.sched, node_of(&play, 'b'), -2);
	expect(&play, "bbba");
	end(&play);
}

UNIT_TEST(sched, who_cannot_run_is_owed_no_more_than_the_credit) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	play.blocked = "a";
	expect(&play, "bbbbbbbbbbbbbbbbbbbb");
	play.blocked = "ab";
	expect(&play, "-");
	play.blocked = "";
	/* b is at 21, V at 20, a at 20 - 2. */
	expect(&play, "aaaababa");
	end(&play);
}

UNIT_TEST(sched, who_was_idle_is_owed_nothing) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	rest(&play, 'a');
	cr_assert_eq(sched_principals(&play.sched), 1);
	expect(&play, "bbbbbbbbbbbbbbbbbbbb");
	want(&play, 'a');
	/* b is at 21, a where V is, at 20. */
	expect(&play, "aababa");
	end(&play);
}

UNIT_TEST(sched, who_has_chunks_running_is_not_idle) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	sched_set_running(&play.sched, node_of(&play, 'a'), 1);
	rest(&play, 'a');
	expect(&play, "bbbb");
	want(&play, 'a');
	/* As one who could not run: V is at 4, a at 4 - 2, b at 5. */
	expect(&play, "aaaaba");
	end(&play);
}

UNIT_TEST(sched, who_gets_a_chunk_without_wanting_more_is_not_idle) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	rest(&play, 'a');
	sched_set_running(&play.sched, node_of(&play, 'a'), 1);
	expect(&play, "bbbb");
	want(&play, 'a');
	expect(&play, "aaaaba");
	end(&play);
}

UNIT_TEST(sched, who_had_its_last_chunk_is_idle) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	sched_set_running(&play.sched, node_of(&play, 'a'), 2);
	rest(&play, 'a');
	sched_set_running(&play.sched, node_of(&play, 'a'), 1);
	expect(&play, "bbbb");
	sched_set_running(&play.sched, node_of(&play, 'a'), 0);
	want(&play, 'a');
	/* V is at 4, and so is a. */
	expect(&play, "aababa");
	end(&play);
}

UNIT_TEST(sched, the_time_of_a_level_never_goes_back) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	play.blocked = "a";
	expect(&play, "bbbbbbbbbb");
	play.blocked = "";
	/* V stays at 9 while a is served from 7 to 8, and so c begins at 9. */
	expect(&play, "a");
	add(&play, "c", 3000, 1, 0);
	expect(&play, "aacabc");
	end(&play);
}

UNIT_TEST(sched, a_long_item_of_one_that_left_delays_who_comes_no_more_than_the_credit) {
	struct play play;

	setup(&play);
	add(&play, "ab", 1000, 1, 0);
	expect(&play, "ab");
	sched_charge(&play.sched, node_of(&play, 'b'), 100);
	drop(&play, 'b');
	add(&play, "c", 1000, 1, 0);
	/* c begins at 2, not at 50; a is at 1. */
	expect(&play, "aac");
	end(&play);
}

UNIT_TEST(sched, a_program_that_becomes_heavier_keeps_what_it_was_charged) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 1000, 2, 0);
	expect(&play, "abab");
	sched_charge(&play.sched, node_of(&play, 'a'), 9.5);
	add(&play, "c", 1000, 1, -20);
	rest(&play, 'c');
	sched_charge(&play.sched, node_of(&play, 'a'), -9);
	drop(&play, 'c');
	/* a is at 2.5, b at 2. */
	expect(&play, "baba");
	end(&play);
}

UNIT_TEST(sched, nobody_gets_rid_of_a_charge_by_leaving) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	sched_charge(&play.sched, node_of(&play, 'a'), 4);
	drop(&play, 'a');
	add(&play, "c", 1000, 2, 0);
	expect(&play, "bbbbcb");
	/* The same between the programs of one user. */
	add(&play, "d", 2000, 2, 0);
	sched_charge(&play.sched, node_of(&play, 'b'), 5);
	drop(&play, 'c');
	drop(&play, 'b');
	add(&play, "e", 2000, 1, 0);
	expect(&play, "ddddd");
	end(&play);
}

UNIT_TEST(sched, a_charge_is_forgotten_when_everybody_was_idle) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 2000, 1, 0);
	expect(&play, "ab");
	sched_charge(&play.sched, node_of(&play, 'a'), 100);
	rest(&play, 'b');
	rest(&play, 'a');
	want(&play, 'a');
	want(&play, 'b');
	expect(&play, "ababab");
	/* Not while something runs. */
	sched_charge(&play.sched, node_of(&play, 'a'), 3);
	sched_set_running(&play.sched, node_of(&play, 'b'), 1);
	rest(&play, 'a');
	rest(&play, 'b');
	want(&play, 'a');
	want(&play, 'b');
	expect(&play, "bbbabab");
	end(&play);
}

UNIT_TEST(sched, who_comes_new_cannot_starve_who_stays) {
	struct play play;
	unsigned old = 0, fresh = 0;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "bcde", 1000, 1, 0);
	/* Whoever of b … e had its turn is over; another request takes its place. */
	for (unsigned i = 0; i < 1000; i++) {
		char name = turn(&play);

		if (name == 'a') {
			old++;
			continue;
		}
		fresh++;
		drop(&play, name);
		add(&play, (char[]) {name, '\0'}, 1000, 1, 0);
	}
	cr_assert(old >= 100, "%u of %u turns", old, old + fresh);
	end(&play);
}

UNIT_TEST(sched, programs_that_come_and_go_cannot_starve_one_that_stays) {
	struct play play;
	unsigned old = 0;
	pid_t pid = 1;

	setup(&play);
	add(&play, "a", 1000, pid++, 0);
	add(&play, "b", 1000, pid++, 0);
	add(&play, "c", 1000, pid++, 0);
	for (unsigned i = 0; i < 3000; i++) {
		char name = turn(&play);

		if (name == 'a') {
			old++;
			continue;
		}
		drop(&play, name);
		add(&play, (char[]) {name, '\0'}, 1000, pid++, 0);
	}
	cr_assert(old >= 600, "%u of 3000 turns", old);
	end(&play);
}

UNIT_TEST(sched, those_remembered_without_a_request_are_few) {
	struct play play;
	size_t live;

	setup(&play);
	add(&play, "a", 1, 1, 0);
	expect(&play, "a");
	live = unit_live();
	for (uid_t uid = 2; uid < 1000; uid++) {
		add(&play, "b", uid, 1, 0);
		sched_charge(&play.sched, node_of(&play, 'b'), 1000 + uid);
		drop(&play, 'b');
	}
	cr_assert_eq(unit_live() - live, SCHED_LINGER);
	for (pid_t pid = 2; pid < 1000; pid++) {
		add(&play, "b", 1, pid, 0);
		sched_charge(&play.sched, node_of(&play, 'b'), 1000 + pid);
		drop(&play, 'b');
	}
	cr_assert_eq(unit_live() - live, 2 * SCHED_LINGER);
	/* Those of an earlier busy period are nobody's concern. */
	rest(&play, 'a');
	want(&play, 'a');
	add(&play, "b", 1, 1000, 0);
	sched_charge(&play.sched, node_of(&play, 'b'), 1);
	drop(&play, 'b');
	add(&play, "b", 1000, 1, 0);
	sched_charge(&play.sched, node_of(&play, 'b'), 1);
	drop(&play, 'b');
	cr_assert_eq(unit_live() - live, 2);
	/* V reaches them. */
	sched_charge(&play.sched, node_of(&play, 'a'), 1e6);
	expect(&play, "a");
	cr_assert_eq(unit_live(), live);
	end(&play);
}

UNIT_TEST(sched, a_request_can_leave_at_any_time_and_twice) {
	struct play play;

	setup(&play);
	add(&play, "ab", 1000, 1, 0);
	add(&play, "c", 2000, 1, 0);
	expect(&play, "ac");
	drop(&play, 'b');
	drop(&play, 'b');
	expect(&play, "acac");
	drop(&play, 'a');
	cr_assert_eq(sched_principals(&play.sched), 1);
	expect(&play, "cc");
	end(&play);
}

UNIT_TEST(sched, one_leads_another_where_they_part) {
	struct play play;

	setup(&play);
	add(&play, "a", 1000, 1, 0);
	add(&play, "b", 1000, 1, 0);
	add(&play, "c", 1000, 2, 0);
	add(&play, "d", 2000, 2, 0);
	sched_charge(&play.sched, node_of(&play, 'a'), 7);
	sched_charge(&play.sched, node_of(&play, 'b'), 10);
	sched_charge(&play.sched, node_of(&play, 'd'), 1);
	cr_assert_eq(sched_lead(node_of(&play, 'a'), node_of(&play, 'b')), 3);
	cr_assert_eq(sched_lead(node_of(&play, 'c'), node_of(&play, 'b')), 17);
	cr_assert_eq(sched_lead(node_of(&play, 'd'), node_of(&play, 'c')), 16);
	cr_assert_eq(sched_lead(node_of(&play, 'c'), node_of(&play, 'd')), -16);
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
	bool failed;
	size_t n = 0;
	int r;

	setup(&play);
	do {
		unit_fail(++n);
		r = sched_add(&play.sched, node_of(&play, 'a'), 1000, 1, 0);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0);
		cr_assert_eq(play.nodes[0].program == NULL, failed);
		if (failed)
			cr_assert_eq(unit_live(), 0);
	} while (failed);
	cr_assert_eq(n, 3);
	end(&play);
}
