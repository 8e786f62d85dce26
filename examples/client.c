/*
 * A client: has a function run over its arguments, in the pool, and prints each result as soon as it is there.
 *
 *     ./client FUNCTION ITEM…
 *     ./client square 1 2 '"two"' 4
 *
 * Each ITEM is a JSON value. Exits with 0; 1 if an item failed; 2 if the call did.
 */
#include <procpool/client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called for each batch: one or more consecutive results. What it is shown is gone when it returns. */
static int print_batch(void *userdata, const struct procpool_batch *batch) {
	uint64_t first = procpool_batch_first(batch);

	(void) userdata;
	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		size_t size;
		const char *result = procpool_batch_result(batch, i, &size);

		/* Either there is a result, JSON text without a NUL at its end, or a reason why not. */
		if (result)
			printf("%llu: %.*s\n", (unsigned long long) (first + i), (int) size,
			       result);
		else
			printf("%llu: failed: %s\n", (unsigned long long) (first + i),
			       procpool_batch_error(batch, i)->text);
	}
	return 0; /* anything else would cancel the call */
}

/* One JSON array of all items, to be freed. If one of them is no JSON the library will say so. */
static char *join(char *const *items) {
	char *array = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&array, &size);

	if (!stream)
		return NULL;
	fputc('[', stream);
	for (size_t i = 0; items[i]; i++)
		fprintf(stream, "%s%s", i > 0 ? "," : "", items[i]);
	fputc(']', stream);
	return fclose(stream) == 0 ? array : NULL;
}

/* Why the last call failed: in words for people, and by name for programs. */
static void complain(const struct procpool_error *error) {
	fprintf(stderr, "client: %s\n", error->message);
	if (error->name)
		fprintf(stderr, "client: the daemon said %s %s\n", error->name, error->parameters);
}

int main(int argc, char *argv[]) {
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	const struct procpool_summary *summary;
	struct procpool *pool = NULL;
	char *items = NULL;
	int status = 2;

	if (argc < 3) {
		fprintf(stderr, "usage: client FUNCTION ITEM...\n");
		return 2;
	}
	pool = procpool_new(NULL); /* $PROCPOOL_SOCKET, or the user's pool, or the machine's */
	items = join(argv + 2);
	if (!pool || !items) {
		fprintf(stderr, "client: out of memory\n");
	} else if (procpool_map(pool, argv[1], items, strlen(items), &options, print_batch, NULL,
				&summary) != 0) {
		complain(procpool_last_error(pool));
	} else {
		printf("%lld of %lld succeeded\n", (long long) summary->succeeded,
		       (long long) summary->items);
		status = summary->succeeded == summary->items ? 0 : 1;
	}
	free(items);
	procpool_free(pool);
	return status;
}
