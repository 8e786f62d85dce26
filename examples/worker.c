/*
 * A worker program of its own: it prepares something costly once, when it starts, and each item of each request
 * then finds it there.
 *
 *     procpool --private --worker ./worker map prime 91 97 1000003
 *     procpool --private --worker ./worker map prime 1.5
 *
 * For the daemon of the machine, name it as the `command` of a pool in /etc/procpool/procpool.conf.
 */
#include <procpool/worker.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 2000000

/* What is prepared: for each number below LIMIT whether it is composite. */
struct sieve {
	bool composite[LIMIT];
};

/* Runs in each worker before it says that it is ready, so no item ever waits for it. */
static int prepare(void **ret_state) {
	struct sieve *sieve = calloc(1, sizeof(*sieve));

	if (!sieve) {
		fputs("no memory for the sieve\n", stderr); /* the daemon shows it to the callers */
		return -1;
	}
	for (size_t i = 2; i * i < LIMIT; i++)
		for (size_t j = i * i; !sieve->composite[i] && j < LIMIT; j += i)
			sieve->composite[j] = true;
	*ret_state = sieve;
	return 0;
}

static int prime(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const struct sieve *sieve = procpool_state(item);
	json_int_t number = json_integer_value(argument);

	if (!json_is_integer(argument))
		return procpool_fail(item, "TypeError", "prime takes an integer");
	if (number < 0 || number >= LIMIT)
		return procpool_fail(item, "ValueError",
				     "%" JSON_INTEGER_FORMAT " is not from 0 to %d", number,
				     LIMIT - 1);
	*ret_result = json_boolean(number >= 2 && !sieve->composite[number]);
	return 0;
}

static const struct procpool_function functions[] = {
	{.name = "prime", .description = "Whether an integer is a prime number.", .call = prime},
	{.name = NULL},
};

static const struct procpool_table table = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
	.init = prepare,
	.exit = free, /* when the worker ends in good order */
};

int main(int argc, char *argv[]) {
	return procpool_worker_main(argc, argv, &table);
}
