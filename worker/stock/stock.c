#include "worker/stock/stock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "protocol/number.h"

/* A lifetime: longer is a mistake in the unit. */
#define SLEEP_MAX 3155760000.0

#define NS_PER_S 1000000000L

const char *type_name(const char *text) {
	switch (*text) {
	case '{': return "an object";
	case '[': return "an array";
	case '"': return "a string";
	case 't':
	case 'f': return "a boolean";
	case 'n': return "null";
	default: return "a number";
	}
}

static int echo(struct procpool_item *item, const char *text, size_t size) {
	return procpool_write(item, text, size);
}

/* To an absolute moment, so that a signal does not make it longer. */
static void sleep_for(double seconds) {
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t) seconds;
	until.tv_nsec += (long) ((seconds - (double) (time_t) seconds) * NS_PER_S);
	if (until.tv_nsec >= NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NS_PER_S;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int sleep_seconds(struct procpool_item *item, const char *text, size_t size) {
	double seconds;

	if (*text != '-' && (*text < '0' || *text > '9'))
		return procpool_fail(item, "ValueError", "sleep takes a number of seconds, not %s",
				     type_name(text));
	if (!number_to_double(text, size, &seconds) || seconds > SLEEP_MAX)
		return procpool_fail(item, "ValueError",
				     "sleep takes at most %.0f seconds, a hundred years",
				     SLEEP_MAX);
	if (seconds < 0)
		return procpool_fail(item, "ValueError",
				     "sleep takes a number of seconds that is not negative");
	sleep_for(seconds);
	return procpool_write(item, text, size);
}

static const struct procpool_function functions[] = {
	{.name = "echo", .description = "The item itself, byte for byte.", .call_raw = echo},
	{.name = "sleep",
	 .description = "Waits as many seconds as the item says, and returns it.",
	 .call_raw = sleep_seconds},
	{.name = "square",
	 .description = "A number times itself; exact for integers of up to 512 digits.",
	 .call_raw = square},
	{.name = "wordcount",
	 .description = "Path of a text file: its lines, words and bytes, as wc counts them.",
	 .call_raw = wordcount},
	{.name = NULL},
};

const struct procpool_table stock_functions = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
};
