#include "daemon/chunk.h"

#include <stdio.h>

#include "tests/unit/unit.h"

/*
 * A settlement as one character an item:
 *   =  has its result          ~  finished, its result is lost: runs again
 *   X  blamed                  .  never started
 * and "untouched" if the page says that nothing of the chunk began.
 */
static void print(char *line, const struct chunk *chunk, const struct settlement *s) {
	cr_assert_leq(chunk->reported, chunk->count);
	if (s->untouched) {
		cr_assert(!s->blamed && s->finished == 0 && s->rest == 0);
		snprintf(line, 16, "untouched");
		return;
	}
	cr_assert(s->finished >= chunk->reported && s->finished <= chunk->count,
		  "what finished ends at %u", s->finished);
	cr_assert_eq(s->rest, s->finished + s->blamed, "the parts leave a gap");
	cr_assert_leq(s->rest, chunk->count);
	for (uint32_t i = 0; i < chunk->count; i++)
		*line++ = i < chunk->reported             ? '='
			  : i < s->finished               ? '~'
			  : i == s->finished && s->blamed ? 'X'
							  : '.';
	*line = '\0';
}

#define CHUNK UINT64_C(7) /* the number of the chunk in the table, one of the worker's 6 … 9 */
#define LAST  UINT64_C(9)

struct row {
	const char *what;
	uint32_t count, reported;
	uint64_t progress;
	const char *expected;
};

#define AT(chunk, offset)      position_pack(chunk, offset, false)
#define RUNNING(chunk, offset) position_pack(chunk, offset, true)

static void settle_one(const struct row *row, const struct chunk_evidence *evidence) {
	const struct chunk chunk = {
		.number = CHUNK, .count = row->count, .reported = row->reported};
	struct settlement settlement = chunk_settle(&chunk, evidence);
	char line[64];

	print(line, &chunk, &settlement);
	cr_assert_str_eq(line, row->expected, "%s: %s and not %s", row->what, line, row->expected);
}

#define SETTLE_ALL(table, ...) \
	for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) \
	settle_one(&(table)[i], &(struct chunk_evidence) {.progress = (table)[i].progress, \
							  .last_chunk = LAST, \
							  __VA_ARGS__})

UNIT_TEST(chunk, the_page_says_who_pays_for_a_death) {
	const struct row table[] = {
		{"untouched page", 4, 0, 0, "untouched"},
		{"an earlier chunk, done", 4, 0, AT(CHUNK - 1, 9), "untouched"},
		{"an earlier chunk, running", 4, 0, RUNNING(CHUNK - 1, 2), "untouched"},

		{"the first item runs", 4, 0, RUNNING(CHUNK, 0), "X..."},
		{"the third runs, none is reported", 4, 0, RUNNING(CHUNK, 2), "~~X."},
		{"the third runs, one is reported", 4, 1, RUNNING(CHUNK, 2), "=~X."},
		{"the third runs, two are reported", 4, 2, RUNNING(CHUNK, 2), "==X."},
		{"the last runs", 4, 3, RUNNING(CHUNK, 3), "===X"},
		{"one item", 1, 0, RUNNING(CHUNK, 0), "X"},

		{"between two items", 4, 1, AT(CHUNK, 2), "=~.."},
		{"between two items, all reported", 4, 2, AT(CHUNK, 2), "==.."},
		{"the chunk was read, nothing began", 4, 0, AT(CHUNK, 0), "...."},
		{"all finished, the report is lost", 4, 1, AT(CHUNK, 4), "=~~~"},

		{"a later chunk runs", 4, 1, RUNNING(CHUNK + 1, 3), "=~~~"},
		{"a later chunk, nothing reported", 4, 0, AT(LAST, 0), "~~~~"},
		{"a later chunk, all but one reported", 4, 3, AT(LAST, 0), "===~"},
	};

	SETTLE_ALL(table, .page = true);
}

UNIT_TEST(chunk, an_impossible_page_is_ignored_and_the_first_item_without_result_pays) {
	const struct row table[] = {
		{"a chunk that was never sent", 4, 1, RUNNING(LAST + 1, 0), "=X.."},
		{"all ones", 4, 0, UINT64_MAX, "X..."},
		{"an item beyond the chunk runs", 4, 2, RUNNING(CHUNK, 4), "==X."},
		{"far beyond", 4, 2, RUNNING(CHUNK, PAGE_OFFSET_MAX), "==X."},
		{"it stands beyond the end", 4, 0, AT(CHUNK, 5), "X..."},
		{"a reported item runs", 4, 3, RUNNING(CHUNK, 2), "===X"},
		{"it stands before what is reported", 4, 3, AT(CHUNK, 2), "===X"},
		{"an earlier chunk, though this one reported", 4, 2, RUNNING(CHUNK - 1, 0), "==X."},
		{"untouched, though this one reported", 4, 1, 0, "=X.."},
		{"no item is left to pay", 4, 4, RUNNING(CHUNK, 2), "===="},
	};

	SETTLE_ALL(table, .page = true);
}

UNIT_TEST(chunk, without_a_page_the_first_item_without_result_pays) {
	const struct row table[] = {
		{"nothing reported", 4, 0, 0, "X..."},
		{"two reported", 4, 2, 0, "==X."},
		{"what the page says does not count", 4, 2, RUNNING(CHUNK, 3), "==X."},
		{"nor does a later chunk", 4, 2, RUNNING(CHUNK + 1, 0), "==X."},
		{"one item", 1, 0, 0, "X"},
	};

	SETTLE_ALL(table, .page = false);
}

UNIT_TEST(chunk, a_protocol_violation_blames_the_first_item_without_result) {
	const struct row table[] = {
		{"whatever runs", 4, 1, RUNNING(CHUNK, 3), "=X.."},
		{"nothing began", 4, 0, 0, "X..."},
		{"all reported", 2, 2, AT(CHUNK, 2), "=="},
	};

	SETTLE_ALL(table, .page = true, .violation = true);
}

UNIT_TEST(chunk, a_kill_that_was_meant_for_another_item_costs_nobody) {
	const struct row meant[] = {
		{"it hit whom it was meant for", 4, 1, RUNNING(CHUNK, 2), "=~X."},
		{"it had ended, and was not reported", 4, 1, AT(CHUNK, 3), "=~X."},
		{"it was not begun", 4, 1, AT(CHUNK, 2), "=~X."},
	};
	const struct row innocent[] = {
		{"the next one ran already", 4, 1, RUNNING(CHUNK, 3), "=~~."},
		{"the one before still ran", 4, 1, RUNNING(CHUNK, 1), "=..."},
		{"none ran, and it had long ended", 4, 1, AT(CHUNK, 4), "=~~~"},
		{"none ran, and it was not begun for long", 4, 1, AT(CHUNK, 1), "=..."},
		{"it was reported", 4, 3, AT(CHUNK, 3), "===."},
		{"a later chunk ran", 4, 1, RUNNING(CHUNK + 1, 2), "=~~~"},
	};
	const struct row impossible[] = {
		{"the page is impossible all the same", 4, 1, RUNNING(CHUNK, 4), "=X.."},
	};
	const struct row other[] = {
		{"the same offset of another chunk", 4, 1, RUNNING(CHUNK, 2), "=~.."},
		{"which had ended", 4, 1, AT(CHUNK, 3), "=~~."},
	};

	SETTLE_ALL(meant, .page = true, .targeted = true, .target = AT(CHUNK, 2));
	SETTLE_ALL(innocent, .page = true, .targeted = true, .target = AT(CHUNK, 2));
	SETTLE_ALL(impossible, .page = true, .targeted = true, .target = AT(CHUNK, 2));
	SETTLE_ALL(other, .page = true, .targeted = true, .target = AT(CHUNK - 1, 2));
}

/* The same verdicts once more, written from the end of the design's table: which items may the page
 * not know about, who is running, and is that possible at all? */
static void oracle(char *line, uint32_t count, uint32_t reported, uint64_t at, uint32_t offset,
		   bool running, const struct chunk_evidence *evidence) {
	bool believed = evidence->page && !evidence->violation && at <= LAST;
	uint32_t done = at > CHUNK ? count : at < CHUNK ? 0 : offset;
	bool runs = at == CHUNK && running;

	if (believed && (done < reported || done + runs > count))
		believed = false;
	if (believed && at < CHUNK) {
		snprintf(line, 16, "untouched");
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		char c = '.';

		if (i < reported)
			c = '=';
		else if (!believed)
			c = i == reported ? 'X' : '.';
		else if (i < done)
			c = '~';
		else if (i == done && runs &&
			 !(evidence->targeted &&
			   evidence->target != (at << 21 | (uint64_t) offset << 1)))
			c = 'X';
		line[i] = c;
	}
	/* Between two items a blow hits the one that ended, or else the one that should begin. */
	if (believed && at == CHUNK && !running && evidence->targeted &&
	    evidence->target >> 21 == CHUNK) {
		uint32_t target = (uint32_t) (evidence->target >> 1) & PAGE_OFFSET_MAX;

		if ((target + 1 == offset && line[target] == '~') ||
		    (target == offset && target < count))
			line[target] = 'X';
	}
	line[count] = '\0';
}

static void sweep(uint32_t count, uint32_t reported, const struct chunk_evidence *how) {
	const struct chunk chunk = {.number = CHUNK, .count = count, .reported = reported};

	for (uint64_t at = CHUNK - 2; at <= LAST + 1; at++) {
		for (uint32_t offset = 0; offset <= count + 2; offset++) {
			for (int running = 0; running <= 1; running++) {
				struct chunk_evidence evidence = *how;
				struct settlement settlement;
				char line[64], expected[64];

				evidence.progress = position_pack(at, offset, running);
				settlement = chunk_settle(&chunk, &evidence);
				print(line, &chunk, &settlement);
				oracle(expected, count, reported, at, offset, running, how);
				cr_assert_str_eq(line, expected,
						 "%u of %u reported, page at %d/%u%s: %s and not "
						 "%s",
						 reported, count, (int) at, offset,
						 running ? " running" : "", line, expected);
			}
		}
	}
}

UNIT_TEST(chunk, every_small_chunk_settles_as_the_table_says) {
	for (uint32_t count = 1; count <= 4; count++) {
		for (uint32_t reported = 0; reported < count; reported++) {
			struct chunk_evidence how = {.last_chunk = LAST};

			sweep(count, reported, &how);
			how.page = true;
			sweep(count, reported, &how);
			how.targeted = true;
			for (uint32_t target = 0; target < count; target++) {
				how.target = AT(CHUNK, target);
				sweep(count, reported, &how);
			}
			how.violation = true;
			sweep(count, reported, &how);
		}
	}
}

/* ---- what it is charged ---- */

UNIT_TEST(chunk, is_charged_what_it_held_whatever_was_guessed) {
	struct chunk chunk = {.count = 1, .began = 1000, .predicted = 500, .charged = 500};

	cr_assert_eq(chunk_charge(&chunk, 1000 + 700), 200, "200 µs more than guessed");
	cr_assert_eq(chunk_charge(&chunk, 1000 + 900), 200, "200 µs later");
	chunk = (struct chunk) {.count = 1, .began = 1000, .predicted = 500, .charged = 500};
	cr_assert_eq(chunk_charge(&chunk, 1000 + 100), -400, "400 µs are given back");
}

UNIT_TEST(chunk, that_never_came_first_is_charged_nothing) {
	struct chunk chunk = {.count = 1, .began = 0, .predicted = 500, .charged = 500};

	cr_assert_eq(chunk_charge(&chunk, 123456), -500);
	cr_assert_eq(chunk.charged, 0);
}

UNIT_TEST(chunk, is_overdue_after_twice_its_time) {
	static const struct {
		uint64_t predicted, held;
		bool overdue;
	} table[] = {
		{50000, 50000, false},        {50000, 100000, false}, {50000, 100002, true},
		{10, 20000, false},           {10, 20001, true},      {CHUNK_UNKNOWN, 20000, false},
		{CHUNK_UNKNOWN, 20001, true},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct chunk chunk = {.count = 1, .began = 7, .predicted = table[i].predicted};

		cr_assert_eq(chunk_is_overdue(&chunk, 7 + table[i].held), table[i].overdue,
			     "row %zu", i);
	}
	cr_assert_not(chunk_is_overdue(&(struct chunk) {.count = 1, .predicted = 1}, 1 << 30),
		      "it waits behind another");
}

UNIT_TEST(chunk, has_the_rest_of_its_time_to_go) {
	struct chunk chunk = {.count = 1, .began = 1000, .predicted = 500};

	cr_assert_eq(chunk_remaining(&chunk, 1100), 400);
	cr_assert_eq(chunk_remaining(&chunk, 2000), 0);
	chunk.began = 0;
	cr_assert_eq(chunk_remaining(&chunk, 2000), 500, "it waits behind another");
	chunk.predicted = CHUNK_UNKNOWN;
	cr_assert_eq(chunk_remaining(&chunk, 2000), CHUNK_UNKNOWN);
}

/* ---- what can be taken back ---- */

UNIT_TEST(chunk, gives_back_what_is_past_the_limit_and_the_page) {
	const struct {
		const char *what;
		uint64_t limit, progress;
		uint32_t reported, expected; /* of 10 items */
	} table[] = {
		{"nothing of it was begun", AT(7, 0), AT(6, 3), 0, 0},
		{"the limit lies in it", AT(7, 4), AT(6, 3), 0, 4},
		{"the first item runs", AT(7, 0), RUNNING(7, 0), 0, 1},
		{"it is between two items", AT(7, 0), AT(7, 3), 0, 3},
		{"it runs, and the limit comes later", AT(7, 6), RUNNING(7, 2), 0, 6},
		{"it came to the limit, and has not seen it yet", AT(7, 2), RUNNING(7, 2), 0, 3},
		{"results came that the page does not know of", AT(7, 0), AT(7, 3), 5, 5},
		{"the last item runs", AT(7, 0), RUNNING(7, 9), 0, 10},
		{"it is over", AT(7, 0), AT(7, 10), 0, 10},
		{"a later chunk has begun", AT(7, 0), RUNNING(8, 0), 0, 10},
		{"only later chunks are meant", AT(8, 0), RUNNING(7, 0), 0, 10},
		{"an earlier chunk is recalled with all that follow", AT(6, 2), RUNNING(6, 1), 0,
		 0},
		{"the page lies", AT(7, 0), RUNNING(7, 99), 0, 10},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct chunk chunk = {
			.number = CHUNK, .count = 10, .reported = table[i].reported};

		cr_assert_eq(chunk_unstarted(&chunk, table[i].limit, table[i].progress),
			     table[i].expected, "%s", table[i].what);
	}
}

UNIT_TEST(chunk, that_was_cut_does_not_pay_for_the_item_at_the_limit) {
	const struct chunk_evidence evidence = {
		.page = true, .last_chunk = LAST, .progress = RUNNING(7, 3)};
	struct chunk chunk = {.number = CHUNK, .count = 3, .reported = 1, .cut = true};
	struct settlement settlement = chunk_settle(&chunk, &evidence);
	char line[64];

	print(line, &chunk, &settlement);
	cr_assert_str_eq(line, "=~~");
	chunk.cut = false;
	settlement = chunk_settle(&chunk, &evidence);
	print(line, &chunk, &settlement);
	cr_assert_str_eq(line, "=X.", "a page with nonsense");
}

/* ---- how long an item may take ---- */

UNIT_TEST(chunk, an_item_is_late_by_its_own_time) {
	const struct {
		const char *what;
		bool page;
		uint64_t progress, began, now; /* µs; the chunk came first at 1000 */
		uint64_t in;
		uint32_t offset;
		uint64_t moved;
	} table[] = {
		{"it has just begun", true, RUNNING(7, 2), 5000, 5000, 100, 2, 0},
		{"its time is nearly over", true, RUNNING(7, 2), 5000, 5099, 1, 2, 0},
		{"its time is over", true, RUNNING(7, 2), 5000, 5100, 0, 2, 0},
		{"between two items", true, AT(7, 2), 1000, 9000, 100, 1, 9000},
		{"between two items, for long", true, AT(7, 2), 8990, 9000, 0, 1, 8900},
		{"between two items, long before the chunk", true, AT(7, 2), 1, 1060, 40, 1, 3},
		{"behind the last, for long", true, AT(7, 10), 8990, 9000, 0, 9, 8900},
		{"all is reported, for long", true, AT(7, 1), 8990, 9000, 0, 1, 8900},
		{"before the first, for long", true, AT(6, 9), 500, 1100, 0, 1, 0},
		{"before the first, not for long", true, AT(6, 9), 500, 1060, 40, 1, 0},
		{"the clock lies: in the future", true, RUNNING(7, 2), 99999, 1100, 0, 2, 0},
		{"the clock lies: before the chunk", true, RUNNING(7, 2), 3, 1050, 50, 2, 0},
		{"the page lies", true, RUNNING(7, 99), 5000, 9000, 100, 1, 9000},
		{"the page lies, for long", true, RUNNING(7, 99), 8990, 9000, 0, 1, 8900},
		{"a result came for it", true, RUNNING(7, 0), 1000, 9000, 100, 1, 9000},
		{"a result came for it, long ago", true, RUNNING(7, 0), 8990, 9000, 0, 1, 8900},
		{"no page", false, 0, 0, 1099, 1, 1, 0},
		{"no page, over", false, 0, 0, 1100, 0, 1, 0},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct chunk chunk = {.number = CHUNK,
					    .count = 10,
					    .reported = 1,
					    .began = 1000,
					    .item_timeout = 100};
		struct chunk_deadline deadline =
			chunk_deadline(&chunk, table[i].page, table[i].progress, table[i].began,
				       table[i].moved, table[i].now);

		cr_assert_eq(deadline.in, table[i].in, "%s: in %llu", table[i].what,
			     (unsigned long long) deadline.in);
		if (table[i].offset)
			cr_assert_eq(deadline.offset, table[i].offset, "%s", table[i].what);
	}
}
