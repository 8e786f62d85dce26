/* What the tests under a real systemd put on the daemon, a client of libprocpool with one connection:
 *
 * load FILE [idempotent]   calls until FILE exists: `square` of one item, then a map of `sleep` that takes one to three
 *                          seconds, and so on. A line for each call:
 *
 *     apply MS         the result was right; how long it took
 *     map MS OVER      likewise; OVER is how much longer than its items together
 *     lost NAME: WHY   whether the call ran is not known
 *     failed NAME: WHY any other end
 *
 * The exit status is 0. */

#include <procpool/client.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ITEM_MS 100

struct load {
	struct procpool *procpool;
	struct procpool_options options;
	unsigned round;
};

static double now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static void print_end(const struct load *load, const char *method) {
	const struct procpool_error *error = procpool_last_error(load->procpool);

	printf("%s %s: %s\n", error->code == PROCPOOL_E_LOST ? "lost" : "failed", method,
	       error->message);
}

static void apply(const struct load *load) {
	unsigned number = load->round % 1000;
	char argument[16], expected[16], *result = NULL;
	double began = now_ms();

	snprintf(argument, sizeof(argument), "%u", number);
	snprintf(expected, sizeof(expected), "%u", number * number);
	if (procpool_apply(load->procpool, "square", argument, &load->options, &result) != 0)
		print_end(load, "apply");
	else if (strcmp(result, expected) != 0)
		printf("failed apply: square(%s) is %s\n", argument, result);
	else
		printf("apply %.0f\n", now_ms() - began);
	free(result);
}

/* Each item is to come once, in order, with its own value as the result. */
static int count(void *userdata, const struct procpool_batch *batch) {
	size_t *next = userdata, n = procpool_batch_count(batch), size;

	if (procpool_batch_first(batch) != *next)
		return 1;
	for (size_t i = 0; i < n; i++) {
		const char *text = procpool_batch_result(batch, i, &size);

		if (!text || size != 3 || strncmp(text, "0.1", 3) != 0)
			return 1;
	}
	*next += n;
	return 0;
}

static void map(const struct load *load, unsigned items) {
	char text[4 * 32 + 2] = "";
	size_t next = 0;
	double began = now_ms(), took;

	for (unsigned i = 0; i < items; i++)
		strcat(text, i == 0 ? "[0.1" : ",0.1");
	strcat(text, "]");
	if (procpool_map(load->procpool, "sleep", text, strlen(text), &load->options, count, &next,
			 NULL) != 0) {
		print_end(load, "map");
	} else if (next != items) {
		printf("failed map: %zu results of %u\n", next, items);
	} else {
		took = now_ms() - began;
		printf("map %.0f %.0f\n", took, took - items * ITEM_MS);
	}
}

int main(int argc, char **argv) {
	struct load load = {
		.procpool = procpool_new(NULL),
		.options = {.size = sizeof(load.options), .max_workers = 1},
		.round = (unsigned) getpid(),
	};

	if (argc < 2 || !load.procpool)
		return 2;
	load.options.idempotent = argc > 2 && strcmp(argv[2], "idempotent") == 0;
	setlinebuf(stdout);
	for (; access(argv[1], F_OK) < 0; load.round++) {
		apply(&load);
		/* 10 to 29 items of 100 ms. */
		map(&load, 10 + load.round * 7 % 20);
	}
	procpool_free(load.procpool);
	return 0;
}
