#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/internal.h"
#include "tests/system/pattern.h"

/* One conversation, a client's or a worker's: messages ended by NUL in both directions. */

void line_init(struct line *line, struct harness *h, int fd, const char *letter, int number) {
	*line = (struct line) {.harness = h, .fd = fd};
	snprintf(line->name, sizeof(line->name), "%s%d", letter, number);
}

void line_done(struct line *line) {
	if (line->fd >= 0)
		close(line->fd);
	line->fd = -1;
	free(line->inbox.bytes);
	line->inbox = (struct inbox) {0};
}

char *text_format(const char *format, va_list arguments) {
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	return text;
}

size_t line_send(struct line *line, const void *bytes, size_t size) {
	int64_t deadline = deadline_ms();
	size_t sent = 0;

	transcript_add(line->harness, line->name, "->", bytes, size);
	while (sent < size) {
		ssize_t n = send(line->fd, (const char *) bytes + sent, size - sent, MSG_NOSIGNAL);

		if (n >= 0) {
			sent += (size_t) n;
		} else if (errno == EAGAIN) {
			harness_poll(line->harness, &line->fd, 1, POLLOUT, deadline,
				     "room to send");
		} else {
			transcript_add(line->harness, line->name, "--", strerror(errno),
				       strlen(strerror(errno)));
			break;
		}
	}
	return sent;
}

void line_send_text(struct line *line, const char *format, va_list arguments) {
	char *text = text_format(format, arguments);

	quotes_expand(text);
	line_send(line, text, strlen(text) + 1);
	free(text);
}

static void inbox_reserve(struct inbox *inbox) {
	if (inbox->size < inbox->capacity)
		return;
	inbox->capacity = inbox->capacity ? 2 * inbox->capacity : 65536;
	inbox->bytes = realloc(inbox->bytes, inbox->capacity);
	if (!inbox->bytes)
		abort();
}

bool line_read(struct line *line) {
	struct inbox *inbox = &line->inbox;

	while (line->fd >= 0 && !inbox->eof &&
	       !(inbox->size && memchr(inbox->bytes, '\0', inbox->size))) {
		ssize_t n;

		inbox_reserve(inbox);
		n = recv(line->fd, inbox->bytes + inbox->size, inbox->capacity - inbox->size,
			 MSG_DONTWAIT);
		if (n > 0)
			inbox->size += (size_t) n;
		else if (n == 0 || errno != EAGAIN)
			inbox->eof = true;
		else
			break;
	}
	return inbox->size && memchr(inbox->bytes, '\0', inbox->size);
}

static char *inbox_take(struct inbox *inbox) {
	size_t length = strlen(inbox->bytes);
	char *message = strdup(inbox->bytes);

	inbox->size -= length + 1;
	memmove(inbox->bytes, inbox->bytes + length + 1, inbox->size);
	return message;
}

char *line_receive(struct line *line) {
	int64_t deadline = deadline_ms();
	char what[64];
	char *message;

	snprintf(what, sizeof(what), "a message for %s", line->name);
	while (!line_read(line)) {
		if (line->inbox.eof) {
			transcript_add(line->harness, line->name, "<-", "(end)", 5);
			return NULL;
		}
		harness_poll(line->harness, &line->fd, 1, POLLIN, deadline, what);
	}
	message = inbox_take(&line->inbox);
	transcript_add(line->harness, line->name, "<-", message, strlen(message) + 1);
	return message;
}

void line_check(struct line *line, const char *message, const char *pattern_text) {
	char *expanded = pattern_expand(pattern_text);
	json_error_t error;
	json_t *pattern = json_loads(expanded, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	json_t *value;
	char why[1024];

	if (!pattern)
		harness_fail(line->harness, "the test's pattern is no JSON: %s: %s", error.text,
			     expanded);
	value = json_loads(message, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!value)
		harness_fail(line->harness, "%s got no JSON (%s at %d): %.300s", line->name,
			     error.text, error.position, message);
	if (!pattern_match(pattern, value, why, sizeof(why)))
		harness_fail(line->harness,
			     "%s got another message than expected: %s\nexpected: %.500s",
			     line->name, why, pattern_text);
	json_decref(pattern);
	json_decref(value);
	free(expanded);
}

void line_expect(struct line *line, const char *format, va_list arguments) {
	char *pattern = text_format(format, arguments);
	char *message = line_receive(line);

	if (!message)
		harness_fail(line->harness, "%s got the end instead of %.500s", line->name,
			     pattern);
	line_check(line, message, pattern);
	free(message);
	free(pattern);
}

void line_expect_containing(struct line *line, const char *format, va_list arguments) {
	char *text = text_format(format, arguments);
	char *message = line_receive(line);

	quotes_expand(text);
	if (!message || !strstr(message, text))
		harness_fail(line->harness, "%s got a message without %.1000s", line->name, text);
	free(message);
	free(text);
}

void line_expect_eof(struct line *line) {
	char *message = line_receive(line);

	if (message)
		harness_fail(line->harness, "%s got a message instead of the end", line->name);
	if (line->inbox.size)
		harness_fail(line->harness, "%s got the end in the middle of a message: %.*s",
			     line->name, (int) line->inbox.size, line->inbox.bytes);
}
