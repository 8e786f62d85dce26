/*
 * The functions of the measures, beyond those that every pool has: a plugin for the stock worker.
 *
 * square_json   square on the face with values of jansson; the stock one takes text
 * burn          microseconds of CPU time, then the item itself
 * sleep_ms      waits that many milliseconds
 * turns         that many turns of a loop, the same work wherever it runs
 */
#include <procpool/worker.h>
#include <stdint.h>

#include "bench/common.h"

static int square_json(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	json_int_t number = json_integer_value(argument);

	if (!json_is_integer(argument))
		return procpool_fail(item, "TypeError", "square_json takes an integer");
	*ret_result = json_integer(number * number);
	return 0;
}

static int64_t cpu_us(void) {
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (int64_t) time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int burn(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	int64_t until = cpu_us() + json_integer_value(argument);

	(void) item;
	while (cpu_us() < until)
		;
	*ret_result = json_incref(argument);
	return 0;
}

static int sleep_ms(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	json_int_t ms = json_integer_value(argument);
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void) item;
	nanosleep(&time, NULL);
	*ret_result = json_incref(argument);
	return 0;
}

static int turns(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item;
	*ret_result =
		json_integer((json_int_t) (loop((uint64_t) json_integer_value(argument)) & 0xffff));
	return 0;
}

static const struct procpool_function functions[] = {
	{.name = "square_json", .description = "A number times itself.", .call = square_json},
	{.name = "burn", .description = "Uses that many microseconds of CPU time.", .call = burn},
	{.name = "sleep_ms", .description = "Waits that many milliseconds.", .call = sleep_ms},
	{.name = "turns", .description = "Turns a loop that often.", .call = turns},
	{.name = NULL},
};

const struct procpool_table procpool_functions = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
};
