/*
 * A client that holds N connections and does nothing: hold N. Prints {"connections": N} when all of them are there,
 * and ends with its stdin.
 */
#include <procpool/client.h>
#include <unistd.h>

#include "bench/common.h"

int main(int argc, char **argv) {
	size_t n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct procpool **pools;
	char byte;

	if (n == 0)
		die("usage: hold N");
	pools = must_have(calloc(n, sizeof(struct procpool *)));
	for (size_t i = 0; i < n; i++) {
		pools[i] = must_have(procpool_new(NULL));
		if (procpool_connect(pools[i]) != 0)
			die("connection %zu: %s", i, procpool_last_error(pools[i])->message);
	}
	printf("{\"connections\": %zu}\n", n);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (size_t i = 0; i < n; i++)
		procpool_free(pools[i]);
	free(pools);
	return 0;
}
