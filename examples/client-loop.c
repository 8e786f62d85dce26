/*
 * A client in an event loop that is not the library's: each line of stdin is an item, results are printed while
 * input still comes, and memory stays bounded however much that is.
 *
 *     seq 100000 | ./client-loop square
 *
 * The loop is poll(2). In libevent, GLib or any other it is the same three steps: call
 * procpool_stream_process(), take what came with procpool_stream_next(), wait for procpool_stream_events() on
 * procpool_stream_fd(). The events change from time to time: ask for them before each wait.
 */
#include <errno.h>
#include <poll.h>
#include <procpool/client.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct program {
	struct procpool_stream *stream;
	char line[65536];
	size_t size;  /* of what was read of the next lines */
	bool at_end;  /* of stdin */
	bool said_so; /* to the stream */
};

/* Gives the whole lines to the stream, as long as it takes some. Returns 0, or what procpool_stream_add() did. */
static int add_lines(struct program *program) {
	char *begin = program->line, *end;
	int r = 0;

	while (r == 0 && (end = memchr(begin, '\n', program->size))) {
		r = procpool_stream_add(program->stream, begin, (size_t) (end - begin));
		if (r == PROCPOOL_E_FULL)
			break; /* the line stays, and comes again when there is room */
		if (r == PROCPOOL_E_BAD_INPUT) {
			fprintf(stderr, "client-loop: a line is left out: %s\n",
				procpool_stream_last_error(program->stream)->message);
			r = 0; /* the stream is as it was */
		}
		program->size -= (size_t) (end + 1 - begin);
		begin = end + 1;
	}
	memmove(program->line, begin, program->size);
	return r == PROCPOOL_E_FULL ? 0 : r;
}

/* stdin is readable. Returns false if it cannot go on. */
static bool read_lines(struct program *program) {
	ssize_t n = read(STDIN_FILENO, program->line + program->size,
			 sizeof(program->line) - program->size);

	if (n < 0 || (n == 0 && program->size == sizeof(program->line))) {
		fprintf(stderr, "client-loop: stdin: %s\n",
			n < 0 ? strerror(errno) : "line too long");
		return false;
	}
	program->size += (size_t) n;
	program->at_end = n == 0;
	if (program->at_end && program->size > 0) /* the last line has no newline of its own */
		program->line[program->size++] = '\n';
	return true;
}

/* Prints the batches that are there. Returns 0 or the stream's error. */
static int print_results(struct program *program) {
	const struct procpool_batch *batch;
	size_t size;
	int r;

	while ((r = procpool_stream_next(program->stream, &batch)) == 0 && batch) {
		for (size_t i = 0; i < procpool_batch_count(batch); i++) {
			const char *result = procpool_batch_result(batch, i, &size);

			if (result)
				printf("%.*s\n", (int) size, result);
			else
				printf("failed: %s\n", procpool_batch_error(batch, i)->text);
		}
	}
	fflush(stdout);
	return r;
}

/* Serves the stream, without waiting. Returns 0 or its error. */
static int serve(struct program *program) {
	int r = procpool_stream_process(program->stream);

	if (r == 0)
		r = print_results(program);
	if (r == 0)
		r = add_lines(program);
	if (r == 0 && program->at_end && program->size == 0 && !program->said_so) {
		program->said_so = true;
		r = procpool_stream_end(program->stream);
	}
	return r;
}

/* Waits until there is something to do. Returns false if that cannot go on. */
static bool wait_for_events(struct program *program) {
	/* A stream that is full takes no more lines: leave them to the pipe, whose writer then waits too. */
	bool room = !procpool_stream_full(program->stream);
	struct pollfd fds[] = {
		{.fd = procpool_stream_fd(program->stream),
		 .events = procpool_stream_events(program->stream)},
		{.fd = program->at_end || !room ? -1 : STDIN_FILENO, .events = POLLIN},
		/* Here the descriptors of the rest of the program have their place. */
	};

	if (poll(fds, 2, -1) < 0) {
		perror("client-loop: poll");
		return false;
	}
	return !fds[1].revents || read_lines(program);
}

int main(int argc, char *argv[]) {
	struct program program = {0};
	const struct procpool_summary *summary = NULL;
	struct procpool *pool;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: client-loop FUNCTION\n");
		return 2;
	}
	pool = procpool_new(NULL);
	if (!pool)
		return 2;
	r = procpool_stream_open(pool, argv[1], NULL, 0, &program.stream);
	if (r != 0)
		fprintf(stderr, "client-loop: %s\n", procpool_last_error(pool)->message);
	procpool_free(pool); /* the stream has a connection of its own now */

	/* Serve first, then wait: the opening may have read the first batches already. */
	while (r == 0) {
		r = serve(&program);
		if (r != 0)
			fprintf(stderr, "client-loop: %s\n",
				procpool_stream_last_error(program.stream)->message);
		summary = procpool_stream_summary(program.stream);
		if (r != 0 || summary || !wait_for_events(&program))
			break;
	}
	r = 2;
	if (summary) {
		fprintf(stderr, "%lld of %lld succeeded\n", (long long) summary->succeeded,
			(long long) summary->items);
		r = summary->failed > 0 ? 1 : 0;
	}
	procpool_stream_free(program.stream); /* and the summary with it */
	return r;
}
