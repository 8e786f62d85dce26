#include <sys/socket.h>

#include "daemon/channel.h"
#include "daemon/conn.h"
#include "daemon/conn_inside.h"

/* What is done to all connections. */

static void shut(struct conn *conn) {
	if (conn->stream || conn->state != CONN_OPEN)
		return;
	conn->shut = true;
	/* The peer's next write fails at once, so it knows that its call was not accepted; what it wrote
	 * before is still read. */
	shutdown(channel_fd(conn->channel), SHUT_RD);
	if (!conn->active) {
		intake_stop(&conn->intake);
		channel_resume(conn->channel);
	}
}

void conn_shut_all(struct conn_list *all) {
	struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		shut(conn);
}

void conn_hurry_all(struct conn_list *all) {
	struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		if (conn->state != CONN_CLOSED)
			conn_limit_time(conn);
}

unsigned conn_count(const struct conn_list *all) {
	const struct conn *conn;
	unsigned n = 0;

	TAILQ_FOREACH (conn, all, link)
		n++;
	return n;
}

bool conn_all_sent(const struct conn_list *all) {
	const struct conn *conn;

	TAILQ_FOREACH (conn, all, link)
		if (conn_unsent(conn) > 0)
			return false;
	return true;
}

void conn_free_all(struct conn_list *all) {
	struct conn *conn;

	while ((conn = TAILQ_FIRST(all))) {
		conn_free(conn);
	}
}
