#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/conn.h"
#include "protocol/parameters.h"

struct channel_loop;
struct dispatch;
struct permission;

/*
 * What administrators do to a running daemon: resize a pool, drain, resume.
 */

struct drain;
TAILQ_HEAD(drain_list, drain);

struct operations {
	const struct channel_loop *loop;
	struct dispatch *dispatch;
	const struct permission *administrators;
	bool drained;             /* no new work is taken, until resumed */
	struct drain_list drains; /* calls that wait for the work at hand to be finished */
};

void operations_init(struct operations *operations, const struct channel_loop *loop,
		     struct dispatch *dispatch, const struct permission *administrators);

/* Whether the peer may. */
bool operations_allowed(const struct operations *operations, const struct peer *peer);

/* Reads the parameters of a method for administrators, as parameters_decode() does. Returns false after it answered the
 * call: it may not be, or is wrong. */
bool operations_begin(const struct operations *operations, const struct parameter *table, size_t n,
		      json_t **values, struct conn *conn, struct conn_call *call);

/* The methods; each answers the call, now or later. */
void operations_resize(struct operations *operations, struct conn *conn, struct conn_call *call);
void operations_drain(struct operations *operations, struct conn *conn, struct conn_call *call);
void operations_resume(struct operations *operations, struct conn *conn, struct conn_call *call);

/* After each pump: is what a drain waits for finished? */
void operations_wake(struct operations *operations);
