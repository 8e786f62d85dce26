#include "daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line within PIPE_BUF is written whole or not at all. */
#define LOG_LINE_MAX 1024

static struct {
	int level;
	unsigned long dropped;
} log_state = {.level = LOG_INFO};

void log_set_level(int priority) {
	log_state.level = priority;
}

static int write_line(const char *line, size_t size) {
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return -EAGAIN;
	return write(STDERR_FILENO, line, size) < 0 ? -errno : 0;
}

void log_line(int priority, const char *format, ...) {
	char line[LOG_LINE_MAX];
	size_t used = 0;
	va_list args;

	if (priority > log_state.level)
		return;
	/* The journal reads the priority off the start of a line; see sd-daemon(3). */
	if (getenv("JOURNAL_STREAM"))
		used += (size_t) snprintf(line, sizeof line, "<%d>", priority);
	else
		used += (size_t) snprintf(line, sizeof line, "procpoold: ");
	if (log_state.dropped)
		used += (size_t) snprintf(line + used, sizeof line - used,
					  "(%lu lines were dropped) ", log_state.dropped);

	va_start(args, format);
	vsnprintf(line + used, sizeof line - used - 1, format, args);
	va_end(args);
	used = strlen(line);
	line[used++] = '\n';

	if (write_line(line, used) == 0)
		log_state.dropped = 0;
	else
		log_state.dropped++;
}
