/*
 * A client that has many integers squared, and times the call from its numbers to their squares:
 *
 *     map [--function NAME] [--chunk N] [--workers N] [--stream] [--same VALUE] N
 *
 * --same: N items that are all VALUE, and results that are only counted.
 *
 * Prints {"s": all of it, "cpu_s": this program's CPU time, "convert_s": of that, to make text of numbers and numbers of
 * text}.
 * --stream sends 8 MiB and more through a stream, as what is longer than a message must be sent; its results are
 * checked as they come, and conversion is not timed apart.
 */
#include <procpool/client.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <getopt.h>

#include "bench/common.h"

#define DIGITS 21

struct job {
	const char *function;
	struct procpool_options options;
	bool stream, same;
	uint64_t value, n;
	uint64_t *squares;
	uint64_t received;
	int64_t convert_ns;
};

/* Writes number and returns the end. Two digits at a time, as a program would that has a million to write. */
static char *put_number(char *to, uint64_t number) {
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char digits[DIGITS + 1];
	size_t at = sizeof digits;

	for (; number >= 100; number /= 100)
		memcpy(digits + (at -= 2), pairs + 2 * (number % 100), 2);
	memcpy(digits + (at -= 2), pairs + 2 * number, 2);
	at += number < 10;
	memcpy(to, digits + at, sizeof digits - at);
	return to + sizeof digits - at;
}

static uint64_t read_number(const char *text, size_t size) {
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			die("a result is no integer: %.*s", (int) size, text);
		number = number * 10 + (uint64_t) (text[i] - '0');
	}
	return number;
}

static uint64_t number_of(const struct job *job, uint64_t i) {
	return job->same ? job->value : i;
}

/* The numbers as a JSON array. */
static char *make_array(const struct job *job, size_t *ret_size) {
	char *array = must_have(malloc(job->n * DIGITS + 2)), *at = array;

	*at++ = '[';
	for (uint64_t i = 0; i < job->n; i++) {
		if (i > 0)
			*at++ = ',';
		at = put_number(at, number_of(job, i));
	}
	*at++ = ']';
	*ret_size = (size_t) (at - array);
	return array;
}

static int take(void *userdata, const struct procpool_batch *batch) {
	struct job *job = userdata;
	int64_t begin = now_ns();
	uint64_t first = procpool_batch_first(batch);
	size_t count = procpool_batch_count(batch), size;

	for (size_t i = 0; i < count; i++) {
		const char *result = procpool_batch_result(batch, i, &size);

		if (!result)
			die("item %llu: %s", (unsigned long long) (first + i),
			    procpool_batch_error(batch, i)->text);
		if (job->squares)
			job->squares[first + i] = read_number(result, size);
		else if (!job->same && read_number(result, size) != (first + i) * (first + i))
			die("item %llu: %.*s", (unsigned long long) (first + i), (int) size,
			    result);
	}
	job->received += count;
	job->convert_ns += now_ns() - begin;
	return 0;
}

static void map(struct job *job, struct procpool *pool) {
	int64_t begin = now_ns();
	size_t size;
	char *array = make_array(job, &size);

	job->convert_ns = now_ns() - begin;
	if (procpool_map(pool, job->function, array, size, &job->options, take, job, NULL) != 0)
		die("map: %s", procpool_last_error(pool)->message);
	free(array);
}

/* Takes what has come; with wait, waits for room or a batch. Returns false at the end of the stream. */
static bool receive(struct job *job, struct procpool_stream *stream) {
	const struct procpool_batch *batch;

	if (procpool_stream_receive(stream, -1, &batch) != 0)
		die("stream: %s", procpool_stream_last_error(stream)->message);
	if (batch)
		take(job, batch);
	return batch || !procpool_stream_summary(stream);
}

static void stream(struct job *job, struct procpool *pool) {
	struct procpool_stream *stream;
	char text[DIGITS];

	if (procpool_stream_open(pool, job->function, &job->options, 0, &stream) != 0)
		die("stream: %s", procpool_last_error(pool)->message);
	for (uint64_t i = 0; i < job->n; i++) {
		size_t size = (size_t) (put_number(text, number_of(job, i)) - text);
		int r;

		while ((r = procpool_stream_add(stream, text, size)) == PROCPOOL_E_FULL)
			receive(job, stream);
		if (r != 0)
			die("stream: %s", procpool_stream_last_error(stream)->message);
	}
	if (procpool_stream_end(stream) != 0)
		die("stream: %s", procpool_stream_last_error(stream)->message);
	while (receive(job, stream))
		;
	procpool_stream_free(stream);
}

static void check(const struct job *job) {
	if (job->received != job->n)
		die("%llu of %llu results", (unsigned long long) job->received,
		    (unsigned long long) job->n);
	for (uint64_t i = 0; job->squares && i < job->n; i++)
		if (job->squares[i] != i * i)
			die("the square of %llu is not %llu", (unsigned long long) i,
			    (unsigned long long) job->squares[i]);
}

static int64_t cpu_ns(void) {
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (int64_t) time.tv_sec * 1000000000 + time.tv_nsec;
}

static void read_options(struct job *job, int argc, char **argv) {
	static const struct option options[] = {
		{"function", required_argument, NULL, 'f'}, {"chunk", required_argument, NULL, 'c'},
		{"workers", required_argument, NULL, 'w'},  {"stream", no_argument, NULL, 's'},
		{"same", required_argument, NULL, 'v'},     {NULL, 0, NULL, 0},
	};
	int key;

	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (key) {
		case 'f': job->function = optarg; break;
		case 'c': job->options.chunk_size = (uint32_t) strtoul(optarg, NULL, 10); break;
		case 'w': job->options.max_workers = (uint32_t) strtoul(optarg, NULL, 10); break;
		case 's': job->stream = true; break;
		case 'v':
			job->same = true;
			job->value = strtoull(optarg, NULL, 10);
			break;
		default: exit(2);
		}
	}
	if (optind + 1 != argc)
		die("usage: map [OPTION...] N");
	job->n = strtoull(argv[optind], NULL, 10);
}

int main(int argc, char **argv) {
	struct job job = {.function = "square", .options = PROCPOOL_OPTIONS_INIT};
	struct procpool *pool = procpool_new(NULL);
	int64_t begin, cpu;

	read_options(&job, argc, argv);
	if (!job.stream && !job.same) {
		job.squares = must_have(calloc(job.n + 1, sizeof(*job.squares)));
		/* A program that waits for results has written to their memory before. */
		memset(job.squares, 1, (job.n + 1) * sizeof(*job.squares));
	}
	if (!pool || procpool_connect(pool) != 0)
		die("cannot connect");
	cpu = cpu_ns();
	begin = now_ns();
	if (job.stream)
		stream(&job, pool);
	else
		map(&job, pool);
	printf("{\"s\": %.9f, \"cpu_s\": %.9f", seconds_since(begin),
	       (double) (cpu_ns() - cpu) / 1e9);
	if (!job.stream)
		printf(", \"convert_s\": %.9f", (double) job.convert_ns / 1e9);
	puts("}");
	check(&job);
	free(job.squares);
	procpool_free(pool);
	return 0;
}
