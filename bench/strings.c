/*
 * A client that has N strings of SIZE bytes echoed through a stream: strings N SIZE. Prints {"s": seconds, from the
 * first byte given to the library to the last result}; each result is compared, after the clock has stopped
 * for none of them.
 */
#include <procpool/client.h>
#include <stdbool.h>
#include <string.h>

#include "bench/common.h"

struct job {
	char *text;
	size_t size;
	uint64_t n, received;
};

static bool receive(struct job *job, struct procpool_stream *stream) {
	const struct procpool_batch *batch;

	if (procpool_stream_receive(stream, -1, &batch) != 0)
		die("stream: %s", procpool_stream_last_error(stream)->message);
	for (size_t i = 0; batch && i < procpool_batch_count(batch); i++) {
		size_t size;
		const char *result = procpool_batch_result(batch, i, &size);

		if (!result || size != job->size + 2 ||
		    memcmp(result + 1, job->text, job->size) != 0)
			die("a result is not the string that was sent");
		job->received++;
	}
	return batch || !procpool_stream_summary(stream);
}

static void send_all(struct job *job, struct procpool_stream *stream) {
	for (uint64_t i = 0; i < job->n; i++) {
		int r;

		while ((r = procpool_stream_add_string(stream, job->text, job->size)) ==
		       PROCPOOL_E_FULL)
			receive(job, stream);
		if (r != 0)
			die("stream: %s", procpool_stream_last_error(stream)->message);
	}
	if (procpool_stream_end(stream) != 0)
		die("stream: %s", procpool_stream_last_error(stream)->message);
}

int main(int argc, char **argv) {
	struct job job = {0};
	struct procpool_stream *stream;
	struct procpool *pool = procpool_new(NULL);
	int64_t begin;

	if (argc != 3)
		die("usage: strings N SIZE");
	job.n = strtoull(argv[1], NULL, 10);
	job.size = strtoull(argv[2], NULL, 10);
	job.text = must_have(malloc(job.size + 1));
	for (size_t i = 0; i < job.size; i++)
		job.text[i] = (char) ('a' + i % 26);
	if (!pool || procpool_connect(pool) != 0)
		die("cannot connect");
	begin = now_ns();
	if (procpool_stream_open(pool, "echo", NULL, 0, &stream) != 0)
		die("stream: %s", procpool_last_error(pool)->message);
	send_all(&job, stream);
	while (receive(&job, stream))
		;
	printf("{\"s\": %.9f}\n", seconds_since(begin));
	if (job.received != job.n)
		die("%llu of %llu results", (unsigned long long) job.received,
		    (unsigned long long) job.n);
	procpool_stream_free(stream);
	procpool_free(pool);
	free(job.text);
	return 0;
}
