#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/lag.h"
#include "daemon/pool.h"
#include "daemon/request.h"

struct channel_loop;

/*
 * The pump: which chunk, which worker, which moment. Events only record facts; the pump, woken once after them,
 * binds requests to workers while it can and then tells the owners of the requests that moved.
 */

struct dispatch_ops {
	/* Something happened to the request: results are ready, it failed, it is over. Called from the pump. */
	void (*progressed)(void *owner, struct request *request);
	/* The pump is through. */
	void (*pumped)(void *context);
};

struct dispatch {
	struct pool_list pools;
	unsigned slots;
	uint64_t items_finished, items_failed; /* ever */
	struct lag lag;                        /* how long the pump had to wait for its turn */

	struct dispatch_private *private;
};

/* ops must outlive it; context is for pumped(). Returns 0 and *ret, or -ENOMEM. */
int dispatch_new(struct dispatch **ret, const struct channel_loop *loop, unsigned slots,
		 const struct dispatch_ops *ops, void *context);
/* No worker may be left. Always returns NULL. */
struct dispatch *dispatch_free(struct dispatch *dispatch);

/* The callbacks of a pool of this dispatch, with the dispatch as their context. */
extern const struct pool_ops dispatch_pool_ops;
/* The dispatch frees the pool. */
void dispatch_add_pool(struct dispatch *dispatch, struct pool *pool);
/* The pool gets no new requests; it ends with those that it has. */
void dispatch_remove_pool(struct dispatch *dispatch, struct pool *pool);
/* The pool of that name, or NULL. */
struct pool *dispatch_pool(const struct dispatch *dispatch, const char *name);
void dispatch_set_slots(struct dispatch *dispatch, unsigned slots);

uint64_t dispatch_new_id(struct dispatch *dispatch);

/* Takes a request over and finds its pool, now or when one says hello. owner: for progressed(); NULL = nobody.
 * Returns 0; or 1 and *error, or -ENOMEM: the request is still the caller's. */
int dispatch_submit(struct dispatch *dispatch, struct request *request, void *owner,
		    struct error *error);
/* The owner changed what may start: more input, a delivery, an end. */
void dispatch_wake(struct dispatch *dispatch);
/* As the same, and the request is looked at by the owner again. */
void dispatch_touch(struct dispatch *dispatch, struct request *request);
/* The owner is through with the request, or gone; it is freed as soon as no worker has an item of it. */
void dispatch_release(struct dispatch *dispatch, struct request *request);

/* Ends a request: nothing new starts; what runs is given a grace and then stopped. *error is moved. */
void dispatch_cancel(struct dispatch *dispatch, struct request *request, struct error *error);
void dispatch_cancel_all(struct dispatch *dispatch);
/* Ends one item with a Cancelled item error. Unknown and finished ones are left alone. */
void dispatch_cancel_item(struct dispatch *dispatch, struct request *request, uint64_t index);

/* Live requests only: not those that ended and wait for their workers. */
struct request *dispatch_find(const struct dispatch *dispatch, uint64_t id);
void dispatch_each(const struct dispatch *dispatch,
		   void (*visit)(const struct request *request, void *context), void *context);
bool dispatch_has_requests(const struct dispatch *dispatch);

/* The worker whose process leads the process group, or NULL. */
const struct worker *dispatch_worker_of_group(const struct dispatch *dispatch, pid_t group);
/* Workers with an item in their hands. */
unsigned dispatch_busy(const struct dispatch *dispatch);
/* What the request waits for, for a person; NULL if it runs. */
const char *dispatch_waits_for(const struct dispatch *dispatch, const struct request *request);
/* Whether a free slot and a runnable request stand side by side, which no pump may leave behind. */
bool dispatch_is_stuck(struct dispatch *dispatch);
