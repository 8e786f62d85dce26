#include "daemon/operations.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/channel.h"
#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/permission.h"
#include "protocol/limits.h"
#include "protocol/parameters.h"

#define US_PER_MS UINT64_C(1000)

void operations_init(struct operations *operations, const struct channel_loop *loop,
		     struct dispatch *dispatch, const struct permission *administrators) {
	*operations = (struct operations) {
		.loop = loop, .dispatch = dispatch, .administrators = administrators};
	TAILQ_INIT(&operations->drains);
}

bool operations_allowed(const struct operations *operations, const struct peer *peer) {
	return permission_holds(operations->administrators, peer->uid, peer->groups);
}

bool operations_begin(const struct operations *operations, const struct parameter *table, size_t n,
		      json_t **values, struct conn *conn, struct conn_call *call) {
	struct error error = {0};

	if (!operations_allowed(operations, conn_peer(conn))) {
		error_set(&error, ERROR_PERMISSION_DENIED, NULL);
	} else if (parameters_decode(table, n, values, call->doc, call->text, &error) == 0) {
		log_event(ENTRY_ADMINISTERED,
			  &(struct entry_fields) {.client_uid = {true, conn_peer(conn)->uid}},
			  "%s, asked for by uid %u", call->call->method, conn_peer(conn)->uid);
		return true;
	}
	conn_fail(conn, &error);
	return false;
}

static void refuse_parameter(struct conn *conn, const char *name) {
	struct error error = {0};

	error_set(&error, ERROR_INVALID_PARAMETER, "{ss}", "parameter", name);
	conn_fail(conn, &error);
}

/* -------- Resize -------- */

static void resize(struct operations *operations, struct conn *conn, const json_t *name,
		   json_int_t workers) {
	struct pool *pool = dispatch_pool(operations->dispatch, json_string_value(name));
	struct error error = {0};
	unsigned before;

	if (!pool) {
		error_set(&error, ERROR_NO_SUCH_POOL, "{ss}", "pool", json_string_value(name));
		return conn_fail(conn, &error);
	}
	if (workers < 1 || workers > LIMIT_WORKERS)
		return refuse_parameter(conn, "workers");
	before = pool->max;
	pool_resize(pool, (unsigned) workers);
	dispatch_wake(operations->dispatch);
	conn_reply(conn, json_pack("{si}", "before", (int) before), false);
}

void operations_resize(struct operations *operations, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {
		{"pool", PARAMETER_STRING, true},
		{"workers", PARAMETER_INT, true},
	};
	json_t *values[2];

	if (!operations_begin(operations, table, 2, values, conn, call))
		return;
	resize(operations, conn, values[0], json_integer_value(values[1]));
	json_decref(values[0]);
	json_decref(values[1]);
}

/* -------- Drain -------- */

struct drain {
	TAILQ_ENTRY(drain) link;
	struct operations *operations;
	struct conn *conn;
	struct event *timer; /* NULL = it may take any time */
};

static void drain_free(struct drain *drain) {
	TAILQ_REMOVE(&drain->operations->drains, drain, link);
	if (drain->timer)
		event_free(drain->timer);
	free(drain);
}

static void count_items(const struct request *request, void *context) {
	uint64_t *left = context;

	*left += request_pending(request) + request->running;
}

static void answer(struct drain *drain, bool finished) {
	struct conn *conn = drain->conn;
	uint64_t left = 0;

	dispatch_each(drain->operations->dispatch, count_items, &left);
	drain_free(drain);
	conn_reply(conn, json_pack("{sb sI}", "finished", finished, "itemsLeft", (json_int_t) left),
		   false);
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	(void) fd, (void) what;
	answer(context, false);
}

static void on_hung_up(void *owner) {
	drain_free(owner);
}

static void on_drained(void *owner) {
	(void) owner;
}

static const struct conn_ops conn_ops = {.hung_up = on_hung_up, .drained = on_drained};

/* timeout_ms: 0 = none. Returns false without memory. */
static bool wait_for_end(struct operations *operations, struct conn *conn, uint64_t timeout_ms) {
	struct timeval interval = clock_interval(timeout_ms * US_PER_MS);
	struct drain *drain = malloc(sizeof *drain);

	if (!drain)
		return false;
	*drain = (struct drain) {.operations = operations, .conn = conn};
	TAILQ_INSERT_TAIL(&operations->drains, drain, link);
	if (timeout_ms)
		drain->timer = evtimer_new(operations->loop->base, on_timer, drain);
	if (timeout_ms && (!drain->timer || evtimer_add(drain->timer, &interval) < 0)) {
		drain_free(drain);
		return false;
	}
	conn_own(conn, &conn_ops, drain);
	dispatch_wake(operations->dispatch);
	return true;
}

void operations_drain(struct operations *operations, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {{"timeoutMs", PARAMETER_INT, false}};
	struct error error = {0};
	json_int_t ms;
	json_t *value;

	if (!operations_begin(operations, table, 1, &value, conn, call))
		return;
	ms = value ? json_integer_value(value) : 0;
	if (value && (ms < 1 || ms > UINT32_MAX)) {
		refuse_parameter(conn, "timeoutMs");
	} else {
		operations->drained = true;
		/* Nobody waits for the answer of a oneway call. */
		if (!call->call->oneway && !wait_for_end(operations, conn, (uint64_t) ms)) {
			error_set_no_memory(&error);
			conn_fail(conn, &error);
		}
	}
	json_decref(value);
}

void operations_resume(struct operations *operations, struct conn *conn, struct conn_call *call) {
	struct drain *drain;

	if (!operations_begin(operations, NULL, 0, NULL, conn, call))
		return;
	operations->drained = false;
	while ((drain = TAILQ_FIRST(&operations->drains)))
		answer(drain, false);
	conn_reply(conn, NULL, false);
}

void operations_wake(struct operations *operations) {
	struct drain *drain;

	while (!dispatch_has_requests(operations->dispatch) &&
	       (drain = TAILQ_FIRST(&operations->drains)))
		answer(drain, true);
}
