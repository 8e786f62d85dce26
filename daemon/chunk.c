#include "daemon/chunk.h"

static struct settlement settle(uint32_t finished, bool blamed, uint32_t rest) {
	return (struct settlement) {.finished = finished, .blamed = blamed, .rest = rest};
}

/* Nobody can say what ran: the first item without a result pays. */
static struct settlement blame_first(const struct chunk *chunk) {
	bool any = chunk->reported < chunk->count;

	return settle(chunk->reported, any, chunk->reported + any);
}

static struct settlement untouched(const struct chunk *chunk) {
	if (chunk->reported > 0)
		return blame_first(chunk);
	return (struct settlement) {.untouched = true};
}

static struct settlement running(const struct chunk *chunk, const struct chunk_evidence *evidence,
				 struct position position) {
	uint64_t item = position_pack(position.chunk, position.offset, false);

	/* It came to the limit, which it looks at after it said that it begins. */
	if (chunk->cut && position.offset == chunk->count)
		return settle(chunk->count, false, chunk->count);
	if (position.offset < chunk->reported || position.offset >= chunk->count)
		return blame_first(chunk);
	/* The blow was meant for another item, whose result came first: this one is innocent. */
	if (evidence->targeted && evidence->target != item)
		return settle(position.offset, false, position.offset);
	return settle(position.offset, true, position.offset + 1);
}

static struct settlement between(const struct chunk *chunk, const struct chunk_evidence *evidence,
				 struct position position) {
	struct position target = position_unpack(evidence->target);
	uint32_t offset = position.offset;
	struct settlement settlement = settle(offset, false, offset);

	if (offset < chunk->reported || offset > chunk->count)
		return blame_first(chunk);
	settlement.silent = offset > chunk->reported;
	if (!evidence->targeted || target.chunk != chunk->number)
		return settlement;
	/* It was hit although it had ended, without a report; or although it was not begun, in all its time. */
	if (settlement.silent && target.offset == offset - 1)
		return settle(offset - 1, true, offset);
	if (target.offset == offset && offset < chunk->count)
		return settle(offset, true, offset + 1);
	return settlement;
}

struct settlement chunk_settle(const struct chunk *chunk, const struct chunk_evidence *evidence) {
	struct position position = position_unpack(evidence->progress);

	if (evidence->violation || !evidence->page || position.chunk > evidence->last_chunk)
		return blame_first(chunk);
	if (position.chunk < chunk->number)
		return untouched(chunk);
	if (position.chunk > chunk->number)
		return settle(chunk->count, false, chunk->count);
	return position.running ? running(chunk, evidence, position)
				: between(chunk, evidence, position);
}

int64_t chunk_charge(struct chunk *chunk, uint64_t now) {
	uint64_t held = chunk->began ? now - chunk->began : 0;
	int64_t more = (int64_t) (held - chunk->charged);

	chunk->charged = held;
	return more;
}

/* As long as the chunks of a shared pool are meant to be. */
#define OVERDUE_MIN UINT64_C(20000)

bool chunk_is_overdue(const struct chunk *chunk, uint64_t now) {
	uint64_t held = chunk->began ? now - chunk->began : 0;

	return held > OVERDUE_MIN &&
	       (chunk->predicted == CHUNK_UNKNOWN || held / 2 > chunk->predicted);
}

uint64_t chunk_remaining(const struct chunk *chunk, uint64_t now) {
	uint64_t held = chunk->began ? now - chunk->began : 0;

	if (chunk->predicted == CHUNK_UNKNOWN)
		return CHUNK_UNKNOWN;
	return held < chunk->predicted ? chunk->predicted - held : 0;
}

uint32_t chunk_unstarted(const struct chunk *chunk, uint64_t limit, uint64_t progress) {
	struct position from = position_unpack(limit), at = position_unpack(progress);
	uint32_t first = chunk->reported;

	if (from.chunk > chunk->number || at.chunk > chunk->number)
		return chunk->count;
	if (from.chunk == chunk->number && from.offset > first)
		first = from.offset;
	if (at.chunk == chunk->number && at.offset + at.running > first)
		first = at.offset + at.running;
	return first < chunk->count ? first : chunk->count;
}

struct chunk_deadline chunk_deadline(const struct chunk *chunk, bool page, uint64_t progress,
				     uint64_t began, uint64_t moved, uint64_t now) {
	struct position at = position_unpack(progress);
	struct chunk_deadline deadline = {.offset = chunk->reported};
	uint64_t since = chunk->began;

	if (page && at.chunk == chunk->number) {
		bool is_item = at.offset >= chunk->reported && at.offset < chunk->count;

		/* Between two items the one that has ended is late, if nothing at all is heard of it. */
		if (at.running && is_item)
			deadline.offset = at.offset;
		else if (!at.running && at.offset > chunk->reported && at.offset <= chunk->count)
			deadline.offset = at.offset - 1;
		if (!at.running || !is_item)
			since = moved > since ? moved : since;
		else if (began > since && began <= now)
			since = began;
	}
	/* A worker that does not even begin is as late as one that does not end. */
	deadline.in = now - since < chunk->item_timeout ? since + chunk->item_timeout - now : 0;
	return deadline;
}
