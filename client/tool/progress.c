#include "client/tool/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The rate forgets with this time constant. */
#define MEMORY_US 5e6
/* Samples closer than this say nothing. */
#define SAMPLE_US 100000
#define BAR_MAX   40
#define BAR_MIN   6

void progress_init(struct progress *progress, int64_t now_us) {
	*progress = (struct progress) {.started_us = now_us, .sampled_us = now_us};
}

void progress_update(struct progress *progress, int64_t now_us, uint64_t done) {
	int64_t passed = now_us - progress->sampled_us;
	double rate, weight;

	if (passed < SAMPLE_US)
		return;
	rate = (double) (done - progress->sampled_done) * 1e6 / (double) passed;
	/* As long as little is known, all of it counts alike. */
	weight = (double) passed / (double) (now_us - progress->started_us);
	if (weight < 1 - exp(-(double) passed / MEMORY_US))
		weight = 1 - exp(-(double) passed / MEMORY_US);
	progress->rate += weight * (rate - progress->rate);
	progress->sampled_us = now_us;
	progress->sampled_done = done;
}

/* ---- pieces ---- */

static void format_time(char *text, size_t size, double seconds) {
	unsigned long long s = seconds < 0 ? 0 : (unsigned long long) (seconds + 0.5);

	if (s >= 100 * 3600)
		snprintf(text, size, "%llud", s / 86400);
	else if (s >= 3600)
		snprintf(text, size, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, size, "%llu:%02llu", s / 60, s % 60);
}

/* Three digits or so: "9.5/s", "830/s", "12.3k/s". */
static void format_rate(char *text, size_t size, double rate) {
	static const char units[][2] = {"", "k", "M", "G"};
	size_t unit = 0;

	for (; rate >= 999.5 && unit < 3; unit++)
		rate /= 1000;
	snprintf(text, size, rate < 99.95 && (unit > 0 || rate < 9.95) ? "%.1f%s/s" : "%.0f%s/s",
		 rate, units[unit]);
}

static double part_done(const struct progress_state *state) {
	double part = state->total > 0 ? (double) state->done / (double) state->total : state->part;

	return part > 1 ? 1 : part;
}

/* Behind the bar, or all there is without one. */
static size_t format_numbers(const struct progress *progress, int64_t now_us,
			     const struct progress_state *state, char *text, size_t size) {
	double elapsed = (double) (now_us - progress->started_us) / 1e6, part = part_done(state);
	char count[48], rate[24], time[24], failed[40] = "";

	snprintf(count, sizeof(count), state->total > 0 ? "%llu/%llu" : "%llu items",
		 (unsigned long long) state->done, (unsigned long long) state->total);
	format_rate(rate, sizeof(rate), progress->rate);
	if (state->failed > 0)
		snprintf(failed, sizeof(failed), "  %llu failed",
			 (unsigned long long) state->failed);
	if (part < 0) {
		format_time(time, sizeof(time), elapsed);
		return (size_t) snprintf(text, size, "%s  %s  %s%s", count, rate, time, failed);
	}
	/* With the total unknown, the input's bytes say how much is left. */
	if (state->total > 0 && progress->rate > 0)
		format_time(time, sizeof(time),
			    (double) (state->total - state->done) / progress->rate);
	else if (state->total == 0 && part > 0)
		format_time(time, sizeof(time), elapsed * (1 - part) / part);
	else
		snprintf(time, sizeof(time), "-");
	return (size_t) snprintf(text, size, "%s  %s  ETA %s%s", count, rate, time, failed);
}

static void draw_bar(char *text, size_t width, double part) {
	size_t filled = (size_t) (part * (double) width);

	for (size_t i = 0; i < width; i++)
		text[i] = i < filled ? '=' : i == filled ? '>' : ' ';
	text[width] = '\0';
}

size_t progress_format(const struct progress *progress, int64_t now_us,
		       const struct progress_state *state, size_t width, char *buffer,
		       size_t size) {
	char numbers[192], bar[BAR_MAX + 1];
	size_t length = format_numbers(progress, now_us, state, numbers, sizeof(numbers));
	double part = part_done(state);
	size_t room = width > length + 9 ? width - length - 9 : 0; /* "100% [" and "]  " */

	if (width >= size)
		width = size - 1;
	if (part >= 0 && room >= BAR_MIN) {
		draw_bar(bar, room < BAR_MAX ? room : BAR_MAX, part);
		snprintf(buffer, width + 1, "%3d%% [%s]  %s", (int) (part * 100), bar, numbers);
	} else {
		snprintf(buffer, width + 1, "%s", numbers);
	}
	return strlen(buffer);
}
