#include "client/tool/progress.h"

#include <string.h>

#include "tests/unit/unit.h"

#define SECOND 1000000

static const char *line(const struct progress *progress, int64_t now_us, uint64_t done,
			uint64_t total, double part, size_t width) {
	static char buffer[256];
	struct progress_state state = {.done = done, .total = total, .part = part};

	progress_format(progress, now_us, &state, width, buffer, sizeof(buffer));
	return buffer;
}

/* A map that finishes `rate` items a second, looked at every tenth of a second. */
static struct progress after(int64_t seconds, uint64_t rate) {
	struct progress progress;

	progress_init(&progress, 0);
	for (int64_t i = 1; i <= seconds * 10; i++)
		progress_update(&progress, i * SECOND / 10, (uint64_t) i * rate / 10);
	return progress;
}

UNIT_TEST(progress, known_total_shows_bar_rate_and_eta) {
	struct progress progress = after(10, 100);

	cr_assert_str_eq(line(&progress, 10 * SECOND, 1000, 4000, -1, 60),
			 " 25% [======>                  ]  1000/4000  100/s  ETA 0:30");
}

UNIT_TEST(progress, unknown_total_shows_count_rate_and_time) {
	struct progress progress = after(90, 20000);

	cr_assert_str_eq(line(&progress, 90 * SECOND, 1800000, 0, -1, 60),
			 "1800000 items  20.0k/s  1:30");
}

UNIT_TEST(progress, part_of_a_file_gives_an_eta) {
	struct progress progress = after(30, 10);

	cr_assert_str_eq(line(&progress, 30 * SECOND, 300, 0, 0.75, 60),
			 " 75% [===================>      ]  300 items  10/s  ETA 0:10");
}

UNIT_TEST(progress, nothing_done_has_no_eta) {
	struct progress progress = after(1, 0);

	cr_assert_str_eq(line(&progress, SECOND, 0, 10, -1, 50),
			 "  0% [>                      ]  0/10  0.0/s  ETA -");
}

UNIT_TEST(progress, everything_done_fills_the_bar) {
	struct progress progress = after(10, 10);

	cr_assert_str_eq(line(&progress, 10 * SECOND, 100, 100, -1, 50),
			 "100% [==================]  100/100  10/s  ETA 0:00");
}

UNIT_TEST(progress, failures_are_counted_beside) {
	struct progress progress = after(10, 10);
	struct progress_state state = {.done = 100, .failed = 3, .part = -1};
	char buffer[128];

	progress_format(&progress, 10 * SECOND, &state, 100, buffer, sizeof(buffer));
	cr_assert_str_eq(buffer, "100 items  10/s  0:10  3 failed");
}

UNIT_TEST(progress, narrow_terminal_gets_numbers_alone_and_never_more_than_fits) {
	struct progress progress = after(10, 100);

	cr_assert_str_eq(line(&progress, 10 * SECOND, 1000, 4000, -1, 30),
			 "1000/4000  100/s  ETA 0:30");
	for (size_t width = 0; width < 120; width++)
		cr_assert_leq(strlen(line(&progress, 10 * SECOND, 1000, 4000, -1, width)), width);
}

UNIT_TEST(progress, rate_follows_a_change_within_seconds) {
	struct progress progress = after(60, 1000);

	for (int64_t i = 1; i <= 150; i++)
		progress_update(&progress, 60 * SECOND + i * SECOND / 10, 60000 + (uint64_t) i);
	cr_assert_gt(progress.rate, 9);
	cr_assert_lt(progress.rate, 100);
}

UNIT_TEST(progress, early_rate_is_the_mean_so_far) {
	struct progress progress;

	progress_init(&progress, 0);
	progress_update(&progress, SECOND, 100);
	cr_assert_float_eq(progress.rate, 100, 1e-6);
	progress_update(&progress, 2 * SECOND, 100);
	cr_assert_float_eq(progress.rate, 50, 1e-6);
}

UNIT_TEST(progress, samples_that_come_too_fast_are_passed_over) {
	struct progress progress;

	progress_init(&progress, 0);
	progress_update(&progress, 1, 1000);
	cr_assert_float_eq(progress.rate, 0, 1e-9);
}
