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

#define LINE_MAX_BYTES 512
/* A worker may log this many lines in a second; the others are counted. */
#define LINES_A_SECOND 200
#define SECOND         UINT64_C(1000000)
/* Most reads in one event: a worker that prints without end must not hold the loop. */
#define READS_A_TURN 4

struct output {
	int fd;
	struct event *readable;
	char label[80];
	char line[LINE_MAX_BYTES];
	size_t line_size;
	char tail[OUTPUT_TAIL + 1];
	size_t tail_size;
	uint64_t second; /* when the current second of the limit began */
	unsigned lines, suppressed;
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

static void log_own_line(struct output *output) {
	uint64_t now = clock_now();

	if (now - output->second >= SECOND) {
		if (output->suppressed)
			log_warning("%s: %u more lines were not logged", output->label,
				    output->suppressed);
		output->second = now;
		output->lines = output->suppressed = 0;
	}
	if (output->lines < LINES_A_SECOND)
		log_info("%s: %.*s", output->label, (int) output->line_size, output->line);
	else
		output->suppressed++;
	output->lines++;
	output->line_size = 0;
}

static void take(struct output *output, const char *bytes, size_t size) {
	keep_tail(output, bytes, size);
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != '\n')
			output->line[output->line_size++] = bytes[i] ? bytes[i] : ' ';
		if (bytes[i] == '\n' || output->line_size == sizeof output->line)
			log_own_line(output);
	}
}

/* Returns whether there may be more. */
static bool read_some(struct output *output) {
	char bytes[4096];
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

/* A pipe holds 64 KiB by default; who prints faster than this reads is cut off. */
void output_read(struct output *output) {
	for (int i = 0; i < 64 && read_some(output); i++)
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

int output_new(struct output **ret, const struct channel_loop *loop, int fd, const char *label) {
	struct output *output = calloc(1, sizeof *output);

	if (!output)
		return -ENOMEM;
	output->fd = fd;
	snprintf(output->label, sizeof output->label, "%s", label);
	output->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, output);
	if (!output->readable || event_add(output->readable, NULL) < 0) {
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
		log_own_line(output);
	if (output->readable)
		event_free(output->readable);
	if (output->fd >= 0)
		close(output->fd);
	free(output);
	return NULL;
}
