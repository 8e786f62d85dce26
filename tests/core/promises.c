#include <inttypes.h>

#include "tests/core/fake_loop.h"
#include "tests/core/play.h"
#include "tests/core/transcript.h"

/* As long, in µs, an item must have run to be long. */
#define STARVED_AFTER 200000
/* How often it is looked for that. */
#define STARVED_LOOK 100000

/* What must hold whenever the loop rests, by what the witness found out. */

static unsigned count_busy(const struct play *play, bool slots) {
	const struct worker *worker;
	unsigned n = 0;

	for (unsigned i = 0; i < play->n_pools; i++)
		TAILQ_FOREACH (worker, &play->pools[i]->workers[WORKER_BUSY], link) {
			if (TAILQ_EMPTY(&worker->chunks))
				broken("worker %" PRIu64 " is busy with nothing", worker->id);
			n += !slots || play->pools[i]->slots;
		}
	return n;
}

/* When the last of the workers with a slot got what it runs; of the others if one may be left out. */
static uint64_t newest(const struct play *play, bool all) {
	uint64_t first = 0, second = 0;
	const struct worker *worker;

	for (unsigned i = 0; i < play->n_pools; i++) {
		if (!play->pools[i]->slots)
			continue;
		TAILQ_FOREACH (worker, &play->pools[i]->workers[WORKER_BUSY], link) {
			uint64_t sent = TAILQ_FIRST(&worker->chunks)->sent;

			second = sent > first ? first : sent > second ? sent : second;
			first = sent > first ? sent : first;
		}
	}
	return all ? first : second;
}

/* More slots than there are: one in eight, for somebody who waits behind items that are all long, or were so when it was
 * looked the last time. */
static void check_slots(struct play *play) {
	unsigned busy = count_busy(play, true), slots = play->dispatch->slots;
	uint64_t now = fake_loop_now(play->loop.base);

	if (play->busy >= slots && now - play->newest >= STARVED_AFTER)
		play->was_stuck = now;
	/* Those that were busy when the slots became fewer stay so. */
	if (busy > slots + (slots + 7) / 8 && busy > play->busy)
		broken("%u workers are busy, and there are %u slots", busy, slots);
	if (busy > slots && busy > play->busy && now - newest(play, false) < STARVED_AFTER &&
	    now - play->was_stuck > STARVED_LOOK)
		broken("%u workers are busy, and there are %u slots; nobody starves", busy, slots);
	play->busy = busy;
	play->newest = newest(play, true);
	if (dispatch_busy(play->dispatch) != busy)
		broken("dispatch_busy() is %u and not %u", dispatch_busy(play->dispatch), busy);
}

static void check_workers(const struct play *play) {
	const struct worker *worker;

	for (unsigned i = 0; i < play->n_pools; i++) {
		TAILQ_FOREACH (worker, &play->pools[i]->workers[WORKER_IDLE], link)
			if (!TAILQ_EMPTY(&worker->chunks))
				broken("worker %" PRIu64 " is idle with a chunk", worker->id);
		TAILQ_FOREACH (worker, &play->pools[i]->workers[WORKER_STARTING], link)
			if (!TAILQ_EMPTY(&worker->chunks))
				broken("worker %" PRIu64 " is starting with a chunk", worker->id);
	}
}

static uint64_t count_waiting(const struct client *client, uint64_t *ret_first) {
	uint64_t n = 0;

	for (uint64_t i = client->n; i-- > 0;) {
		if (client->items[i].state != ITEM_WAITING)
			continue;
		*ret_first = i;
		n++;
	}
	return n;
}

/* The daemon's own counts. */
static void check_counts(const struct client *client) {
	const struct request *request = client->request;
	uint64_t first, waiting = count_waiting(client, &first);

	if (request->running != client->held || request->chunks != client->chunks)
		broken("client %" PRIu64 ": %" PRIu64 " items in %u chunks are counted, %" PRIu64
		       " in %u are there",
		       client->id, request->running, request->chunks, client->held, client->chunks);
	if (request->workers != client->workers)
		broken("client %" PRIu64 " has %u workers, and %u are counted", client->id,
		       client->workers, request->workers);
	if (request->stopped)
		return;
	if (request_pending(request) != waiting || request->items.n != client->n)
		broken("client %" PRIu64 ": %" PRIu64 " items are said to wait, and %" PRIu64 " do",
		       client->id, request_pending(request), waiting);
	if (request_finished(request) != client->n_delivered + client->ready)
		broken("client %" PRIu64 ": %" PRIu64
		       " items are said to be finished, not %" PRIu64,
		       client->id, request_finished(request), client->n_delivered + client->ready);
}

/* The first index that may not begin while the results that wait are too many bytes: those before the oldest of them
 * would be delivered as they come, and take it along. */
static uint64_t end_of_gap(const struct client *client) {
	for (uint64_t i = client->n_delivered; i < client->n; i++)
		if (client->items[i].state == ITEM_RESULT)
			return i > client->n_delivered ? i : i + 1;
	return client->n_delivered + 1;
}

/* Whether window, order and unread results let an item begin. */
static bool may_begin(const struct client *client) {
	const struct request_limits *limits = &client->request->limits;
	bool choked = client->request->choked, full = client->ready_bytes >= limits->window_bytes;
	uint64_t first = 0;

	if (client->request->stopped || count_waiting(client, &first) == 0)
		return false;
	if (limits->window_items == UINT64_MAX)
		return true;
	if (client->request->options.unordered)
		return client->ready + client->held == 0 ||
		       (!choked && !full && client->ready + client->held < limits->window_items);
	if (choked)
		return first == client->n_delivered;
	return first < client->n_delivered + limits->window_items &&
	       (!full || first < end_of_gap(client));
}

/* Items that began within the window, and fill it: one that was cancelled while it waited did not. */
static uint64_t count_begun(const struct client *client) {
	uint64_t n = 0;

	for (uint64_t i = 0; i < client->n; i++)
		n += client->items[i].state == ITEM_HELD ||
		     (client->items[i].state == ITEM_RESULT && !client->items[i].cancelled);
	return n;
}

static void check_limits(const struct client *client) {
	uint32_t most = client->request->options.max_workers;
	uint64_t window = client->request->limits.window_items;

	if (most > 0 && client->workers > most)
		broken("client %" PRIu64 " has %u workers, maxWorkers is %u", client->id,
		       client->workers, most);
	if (window == UINT64_MAX)
		return;
	if (client->request->options.unordered && count_begun(client) > window)
		broken("client %" PRIu64 " holds %" PRIu64 " items, its window is %" PRIu64,
		       client->id, count_begun(client), window);
	for (uint64_t i = client->n_delivered + window; i < client->n; i++)
		if (!client->request->options.unordered && client->items[i].state == ITEM_HELD)
			broken("item %" PRIu64 " of client %" PRIu64 " runs beyond its window", i,
			       client->id);
}

/* A free slot, an idle worker, and an item that may begin: the pump forgot something. */
static void check_stuck(const struct play *play, const struct client *client) {
	const struct pool *pool = client->pool < 0 ? NULL : play->pools[client->pool];
	uint32_t most = client->request->options.max_workers;
	bool slot = !pool || !pool->slots || count_busy(play, true) < play->dispatch->slots;

	if (pool && pool->offer->functions && slot && !TAILQ_EMPTY(&pool->workers[WORKER_IDLE]) &&
	    (most == 0 || client->workers < most) && may_begin(client))
		broken("stuck: client %" PRIu64 " could run an item", client->id);
}

void witness(struct play *play) {
	witness_learn(play);
	check_slots(play);
	check_workers(play);
	for (unsigned i = 0; i < play->n_clients; i++) {
		const struct client *client = &play->clients[i];

		if (!client->request)
			continue;
		check_counts(client);
		check_limits(client);
		check_stuck(play, client);
	}
	if (dispatch_is_stuck(play->dispatch))
		broken("the dispatch itself says that it is stuck");
}
