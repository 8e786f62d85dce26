#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/intake.h"
#include "daemon/listener.h"
#include "daemon/quota.h"

struct channel;
struct conn_ops;
struct conn_setup;
struct error;

/* The inside of a connection, for conn, answer and audience only. */

/*   OPEN ──error or end──► DRAINING ──all sent, peer ended──► CLOSED */
enum conn_state { CONN_OPEN, CONN_DRAINING, CONN_CLOSED };

struct conn {
	TAILQ_ENTRY(conn) link;
	const struct conn_setup *setup;
	struct peer peer;
	struct channel *channel;
	struct charge charge;
	struct intake intake;
	enum conn_state state;
	struct event *reap; /* frees outside all callbacks of the channel, after draining */

	bool stream;         /* upgraded */
	bool active, oneway; /* a call is being served */
	bool held;           /* it cannot be run yet */
	enum quota_verdict held_for;
	bool hung_up, input_over, shut;
	const struct conn_ops *ops; /* of the call's or stream's owner; NULL = none */
	void *owner;
};

/* Sends what is written, however slowly it is taken, says that nothing follows, and waits for the peer to go. */
void conn_drain(struct conn *conn);
/* Says nothing more; it is freed later. */
void conn_close(struct conn *conn);
/* Frees it now; its owner is told. */
void conn_free(struct conn *conn);
/* An error after which nothing the peer says can be trusted to be where it seems to be; moved. */
void conn_refuse(struct conn *conn, struct error *error);
/* The peer is given two seconds, no more. */
void conn_limit_time(struct conn *conn);
/* What is unsent now is charged. */
void conn_charge_unsent(struct conn *conn);
