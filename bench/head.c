/*
 * A client with one long item at the head of a chunk: head SECONDS N. The chunk has N items, the first sleeps SECONDS
 * and the others not at all; results are taken as they come. Prints {"s": until the others were there}, and leaves.
 */
#include <procpool/client.h>

#include "bench/common.h"

struct job {
	size_t wanted, received;
};

static int take(void *userdata, const struct procpool_batch *batch) {
	struct job *job = userdata;

	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		size_t size;

		if (!procpool_batch_result(batch, i, &size))
			die("an item failed: %s", procpool_batch_error(batch, i)->text);
		job->received++;
	}
	return job->received == job->wanted;
}

int main(int argc, char **argv) {
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	struct procpool *pool = procpool_new(NULL);
	struct job job = {0};
	size_t n, size = 0;
	char *items = NULL;
	FILE *file = open_memstream(&items, &size);
	int64_t begin;
	int r;

	if (argc != 3 || !pool || !file)
		die("usage: head SECONDS N");
	n = strtoul(argv[2], NULL, 10);
	job.wanted = n - 1;
	fprintf(file, "[%s", argv[1]);
	for (size_t i = 1; i < n; i++)
		fputs(",0", file);
	fputc(']', file);
	fclose(file);
	options.chunk_size = (uint32_t) n;
	options.unordered = true;
	if (procpool_connect(pool) != 0)
		die("cannot connect");
	begin = now_ns();
	r = procpool_map(pool, "sleep", items, size, &options, take, &job, NULL);
	printf("{\"s\": %.9f}\n", seconds_since(begin));
	if (r != PROCPOOL_E_STOPPED && r != 0)
		die("map: %s", procpool_last_error(pool)->message);
	free(items);
	procpool_free(pool);
	return 0;
}
