#include "client/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One read takes at most this much. */
#define READ_SIZE (256u * 1024)

void connection_init(struct connection *connection, int fd) {
	*connection = (struct connection) {.fd = fd, .hungry = true};
	connection_expect(connection, REPLY_PLAIN);
}

void connection_done(struct connection *connection) {
	if (connection->fd >= 0)
		close(connection->fd);
	bytes_done(&connection->in);
	bytes_done(&connection->out);
	document_done(&connection->doc);
	connection_init(connection, -1);
}

/* Drops the document at hand. */
static void connection_drop(struct connection *connection) {
	if (connection->taken == 0)
		return;
	bytes_take(&connection->in, connection->taken);
	connection->taken = 0;
	document_reset(&connection->doc);
}

void connection_expect(struct connection *connection, enum reply_kind kind) {
	/* The daemon has the limits; a client takes what it is given. */
	static const struct limits none = {0};

	connection_drop(connection);
	document_done(&connection->doc);
	document_init(&connection->doc, &reply_shapes[kind], &none);
}

ssize_t connection_send(struct connection *connection, const char *data, size_t size) {
	ssize_t n;

	do
		n = send(connection->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET) {
		connection->deaf = true;
		return 0;
	}
	return -errno;
}

int connection_write(struct connection *connection) {
	while (!connection->deaf && bytes_size(&connection->out) > connection->held) {
		ssize_t n = connection_send(connection, bytes_at(&connection->out),
					    bytes_size(&connection->out) - connection->held);

		if (n <= 0)
			return (int) n;
		connection->wrote = true;
		bytes_take(&connection->out, (size_t) n);
	}
	return 0;
}

int connection_read(struct connection *connection) {
	ssize_t n;

	if (connection->ended)
		return 0;
	if (bytes_reserve(&connection->in, READ_SIZE) < 0)
		return -ENOMEM;
	do
		n = recv(connection->fd, connection->in.data + connection->in.end, READ_SIZE,
			 MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);

	if (n > 0)
		connection->in.end += (size_t) n;
	else if (n == 0 || errno == ECONNRESET)
		connection->ended = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		return -errno;
	return 0;
}

int connection_next(struct connection *connection) {
	int verdict;

	connection_drop(connection);
	connection->hungry = bytes_size(&connection->in) == 0;
	if (connection->hungry)
		return 0;

	verdict = document_feed(&connection->doc, connection_text(connection),
				bytes_size(&connection->in));
	switch (verdict) {
	case DOCUMENT_WHOLE: connection->taken = connection->doc.length + 1; return 1;
	case DOCUMENT_MORE: connection->hungry = true; return 0;
	default: return verdict < 0 ? verdict : -EBADMSG;
	}
}

static int64_t now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int connection_wait(const struct connection *connection, short events, int timeout_ms) {
	struct pollfd fd = {.fd = connection->fd, .events = events};
	int64_t end = now_ms() + timeout_ms;
	int r;

	while ((r = poll(&fd, 1, timeout_ms)) < 0 && errno == EINTR)
		if (timeout_ms >= 0)
			timeout_ms = end > now_ms() ? (int) (end - now_ms()) : 0;
	if (r < 0)
		return -errno;
	return r > 0 ? fd.revents : 0;
}

bool connection_stale(const struct connection *connection) {
	char byte;

	/* Bytes nobody asked for are no better than an end. */
	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EWOULDBLOCK);
}
