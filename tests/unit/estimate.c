#include "daemon/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"
#include "tests/unit/unit.h"

/* A function whose items were seen to take cost_us ± 0 and to give `bytes` each. */
static void know(struct estimate *estimate, const char *function, uint64_t cost_us,
		 uint64_t bytes) {
	estimate_learn(estimate, function, 100, 100 * cost_us, 100 * bytes);
}

/* A request; 0 = nothing that limits its chunk. */
struct situation {
	uint32_t chunk_size;
	uint64_t ended; /* the input has, with so many items left */
	unsigned workers;
	uint32_t previous;
	bool new; /* the request had no chunk yet */
	double item_bytes;
	bool shared; /* with others that want to run */
};

struct row {
	const char *what;
	uint64_t cost_us, bytes; /* of the function; 0, 0 = unknown */
	struct situation situation;
	uint32_t expected;
};

static uint32_t ask(struct estimate *estimate, const char *function,
		    const struct situation *situation) {
	return estimate_chunk(estimate,
			      &(struct estimate_question) {
				      .function = function,
				      .chunk_size = situation->chunk_size,
				      .pending = situation->ended ? situation->ended : 1,
				      .input_ended = situation->ended > 0,
				      .workers = situation->workers ? situation->workers : 1,
				      .previous = situation->new        ? 0
						  : situation->previous ? situation->previous
									: UINT32_MAX,
				      .item_bytes = situation->item_bytes,
				      .alone = !situation->shared,
			      });
}

static void ask_all(const struct row *table, size_t n) {
	for (size_t i = 0; i < n; i++) {
		struct estimate estimate;
		uint32_t answer;

		estimate_init(&estimate);
		if (table[i].cost_us || table[i].bytes)
			know(&estimate, "p/f", table[i].cost_us, table[i].bytes);
		answer = ask(&estimate, "p/f", &table[i].situation);
		cr_assert_eq(answer, table[i].expected, "%s: %u and not %u", table[i].what, answer,
			     table[i].expected);
		estimate_done(&estimate);
	}
}

#define ASK_ALL(table) ask_all(table, sizeof(table) / sizeof *(table))

UNIT_TEST(estimate, a_chunk_takes_200_ms_alone_and_20_ms_beside_others) {
	static const struct row table[] = {
		{"1 ms an item, alone", 1000, 1, {0}, 200},
		{"1 ms an item, with others", 1000, 1, {.shared = true}, 20},
		{"7 ms an item: rounded down", 7000, 1, {0}, 28},
		{"150 ms an item", 150000, 1, {0}, 1},
		{"longer than the time", 500000, 1, {0}, 1},
		{"10 ms, with others", 10000, 1, {.shared = true}, 2},
		{"an hour", 3600000000, 1, {0}, 1},
	};

	ASK_ALL(table);
}

UNIT_TEST(estimate, the_last_chunks_share_what_is_left) {
	static const struct row table[] = {
		{"half of it", 1000, 1, {.ended = 100}, 50},
		{"of four workers", 1000, 1, {.ended = 100, .workers = 4}, 13},
		{"the last item", 1000, 1, {.ended = 1, .workers = 4}, 1},
		{"two workers, three items", 1000, 1, {.ended = 3, .workers = 2}, 1},
		{"a stream may go on", 1000, 1, {0}, 200},
	};

	ASK_ALL(table);
}

UNIT_TEST(estimate, a_chunk_has_256_kib_of_items_or_results) {
	static const struct row table[] = {
		{"items of 1 KiB", 1, 1, {.item_bytes = 1024}, 256},
		{"results of 1 KiB", 1, 1024, {.item_bytes = 1}, 256},
		{"the larger counts", 1, 1024, {.item_bytes = 4096}, 64},
		{"an item of 1 MiB", 1, 1, {.item_bytes = 1048576}, 1},
		{"with a size that was asked for",
		 1,
		 1,
		 {.item_bytes = 1024, .chunk_size = 100000},
		 256},
	};

	ASK_ALL(table);
}

UNIT_TEST(estimate, a_chunk_at_most_doubles) {
	static const struct row table[] = {
		{"after one item", 1, 1, {.previous = 1}, 2},
		{"after two", 1, 1, {.previous = 2}, 4},
		{"after many", 1000, 1, {.previous = 1000}, 200},
		{"a new request begins where the function was", 1, 1, {.new = true}, 200},
	};

	ASK_ALL(table);
}

UNIT_TEST(estimate, an_unknown_function_gets_one_item) {
	static const struct row table[] = {
		{"unknown", 0, 0, {0}, 1},
		{"though others took more", 0, 0, {.previous = 100}, 1},
		{"unless more is asked for", 0, 0, {.chunk_size = 17}, 17},
	};

	ASK_ALL(table);
}

UNIT_TEST(estimate, a_chunk_size_that_was_asked_for_is_taken) {
	static const struct row table[] = {
		{"smaller", 1, 1, {.chunk_size = 1}, 1},
		{"larger than the time allows", 100000, 1, {.chunk_size = 500}, 500},
		{"larger than what is left", 1000, 1, {.chunk_size = 500, .ended = 100}, 500},
		{"at once", 1000, 1, {.chunk_size = 500, .previous = 1}, 500},
	};

	ASK_ALL(table);
}

/* "`items` | 1 to 1 048 575 items, consecutive in the input; the function runs once for each" */
UNIT_TEST(estimate, a_chunk_has_from_1_to_2_to_the_20_less_1_items) {
	static const struct row table[] = {
		{"free items", 0, 1, {.item_bytes = 0.001}, 256 * 1024},
		{"nothing limits", 1, 0, {.item_bytes = 0}, 200000},
		{"not even time", 0, 0, {.chunk_size = UINT32_MAX}, LIMIT_CHUNK_ITEMS},
		{"size 0 of items", 0, 0, {.chunk_size = 5, .item_bytes = 0}, 5},
		{"huge items", 0, 0, {.chunk_size = 5, .item_bytes = 1e300}, 1},
	};
	struct estimate estimate;

	ASK_ALL(table);
	estimate_init(&estimate);
	estimate_learn(&estimate, "p/f", 1000000, 0, 0);
	cr_assert_eq(ask(&estimate, "p/f", &(struct situation) {0}), LIMIT_CHUNK_ITEMS,
		     "items that cost nothing");
	estimate_done(&estimate);
}

UNIT_TEST(estimate, growth_reaches_the_time_and_stays_there) {
	static const uint32_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 200, 200, 200};
	struct situation situation = {.new = true};
	struct estimate estimate;

	estimate_init(&estimate);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint32_t n = ask(&estimate, "p/f", &situation);

		cr_assert_eq(n, sizes[i], "chunk %zu has %u items", i, n);
		estimate_learn(&estimate, "p/f", n, n * 1000, n);
		situation = (struct situation) {.previous = n};
	}
	estimate_done(&estimate);
}

UNIT_TEST(estimate, a_new_request_begins_where_the_last_one_was_before_its_end) {
	struct estimate estimate;
	uint32_t previous = 0;

	estimate_init(&estimate);
	know(&estimate, "p/f", 1000, 1);
	for (uint32_t left = 1000; left > 0; left -= previous) {
		previous = ask(&estimate, "p/f",
			       &(struct situation) {
				       .ended = left, .new = !previous, .previous = previous});
		/* Reported in two parts. */
		estimate_learn(&estimate, "p/f", previous, previous * 1000, previous);
		estimate_learn(&estimate, "p/f", 1, 1000, 1);
	}
	cr_assert_eq(previous, 1, "the last chunk had one item");
	cr_assert_eq(ask(&estimate, "p/f", &(struct situation) {.new = true}), 200);
	estimate_done(&estimate);
}

UNIT_TEST(estimate, mean_and_deviation_follow_with_a_weight_of_a_fifth) {
	struct estimate estimate;
	const struct estimate_entry *entry;

	estimate_init(&estimate);
	estimate_learn(&estimate, "p/f", 10, 10000, 1000);
	entry = &estimate.entries[0];
	cr_assert_float_eq(entry->cost, 0.001, 1e-12);
	cr_assert_float_eq(entry->deviation, 0, 1e-12);
	cr_assert_float_eq(entry->bytes, 100, 1e-9);

	estimate_learn(&estimate, "p/f", 1, 11000, 200);
	cr_assert_float_eq(entry->cost, 0.003, 1e-12);
	cr_assert_float_eq(entry->deviation, 0.002, 1e-12);
	cr_assert_float_eq(entry->bytes, 120, 1e-9);

	/* From there 200 ms / (3 ms + 2 ms). */
	cr_assert_eq(ask(&estimate, "p/f", &(struct situation) {0}), 40);
	estimate_done(&estimate);
}

UNIT_TEST(estimate, it_converges_to_a_cost_that_changed) {
	struct estimate estimate;

	estimate_init(&estimate);
	know(&estimate, "p/f", 1000, 10);
	for (int i = 0; i < 60; i++)
		know(&estimate, "p/f", 5000, 50);
	cr_assert_float_eq(estimate.entries[0].cost, 0.005, 1e-6);
	cr_assert_float_eq(estimate.entries[0].deviation, 0, 1e-4);
	cr_assert_float_eq(estimate.entries[0].bytes, 50, 0.01);
	estimate_done(&estimate);
}

UNIT_TEST(estimate, a_report_without_results_teaches_nothing) {
	struct estimate estimate;

	estimate_init(&estimate);
	estimate_learn(&estimate, "p/f", 0, 1000, 0);
	cr_assert_eq(estimate.n, 0);
	know(&estimate, "p/f", 1000, 1);
	estimate_learn(&estimate, "p/f", 0, 1000, 100);
	cr_assert_float_eq(estimate.entries[0].cost, 0.001, 1e-12);
	estimate_done(&estimate);
}

static bool knows(struct estimate *estimate, const char *function) {
	return ask(estimate, function, &(struct situation) {0}) > 1;
}

UNIT_TEST(estimate, of_more_than_1024_functions_the_least_recently_used_is_forgotten) {
	struct estimate estimate;
	char name[32];

	estimate_init(&estimate);
	for (int i = 0; i < ESTIMATE_FUNCTIONS; i++) {
		snprintf(name, sizeof name, "p/f%d", i);
		know(&estimate, name, 1000, 1);
	}
	cr_assert(knows(&estimate, "p/f0"), "all have room, and the first is used again");
	know(&estimate, "p/new", 1000, 1);
	cr_assert(knows(&estimate, "p/new"));
	cr_assert(knows(&estimate, "p/f0"));
	cr_assert_not(knows(&estimate, "p/f1"), "it was the oldest");
	cr_assert(knows(&estimate, "p/f2"));
	know(&estimate, "p/newer", 1000, 1);
	cr_assert(knows(&estimate, "p/f2"));
	cr_assert_not(knows(&estimate, "p/f3"));
	cr_assert_eq(estimate.n, ESTIMATE_FUNCTIONS);
	estimate_done(&estimate);
}

/* Names whose FNV-1a hashes are equal. */
UNIT_TEST(estimate, functions_are_told_apart_by_their_names) {
	struct estimate estimate;

	estimate_init(&estimate);
	know(&estimate, "costarring", 1000, 1);
	know(&estimate, "liquid", 100000, 1);
	cr_assert_eq(estimate.entries[0].hash, estimate.entries[1].hash);
	cr_assert_eq(ask(&estimate, "costarring", &(struct situation) {0}), 200);
	cr_assert_eq(ask(&estimate, "liquid", &(struct situation) {0}), 2);
	estimate_done(&estimate);
}

UNIT_TEST(estimate, without_memory_it_forgets_and_goes_on) {
	struct estimate estimate;

	estimate_init(&estimate);
	for (size_t n = 1; n <= 2; n++) {
		unit_fail(n);
		know(&estimate, "p/f", 1000, 1);
		cr_assert(unit_failed());
		cr_assert_not(knows(&estimate, "p/f"));
	}
	know(&estimate, "p/f", 1000, 1);
	cr_assert(knows(&estimate, "p/f"));
	estimate_done(&estimate);
}
