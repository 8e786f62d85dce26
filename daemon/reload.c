#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"
#include "daemon/operations.h"

/* Somebody who wants the configuration to be read again. */
struct reload_request {
	TAILQ_ENTRY(reload_request) link;
	struct reload *reload;
	struct conn *conn; /* NULL: there is nobody, or nobody any more */
	bool more;         /* each replacement is to be told */
	bool restart;      /* workers of all pools are to be replaced */
	uint64_t number;   /* of the reload; 0 = it is not in force yet */
	unsigned total;    /* workers that are to be replaced */
	unsigned replaced; /* of these, as was told */
};

static void request_done(struct reload_list *list, struct reload_request *request) {
	TAILQ_REMOVE(list, request, link);
	free(request);
}

/* -------- answers -------- */

static void refuse(struct reload *reload, struct reload_request *request, struct error *error) {
	struct conn *conn = request->conn;

	request_done(&reload->waiting, request);
	if (conn)
		conn_fail(conn, error);
	else
		error_done(error);
}

/* How many of the workers that this reload, or an earlier one, made due are left. */
static unsigned count_left(const struct reload *reload, uint64_t number) {
	const struct pool *pool;
	unsigned left = 0;

	TAILQ_FOREACH (pool, &reload->setup.dispatch->pools, link)
		if (!pool->leaving)
			left += pool_outdated(pool, number);
	return left;
}

/* Tells how far the replacing is, if that changed; first: it comes into force. */
static void tell(struct reload *reload, struct reload_request *request, bool first) {
	unsigned left = count_left(reload, request->number);
	unsigned replaced = left < request->total ? request->total - left : 0;
	struct conn *conn = request->conn;
	bool goes_on = left > 0 && request->more;
	json_t *answer;

	if (!first && replaced == request->replaced && left > 0)
		return;
	request->replaced = replaced;
	answer = json_pack("{si si}", "replaced", (int) replaced, "total", (int) request->total);
	if (!goes_on)
		request->conn = NULL;
	if (left == 0) {
		log_event(ENTRY_RELOAD_DONE, NULL, "reload: done, %u workers were replaced",
			  request->total);
		request_done(&reload->replacing, request);
	}
	if (conn)
		conn_reply(conn, answer, goes_on);
	else
		json_decref(answer);
}

/* -------- what is tried ends -------- */

static void close_trial(struct reload *reload) {
	configuration_done(reload->next);
	free(reload->next);
	reload->next = NULL;
	reload->setup.ops->ended(reload->setup.context);
}

/* New pools that are not wanted end as any other that is not configured. */
static void give_up(struct reload *reload) {
	struct dispatch *dispatch = reload->setup.dispatch;
	struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link)
		pool_abandon(pool);
	while ((pool = TAILQ_FIRST(&reload->added))) {
		TAILQ_REMOVE(&reload->added, pool, link);
		pool_abandon(pool);
		dispatch_add_pool(dispatch, pool);
		dispatch_remove_pool(dispatch, pool);
	}
	close_trial(reload);
}

static void fail_trial(struct reload *reload, const struct pool *pool) {
	const char *reason = pool_trial(pool)->reason;
	struct error error = {0};

	log_event(ENTRY_RELOAD_FAILED, &(struct entry_fields) {.pool = pool->name},
		  "reload: the old configuration stays: pool %s: %s", pool->name,
		  reason ? reason : "");
	error_set(&error, ERROR_POOL_FAILED, "{ssss}", "pool", pool->name, "reason",
		  reason ? reason : "");
	give_up(reload);
	refuse(reload, TAILQ_FIRST(&reload->waiting), &error);
}

/* Workers that will be of an older generation once the pool has adopted its new configuration. */
static unsigned count_outdated(const struct pool *pool) {
	if (pool_trial(pool)->state == TRIAL_READY)
		return pool_count(pool, WORKER_IDLE) + pool_count(pool, WORKER_BUSY);
	return pool_outdated(pool, UINT64_MAX - 1);
}

static void adopt(struct reload *reload, struct pool *pool, struct reload_request *request) {
	const struct pool_configuration *configuration =
		configuration_pool(reload->setup.configuration, pool->name);

	if (!configuration) {
		log_event(ENTRY_POOL_CHANGED, &(struct entry_fields) {.pool = pool->name},
			  "reload: pool %s is not configured any more", pool->name);
		dispatch_remove_pool(reload->setup.dispatch, pool);
		return;
	}
	request->total += count_outdated(pool);
	pool_adopt(pool, configuration, reload->number);
}

/* Whom nobody listens to is not followed any more once another reload is. */
static void forget_unheard(struct reload *reload) {
	struct reload_request *request, *next;

	for (request = TAILQ_FIRST(&reload->replacing); request; request = next) {
		next = TAILQ_NEXT(request, link);
		if (!request->conn)
			request_done(&reload->replacing, request);
	}
}

static void come_into_force(struct reload *reload) {
	struct reload_request *request = TAILQ_FIRST(&reload->waiting);
	struct dispatch *dispatch = reload->setup.dispatch;
	struct configuration before = *reload->setup.configuration;
	struct pool *pool;

	*reload->setup.configuration = *reload->next;
	*reload->next = before;
	request->number = ++reload->number;
	reload->setup.ops->changed(reload->setup.context);
	TAILQ_FOREACH (pool, &dispatch->pools, link)
		if (!pool->leaving)
			adopt(reload, pool, request);
	while ((pool = TAILQ_FIRST(&reload->added))) {
		TAILQ_REMOVE(&reload->added, pool, link);
		dispatch_add_pool(dispatch, pool);
		adopt(reload, pool, request);
	}
	log_event(ENTRY_RELOADED, NULL,
		  "reload: the configuration is in force, %u workers are to be replaced",
		  request->total);
	forget_unheard(reload);
	TAILQ_REMOVE(&reload->waiting, request, link);
	TAILQ_INSERT_TAIL(&reload->replacing, request, link);
	close_trial(reload);
	tell(reload, request, true);
}

/* The first pool of both lists whose trial is in this state, or NULL. */
static struct pool *find_trial(const struct reload *reload, enum trial_state state) {
	struct pool *pool;

	TAILQ_FOREACH (pool, &reload->setup.dispatch->pools, link)
		if (pool_trial(pool)->state == state)
			return pool;
	TAILQ_FOREACH (pool, &reload->added, link)
		if (pool_trial(pool)->state == state)
			return pool;
	return NULL;
}

static void look_at_trials(struct reload *reload) {
	struct pool *failed = find_trial(reload, TRIAL_FAILED);

	if (failed)
		fail_trial(reload, failed);
	else if (!find_trial(reload, TRIAL_STARTING))
		come_into_force(reload);
}

/* -------- what is tried begins -------- */

static int try_new_pool(struct reload *reload, const struct pool_configuration *configuration) {
	struct pool *pool;
	int r = pool_new(&pool, configuration, reload->setup.pools, &dispatch_pool_ops,
			 reload->setup.dispatch);

	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&reload->added, pool, link);
	return pool_try(pool, configuration, true);
}

static int try_pools(struct reload *reload, bool restart) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < reload->next->n_pools; i++) {
		const struct pool_configuration *configuration = &reload->next->pools[i];
		struct pool *pool = dispatch_pool(reload->setup.dispatch, configuration->name);

		r = pool ? pool_try(pool, configuration, restart)
			 : try_new_pool(reload, configuration);
	}
	return r;
}

/* Requests have their place in one schedule or the other. */
static bool is_possible(const struct reload *reload, struct configuration_error *error) {
	for (size_t i = 0; i < reload->next->n_pools; i++) {
		const struct pool_configuration *next = &reload->next->pools[i];
		const struct pool *pool = dispatch_pool(reload->setup.dispatch, next->name);

		if (!pool || pool->slots == next->slots)
			continue;
		snprintf(error->text, sizeof error->text,
			 "%s: pool '%s': another value of slots takes a restart", next->where,
			 next->name);
		return false;
	}
	return true;
}

/* Reads and checks it. Returns 0, or 1 and *error. */
static int read_next(struct reload *reload, struct error *error) {
	struct configuration_error mistake = {0};

	reload->next = malloc(sizeof *reload->next);
	if (!reload->next)
		return error_set_no_memory(error);
	configuration_init(reload->next);
	if (reload->setup.ops->read(reload->setup.context, reload->next, &mistake) == 0 &&
	    is_possible(reload, &mistake))
		return 0;
	log_event(ENTRY_RELOAD_FAILED, NULL, "reload: the old configuration stays: %s",
		  mistake.text);
	return error_set(error, ERROR_BAD_CONFIGURATION, "{ss}", "reason", mistake.text);
}

static void begin(struct reload *reload) {
	struct reload_request *request = TAILQ_FIRST(&reload->waiting);
	struct error error = {0};

	reload->setup.ops->began(reload->setup.context);
	if (read_next(reload, &error) == 0 && try_pools(reload, request->restart) < 0)
		error_set_no_memory(&error);
	if (error.id == ERROR_NONE)
		return look_at_trials(reload);
	if (reload->next)
		give_up(reload);
	else
		reload->setup.ops->ended(reload->setup.context);
	refuse(reload, request, &error);
}

void reload_wake(struct reload *reload) {
	struct reload_request *request, *next;

	for (request = TAILQ_FIRST(&reload->replacing); request; request = next) {
		next = TAILQ_NEXT(request, link);
		tell(reload, request, false);
	}
	if (reload->next)
		look_at_trials(reload);
	while (!reload->next && !TAILQ_EMPTY(&reload->waiting))
		begin(reload);
}

/* -------- who wants it -------- */

static void on_hung_up(void *owner) {
	((struct reload_request *) owner)->conn = NULL;
}

static void on_drained(void *owner) {
	(void) owner;
}

static const struct conn_ops conn_ops = {.hung_up = on_hung_up, .drained = on_drained};

static struct reload_request *add_request(struct reload *reload, struct conn *conn, bool more,
					  bool restart) {
	struct reload_request *request = TAILQ_LAST(&reload->waiting, reload_list);

	/* What is about to be read anyway need not be read twice. */
	if (!conn && request && !request->conn && request->restart == restart &&
	    !(reload->next && request == TAILQ_FIRST(&reload->waiting)))
		return request;
	request = calloc(1, sizeof *request);
	if (!request)
		return NULL;
	*request = (struct reload_request) {
		.reload = reload, .conn = conn, .more = more, .restart = restart};
	TAILQ_INSERT_TAIL(&reload->waiting, request, link);
	dispatch_wake(reload->setup.dispatch);
	return request;
}

void reload_anonymous(struct reload *reload) {
	if (!add_request(reload, NULL, false, false))
		log_error("reload: not enough memory");
}

void reload_call(struct reload *reload, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {{"restart", PARAMETER_BOOL, false}};
	struct reload_request *request;
	struct error error = {0};
	json_t *restart;

	if (!operations_begin(reload->setup.operations, table, 1, &restart, conn, call))
		return;
	/* Nobody waits for the answer of a oneway call. */
	if (call->call->oneway)
		request = add_request(reload, NULL, false, json_is_true(restart));
	else
		request = add_request(reload, conn, call->call->more, json_is_true(restart));
	json_decref(restart);
	if (request && request->conn) {
		conn_own(conn, &conn_ops, request);
	} else if (!request) {
		error_set_no_memory(&error);
		conn_fail(conn, &error);
	}
}

/* -------- life -------- */

void reload_stop(struct reload *reload) {
	struct reload_request *request, *next;

	if (reload->next)
		give_up(reload);
	while ((request = TAILQ_FIRST(&reload->waiting))) {
		struct error error = {0};

		error_set(&error, ERROR_SHUTTING_DOWN, NULL);
		refuse(reload, request, &error);
	}
	/* Nobody is replaced any more. */
	for (request = TAILQ_FIRST(&reload->replacing); request; request = next) {
		next = TAILQ_NEXT(request, link);
		request->more = false;
		tell(reload, request, true);
	}
}

bool reload_is_going_on(const struct reload *reload) {
	return reload->next || !TAILQ_EMPTY(&reload->waiting);
}

void reload_init(struct reload *reload, const struct reload_setup *setup) {
	*reload = (struct reload) {.setup = *setup};
	TAILQ_INIT(&reload->waiting);
	TAILQ_INIT(&reload->replacing);
	TAILQ_INIT(&reload->added);
}

void reload_done(struct reload *reload) {
	while (!TAILQ_EMPTY(&reload->waiting))
		request_done(&reload->waiting, TAILQ_FIRST(&reload->waiting));
	while (!TAILQ_EMPTY(&reload->replacing))
		request_done(&reload->replacing, TAILQ_FIRST(&reload->replacing));
	if (reload->next) {
		configuration_done(reload->next);
		free(reload->next);
	}
}
