#include "daemon/output.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/rate.h"

#define LINE_MAX_BYTES 512
/* How long lines that are not logged are counted before that is told. */
#define COUNTED UINT64_C(1000000)
/* Most reads in one event: a worker that prints without end must not hold the loop. */
#define READ_SIZE    (16u * 1024)
#define READS_A_TURN 4
/* A pipe holds 64 KiB by default; who prints faster than this many reads take is cut off. */
#define READS_AT_ONCE 16

struct output {
	int fd;
	struct event *readable, *counted;
	struct output_source source;
	char line[LINE_MAX_BYTES];
	size_t line_size;
	char tail[OUTPUT_TAIL + 1];
	size_t tail_size;
	struct rate *rate;
	uint64_t dropped; /* lines since that was told */
};

static void keep_tail(struct output *output, const char *bytes, size_t size) {
	size_t drop;

	if (size > OUTPUT_TAIL) {
		bytes += size - OUTPUT_TAIL;
		size = OUTPUT_TAIL;
	}
	if (output->tail_size + size > OUTPUT_TAIL) {
		drop = output->tail_size + size - OUTPUT_TAIL;
		memmove(output->tail, output->tail + drop, output->tail_size - drop);
		output->tail_size -= drop;
	}
	memcpy(output->tail + output->tail_size, bytes, size);
	output->tail_size += size;
}

/* -------- lines -------- */

static void tell_dropped(struct output *output) {
	if (output->dropped > 0)
		log_event(ENTRY_OUTPUT_DROPPED, output->source.fields,
			  "%s: %llu more lines were not logged: it prints more than its pool's "
			  "stderr_rate of %llu lines a second",
			  output->source.label, (unsigned long long) output->dropped,
			  (unsigned long long) output->rate->per_second);
	output->dropped = 0;
}

static void on_counted(evutil_socket_t fd, short what, void *context) {
	(void) fd, (void) what;
	tell_dropped(context);
}

static void drop(struct output *output, uint64_t lines) {
	const struct timeval interval = clock_interval(COUNTED);

	output->dropped += lines;
	if (!evtimer_pending(output->counted, NULL))
		evtimer_add(output->counted, &interval);
}

static void end_line(struct output *output, uint64_t now) {
	char *line = output->line, *nul;
	size_t size = output->line_size;

	output->line_size = 0;
	if (!rate_take(output->rate, now))
		return drop(output, 1);
	while ((nul = memchr(line, '\0', size)))
		*nul = ' ';
	log_output(output->source.priority, output->source.fields, output->source.label, line,
		   size);
}

/* While nothing is logged lines are only counted. Returns how many bytes that is. */
static size_t skip_lines(struct output *output, const char *bytes, size_t size) {
	const char *last = memrchr(bytes, '\n', size);
	size_t end = last ? (size_t) (last - bytes) + 1 : 0;
	uint64_t lines = 0;

	for (size_t i = 0; i < end; i++)
		lines += bytes[i] == '\n';
	if (lines > 0) {
		output->line_size = 0;
		drop(output, lines);
	}
	return end;
}

static void take(struct output *output, const char *bytes, size_t size) {
	const char *end = bytes + size;
	uint64_t now = clock_now();

	keep_tail(output, bytes, size);
	while (bytes < end) {
		size_t room = sizeof output->line - output->line_size, n;
		const char *newline;

		if (rate_is_empty(output->rate, now))
			bytes += skip_lines(output, bytes, (size_t) (end - bytes));
		n = (size_t) (end - bytes) < room ? (size_t) (end - bytes) : room;
		newline = memchr(bytes, '\n', n);
		n = newline ? (size_t) (newline - bytes) : n;
		memcpy(output->line + output->line_size, bytes, n);
		output->line_size += n;
		bytes += n + (newline ? 1 : 0);
		if (newline || output->line_size == sizeof output->line)
			end_line(output, now);
	}
}

/* -------- the pipe -------- */

/* Returns whether there may be more. */
static bool read_some(struct output *output) {
	char bytes[READ_SIZE];
	ssize_t n = read(output->fd, bytes, sizeof bytes);

	if (n > 0)
		take(output, bytes, (size_t) n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		event_del(output->readable);
	return n == (ssize_t) sizeof bytes;
}

static void on_readable(evutil_socket_t fd, short what, void *context) {
	(void) fd, (void) what;
	for (int i = 0; i < READS_A_TURN && read_some(context); i++)
		;
}

void output_read(struct output *output) {
	for (int i = 0; i < READS_AT_ONCE && read_some(output); i++)
		;
}

const char *output_tail(struct output *output) {
	char *tail = output->tail;

	tail[output->tail_size] = '\0';
	if (output->tail_size == OUTPUT_TAIL && strchr(tail, '\n'))
		tail = strchr(tail, '\n') + 1;
	return tail;
}

void output_cut(struct output *output) {
	output_read(output);
	output->tail_size = 0;
}

/* -------- life -------- */

int output_new(struct output **ret, const struct channel_loop *loop, int fd,
	       const struct output_source *source, struct rate *rate) {
	struct output *output = calloc(1, sizeof *output);

	if (!output)
		return -ENOMEM;
	output->fd = fd;
	output->rate = rate;
	output->source = *source;
	output->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, output);
	output->counted = evtimer_new(loop->base, on_counted, output);
	if (!output->readable || !output->counted || event_add(output->readable, NULL) < 0) {
		output->fd = -1;
		output_free(output);
		return -ENOMEM;
	}
	*ret = output;
	return 0;
}

struct output *output_free(struct output *output) {
	if (!output)
		return NULL;
	if (output->line_size > 0)
		end_line(output, clock_now());
	tell_dropped(output);
	if (output->readable)
		event_free(output->readable);
	if (output->counted)
		event_free(output->counted);
	if (output->fd >= 0)
		close(output->fd);
	free(output);
	return NULL;
}
