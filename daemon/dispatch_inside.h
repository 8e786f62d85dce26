#pragma once

#include "daemon/binding.h"
#include "daemon/routing.h"
#include "daemon/ticket.h"

struct channel_loop;
struct dispatch;
struct dispatch_ops;

/* The inside of the dispatch, for dispatch, returns, cancellation and overview only. */

struct dispatch_private {
	const struct channel_loop *loop;
	const struct dispatch_ops *ops;
	void *context;
	struct ticket_table tickets;
	struct binding binding;
	struct routing routing;
	uint64_t last_id;
	struct event *pump;
	uint64_t woken;     /* µs, since when the pump is due; 0 = it is not */
	struct event *tick; /* while something runs */
};

/* The request's; it has one from dispatch_submit() on. */
struct ticket *dispatch_ticket(const struct dispatch *dispatch, const struct request *request);
/* The pump has its owner look at it. */
void dispatch_mark_dirty(struct dispatch *dispatch, struct ticket *ticket);
