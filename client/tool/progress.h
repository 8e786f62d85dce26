#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * How far a map is, how fast, and how long it will take: numbers in, a line out. Pure.
 */
struct progress {
	int64_t started_us;
	int64_t sampled_us; /* when the rate was last brought up to date */
	uint64_t sampled_done;
	double rate; /* items a second, of about the last five seconds; 0 = not known yet */
};

void progress_init(struct progress *progress, int64_t now_us);
void progress_update(struct progress *progress, int64_t now_us, uint64_t done);

struct progress_state {
	uint64_t done, failed;
	uint64_t total; /* 0 = not known */
	double part;    /* with total 0: of the input that is done, 0 … 1; below 0 = not known */
};

/* Writes the line, of at most width characters, NUL-ended: a bar, rate and ETA if the end is known; else
 * count, rate and time. size: of the buffer, at least width + 1. Returns its length. */
size_t progress_format(const struct progress *progress, int64_t now_us,
		       const struct progress_state *state, size_t width, char *buffer, size_t size);
