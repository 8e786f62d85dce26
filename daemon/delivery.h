#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/conn.h"
#include "daemon/request.h"

struct channel_loop;
struct dispatch;

/*
 * The way of a request's results to its client: one reply, a reply a batch, or the objects of a stream. Who submits
 * a request gives it a delivery as its owner.
 */

enum delivery_kind { DELIVERY_APPLY, DELIVERY_MAP, DELIVERY_MORE, DELIVERY_STREAM };

struct delivery;
TAILQ_HEAD(delivery_list, delivery);

/* What deliveries share. */
struct delivery_setup {
	const struct channel_loop *loop;
	struct dispatch *dispatch;
	uint64_t reply_limit; /* bytes of an aggregated reply */
	struct delivery_list
		aggregated; /* those of one reply, oldest first; they add and remove themselves */
};

/* conn: whose active call it is; NULL if nobody wants the results. setup must outlive it. Returns 0 and *ret, or -ENOMEM. Frees itself when the request is over, or the client gone; before that,
 * delivery_free() drops it without a word. */
int delivery_new(struct delivery **ret, enum delivery_kind kind, struct conn *conn,
		 struct delivery_setup *setup, struct request *request);
struct delivery *delivery_free(struct delivery *delivery);

/* The request was submitted: from here on its client is told. */
void delivery_begin(struct delivery *delivery);

/* For dispatch_ops.progressed: owner is the delivery. */
void delivery_progressed(void *owner, struct request *request);
