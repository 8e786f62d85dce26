#include "daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/journal.h"

#define IDENTIFIER "procpoold"
/* A line within PIPE_BUF is written whole or not at all. */
#define LOG_LINE_MAX 1024

static struct {
	int level;
	bool journal; /* stderr is the journal's */
	struct journal socket;
	unsigned long dropped;
} log_state = {.level = LOG_INFO, .socket = {.fd = -1}};

void log_set_level(int priority) {
	log_state.level = priority;
}

void log_open(void) {
	/* Tests play the journal at another path. */
	const char *path = getenv("PROCPOOL_JOURNAL_SOCKET");

	log_state.journal = journal_is_stream(getenv("JOURNAL_STREAM"), STDERR_FILENO);
	if (log_state.journal)
		journal_open(&log_state.socket, path ? path : JOURNAL_SOCKET);
}

/* -------- stderr -------- */

static int write_line(const char *line, size_t size) {
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return -EAGAIN;
	return write(STDERR_FILENO, line, size) < 0 ? -errno : 0;
}

static void to_stderr(const struct entry *entry, const char *label) {
	size_t used = 0, size = entry->message_size;
	char line[LOG_LINE_MAX];

	/* The journal reads the priority off the start of a line; see sd-daemon(3). */
	if (log_state.journal)
		used += (size_t) snprintf(line, sizeof line, "<%d>", entry->priority);
	else
		used += (size_t) snprintf(line, sizeof line, "procpoold: ");
	if (log_state.dropped)
		used += (size_t) snprintf(line + used, sizeof line - used,
					  "(%lu lines were dropped) ", log_state.dropped);
	used += (size_t) snprintf(line + used, sizeof line - used, "%s%s", label ? label : "",
				  label ? ": " : "");
	if (size > sizeof line - used - 1)
		size = sizeof line - used - 1;
	memcpy(line + used, entry->message, size);
	used += size;
	line[used++] = '\n';

	if (write_line(line, used) == 0)
		log_state.dropped = 0;
	else
		log_state.dropped++;
}

/* -------- the journal -------- */

/* Returns as journal_send(). */
static int send_entry(const struct entry *entry) {
	char bytes[ENTRY_SIZE_MAX];

	return journal_send(&log_state.socket, bytes, entry_encode(entry, bytes));
}

/* Returns as journal_send(). */
static int send_dropped(void) {
	char text[80];
	int n = snprintf(text, sizeof text,
			 "%lu entries were dropped: the journal did not take them in time",
			 log_state.dropped);

	return send_entry(&(struct entry) {
		.kind = ENTRY_LOG_DROPPED,
		.priority = entry_priority(ENTRY_LOG_DROPPED),
		.identifier = IDENTIFIER,
		.message = text,
		.message_size = (size_t) n,
	});
}

/* Returns false if the journal cannot be reached that way. */
static bool to_journal(const struct entry *entry) {
	int r = 0;

	if (log_state.socket.fd < 0)
		return false;
	if (log_state.dropped)
		r = send_dropped();
	if (r == 0) {
		log_state.dropped = 0;
		r = send_entry(entry);
	}
	if (r == -EAGAIN)
		log_state.dropped++;
	return r == 0 || r == -EAGAIN;
}

/* -------- both -------- */

/* label: in front of the message where there are no fields, or NULL. */
static void say(const struct entry *entry, const char *label) {
	if (!to_journal(entry))
		to_stderr(entry, label);
}

__attribute__((format(printf, 4, 0))) static void format_line(enum entry_kind kind, int priority,
							      const struct entry_fields *fields,
							      const char *format, va_list args) {
	char message[ENTRY_MESSAGE_MAX];
	int n;

	if (priority > log_state.level)
		return;
	n = vsnprintf(message, sizeof message, format, args);
	if (n < 0)
		return;
	say(
		&(struct entry) {
			.kind = kind,
			.priority = priority,
			.identifier = IDENTIFIER,
			.message = message,
			.message_size = strlen(message),
			.fields = fields,
		},
		NULL);
}

void log_line(int priority, const char *format, ...) {
	va_list args;

	va_start(args, format);
	format_line(ENTRY_NONE, priority, NULL, format, args);
	va_end(args);
}

void log_event(enum entry_kind kind, const struct entry_fields *fields, const char *format, ...) {
	va_list args;

	va_start(args, format);
	format_line(kind, entry_priority(kind), fields, format, args);
	va_end(args);
}

void log_output(int priority, const struct entry_fields *fields, const char *label,
		const char *line, size_t size) {
	if (priority > log_state.level)
		return;
	say(
		&(struct entry) {
			.kind = ENTRY_OUTPUT,
			.priority = priority,
			.identifier = label,
			.message = line,
			.message_size = size,
			.fields = fields,
		},
		label);
}
