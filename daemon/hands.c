#include "daemon/hands.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "daemon/clock.h"
#include "protocol/work.h"

/* From the store of a limit until the page tells for certain what is begun all the same: a worker looks at the limit
 * after it wrote its progress, and no processor keeps a write to itself for this long. */
#define RECALL_WAIT UINT64_C(1500)

/* -------- items that take too long -------- */

static void watch_item(struct hands *hands, uint64_t in) {
	struct timeval interval = clock_interval(in);

	evtimer_add(hands->item, &interval);
}

static void on_item_timer(evutil_socket_t fd, short what, void *context) {
	struct hands *hands = context;
	const struct chunk *chunk = TAILQ_FIRST(hands->chunks);
	struct progress *progress = &hands->progress;
	uint64_t now = clock_now();
	struct chunk_deadline deadline;

	(void) fd, (void) what;
	progress_observe(progress, *hands->items, now);
	deadline = chunk_deadline(chunk, progress->kept, progress_now(progress),
				  progress_began(progress), progress->since, now);
	if (deadline.in > 0)
		watch_item(hands, deadline.in);
	else
		hands->ops->overdue(hands->context, chunk, deadline.offset);
}

uint64_t hands_item_age(struct hands *hands, uint64_t now) {
	progress_observe(&hands->progress, *hands->items, now);
	return now - hands->progress.since;
}

/* -------- chunks come and go -------- */

/* A chunk has come first, or none is left. */
static void first_changed(struct hands *hands, uint64_t now) {
	struct chunk *chunk = TAILQ_FIRST(hands->chunks);

	if (chunk)
		chunk->began = now;
	if (chunk && chunk->item_timeout)
		watch_item(hands, chunk->item_timeout);
	else if (evtimer_pending(hands->item, NULL))
		evtimer_del(hands->item);
}

void hands_add(struct hands *hands, struct chunk *chunk, uint64_t now) {
	chunk->number = ++hands->last_chunk;
	chunk->sent = now;
	TAILQ_INSERT_TAIL(hands->chunks, chunk, link);
	if (TAILQ_FIRST(hands->chunks) == chunk) {
		hands->progress.since = now;
		first_changed(hands, now);
	}
}

void hands_advance(struct hands *hands, uint64_t now) {
	first_changed(hands, now);
	if (!TAILQ_EMPTY(hands->chunks))
		return;
	evtimer_del(hands->recall);
	progress_lift(&hands->progress);
}

const char *hands_match(const struct hands *hands, const struct worker_results *results, size_t n,
			struct chunk **ret) {
	struct chunk *chunk = TAILQ_FIRST(hands->chunks);

	if (!chunk || chunk->number != results->chunk)
		return "results for a chunk that it was not given";
	if (n > chunk->count - chunk->reported)
		return "more results than items";
	if (results->has_returned &&
	    (!hands->progress.recalled || results->returned != chunk->reported + (uint32_t) n))
		return "items returned that were not asked back";
	*ret = chunk;
	return NULL;
}

void hands_reported(struct hands *hands, struct chunk *chunk, size_t n) {
	chunk->reported += (uint32_t) n;
	if (chunk->item_timeout)
		hands->progress.since = clock_now();
}

/* -------- what is taken back -------- */

/* What the worker did not begin before it could see the limit, it never will. */
static void on_recall(evutil_socket_t fd, short what, void *context) {
	struct hands *hands = context;
	uint64_t limit = progress_limit(&hands->progress), now = progress_now(&hands->progress);
	struct chunk *chunk;

	(void) fd, (void) what;
	/* A page with nonsense says nothing; the worker's own word is waited for. */
	if (position_unpack(now).chunk > hands->last_chunk)
		return;
	TAILQ_FOREACH (chunk, hands->chunks, link) {
		uint32_t offset = chunk_unstarted(chunk, limit, now);

		if (offset == chunk->count)
			continue;
		hands->ops->recalled(hands->context, chunk, offset);
		chunk->count = offset;
		chunk->cut = true;
	}
}

void hands_recall(struct hands *hands, const struct chunk *chunk, uint32_t offset) {
	struct timeval wait = clock_interval(RECALL_WAIT);

	if (progress_recall(&hands->progress, chunk->number, offset))
		evtimer_add(hands->recall, &wait);
}

/* -------- the end -------- */

void hands_rest(struct hands *hands) {
	evtimer_del(hands->recall);
	evtimer_del(hands->item);
}

void hands_settle(struct hands *hands, struct chunk_evidence *evidence,
		  void (*settled)(void *context, struct chunk *chunk,
				  const struct settlement *settlement),
		  void *context) {
	struct chunk *chunk;
	bool behind = false;

	evidence->page = hands->progress.kept;
	evidence->progress = progress_now(&hands->progress);
	evidence->last_chunk = hands->last_chunk;
	for (; (chunk = TAILQ_FIRST(hands->chunks)); behind = true) {
		struct settlement settlement = chunk_settle(chunk, evidence);

		/* Nothing speaks against one that only waited behind another. */
		if (behind && settlement.untouched)
			settlement = (struct settlement) {0};
		TAILQ_REMOVE(hands->chunks, chunk, link);
		settled(context, chunk, &settlement);
		free(chunk);
		/* Who could not be asked, was caught or is to blame in one chunk has not touched the next ones. */
		if (!evidence->page || evidence->violation || settlement.blamed)
			*evidence = (struct chunk_evidence) {.page = true,
							     .last_chunk = hands->last_chunk};
	}
}

/* -------- life -------- */

int hands_init(struct hands *hands, struct event_base *base, const struct hands_ops *ops,
	       void *context) {
	hands->ops = ops;
	hands->context = context;
	hands->recall = evtimer_new(base, on_recall, hands);
	hands->item = evtimer_new(base, on_item_timer, hands);
	return hands->recall && hands->item ? 0 : -ENOMEM;
}

void hands_done(struct hands *hands) {
	if (hands->recall)
		event_free(hands->recall);
	if (hands->item)
		event_free(hands->item);
}
