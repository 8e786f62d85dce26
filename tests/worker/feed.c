#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/document.h"
#include "protocol/page.h"
#include "protocol/work.h"

/*
 * Feeds one worker without a daemon: `feed [OPTION]… FUNCTION WORKER [ARGUMENT]…` reads items from stdin, one JSON
 * value a line, and prints a result a line, null where an item failed; errors go to stderr. Exits 0, or 1 if an
 * item failed, or 2 if the worker did not do as the protocol says.
 *
 *   --chunk-size N   items in a chunk (1)
 *   --window N       chunks that the worker may hold (64)
 *   --rate           say on stderr how many items a second that were
 */

struct feed {
	const char *function;
	unsigned long chunk_size, window;
	bool rate;

	int fd;
	struct page *page;
	char *line; /* owned; getline()'s */
	size_t line_size;
	char *out; /* owned; messages to the worker, from sent on */
	size_t out_size, out_capacity, sent;
	char *in; /* owned; one message at least */
	size_t in_size, in_capacity;

	uint64_t chunks, answered; /* started; ended */
	uint64_t items, results;
	unsigned long in_chunk[1024]; /* items of the chunks that the worker holds, a ring */
	unsigned long in_answer;      /* results of the oldest of them so far */
	bool input_ended, failed;
};

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
	va_list args;

	va_start(args, format);
	fprintf(stderr, "feed: ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static void *grown(void *bytes, size_t *capacity, size_t wanted) {
	while (*capacity < wanted)
		*capacity = *capacity ? *capacity * 2 : 65536;
	bytes = realloc(bytes, *capacity);
	if (!bytes)
		fail("there is no memory");
	return bytes;
}

static void put(struct feed *feed, const char *bytes, size_t size) {
	if (feed->out_size + size > feed->out_capacity)
		feed->out = grown(feed->out, &feed->out_capacity, feed->out_size + size);
	memcpy(feed->out + feed->out_size, bytes, size);
	feed->out_size += size;
}

/* Puts one chunk of what stdin has. */
static void put_chunk(struct feed *feed) {
	struct work_chunk chunk = {.chunk = feed->chunks + 1,
				   .function = (char *) feed->function,
				   .first = feed->items,
				   .stride = 1};
	unsigned long n = 0;
	char part[WORK_CHUNK_MAX];
	ssize_t size;

	while (n < feed->chunk_size && (size = getline(&feed->line, &feed->line_size, stdin)) > 0) {
		if (n++ == 0)
			put(feed, part, work_chunk_head(part, sizeof part, &chunk));
		else
			put(feed, ",", 1);
		put(feed, feed->line, (size_t) size - (feed->line[size - 1] == '\n'));
	}
	feed->input_ended = n < feed->chunk_size;
	if (n == 0)
		return;
	put(feed, part, work_chunk_tail(part, sizeof part, &chunk));
	feed->items += n;
	feed->in_chunk[feed->chunks++ % 1024] = n;
}

static void send_some(struct feed *feed) {
	ssize_t n = send(feed->fd, feed->out + feed->sent, feed->out_size - feed->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("cannot write to the worker: %s", strerror(errno));
	if (n > 0)
		feed->sent += (size_t) n;
	if (feed->sent == feed->out_size)
		feed->sent = feed->out_size = 0;
}

static void print_errors(struct feed *feed, const struct worker_results *results) {
	uint64_t first = feed->results - feed->in_answer; /* of the chunk */
	json_t *error;
	size_t i;

	json_array_foreach(results->errors, i, error) {
		const char *exception, *message;

		exception = json_string_value(json_object_get(error, "exception"));
		message = json_string_value(json_object_get(error, "message"));
		fprintf(stderr, "item %llu: %s: %s\n",
			(unsigned long long) first + (unsigned long long) json_integer_value(
							     json_object_get(error, "offset")),
			exception, message);
		feed->failed = true;
	}
}

static void take_results(struct feed *feed, const struct worker_results *results,
			 const struct document *doc, const char *text) {
	if (results->chunk != feed->answered + 1 || results->has_returned)
		fail("the worker speaks of chunk %llu", (unsigned long long) results->chunk);
	if (results->unknown)
		fail("the worker has no function %s", feed->function);
	print_errors(feed, results);
	for (size_t i = 0; i < doc->elements.count; i++) {
		struct span span = elements_span(&doc->elements, text, i, 1);

		fwrite(text + span.begin, 1, span_size(span), stdout);
		putchar('\n');
	}
	feed->results += doc->elements.count;
	feed->in_answer += doc->elements.count;
	if (feed->in_answer > feed->in_chunk[feed->answered % 1024])
		fail("the worker has more results than it was given items");
	if (feed->in_answer == feed->in_chunk[feed->answered % 1024]) {
		feed->answered++;
		feed->in_answer = 0;
	}
}

static void take_message(struct feed *feed, const struct document *doc, const char *text) {
	struct worker_message message;
	const char *reason;

	if (worker_message_decode(&message, doc, text, &reason) != 0)
		fail("the worker is not understood: %s: %.200s", reason, text);
	if (message.type == WORKER_RESULTS)
		take_results(feed, &message.results, doc, text);
	worker_message_done(&message);
}

static void take_messages(struct feed *feed) {
	static const struct limits limits = {.message = LIMIT_WORKER_MESSAGE};
	struct document doc;
	size_t at = 0;

	while (at < feed->in_size) {
		int r;

		document_init(&doc, &worker_shape, &limits);
		r = document_feed(&doc, feed->in + at, feed->in_size - at);
		if (r == DOCUMENT_WHOLE)
			take_message(feed, &doc, feed->in + at);
		else if (r != DOCUMENT_MORE)
			fail("the worker does not speak JSON: %s", doc.reason);
		at += doc.length + 1;
		document_done(&doc);
		if (r == DOCUMENT_MORE) {
			at -= doc.length + 1;
			break;
		}
	}
	memmove(feed->in, feed->in + at, feed->in_size - at);
	feed->in_size -= at;
}

/* Returns false at the end. */
static bool receive_some(struct feed *feed) {
	ssize_t n;

	if (feed->in_capacity - feed->in_size < 65536)
		feed->in = grown(feed->in, &feed->in_capacity, feed->in_size + (1 << 20));
	n = recv(feed->fd, feed->in + feed->in_size, feed->in_capacity - feed->in_size, 0);
	if (n < 0 && errno != EINTR)
		fail("cannot read from the worker: %s", strerror(errno));
	if (n > 0) {
		feed->in_size += (size_t) n;
		take_messages(feed);
	}
	return n != 0;
}

static void run(struct feed *feed) {
	bool shut = false;

	for (;;) {
		struct pollfd poll_ = {.fd = feed->fd, .events = POLLIN};

		while (!feed->input_ended && feed->chunks - feed->answered < feed->window)
			put_chunk(feed);
		if (feed->out_size > 0)
			send_some(feed);
		if (!shut && feed->input_ended && feed->out_size == 0) {
			shutdown(feed->fd, SHUT_WR);
			shut = true;
		}
		if (feed->out_size > 0)
			poll_.events |= POLLOUT;
		if (poll(&poll_, 1, 60000) == 0)
			fail("the worker has said nothing for a minute");
		if (poll_.revents & (POLLIN | POLLHUP) && !receive_some(feed))
			break;
	}
	if (feed->results != feed->items || feed->in_size > 0)
		fail("the worker ended after %llu of %llu items",
		     (unsigned long long) feed->results, (unsigned long long) feed->items);
}

/* Starts the worker as the daemon does: socket and page by their numbers in its environment. */
static pid_t start(struct feed *feed, char *argv[]) {
	int fds[2], page_fd = memfd_create("page", 0);
	char number[16];
	pid_t pid;

	if (page_fd < 0 || ftruncate(page_fd, PAGE_SIZE) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		fail("cannot make socket and page: %s", strerror(errno));
	feed->page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
	if (feed->page == MAP_FAILED)
		fail("cannot map the page: %s", strerror(errno));
	atomic_store(&feed->page->limit, PAGE_NO_LIMIT);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		snprintf(number, sizeof number, "%d", fds[1]);
		setenv("PROCPOOL_WORKER_FD", number, 1);
		snprintf(number, sizeof number, "%d", page_fd);
		setenv("PROCPOOL_WORKER_PAGE_FD", number, 1);
		execvp(argv[0], argv);
		fail("cannot run %s: %s", argv[0], strerror(errno));
	}
	close(fds[1]);
	close(page_fd);
	feed->fd = fds[0];
	return pid;
}

static double seconds_now(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void read_options(struct feed *feed, int argc, char *argv[]) {
	static const struct option options[] = {{"chunk-size", required_argument, NULL, 'c'},
						{"window", required_argument, NULL, 'w'},
						{"rate", no_argument, NULL, 'r'},
						{0}};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'c': feed->chunk_size = strtoul(optarg, NULL, 10); break;
		case 'w': feed->window = strtoul(optarg, NULL, 10); break;
		case 'r': feed->rate = true; break;
		default: exit(2);
		}
	}
	if (argc - optind < 2 || feed->chunk_size == 0 || feed->window == 0 || feed->window > 1024)
		fail("usage: feed [--chunk-size N] [--window N<=1024] [--rate] FUNCTION WORKER "
		     "[ARGUMENT]...");
}

int main(int argc, char *argv[]) {
	struct feed feed = {.chunk_size = 1, .window = 64};
	double begin;
	pid_t pid;
	int status;

	read_options(&feed, argc, argv);
	feed.function = argv[optind];
	pid = start(&feed, argv + optind + 1);
	/* The clock starts when the worker is warm. */
	if (!receive_some(&feed))
		fail("the worker ended before its hello");
	begin = seconds_now();
	run(&feed);
	if (feed.rate)
		fprintf(stderr, "%.0f items/s\n", (double) feed.items / (seconds_now() - begin));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("the worker ended with status %d", status);
	free(feed.line);
	free(feed.out);
	free(feed.in);
	return feed.failed;
}
