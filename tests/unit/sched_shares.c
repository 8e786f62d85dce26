#include <math.h>
#include <stdio.h>

#include "tests/unit/sim.h"
#include "tests/unit/unit.h"

/*
 * Who gets how much, with a simulated clock. Each test prints what came out as a table.
 */

/* Of all that was got, those with this name got `expected`, within 5 %. */
static void expect_share(const struct sim *sim, const char *name, double expected) {
	double all = 0, share;

	for (size_t i = 0; i < sim->n_requests; i++) {
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first = first && strcmp(sim->requests[i].name, sim->requests[j].name) != 0;
		if (first)
			all += sim_got(sim, sim->requests[i].name, 0);
	}
	share = sim_got(sim, name, 0) / all;
	cr_assert(fabs(share - expected) <= 0.05 * expected, "%s got %.4f of all, not %.4f", name,
		  share, expected);
}

UNIT_TEST(sched_shares, one_connection_against_fifty_of_another_user) {
	struct sim sim;

	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "uid 1, 1 connection",
					    .uid = 1,
					    .pid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	for (pid_t pid = 1; pid <= 50; pid++)
		sim_add(&sim, (struct sim_request) {.name = "uid 2, 50 connections",
						    .uid = 2,
						    .pid = pid,
						    .items = SIM_FOREVER,
						    .cost = 0.001,
						    .wrong = 1});
	sim_run(&sim, 10);
	sim_show(&sim, "1 connection against 50 of another uid");
	expect_share(&sim, "uid 1, 1 connection", 0.5);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, one_request_against_fifty_of_another_program) {
	struct sim sim;

	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "pid 1, 1 request",
					    .pid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	for (unsigned i = 1; i <= 50; i++)
		sim_add(&sim, (struct sim_request) {.name = "pid 2, 50 requests",
						    .pid = 2,
						    .items = SIM_FOREVER,
						    .cost = 0.001,
						    .wrong = 1});
	sim_run(&sim, 10);
	sim_show(&sim, "one program with 1 request against one with 50");
	expect_share(&sim, "pid 1, 1 request", 0.5);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, items_of_any_length_get_the_same_time) {
	struct sim sim;

	sim_init(&sim, 2);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = {"10 us", "1 ms", "30 ms", "500 ms"};
		static const double costs[] = {1e-5, 1e-3, 0.03, 0.5};

		sim_add(&sim, (struct sim_request) {.name = names[i],
						    .uid = i,
						    .items = SIM_FOREVER,
						    .cost = costs[i],
						    .wrong = 1});
	}
	sim_run(&sim, 60);
	sim_show(&sim, "items of 10 us, 1 ms, 30 ms and 500 ms");
	for (unsigned i = 0; i < 4; i++)
		expect_share(&sim, sim.requests[i].name, 0.25);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, five_priorities_are_three_to_one) {
	struct sim sim;
	double three = pow(1.25, 5);

	for (unsigned same = 0; same < 2; same++) {
		sim_init(&sim, 2);
		sim_add(&sim, (struct sim_request) {.name = "priority 0",
						    .pid = 1,
						    .items = SIM_FOREVER,
						    .cost = 0.001,
						    .wrong = 1});
		sim_add(&sim, (struct sim_request) {.name = "priority 5",
						    .pid = same ? 1 : 2,
						    .priority = 5,
						    .items = SIM_FOREVER,
						    .cost = 0.004,
						    .wrong = 1});
		sim_run(&sim, 10);
		sim_show(&sim, same ? "priorities of one program, 1.25^5 = 3.05 to 1"
				    : "priorities of two programs, 1.25^5 = 3.05 to 1");
		expect_share(&sim, "priority 0", three / (three + 1));
		expect_share(&sim, "priority 5", 1 / (three + 1));
		sim_done(&sim);
	}
}

UNIT_TEST(sched_shares, a_burst_after_idling_gets_no_more_than_its_share) {
	struct sim sim;

	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "always",
					    .uid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	sim_add(&sim, (struct sim_request) {.name = "1 s, then idle for 10 s",
					    .uid = 2,
					    .items = 1000,
					    .cost = 0.001,
					    .wrong = 1,
					    .again = true,
					    .pause = 10});
	sim_run(&sim, 11);
	sim_show(&sim, "before the burst");
	sim_reset(&sim);
	sim_run(&sim, 11.5);
	sim_show(&sim, "the half second after it came");
	expect_share(&sim, "always", 0.5);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, who_is_saturated_in_one_pool_gains_no_credit_in_another) {
	struct sim sim;

	sim_init(&sim, 4);
	sim_add_workers(&sim, 1, 1);
	sim_add(&sim, (struct sim_request) {.name = "uid 1, pool of 4",
					    .uid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	sim_add(&sim, (struct sim_request) {.name = "uid 2, pool of 1",
					    .uid = 2,
					    .pool = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	sim_add(&sim, (struct sim_request) {.name = "uid 2, pool of 4",
					    .uid = 2,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1,
					    .first = 20});
	sim_run(&sim, 19.99);
	sim_show(&sim, "one worker of four slots is less than a half");
	sim_reset(&sim);
	sim_run(&sim, 20.99);
	sim_show(&sim, "the second in which it wants more");
	/* Half of four slots, and what lies behind V: 2 T for each slot, and a chunk. */
	cr_assert_leq(sim_got(&sim, NULL, 2), 2 + 2 * SIM_CHUNK * 4 + SIM_CHUNK * 4);
	sim_done(&sim);
}

/* The guesses of one are `wrong` times the truth. Returns its share after a minute. */
static double share_of_wrong(double wrong, const char *title) {
	struct sim sim;
	double share;

	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "guessed right",
					    .uid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	sim_add(&sim, (struct sim_request) {.name = "guessed wrong",
					    .uid = 2,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = wrong});
	sim_run(&sim, 60);
	sim_show(&sim, title);
	share = sim_got(&sim, "guessed wrong", 0) / 120;
	sim_done(&sim);
	return share;
}

UNIT_TEST(sched_shares, guesses_wrong_a_hundred_times_change_nothing) {
	double less = share_of_wrong(0.01, "a guess of a hundredth: chunks of 2 s");
	double more = share_of_wrong(100, "a guess of a hundred times: chunks of one item");

	cr_assert(fabs(less - 0.5) <= 0.025, "%.4f", less);
	cr_assert(fabs(more - 0.5) <= 0.025, "%.4f", more);
}

/* A client asks for a hundred items of 100 ms and cancels that 50 ms later, `n` times at once. */
static void expect_no_gain_from_cancelling(unsigned n, bool same_user, const char *title) {
	struct sim sim;

	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "lets all items run",
					    .uid = 1,
					    .pid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	for (unsigned i = 0; i < n; i++)
		sim_add(&sim, (struct sim_request) {.name = "cancels after 50 ms",
						    .uid = same_user ? 1 : 2,
						    .pid = 2,
						    .items = 100,
						    .cost = 0.1,
						    .wrong = 0.2,
						    .first = i * 0.003,
						    .again = true,
						    .pause = 0.0001,
						    .cancel_after = 0.05});
	sim_run(&sim, 60);
	sim_show(&sim, title);
	cr_assert_geq(sim_got(&sim, "lets all items run", 0), 0.95 * 60);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, cancelling_gets_nobody_more_than_a_share) {
	expect_no_gain_from_cancelling(1, false, "a loop of cancels, other uid");
	expect_no_gain_from_cancelling(1, true, "a loop of cancels, same uid");
	expect_no_gain_from_cancelling(20, false, "20 loops of cancels, other uid");
	expect_no_gain_from_cancelling(20, true, "20 loops of cancels, same uid");
}

UNIT_TEST(sched_shares, newcomers_with_long_items_do_not_take_over) {
	struct sim sim;

	/* Always two of them wait or run, of one user: whoever is over comes again as another process. */
	sim_init(&sim, 2);
	sim_add(&sim, (struct sim_request) {.name = "stays, 1 ms items",
					    .uid = 1,
					    .items = SIM_FOREVER,
					    .cost = 0.001,
					    .wrong = 1});
	for (unsigned i = 0; i < 4; i++)
		sim_add(&sim, (struct sim_request) {.name = "new each time, 5 s item",
						    .uid = 2,
						    .items = 1,
						    .cost = 5,
						    .wrong = 0.001,
						    .again = true,
						    .new_program = true});
	sim_run(&sim, 600);
	sim_show(&sim, "one user's new processes with an item of 5 s each");
	cr_assert_geq(sim_got(&sim, "stays, 1 ms items", 0), 0.95 * 600);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, one_item_calls_wait_for_a_chunk_at_most) {
	struct sim sim;

	for (unsigned same_user = 0; same_user < 2; same_user++) {
		struct sim_request *small;

		sim_init(&sim, 2);
		sim_add(&sim, (struct sim_request) {.name = "a million items",
						    .uid = 1,
						    .pid = 1,
						    .items = 1e6,
						    .cost = 0.001,
						    .wrong = 1});
		small = sim_add(&sim, (struct sim_request) {.name = "one item each",
							    .uid = same_user ? 1 : 2,
							    .pid = 2,
							    .items = 1,
							    .cost = 0.001,
							    .wrong = 1,
							    .again = true,
							    .pause = 0.0001});
		sim_run(&sim, 60);
		sim_show(&sim, same_user ? "one-item calls, same uid, other process"
					 : "one-item calls, other uid");
		cr_assert_leq(small->waited_most, SIM_CHUNK + 1e-6);
		cr_assert_geq(small->done, 60 / (SIM_CHUNK + 0.002));
		sim_done(&sim);
	}
}

/* Five times 300 s: the least that one of the requests got in any of them, of those that stay and of all. */
UNIT_TEST(sched_shares, nobody_is_ever_starved) {
	double stays = 1e9, comes = 1e9;
	struct sim sim;

	sim_init(&sim, 4);
	for (unsigned i = 0; i < 60; i++)
		sim_add(&sim, (struct sim_request) {.name = "stays",
						    .uid = i % 3,
						    .pid = (pid_t) (i % 5),
						    .priority = (int) (i % 11) - 5,
						    .items = SIM_FOREVER,
						    .cost = i % 7 ? 0.001 : 0.2,
						    .sigma = i % 2 ? 1 : 0,
						    .max_workers = i % 4,
						    .wrong = i % 9 ? 1 : 30});
	for (unsigned i = 0; i < 60; i++)
		sim_add(&sim, (struct sim_request) {.name = "comes and goes",
						    .uid = i % 4,
						    .pid = (pid_t) (i % 6),
						    .items = 1 + i % 10,
						    .cost = i % 8 ? 0.002 : 0.1,
						    .wrong = i % 7 ? 1 : 0.02,
						    .again = true,
						    .pause = 0.001 * i,
						    .new_program = i % 2,
						    .cancel_after = i % 10 ? 0 : 0.03});
	for (unsigned round = 0; round < 5; round++) {
		sim_reset(&sim);
		sim_run(&sim, sim.now + 300);
		for (unsigned i = 0; i < 60; i++)
			stays = fmin(stays, sim.requests[i].got);
		for (unsigned i = 60; i < 120; i++)
			if (sim.requests[i].cancel_after == 0)
				comes = fmin(comes, sim.requests[i].got);
	}
	sim_show(&sim, "requests of all kinds, the last five minutes");
	printf("# in none of five times five minutes did one that stays get less than %.3f s\n",
	       stays);
	printf("# and one that comes and goes less than %.3f s\n", comes);
	cr_assert_gt(stays, 0);
	cr_assert_gt(comes, 0);
	sim_done(&sim);
}

UNIT_TEST(sched_shares, a_map_of_uneven_items_ends_nearly_as_soon_as_it_can) {
	for (unsigned slots = 2; slots <= 16; slots *= 2) {
		struct sim_request *map;
		struct sim sim;
		double bound;

		sim_init(&sim, slots);
		sim.alone = true;
		map = sim_add(&sim, (struct sim_request) {.name = "log-normal, sigma 2",
							  .items = 20000,
							  .cost = 0.002,
							  .sigma = 2});
		sim_run(&sim, SIM_FOREVER / 2);
		bound = sim.sum / slots + sim.most;
		sim_show(&sim, "20 000 log-normal items, median 2 ms");
		printf("# took %.3f s; all items are %.3f s, the longest is %.3f s: %.3f of %.3f "
		       "s\n",
		       map->over, sim.sum, sim.most, map->over / bound, bound);
		cr_assert_leq(map->over, 1.1 * bound);
		cr_assert_geq(map->over, sim.sum / slots);
		sim_done(&sim);
	}
}
