/* What the shows of fairness measure with, a client of libprocpool:
 *
 * caller map FUNCTION ITEM COUNT          runs FUNCTION over COUNT times ITEM
 * caller calls FUNCTION ITEM COUNT        as often by a call of one item, one after the other; prints the milliseconds
 *                                         that half of the calls, 99 % and all of them took: "P50 P99 MOST"
 * caller behind FUNCTION FIRST ITEM COUNT runs it over FIRST and COUNT times ITEM in one chunk; prints the milliseconds
 *                                         until the COUNT are there, and cancels FIRST
 *
 * The exit status is 0, or 1 with a reason. */

#include <procpool/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static int complain(struct procpool *procpool) {
	fprintf(stderr, "caller: %s\n", procpool_last_error(procpool)->message);
	return 1;
}

/* "[FIRST,ITEM,ITEM,…]"; first may be NULL. */
static char *array(const char *first, const char *item, size_t count, size_t *ret_size) {
	size_t size = strlen(item) + 1;
	char *text = malloc((first ? strlen(first) : 0) + count * size + 3), *end = text;

	if (!text)
		exit(1);
	end += sprintf(end, "[%s%s", first ? first : "", first ? "," : "");
	for (size_t i = 0; i < count; i++)
		end += sprintf(end, "%s,", item);
	end[-1] = ']';
	*ret_size = (size_t) (end - text);
	return text;
}

static int ignore(void *userdata, const struct procpool_batch *batch) {
	(void) userdata, (void) batch;
	return 0;
}

static int map(struct procpool *procpool, char **argv) {
	size_t size;
	char *items = array(NULL, argv[1], strtoul(argv[2], NULL, 10), &size);
	int r = procpool_map(procpool, argv[0], items, size, NULL, ignore, NULL, NULL);

	free(items);
	return r == 0 ? 0 : complain(procpool);
}

static int compare(const void *a, const void *b) {
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static int calls(struct procpool *procpool, char **argv) {
	size_t n = strtoul(argv[2], NULL, 10);
	double *took = calloc(n, sizeof(*took));
	int r = 0;

	for (size_t i = 0; took && r == 0 && i < n; i++) {
		char *result = NULL;
		double began = now_ms();

		r = procpool_apply(procpool, argv[0], argv[1], NULL, &result);
		took[i] = now_ms() - began;
		free(result);
	}
	if (took && r == 0) {
		qsort(took, n, sizeof(*took), compare);
		printf("%.1f %.1f %.1f\n", took[n / 2], took[n * 99 / 100], took[n - 1]);
	}
	free(took);
	return r == 0 ? 0 : complain(procpool);
}

/* Ends when so many are there. */
static int count_down(void *userdata, const struct procpool_batch *batch) {
	size_t *missing = userdata, count = procpool_batch_count(batch);

	*missing = *missing > count ? *missing - count : 0;
	return *missing == 0;
}

static int behind(struct procpool *procpool, char **argv) {
	size_t missing = strtoul(argv[3], NULL, 10), size;
	char *items = array(argv[1], argv[2], missing, &size);
	const struct procpool_options options = {
		.size = sizeof(options),
		.chunk_size = (uint32_t) missing + 1,
		.unordered = true,
	};
	double began = now_ms();
	int r = procpool_map(procpool, argv[0], items, size, &options, count_down, &missing, NULL);

	free(items);
	if (r != PROCPOOL_E_STOPPED)
		return r == 0 ? 0 : complain(procpool);
	printf("%.1f\n", now_ms() - began);
	return 0;
}

int main(int argc, char **argv) {
	struct procpool *procpool = procpool_new(NULL);
	int r = 2;

	if (!procpool)
		return 1;
	if (argc == 5 && strcmp(argv[1], "map") == 0)
		r = map(procpool, argv + 2);
	else if (argc == 5 && strcmp(argv[1], "calls") == 0)
		r = calls(procpool, argv + 2);
	else if (argc == 6 && strcmp(argv[1], "behind") == 0)
		r = behind(procpool, argv + 2);
	procpool_free(procpool);
	return r;
}
