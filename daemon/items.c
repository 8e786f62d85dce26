#include "daemon/items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t min(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

/* -------- segments -------- */

static void segment_free(struct segment *segment) {
	bytes_unref(segment->bytes);
	free(segment->elements.ends);
	free(segment->marks);
	free(segment);
}

int items_add(struct items *items, struct bytes *bytes, struct elements *elements) {
	struct segment *segment = malloc(sizeof *segment);
	uint8_t *marks = calloc(elements->count, 1);

	if (!segment || !marks) {
		free(segment);
		free(marks);
		return -ENOMEM;
	}
	*segment = (struct segment) {
		.first = items->n,
		.count = elements->count,
		.left = elements->count,
		.bytes = bytes_ref(bytes),
		.elements = *elements,
		.marks = marks,
	};
	*elements = (struct elements) {0};
	items->n += segment->count;
	items->bytes += bytes->size;
	TAILQ_INSERT_TAIL(&items->segments, segment, link);
	if (!items->cursor)
		items->cursor = segment;
	return 0;
}

/* The segment of an item that is there; NULL if all items of its segment are finished. */
static struct segment *find_segment(const struct items *items, uint64_t index) {
	struct segment *segment = items->cursor, *near = items->near;

	if (near && index >= near->first && (!segment || near->first > segment->first))
		segment = near;
	if (!segment || index < segment->first)
		segment = near && index >= near->first ? near : TAILQ_FIRST(&items->segments);
	while (segment && index >= segment->first + segment->count)
		segment = TAILQ_NEXT(segment, link);
	return segment && index >= segment->first ? segment : NULL;
}

/* The item's marks, or ITEM_FINISHED if they are not kept any more. */
static unsigned marks_of(const struct items *items, uint64_t index) {
	const struct segment *segment = find_segment(items, index);

	return segment ? segment->marks[index - segment->first] : ITEM_FINISHED;
}

static void remove_segment(struct items *items, struct segment *segment) {
	if (segment == items->cursor)
		items->cursor = TAILQ_NEXT(segment, link);
	if (segment == items->near)
		items->near = TAILQ_NEXT(segment, link);
	TAILQ_REMOVE(&items->segments, segment, link);
	items->bytes -= segment->bytes->size;
	segment_free(segment);
}

/* -------- what waits -------- */

/* Moves `next`, and the cursor with it, over items that are finished already. */
static void pass_finished(struct items *items) {
	const struct segment *cursor;
	uint64_t before;

	while ((cursor = items->cursor)) {
		before = items->next;
		if (items->next < cursor->first)
			items->next = cursor->first;
		while (items->next < cursor->first + cursor->count &&
		       cursor->marks[items->next - cursor->first] & ITEM_FINISHED)
			items->next++;
		items->skips -= items->next - before;
		if (items->next < cursor->first + cursor->count)
			return;
		items->cursor = TAILQ_NEXT(cursor, link);
	}
	items->skips -= items->n - items->next;
	items->next = items->n;
}

/* The range of items to be handed over again that index lies in, or NULL. */
static struct item_range *find_again(const struct items *items, uint64_t index) {
	struct item_range *range;

	TAILQ_FOREACH (range, &items->again, link)
		if (index >= range->first && index < range->first + range->count)
			return range;
	return NULL;
}

/* Moves the range's beginning over items that were withdrawn from it. */
static void pass_withdrawn(const struct items *items, struct item_range *range) {
	const struct segment *segment = find_segment(items, range->first);

	while (range->skips > 0 && segment->marks[range->first - segment->first] & ITEM_FINISHED) {
		range->first++;
		range->count--;
		range->skips--;
	}
}

static void drop_if_empty(struct items *items, struct item_range *range) {
	if (range->count == 0) {
		TAILQ_REMOVE(&items->again, range, link);
		free(range);
	}
}

uint64_t items_waiting(const struct items *items) {
	const struct item_range *range;
	uint64_t n = items->n - items->next - items->skips;

	TAILQ_FOREACH (range, &items->again, link)
		n += range->count - range->skips;
	return n;
}

bool items_is_waiting(const struct items *items, uint64_t index) {
	if (index >= items->n || (index < items->next && !find_again(items, index)))
		return false;
	return !(marks_of(items, index) & ITEM_FINISHED);
}

uint64_t items_first(const struct items *items) {
	const struct item_range *again = TAILQ_FIRST(&items->again);

	return again ? again->first : items->next;
}

uint32_t items_handed(const struct items *items) {
	const struct item_range *again = TAILQ_FIRST(&items->again);

	return again ? again->handed : 0;
}

uint32_t items_attempts(const struct items *items, uint64_t index) {
	const struct item_range *range = find_again(items, index);

	return range ? range->attempts : 0;
}

/* -------- handing over -------- */

/* At most count items from first on, up to one that is finished already; first is not. */
static struct items_cut cut(const struct segment *segment, uint64_t first, uint64_t count) {
	uint64_t at = first - segment->first, most = min(count, segment->count - at);
	const uint8_t *marks = segment->marks + at,
		      *finished = memchr(marks + 1, ITEM_FINISHED, most - 1);

	count = finished ? (uint64_t) (finished - marks) : most;
	return (struct items_cut) {
		.first = first,
		.count = (uint32_t) count,
		.bytes = segment->bytes,
		.span = elements_span(&segment->elements, segment->bytes->data, at, count),
	};
}

static struct items_cut take_again(struct items *items, struct item_range *range, uint64_t count) {
	struct items_cut taken =
		cut(find_segment(items, range->first), range->first, min(count, range->count));

	taken.handed = range->handed;
	taken.attempts = range->attempts;
	range->first += taken.count;
	range->count -= taken.count;
	pass_withdrawn(items, range);
	drop_if_empty(items, range);
	return taken;
}

struct items_cut items_take(struct items *items, uint64_t count) {
	struct item_range *range = TAILQ_FIRST(&items->again);
	struct items_cut taken;

	if (range)
		return take_again(items, range, count);
	taken = cut(items->cursor, items->next, count);
	items->next += taken.count;
	pass_finished(items);
	return taken;
}

int items_put_back(struct items *items, uint64_t first, uint64_t count, uint32_t handed,
		   uint32_t attempts) {
	struct item_range *range = malloc(sizeof *range), *next;

	if (!range)
		return -ENOMEM;
	*range = (struct item_range) {
		.first = first,
		.count = count,
		.handed = handed,
		.attempts = attempts,
	};
	TAILQ_FOREACH (next, &items->again, link)
		if (next->first > first)
			break;
	if (next)
		TAILQ_INSERT_BEFORE(next, range, link);
	else
		TAILQ_INSERT_TAIL(&items->again, range, link);
	return 0;
}

void items_withdraw(struct items *items, uint64_t index) {
	struct item_range *range = find_again(items, index);

	items->near = find_segment(items, index);
	if (!range) {
		items->skips++;
	} else if (index != range->first) {
		range->skips++;
	} else {
		range->first++;
		range->count--;
		pass_withdrawn(items, range);
		drop_if_empty(items, range);
	}
}

static void finish_marks(struct items *items, uint8_t *marks, uint64_t n) {
	for (uint64_t i = 0; items->cancelling > 0 && i < n; i++)
		items->cancelling -= marks[i] == ITEM_CANCELLING;
	memset(marks, ITEM_FINISHED, n);
}

void items_finish(struct items *items, uint64_t first, uint64_t count) {
	bool at_next = first + count > items->next;

	while (count > 0) {
		struct segment *segment = find_segment(items, first);
		uint64_t at = first - segment->first, n = min(segment->count - at, count);

		finish_marks(items, segment->marks + at, n);
		segment->left -= n;
		first += n;
		count -= n;
		if (segment->left == 0)
			remove_segment(items, segment);
	}
	if (at_next)
		pass_finished(items);
}

void items_cancel(struct items *items, uint64_t index) {
	struct segment *segment = find_segment(items, index);

	items->near = segment;
	if (!segment || segment->marks[index - segment->first] != 0)
		return;
	segment->marks[index - segment->first] = ITEM_CANCELLING;
	items->cancelling++;
}

bool items_is_cancelling(const struct items *items, uint64_t index) {
	return items->cancelling > 0 && marks_of(items, index) & ITEM_CANCELLING;
}

/* -------- life -------- */

void items_init(struct items *items) {
	*items = (struct items) {0};
	TAILQ_INIT(&items->segments);
	TAILQ_INIT(&items->again);
}

void items_done(struct items *items) {
	struct segment *segment;
	struct item_range *range;

	while ((segment = TAILQ_FIRST(&items->segments))) {
		TAILQ_REMOVE(&items->segments, segment, link);
		segment_free(segment);
	}
	while ((range = TAILQ_FIRST(&items->again))) {
		TAILQ_REMOVE(&items->again, range, link);
		free(range);
	}
}
