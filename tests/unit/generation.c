#include "daemon/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/trial.h"
#include "daemon/worker.h"
#include "tests/unit/unit.h"

/* Which workers are the same, and what becomes of a first one. */

#define SECOND UINT64_C(1000000)

static char *own[] = {"PATH=/bin", "HOME=/root", NULL};
static char *command[] = {"worker", "--load", NULL};
static char *environment[] = {"A=1", "B=2", NULL};

static const struct pool_configuration base = {
	.name = "p", .command = command, .environment = environment, .directory = "/srv"};

static struct generation *make(const struct pool_configuration *configuration) {
	struct generation *generation = NULL;

	cr_assert_eq(generation_new(&generation, configuration, own, false), 0);
	return generation;
}

UNIT_TEST(generation, what_makes_other_workers_makes_another) {
	static char *longer[] = {"worker", "--load", "x", NULL}, *shorter[] = {"worker", NULL};
	static char *limits[] = {"core=0", NULL};
	static char *other[] = {"worker", "--loaf", NULL}, *changed[] = {"A=1", "B=3", NULL};
	static const struct {
		struct pool_configuration configuration;
		bool same;
	} table[] = {
		{{.name = "p", .command = command, .environment = environment, .directory = "/srv"},
		 true},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .workers = {1, 2},
		  .start_timeout = 5,
		  .item_timeout = 6},
		 true},
		{{.name = "p", .command = longer, .environment = environment, .directory = "/srv"},
		 false},
		{{.name = "p", .command = shorter, .environment = environment, .directory = "/srv"},
		 false},
		{{.name = "p", .command = other, .environment = environment, .directory = "/srv"},
		 false},
		{{.name = "p", .command = command, .environment = changed, .directory = "/srv"},
		 false},
		{{.name = "p", .command = command, .directory = "/srv"}, false},
		{{.name = "p", .command = command, .environment = environment}, false},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .user = "nobody"},
		 false},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .memory_max = 64 << 20},
		 false},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .pids_max = 5},
		 false},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .oom_score_adj = 5},
		 false},
		{{.name = "p",
		  .command = command,
		  .environment = environment,
		  .directory = "/srv",
		  .limits = limits},
		 false},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct generation *a = make(&base), *b = make(&table[i].configuration);

		cr_assert_eq(recipe_equal(&a->recipe, &b->recipe), table[i].same, "row %zu", i);
		cr_assert_eq(recipe_equal(&b->recipe, &a->recipe), table[i].same, "row %zu", i);
		generation_free(a);
		generation_free(b);
	}
}

UNIT_TEST(generation, a_replaced_one_is_freed_with_its_last_worker) {
	struct generation *generation = make(&base);

	generation_join(generation);
	generation_join(generation);
	generation_leave(generation);
	generation_replace(generation, 7);
	cr_assert_eq(generation->until, 7);
	generation_leave(generation); /* freed, or unit_run() complains */

	generation = make(&base);
	generation_join(generation);
	generation_leave(generation);
	cr_assert_eq(generation->until, UINT64_MAX, "the one in force stays without workers");
	generation_replace(generation, 8);
}

UNIT_TEST(generation, without_memory_nothing_is_left) {
	bool failed;
	size_t n = 0;

	do {
		struct generation *generation = NULL;
		int r;

		unit_fail(++n);
		r = generation_new(&generation, &base, own, false);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0);
		generation_free(generation);
	} while (failed);
	cr_assert_gt(n, 8);
}

UNIT_TEST(generation, serves_what_its_workers_offer) {
	struct generation *generation = make(&base);

	cr_assert_not(generation_serves(generation, "f", UNPACK_NONE), "nobody has said hello");
	generation->offer.functions = json_pack("{snsn}", "f", "g.*");
	generation->offer.unpack[UNPACK_NONE] = true;
	cr_assert(generation_serves(generation, "f", UNPACK_NONE));
	cr_assert(generation_serves(generation, "g.h", UNPACK_NONE));
	cr_assert_not(generation_serves(generation, "h", UNPACK_NONE));
	cr_assert_not(generation_serves(generation, "f", UNPACK_BOTH));
	generation_free(generation);
}

/* -------- the first worker -------- */

/* A trial of a worker that is starting. */
static struct trial begin(struct generation *generation, struct worker *worker) {
	struct trial trial = {0};

	trial_begin(&trial, generation, 30 * SECOND);
	*worker = (struct worker) {.state = WORKER_STARTING};
	trial.worker = worker;
	return trial;
}

UNIT_TEST(trial, a_hello_makes_it_ready) {
	struct generation *generation = make(&base);
	struct worker worker;
	struct trial trial = begin(generation, &worker);

	trial_moved(&trial);
	cr_assert_eq(trial.state, TRIAL_STARTING);
	worker.state = WORKER_IDLE;
	trial_moved(&trial);
	cr_assert_eq(trial.state, TRIAL_READY);
	trial_over(&trial);
	cr_assert_eq(trial.state, TRIAL_NONE);
	generation_free(generation);
}

UNIT_TEST(trial, one_end_is_forgiven_and_a_second_is_not) {
	struct generation *generation = make(&base);
	struct worker worker;
	struct trial trial = begin(generation, &worker);

	cr_assert(trial_ended(&trial, 0, SECOND, strdup("unlucky")));
	cr_assert_eq(trial.state, TRIAL_STARTING);
	cr_assert_null(trial.worker);
	trial.worker = &worker;
	cr_assert_not(trial_ended(&trial, SECOND, 2 * SECOND, strdup("broken")));
	cr_assert_eq(trial.state, TRIAL_FAILED);
	cr_assert_str_eq(trial.reason, "broken");
	trial_over(&trial);
	generation_free(generation);
}

UNIT_TEST(trial, one_that_was_ready_may_end_once_as_well) {
	struct generation *generation = make(&base);
	struct worker worker;
	struct trial trial = begin(generation, &worker);

	worker.state = WORKER_IDLE;
	trial_moved(&trial);
	cr_assert(trial_ended(&trial, 0, SECOND, NULL));
	cr_assert_eq(trial.state, TRIAL_STARTING);
	trial_over(&trial);
	generation_free(generation);
}

UNIT_TEST(trial, a_start_that_takes_too_long_is_not_repeated) {
	struct generation *generation = make(&base);
	struct worker worker;
	struct trial trial = begin(generation, &worker);

	cr_assert_not(trial_ended(&trial, SECOND, 31 * SECOND, strdup("too slow")));
	cr_assert_eq(trial.state, TRIAL_FAILED);
	trial_over(&trial);
	generation_free(generation);
}
