#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/system/internal.h"
#include "tests/system/pattern.h"

/* A worker whose process is fake_worker.c's and whose words are the test's. */

#define ANSWER_US 50000 /* per item: far above what lets the daemon hand out chunks in advance */

#define FAKES_MAX 64 /* that are waited for at once */

/* "POOL PID" and the two fds, as fake_worker.c sends them. */
static void fake_read_introduction(struct fake *w, struct harness *h) {
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} ancillary;
	char text[301] = "";
	struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = ancillary.bytes,
				 .msg_controllen = sizeof(ancillary.bytes)};
	struct cmsghdr *header;
	int fds[2];
	long pid;

	harness_poll(h, &w->control, 1, POLLIN, deadline_ms(), "a fake worker's introduction");
	if (recvmsg(w->control, &message, MSG_CMSG_CLOEXEC) <= 0 ||
	    sscanf(text, "%63s %ld", w->pool, &pid) != 2)
		harness_fail(h, "a fake worker said '%s'", text);
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_len != CMSG_LEN(sizeof(fds)))
		harness_fail(h, "a fake worker passed no fds: were 3 and 4 open?");
	memcpy(fds, CMSG_DATA(header), sizeof(fds));
	w->pid = (pid_t) pid;
	w->line.fd = fds[0];
	w->page_fd = fds[1];
}

static struct fake *fake_new(struct harness *h, int control) {
	struct fake *w = calloc(1, sizeof(*w));
	char text[100];

	if (!w)
		abort();
	w->control = control;
	fake_read_introduction(w, h);
	line_init(&w->line, h, w->line.fd, "w", ++h->n_fakes);
	/* For all who hold the socket: the process only polls its copy. */
	fcntl(w->line.fd, F_SETFL, O_NONBLOCK);
	w->page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, w->page_fd, 0);
	if (w->page == MAP_FAILED)
		harness_fail(h, "%s: cannot map the page: %s", w->line.name, strerror(errno));
	w->pidfd = (int) syscall(SYS_pidfd_open, w->pid, 0);
	if (w->pidfd < 0)
		harness_fail(h, "%s: process %d: %s", w->line.name, (int) w->pid, strerror(errno));
	snprintf(text, sizeof(text), "(a worker of %s starts, pid %d)", w->pool, (int) w->pid);
	transcript_add(h, w->line.name, "--", text, strlen(text));
	TAILQ_INSERT_TAIL(&h->fakes, w, entry);
	return w;
}

void fake_free(struct fake *w) {
	TAILQ_REMOVE(&w->line.harness->fakes, w, entry);
	line_done(&w->line);
	munmap(w->page, PAGE_SIZE);
	close(w->page_fd);
	close(w->control);
	close(w->pidfd);
	free(w);
}

void fakes_accept(struct harness *h) {
	int fd;

	while ((fd = accept4(h->workers_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		fake_new(h, fd);
}

static struct fake *take(struct harness *h, const char *pool) {
	int64_t deadline = deadline_ms();
	struct fake *w;

	for (;;) {
		fakes_accept(h);
		TAILQ_FOREACH (w, &h->fakes, entry) {
			if (!w->taken && (!pool || strcmp(w->pool, pool) == 0)) {
				w->taken = true;
				return w;
			}
		}
		harness_poll(h, &h->workers_fd, 1, POLLIN, deadline, "a new worker");
	}
}

struct fake *harness_worker(struct harness *h) {
	return take(h, NULL);
}

struct fake *harness_worker_of(struct harness *h, const char *pool) {
	return take(h, pool);
}

struct fake *harness_ready_worker(struct harness *h, const char *functions) {
	struct fake *w = harness_worker(h);

	worker_hello(w, functions);
	return w;
}

/* Whether the message that has arrived for w is the expected one; it stays where it is. */
static bool fits(struct fake *w, const json_t *pattern) {
	json_t *value = json_loads(w->line.inbox.bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char why[1024];
	bool fit = value && pattern_match(pattern, value, why, sizeof(why));

	json_decref(value);
	return fit;
}

/* The message at hand may be a chunk. */
static void note_chunk(struct fake *w) {
	json_t *value = json_loads(w->line.inbox.bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_t *chunk = json_object_get(value, "chunk");

	if (chunk)
		w->last_chunk = (uint64_t) json_integer_value(chunk);
	json_decref(value);
}

/* One look at all workers: returns the one with the message, or NULL and the fds that may bring it. */
static struct fake *look_for(struct harness *h, const json_t *pattern, int *fds, int *n) {
	struct fake *w;

	*n = 0;
	TAILQ_FOREACH (w, &h->fakes, entry) {
		bool whole = w->line.fd >= 0 && line_read(&w->line);

		if (whole && fits(w, pattern))
			return w;
		if (w->line.fd >= 0 && !whole && !w->line.inbox.eof && *n < FAKES_MAX)
			fds[(*n)++] = w->line.fd;
	}
	return NULL;
}

struct fake *harness_expect_any(struct harness *h, const char *format, ...) {
	int64_t deadline = deadline_ms();
	char *text, *expanded, what[300];
	int fds[FAKES_MAX], n;
	va_list arguments;
	struct fake *w;
	json_t *pattern;

	va_start(arguments, format);
	text = text_format(format, arguments);
	va_end(arguments);
	expanded = pattern_expand(text);
	pattern = json_loads(expanded, JSON_ALLOW_NUL, NULL);
	if (!pattern)
		harness_fail(h, "the test's pattern is no JSON: %s", expanded);
	snprintf(what, sizeof(what), "any worker to get %.250s", text);
	while (!(w = look_for(h, pattern, fds, &n)))
		harness_poll(h, fds, n, POLLIN, deadline, what);
	note_chunk(w);
	free(line_receive(&w->line));
	json_decref(pattern);
	free(expanded);
	free(text);
	return w;
}

void worker_hello(struct fake *w, const char *functions) {
	json_t *list = json_array(), *hello;
	char *names = strdup(functions), *rest = names, *name, *text;

	while ((name = strsep(&rest, " ")))
		if (*name)
			json_array_append_new(list, json_pack("{s:s}", "name", name));
	hello = json_pack("{s:{s:i, s:s, s:b, s:[s,s,s,s], s:o}}", "hello", "protocol", 1,
			  "runtime", "fake", "page", 1, "unpack", "none", "positional", "keywords",
			  "both", "functions", list);
	text = json_dumps(hello, JSON_COMPACT);
	line_send(&w->line, text, strlen(text) + 1);
	free(text);
	free(names);
	json_decref(hello);
}

void worker_send(struct fake *w, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	line_send_text(&w->line, format, arguments);
	va_end(arguments);
}

size_t worker_send_raw(struct fake *w, const void *bytes, size_t size) {
	return line_send(&w->line, bytes, size);
}

void worker_expect(struct fake *w, const char *pattern, ...) {
	va_list arguments;

	va_start(arguments, pattern);
	line_expect(&w->line, pattern, arguments);
	va_end(arguments);
}

void worker_expect_containing(struct fake *w, const char *text, ...) {
	va_list arguments;

	va_start(arguments, text);
	line_expect_containing(&w->line, text, arguments);
	va_end(arguments);
}

void worker_expect_eof(struct fake *w) {
	line_expect_eof(&w->line);
}

json_t *worker_receive(struct fake *w) {
	char *message = line_receive(&w->line);
	json_t *value =
		message ? json_loads(message, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;

	if (!value)
		harness_fail(w->line.harness, "%s got no message", w->line.name);
	free(message);
	return value;
}

bool worker_has_message(struct fake *w) {
	return line_read(&w->line);
}

void worker_answer(struct fake *w, uint64_t chunk, uint32_t offset, const char *results) {
	char *text = strdup(results);
	json_t *values;
	size_t n;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	values = json_loads(text, JSON_ALLOW_NUL, NULL);
	if (!json_is_array(values))
		harness_fail(w->line.harness, "the test's results are no array: %s", results);
	n = json_array_size(values);
	json_decref(values);
	free(text);
	worker_page_store(w, chunk, offset + (uint32_t) n, false);
	worker_send(w, "{'chunk':%llu,'results':%s,'busyUs':%zu}", (unsigned long long) chunk,
		    results, n * ANSWER_US);
}

void worker_answer_last(struct fake *w, const char *results) {
	if (w->last_chunk == 0)
		harness_fail(w->line.harness, "%s has no chunk", w->line.name);
	worker_answer(w, w->last_chunk, 0, results);
}

void worker_page_store_word(struct fake *w, uint64_t word) {
	struct position p = position_unpack(word);
	char text[100];

	snprintf(text, sizeof(text), "(page: chunk %llu, offset %u, %s)",
		 (unsigned long long) p.chunk, p.offset, p.running ? "running" : "not running");
	transcript_add(w->line.harness, w->line.name, "--", text, strlen(text));
	atomic_store(&w->page->progress, word);
}

void worker_page_store(struct fake *w, uint64_t chunk, uint32_t offset, bool running) {
	worker_page_store_word(w, position_pack(chunk, offset, running));
}

void worker_page_begin(struct fake *w, uint64_t chunk, uint32_t offset) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store(&w->page->began,
		     (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000);
	worker_page_store(w, chunk, offset, true);
}

uint64_t worker_page_limit(struct fake *w) {
	return atomic_load(&w->page->limit);
}

int worker_page_fd(struct fake *w) {
	return w->page_fd;
}

void worker_order(struct fake *w, const char *format, ...) {
	bool ends = strncmp(format, "exit", 4) == 0 || strncmp(format, "signal", 6) == 0;
	va_list arguments;
	char *order, answer[3];

	va_start(arguments, format);
	order = text_format(format, arguments);
	va_end(arguments);
	transcript_add(w->line.harness, w->line.name, "--", order, strlen(order));
	if ((ends || strcmp(order, "close") == 0) && !w->hold) {
		close(w->line.fd);
		w->line.fd = -1;
	}
	dprintf(w->control, "%s\n", order);
	if (strcmp(order, "fork") == 0 || strcmp(order, "child") == 0)
		w->line.harness->strays++;
	free(order);
	if (ends) {
		worker_expect_gone(w);
		return;
	}
	harness_poll(w->line.harness, &w->control, 1, POLLIN, deadline_ms(), "a fake worker's ok");
	if (recv(w->control, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		harness_fail(w->line.harness, "%s did not obey", w->line.name);
}

void worker_hold_socket(struct fake *w) {
	w->hold = true;
}

bool worker_is_gone(struct fake *w) {
	return poll(&(struct pollfd) {.fd = w->pidfd, .events = POLLIN}, 1, 0) > 0;
}

void worker_expect_gone(struct fake *w) {
	char what[64];

	snprintf(what, sizeof(what), "the end of the process of %s", w->line.name);
	harness_poll(w->line.harness, &w->pidfd, 1, POLLIN, deadline_ms(), what);
	transcript_add(w->line.harness, w->line.name, "--", "(gone)", 6);
}

void worker_expect_family_gone(struct fake *w) {
	char byte;

	worker_expect_gone(w);
	/* Each of them holds the other end. */
	harness_poll(w->line.harness, &w->control, 1, POLLIN, deadline_ms(),
		     "the end of a worker's children");
	if (recv(w->control, &byte, 1, MSG_DONTWAIT) != 0)
		harness_fail(w->line.harness, "%s said more than was asked", w->line.name);
}

pid_t worker_pid(struct fake *w) {
	return w->pid;
}
