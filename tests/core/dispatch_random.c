#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/core/play.h"
#include "tests/core/transcript.h"
#include "tests/unit/unit.h"

/*
 * Random plays of the daemon's core: whatever clients, workers and clocks do, and in whatever order, what the witness
 * looks for must hold. A play that fails is made as short as it goes, and told.
 */

enum { STEPS = 400, PLAYS = 700 };

static void make_steps(unsigned long long seed, struct step *ret) {
	unsigned long long state = seed * 0x9e3779b97f4a7c15ULL;
	uint8_t *bytes = (uint8_t *) ret;

	for (size_t i = 0; i < STEPS * sizeof *ret; i++)
		bytes[i] = (uint8_t) unit_random(&state, 256);
}

/* Whether the play goes well, in a process of its own. */
static bool goes_well(const struct step *steps, size_t n, bool shown) {
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (!shown)
			dup2(null, STDERR_FILENO);
		transcript_show(shown);
		alarm(20);
		play_steps(steps, n);
		_exit(unit_live() == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

/* Leaves out what the failure does not need: halves first, single steps in the end. */
static size_t shrink(struct step *steps, size_t n) {
	struct step shorter[STEPS];

	for (size_t part = n / 2; part > 0; part /= 2) {
		for (size_t at = 1; at + part <= n;) {
			memcpy(shorter, steps, at * sizeof *steps);
			memcpy(shorter + at, steps + at + part, (n - at - part) * sizeof *steps);
			if (goes_well(shorter, n - part, false)) {
				at += part;
			} else {
				memcpy(steps, shorter, (n - part) * sizeof *steps);
				n -= part;
			}
		}
	}
	return n;
}

/* As an input of tests/fuzz/dispatch. */
static void keep(const char *path, const struct step *steps, size_t n) {
	FILE *file = fopen(path, "w");

	cr_assert(file && fwrite(steps, sizeof *steps, n, file) == n, "cannot write %s", path);
	fclose(file);
}

static void run_play(unsigned long long seed) {
	struct step steps[STEPS];
	size_t n;

	make_steps(seed, steps);
	if (goes_well(steps, STEPS, false))
		return;
	n = shrink(steps, STEPS);
	fprintf(stderr, "seed %llu, %zu of its steps:\n", seed, n);
	goes_well(steps, n, true);
	if (getenv("KEEP"))
		keep(getenv("KEEP"), steps, n);
	cr_assert_fail("seed %llu", seed);
}

/* $SEED: from this one on; $PLAYS: so many; $KEEP: the file for the steps of one that fails. */
UNIT_TEST(dispatch_random, every_item_gets_one_outcome_and_no_worker_stands_idle_beside_it) {
	const char *first = getenv("SEED"), *count = getenv("PLAYS");
	unsigned long long seed = first ? strtoull(first, NULL, 10) : 1;
	unsigned long long plays = count ? strtoull(count, NULL, 10) : first ? 1 : PLAYS;

	for (unsigned long long i = seed; i < seed + plays; i++)
		run_play(i);
}
