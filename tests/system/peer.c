#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/internal.h"
#include "tests/system/pattern.h"

/* A client's connection. */

static int new_socket(void) {
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int connect_socket(struct harness *h, int fd) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, h->socket, sizeof(address.sun_path));
	return connect(fd, (struct sockaddr *) &address, sizeof(address));
}

/* One attempt; returns the fd, or -errno. */
static int connect_once(struct harness *h) {
	int fd = new_socket(), r;

	if (fd >= 0 && connect_socket(h, fd) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* Until the daemon listens; nothing tells when it does but the attempt. */
static int connect_patiently(struct harness *h) {
	int64_t deadline = deadline_ms();

	for (;;) {
		int fd = connect_once(h);

		if (fd >= 0)
			return fd;
		if (fd != -ENOENT && fd != -ECONNREFUSED && fd != -EAGAIN)
			harness_fail(h, "cannot connect to %s: %s", h->socket, strerror(-fd));
		if (now_ms() > deadline)
			harness_fail(h, "nobody listens on %s: %s", h->socket, strerror(-fd));
		if (poll(&(struct pollfd) {.fd = h->pidfd, .events = POLLIN}, 1, 2) > 0)
			harness_fail(h, "the daemon ended before anybody could connect");
	}
}

static struct peer *peer_new(struct harness *h, int fd) {
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	line_init(&p->line, h, fd, "p", ++h->n_peers);
	transcript_add(h, p->line.name, "--", "(connects)", 10);
	TAILQ_INSERT_TAIL(&h->peers, p, entry);
	return p;
}

struct peer *peer_connect(struct harness *h) {
	return peer_new(h, connect_patiently(h));
}

struct peer *peer_connect_elsewhere(struct harness *h) {
	int fd = new_socket(), status;
	pid_t pid = fork();

	/* A socket's peer is who called connect(), also after its end. */
	if (pid == 0)
		_exit(connect_socket(h, fd) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		harness_fail(h, "cannot connect in another process");
	return peer_new(h, fd);
}

struct peer *peer_connect_as(struct harness *h, uid_t uid) {
	struct peer *p;

	if (seteuid(uid) < 0)
		harness_fail(h, "cannot become user %d", (int) uid);
	p = peer_connect(h);
	if (seteuid(0) < 0)
		harness_fail(h, "cannot become root again");
	return p;
}

struct peer *peer_connect_in(struct harness *h, uid_t uid, gid_t group, gid_t further) {
	gid_t before = getegid(), groups[128];
	int n = getgroups(128, groups);
	struct peer *p;

	if (n < 0 || setgroups(1, &further) < 0 || setegid(group) < 0)
		harness_fail(h, "cannot change groups");
	p = peer_connect_as(h, uid);
	if (setegid(before) < 0 || setgroups((size_t) n, groups) < 0)
		harness_fail(h, "cannot have the former groups again");
	return p;
}

int harness_try_connect(struct harness *h, uid_t uid) {
	int fd;

	if (uid != geteuid() && seteuid(uid) < 0)
		harness_fail(h, "cannot become user %d", (int) uid);
	fd = connect_once(h);
	if (uid != 0 && getuid() == 0 && seteuid(0) < 0)
		harness_fail(h, "cannot become root again");
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

void peer_send(struct peer *p, const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	line_send_text(&p->line, format, arguments);
	va_end(arguments);
}

static void call(struct peer *p, const char *method, const char *flags, const char *format,
		 va_list arguments) {
	char *parameters = text_format(format, arguments), *text;

	if (asprintf(&text, "{'method':'io.procpool.%s',%s'parameters':%s}", method, flags,
		     parameters) < 0)
		abort();
	quotes_expand(text);
	line_send(&p->line, text, strlen(text) + 1);
	free(parameters);
	free(text);
}

void peer_call(struct peer *p, const char *method, const char *parameters, ...) {
	va_list arguments;

	va_start(arguments, parameters);
	call(p, method, "", parameters, arguments);
	va_end(arguments);
}

void peer_call_more(struct peer *p, const char *method, const char *parameters, ...) {
	va_list arguments;

	va_start(arguments, parameters);
	call(p, method, "'more':true,", parameters, arguments);
	va_end(arguments);
}

size_t peer_send_raw(struct peer *p, const void *bytes, size_t size) {
	return line_send(&p->line, bytes, size);
}

size_t peer_send_until_full(struct peer *p, const void *bytes, size_t size) {
	size_t sent = 0;

	/* 200 ms without room: the daemon is not reading. */
	while (sent < size &&
	       poll(&(struct pollfd) {.fd = p->line.fd, .events = POLLOUT}, 1, 200) > 0) {
		ssize_t n =
			send(p->line.fd, (const char *) bytes + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0)
			sent += (size_t) n;
	}
	transcript_add(p->line.harness, p->line.name, "->", bytes, sent);
	return sent;
}

void peer_expect(struct peer *p, const char *pattern, ...) {
	va_list arguments;

	va_start(arguments, pattern);
	line_expect(&p->line, pattern, arguments);
	va_end(arguments);
}

void peer_expect_text(struct peer *p, const char *format, ...) {
	va_list arguments;
	char *text, *message = line_receive(&p->line);

	va_start(arguments, format);
	text = text_format(format, arguments);
	va_end(arguments);
	quotes_expand(text);
	if (!message || strcmp(message, text) != 0)
		harness_fail(p->line.harness, "%s got another text than expected: %.1000s",
			     p->line.name, text);
	free(message);
	free(text);
}

void peer_expect_containing(struct peer *p, const char *text, ...) {
	va_list arguments;

	va_start(arguments, text);
	line_expect_containing(&p->line, text, arguments);
	va_end(arguments);
}

void peer_expect_error(struct peer *p, const char *name, const char *parameters, ...) {
	const char *prefix = strchr(name, '.') ? "" : "io.procpool.";
	char *formatted, *pattern, *message = line_receive(&p->line);
	va_list arguments;

	va_start(arguments, parameters);
	formatted = parameters ? text_format(parameters, arguments) : NULL;
	va_end(arguments);
	if (asprintf(&pattern, "{'error':'%s%s'%s%s}", prefix, name,
		     formatted ? ",'parameters':" : "", formatted ? formatted : "") < 0)
		abort();
	if (!message)
		harness_fail(p->line.harness, "%s got the end instead of %s", p->line.name,
			     pattern);
	line_check(&p->line, message, pattern);
	free(message);
	free(formatted);
	free(pattern);
}

void peer_expect_eof(struct peer *p) {
	line_expect_eof(&p->line);
}

void peer_expect_nothing(struct peer *p) {
	if (line_read(&p->line) || p->line.inbox.size)
		harness_fail(p->line.harness, "%s got something: %.*s", p->line.name,
			     (int) p->line.inbox.size, p->line.inbox.bytes);
	if (p->line.inbox.eof)
		harness_fail(p->line.harness, "%s got the end", p->line.name);
}

size_t peer_pending(struct peer *p) {
	line_read(&p->line);
	return p->line.inbox.size;
}

json_t *peer_receive(struct peer *p) {
	char *message = line_receive(&p->line);
	json_t *value;

	if (!message)
		harness_fail(p->line.harness, "%s got the end instead of a message", p->line.name);
	value = json_loads(message, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		harness_fail(p->line.harness, "%s got no JSON: %.300s", p->line.name, message);
	free(message);
	return value;
}

void peer_half_close(struct peer *p) {
	transcript_add(p->line.harness, p->line.name, "--", "(half-closes)", 13);
	shutdown(p->line.fd, SHUT_WR);
}

void peer_close(struct peer *p) {
	transcript_add(p->line.harness, p->line.name, "--", "(closes)", 8);
	TAILQ_REMOVE(&p->line.harness->peers, p, entry);
	line_done(&p->line);
	free(p);
}
