#include <signal.h>

#include "tests/core/fake_loop.h"
#include "tests/core/play.h"
#include "tests/unit/unit.h"

/* Single cases of the daemon's core, each a short play that is written out. Every rest is witnessed here, too. */

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

/* Pools of one worker each, and two slots. */
static struct play *begin(unsigned pools) {
	return play_begin(&(struct step) {.arg = {1, (uint8_t) (pools - 1)}});
}

static void run(struct play *play) {
	fake_loop_run(play->loop.base);
}

static void wait(struct play *play, uint64_t us) {
	fake_loop_advance(play->loop.base, us);
}

/* As in choose_function() of client.c. */
enum callee { F0_OF_P0 = 0, NOBODY = 4, F0 = 5, F1 = 5 + 8 };

/* A map, in chunks of three. */
static struct client *call(struct play *play, enum callee callee, uint8_t items) {
	client_submit(play, &(struct step) {.arg = {(uint8_t) callee, items, 0, 3}});
	run(play);
	return &play->clients[play->n_clients - 1];
}

static struct fake_process *hello(struct play *play) {
	struct fake_process *process = crew_choose(0, false);

	cr_assert_not_null(process);
	crew_hello(play, process, true, false);
	run(play);
	return process;
}

static void die(struct play *play, struct fake_process *process) {
	fake_process_exit(process, 0, 1);
	run(play);
}

static void work(struct play *play, struct fake_process *process, unsigned moves) {
	crew_work(play, process, moves);
	crew_report(process, UINT32_MAX, UINT32_MAX, SIZE_MAX);
	run(play);
}

static void expect_end(const struct client *client, const char *end) {
	cr_assert_null(client->request, "the request is not over");
	cr_assert_str_eq(client->end, end);
}

/* -------- which pool -------- */

UNIT_TEST(dispatch_cases, a_request_waits_for_the_hello_of_its_pool) {
	struct play *play = begin(2);
	struct client *client = call(play, F1, 3);

	hello(play); /* p0's: it is not the one */
	cr_assert_not_null(client->request);
	cr_assert_eq(client->held, 0);
	hello(play);
	cr_assert_eq(client->held, 3);
	play_finish(play);
	expect_end(client, "done");
	play_free(play);
}

UNIT_TEST(dispatch_cases, a_function_is_unknown_once_every_pool_has_said_hello) {
	struct play *play = begin(2);
	struct client *early = call(play, NOBODY, 1), *late;

	hello(play);
	cr_assert_not_null(early->request);
	hello(play);
	expect_end(early, "io.procpool.NoSuchFunction");
	late = call(play, NOBODY, 1);
	expect_end(late, "io.procpool.NoSuchFunction");
	play_finish(play);
	play_free(play);
}

UNIT_TEST(dispatch_cases, a_request_waits_no_longer_than_pools_may_take_to_start) {
	struct play *play = begin(1);
	struct client *client = call(play, NOBODY, 1);

	wait(play, 3 * SECOND - 1);
	cr_assert_not_null(client->request);
	wait(play, 1);
	expect_end(client, "io.procpool.NoSuchFunction");
	play_finish(play);
	play_free(play);
}

UNIT_TEST(dispatch_cases, a_pool_that_cannot_start_ends_its_requests_until_it_can) {
	struct play *play = begin(1);
	struct client *client;

	hello(play);
	die(play, crew_choose(0, true));
	client = call(play, F0_OF_P0, 1);
	/* It never said hello: 100 ms later the next one is tried. */
	wait(play, 100 * MS);
	cr_assert_not_null(client->request);
	die(play, crew_choose(0, false));
	expect_end(client, "io.procpool.PoolFailed");
	client = call(play, F0_OF_P0, 1);
	expect_end(client, "io.procpool.PoolFailed");

	wait(play, 200 * MS);
	hello(play);
	client = call(play, F0_OF_P0, 1);
	cr_assert_eq(client->held, 1);
	play_finish(play);
	expect_end(client, "done");
	play_free(play);
}

/* -------- who does not want it any more -------- */

UNIT_TEST(dispatch_cases, a_worker_that_returns_what_is_cancelled_lives_on) {
	struct play *play = begin(1);
	struct fake_process *process = hello(play);
	struct client *cancelled = call(play, F0, 3), *next;

	cr_assert_eq(cancelled->held, 3);
	crew_work(play, process, 1);
	client_cancel(cancelled);
	run(play);
	expect_end(cancelled, "cancelled");
	next = call(play, F0, 3);
	cr_assert_eq(next->held, 0);

	work(play, process, 3);
	wait(play, SECOND);
	cr_assert_not(process->told);
	cr_assert_eq(next->items[0].holder, process->number);
	play_finish(play);
	expect_end(next, "done");
	play_free(play);
}

UNIT_TEST(dispatch_cases, a_worker_that_goes_on_with_what_is_cancelled_is_stopped) {
	struct play *play = begin(1);
	struct fake_process *process = hello(play);
	struct client *client = call(play, F0, 1);

	crew_work(play, process, 1);
	client_cancel(client);
	wait(play, 100 * MS - 1);
	cr_assert_not(process->told);
	wait(play, 1);
	cr_assert(process->told && !process->kill);
	wait(play, SECOND);
	cr_assert(process->kill);
	play_finish(play);
	play_free(play);
}

UNIT_TEST(dispatch_cases, what_a_client_left_behind_goes_with_its_last_chunk) {
	struct play *play = begin(1);
	struct fake_process *process = hello(play);
	struct client *client = call(play, F0, 1);

	crew_work(play, process, 1);
	client_hang_up(client);
	run(play);
	expect_end(client, "gone");
	cr_assert(dispatch_has_requests(play->dispatch));
	work(play, process, 1);
	cr_assert_not(dispatch_has_requests(play->dispatch));
	play_finish(play);
	play_free(play);
}

UNIT_TEST(dispatch_cases, one_item_pays_for_a_death_and_the_others_run_elsewhere) {
	struct play *play = begin(1);
	struct fake_process *process = hello(play);
	struct client *client = call(play, F0, 3);

	cr_assert_eq(client->held, 3);
	work(play, process, 3); /* ends one, begins the next */
	fake_process_exit(process, SIGKILL, 0);
	run(play);
	cr_assert_eq(client->ready, 2);
	cr_assert_eq(client->held, 0);
	cr_assert(client->items[1].blamed && !client->items[2].blamed);
	hello(play);
	cr_assert_eq(client->held, 1);
	play_finish(play);
	expect_end(client, "done");
	play_free(play);
}
