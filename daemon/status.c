#include "daemon/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/dispatch.h"
#include "daemon/memory.h"

/* -------- requests -------- */

/* Sums over all requests. */
struct totals {
	uint64_t now;
	uint64_t queued, running, oldest_wait;
};

static void add_request(const struct request *request, void *context) {
	struct totals *totals = context;
	uint64_t wait = totals->now - request->accepted;

	totals->queued += request_pending(request);
	totals->running += request->running;
	if (!request->started && request_pending(request) > 0 && wait > totals->oldest_wait)
		totals->oldest_wait = wait;
}

static struct totals count_requests(const struct dispatch *dispatch, uint64_t now) {
	struct totals totals = {.now = now};

	dispatch_each(dispatch, add_request, &totals);
	return totals;
}

/* Reads a short file of /proc. Returns its length, 0 if it cannot be read. */
static size_t read_proc(pid_t pid, const char *file, char *buffer, size_t size) {
	char path[64];
	size_t n = 0;
	FILE *stream;

	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	stream = fopen(path, "re");
	if (stream) {
		n = fread(buffer, 1, size - 1, stream);
		fclose(stream);
	}
	buffer[n] = '\0';
	return n;
}

/* The name of the client process. A sandbox may hide the processes of others, and a name may be no UTF-8. */
static void add_program(json_t *entry, pid_t pid) {
	char name[32];

	read_proc(pid, "comm", name, sizeof name);
	name[strcspn(name, "\n")] = '\0';
	if (name[0])
		json_object_set_new(entry, "program", json_string(name));
}

struct listing {
	const struct dispatch *dispatch;
	const struct viewer *viewer;
	json_t *list;
	uint64_t now;
};

static void list_request(const struct request *request, void *context) {
	struct listing *listing = context;
	const char *waits_for;
	char id[24];
	json_t *entry;

	if (!viewer_sees_request(listing->viewer, request->uid))
		return;
	waits_for = dispatch_waits_for(listing->dispatch, request);
	snprintf(id, sizeof id, "%" PRIu64, request->id);
	entry = json_pack("{ss ss sI sI sI sI sI sI sI}", "id", id, "function", request->function,
			  "uid", (json_int_t) request->uid, "pid", (json_int_t) request->pid,
			  "items", (json_int_t) request->items.n, "finished",
			  (json_int_t) request_finished(request), "failed",
			  (json_int_t) request->failed, "running", (json_int_t) request->running,
			  "ageUs", (json_int_t) (listing->now - request->accepted));
	add_program(entry, request->pid);
	if (waits_for)
		json_object_set_new(entry, "waitsFor", json_string(waits_for));
	json_array_append_new(listing->list, entry);
}

json_t *status_requests(const struct dispatch *dispatch, const struct viewer *viewer,
			uint64_t now) {
	struct listing listing = {
		.dispatch = dispatch, .viewer = viewer, .list = json_array(), .now = now};

	dispatch_each(dispatch, list_request, &listing);
	return json_pack("{so}", "requests", listing.list);
}

/* -------- pools and workers -------- */

static json_t *pool_status(const struct pool *pool) {
	unsigned starting = pool_count(pool, WORKER_STARTING), idle = pool_count(pool, WORKER_IDLE);
	unsigned busy = pool_count(pool, WORKER_BUSY);
	json_t *status = json_pack(
		"{ss ss si si si sI si si sb}", "name", pool->name, "state",
		pool_state_name(pool->state), "workers", (int) (starting + idle + busy), "idle",
		(int) idle, "busy", (int) busy, "restarts", (json_int_t) pool->restarts, "min",
		(int) pool->min, "max", (int) pool->max, "slots", (int) pool->slots);

	if (pool->state == POOL_FAILED && pool->reason)
		json_object_set_new(status, "reason", json_string(pool->reason));
	return status;
}

static json_t *resident_bytes(pid_t pid) {
	uint64_t bytes = memory_resident(pid);

	return bytes ? json_integer((json_int_t) bytes) : json_null();
}

static json_t *worker_status(const struct dispatch *dispatch, const struct viewer *viewer,
			     const struct pool *pool, const struct worker *worker, uint64_t now) {
	const struct chunk *chunk = TAILQ_FIRST(&worker->chunks);
	const struct request *request = chunk ? dispatch_find(dispatch, chunk->request) : NULL;
	json_t *status = json_pack(
		"{sI ss sI ss sI sI so}", "id", (json_int_t) worker->id, "pool", pool->name, "pid",
		(json_int_t) worker->pid, "state", worker_state_name(worker->state), "items",
		(json_int_t) worker->items, "ageUs", (json_int_t) (now - worker->started),
		"rssBytes", resident_bytes(worker->pid));

	if (request && viewer_sees_request(viewer, request->uid))
		json_object_set_new(status, "function", json_string(request->function));
	return status;
}

static void add_workers(json_t *list, const struct dispatch *dispatch, const struct viewer *viewer,
			const struct pool *pool, uint64_t now) {
	const struct worker *worker;

	for (enum worker_state state = 0; state < WORKER_GONE; state++)
		TAILQ_FOREACH (worker, &pool->workers[state], link)
			json_array_append_new(list,
					      worker_status(dispatch, viewer, pool, worker, now));
}

json_t *status_daemon(const struct dispatch *dispatch, const struct viewer *viewer,
		      const struct status_facts *facts, bool workers) {
	struct totals totals = count_requests(dispatch, facts->now);
	json_t *pools = json_array(), *list = json_array(), *status;
	const struct pool *pool;

	TAILQ_FOREACH (pool, &dispatch->pools, link) {
		if (!viewer_sees_pool(viewer, &pool->allowed))
			continue;
		json_array_append_new(pools, pool_status(pool));
		if (workers)
			add_workers(list, dispatch, viewer, pool, facts->now);
	}
	status = json_pack("{ss ss si sI si si si sI sI sI sI sI so}", "state", facts->state,
			   "version", PACKAGE_VERSION, "pid", (int) getpid(), "uptimeUs",
			   (json_int_t) (facts->now - facts->started), "slots",
			   (int) dispatch->slots, "slotsBusy", (int) dispatch_busy(dispatch),
			   "connections", (int) facts->connections, "itemsQueued",
			   (json_int_t) totals.queued, "itemsRunning", (json_int_t) totals.running,
			   "itemsFinished", (json_int_t) dispatch->items_finished, "itemsFailed",
			   (json_int_t) dispatch->items_failed, "oldestWaitUs",
			   (json_int_t) totals.oldest_wait, "pools", pools);
	if (workers)
		json_object_set(status, "workers", list);
	json_object_set_new(status, "loopLagUs",
			    json_integer((json_int_t) lag_longest(&dispatch->lag, facts->now)));
	json_decref(list);
	return status;
}

static json_t *function_status(const struct pool *pool, const char *name, json_t *description) {
	return json_pack("{ss ss sO* ss}", "name", name, "pool", pool->name, "description",
			 json_is_null(description) ? NULL : description, "runtime",
			 pool->offer->runtime);
}

json_t *status_functions(const struct dispatch *dispatch, const struct viewer *viewer) {
	json_t *list = json_array(), *description;
	const struct pool *pool;
	const char *name;

	TAILQ_FOREACH (pool, &dispatch->pools, link) {
		if (pool->leaving || !viewer_sees_pool(viewer, &pool->allowed))
			continue;
		json_object_foreach(pool->offer->functions, name, description)
			json_array_append_new(list, function_status(pool, name, description));
	}
	return json_pack("{so}", "functions", list);
}

void status_line(char *buffer, size_t size, const struct dispatch *dispatch,
		 const struct status_facts *facts) {
	struct totals totals = count_requests(dispatch, facts->now);

	snprintf(buffer, size, "%u/%u busy, %u clients, %" PRIu64 " queued, oldest wait %.1f s",
		 dispatch_busy(dispatch), dispatch->slots, facts->connections, totals.queued,
		 (double) totals.oldest_wait / 1e6);
}
