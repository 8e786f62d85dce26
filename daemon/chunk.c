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

	if (position.offset < chunk->reported || position.offset >= chunk->count)
		return blame_first(chunk);
	/* The blow was meant for another item, whose result came first: this one is innocent. */
	if (evidence->targeted && evidence->target != item)
		return settle(position.offset, false, position.offset);
	return settle(position.offset, true, position.offset + 1);
}

static struct settlement between(const struct chunk *chunk, struct position position) {
	if (position.offset < chunk->reported || position.offset > chunk->count)
		return blame_first(chunk);
	return settle(position.offset, false, position.offset);
}

struct settlement chunk_settle(const struct chunk *chunk, const struct chunk_evidence *evidence) {
	struct position position = position_unpack(evidence->progress);

	if (evidence->violation || !evidence->page || position.chunk > evidence->last_chunk)
		return blame_first(chunk);
	if (position.chunk < chunk->number)
		return untouched(chunk);
	if (position.chunk > chunk->number)
		return settle(chunk->count, false, chunk->count);
	return position.running ? running(chunk, evidence, position) : between(chunk, position);
}
