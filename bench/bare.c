/*
 * The bare limit: what the sockets and processes of this machine allow, with nothing but blocking read() and write().
 *
 *     bare round N REQUEST REPLY      N times there and back over two hops: client, middle, worker; bytes of each message
 *     bare pipe REQUEST REPLY [PIECE] REQUEST bytes there and REPLY bytes back over the same two hops, both ways at once;
 *                                     PIECE bytes a read and write, 65536 if left out
 *     bare turns TURNS N PROCESSES    N times the loop of TURNS turns, shared by PROCESSES
 *     bare rate                       how many turns take a millisecond
 *
 * Prints {"s": seconds}; round also {"ns": [what each took]}; rate {"turns": per millisecond}.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common.h"

static void read_all(int fd, char *to, size_t size) {
	while (size > 0) {
		ssize_t n = read(fd, to, size);

		if (n <= 0)
			die("read ended early");
		to += n;
		size -= (size_t) n;
	}
}

static void write_all(int fd, const char *from, size_t size) {
	while (size > 0) {
		ssize_t n = write(fd, from, size);

		if (n <= 0)
			die("write failed");
		from += n;
		size -= (size_t) n;
	}
}

/* [0] is the side nearer to the client. */
static void make_pair(int *pair) {
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		die("no socket pair");
}

static void wait_for_all(void) {
	int status;

	while (wait(&status) > 0)
		if (status != 0)
			die("a process ended with wait status %d", status);
}

/* ---- there and back ---- */

static void middle(int client, int worker, size_t request, size_t reply, char *buffer) {
	for (;;) {
		ssize_t n = read(client, buffer, 1);

		if (n == 0)
			_exit(0);
		read_all(client, buffer + n, request - (size_t) n);
		write_all(worker, buffer, request);
		read_all(worker, buffer, reply);
		write_all(client, buffer, reply);
	}
}

static void answer(int fd, size_t request, size_t reply, char *buffer) {
	for (;;) {
		ssize_t n = read(fd, buffer, request);

		if (n <= 0)
			_exit(0);
		read_all(fd, buffer + n, request - (size_t) n);
		write_all(fd, buffer, reply);
	}
}

static void round_trips(size_t n, size_t request, size_t reply) {
	size_t size = request > reply ? request : reply;
	char *buffer = must_have(calloc(1, size + 1));
	int first[2], second[2];
	int64_t begin;

	make_pair(first);
	make_pair(second);
	if (fork() == 0) {
		close(first[0]);
		close(second[1]);
		middle(first[1], second[0], request, reply, buffer);
	}
	if (fork() == 0) {
		close(first[0]);
		close(first[1]);
		close(second[0]);
		answer(second[1], request, reply, buffer);
	}
	close(first[1]);
	close(second[0]);
	close(second[1]);
	begin = now_ns();
	printf("{\"ns\": [");
	for (size_t i = 0; i < n; i++) {
		int64_t start = now_ns();

		write_all(first[0], buffer, request);
		read_all(first[0], buffer, reply);
		printf("%s%lld", i > 0 ? "," : "", (long long) (now_ns() - start));
	}
	printf("], \"s\": %.9f}\n", seconds_since(begin));
	close(first[0]);
	wait_for_all();
	free(buffer);
}

/* ---- through ---- */

/* Copies until the end, and shuts the other side then. */
static void copy(int from, int to, char *buffer, size_t piece) {
	ssize_t n;

	while ((n = read(from, buffer, piece)) > 0)
		write_all(to, buffer, (size_t) n);
	shutdown(to, SHUT_WR);
	_exit(n < 0);
}

/* Answers each piece with its share of the reply, rounded so that the sum is right. */
static void work(int fd, size_t request, size_t reply, size_t piece) {
	char *buffer = must_have(calloc(1, piece)), *out;
	size_t got = 0, sent = 0;
	ssize_t n;

	out = must_have(calloc(1, piece * (reply / request + 2)));
	while ((n = read(fd, buffer, piece)) > 0) {
		size_t due;

		got += (size_t) n;
		due = (size_t) ((double) got / (double) request * (double) reply);
		if (got == request)
			due = reply;
		write_all(fd, out, due - sent);
		sent = due;
	}
	shutdown(fd, SHUT_WR);
	_exit(n < 0 || got != request);
}

static void fill(int fd, size_t size, size_t piece) {
	char *buffer = must_have(calloc(1, piece));

	for (size_t left = size; left > 0;) {
		size_t n = left < piece ? left : piece;

		write_all(fd, buffer, n);
		left -= n;
	}
	shutdown(fd, SHUT_WR);
	_exit(0);
}

static void through(size_t request, size_t reply, size_t piece) {
	char *buffer = must_have(calloc(1, piece));
	int first[2], second[2], go[2];
	size_t got = 0;
	int64_t begin;
	ssize_t n;

	make_pair(first);
	make_pair(second);
	if (fork() == 0)
		copy(first[1], second[0], buffer, piece);
	if (fork() == 0)
		copy(second[0], first[1], buffer, piece);
	if (fork() == 0)
		work(second[1], request, reply, piece);
	if (pipe(go) < 0)
		die("no pipe");
	if (fork() == 0) {
		/* All are there before the clock starts. */
		close(go[1]);
		if (read(go[0], buffer, 1) != 0)
			_exit(1);
		fill(first[0], request, piece);
	}
	usleep(20000);
	begin = now_ns();
	close(go[1]);
	while (got < reply && (n = read(first[0], buffer, piece)) > 0)
		got += (size_t) n;
	printf("{\"s\": %.9f}\n", seconds_since(begin));
	if (got != reply)
		die("%zu of %zu bytes came back", got, reply);
	wait_for_all();
	free(buffer);
}

/* ---- work without a pool ---- */

static void turn(uint64_t turns, size_t n, size_t processes) {
	int64_t begin = now_ns();

	for (size_t i = 0; i < processes; i++) {
		if (fork() == 0) {
			uint64_t sum = 0;

			for (size_t k = i; k < n; k += processes)
				sum += loop(turns);
			_exit(sum == 1); /* it is used, so it is computed */
		}
	}
	wait_for_all();
	printf("{\"s\": %.9f}\n", seconds_since(begin));
}

/* The best of many: what disturbs makes it only slower. */
static void rate(void) {
	const uint64_t turns = 1000000;
	int64_t best = INT64_MAX;

	for (int i = 0; i < 50; i++) {
		int64_t begin = now_ns(), took;

		if (loop(turns) == 1)
			puts("");
		took = now_ns() - begin;
		best = took < best ? took : best;
	}
	printf("{\"turns\": %.0f}\n", (double) turns * 1e6 / (double) best);
}

static bool is(const char *command, int argc, char **argv, int most) {
	return strcmp(argv[1], command) == 0 && argc <= most;
}

int main(int argc, char **argv) {
	size_t n[3] = {0};

	for (int i = 2; i < argc && i < 5; i++)
		n[i - 2] = strtoul(argv[i], NULL, 10);
	if (argc == 5 && is("round", argc, argv, 5))
		round_trips(n[0], n[1], n[2]);
	else if (argc >= 4 && is("pipe", argc, argv, 5))
		through(n[0], n[1], n[2] ? n[2] : 65536);
	else if (argc == 5 && is("turns", argc, argv, 5))
		turn(n[0], n[1], n[2]);
	else if (argc == 2 && is("rate", argc, argv, 2))
		rate();
	else
		die("usage: bare round|pipe|turns|rate ...");
	return 0;
}
