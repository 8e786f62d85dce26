#include "client/tool/kept.h"

/* So many answered ones between others are not worth the moving. */
#define HOLES_MIN      1024
#define HOLE_BYTES_MIN (64u * 1024)

void kept_done(struct kept *kept) {
	free(kept->items);
	bytes_done(&kept->texts);
	*kept = (struct kept) {0};
}

/* ---- finding ---- */

/* Where the first one at or behind position is. */
static size_t find(const struct kept *kept, uint64_t position) {
	size_t low = kept->begin, high = kept->end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kept->items[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool kept_has(const struct kept *kept, uint64_t first, size_t count) {
	size_t at = find(kept, first);

	if (count > kept->end - at)
		return false;
	for (size_t i = 0; i < count; i++)
		if (kept->items[at + i].position != first + i || kept->items[at + i].answered)
			return false;
	return true;
}

uint64_t kept_index(const struct kept *kept, uint64_t position) {
	return kept->renumbered && kept_has(kept, position, 1)
		       ? kept->items[find(kept, position)].index
		       : position;
}

const char *kept_text(const struct kept *kept, uint64_t position, size_t *ret_size) {
	const struct kept_item *item = &kept->items[find(kept, position)];

	*ret_size = item->size;
	return bytes_at(&kept->texts) + (item->offset - kept->base);
}

/* ---- coming and going ---- */

/* Moves those that wait together, and their texts. */
static void close_holes(struct kept *kept) {
	char *texts = kept->texts.data ? kept->texts.data + kept->texts.begin : NULL;
	size_t at = 0, from = 0, to = 0;

	for (size_t i = kept->begin; i < kept->end; i++) {
		struct kept_item item = kept->items[i];

		if (!item.answered) {
			if (item.size > 0)
				memmove(texts + to, texts + from, item.size);
			item.offset = kept->base + to;
			to += item.size;
			kept->items[at++] = item;
		}
		from += item.size;
	}
	kept->texts.end = kept->texts.begin + to;
	kept->begin = kept->holes = kept->hole_bytes = 0;
	kept->end = at;
}

static int make_room(struct kept *kept) {
	size_t capacity = kept->capacity ? 2 * kept->capacity : 256;
	struct kept_item *grown;

	if (kept->end < kept->capacity)
		return 0;
	if (kept->begin >= kept->capacity / 2 && kept->begin > 0) {
		close_holes(kept);
		return 0;
	}
	grown = reallocarray(kept->items, capacity, sizeof(*kept->items));
	if (!grown)
		return -ENOMEM;
	kept->items = grown;
	kept->capacity = capacity;
	return 0;
}

int kept_add(struct kept *kept, const char *text, size_t size) {
	uint64_t offset;

	if (make_room(kept) < 0)
		return -ENOMEM;
	offset = kept->base + bytes_size(&kept->texts);
	if (bytes_add(&kept->texts, text, size) < 0)
		return -ENOMEM;
	kept->items[kept->end++] = (struct kept_item) {
		.position = kept->next_position++,
		.index = kept->next_index++,
		.offset = offset,
		.size = size,
	};
	return 0;
}

void kept_drop_last(struct kept *kept) {
	kept->texts.end -= kept->items[--kept->end].size;
	kept->next_position--;
	kept->next_index--;
}

void kept_answered(struct kept *kept, uint64_t first, size_t count) {
	size_t at = find(kept, first);

	for (size_t i = at; i < at + count; i++) {
		kept->items[i].answered = true;
		kept->holes++;
		kept->hole_bytes += kept->items[i].size;
	}
	for (; kept->begin < kept->end && kept->items[kept->begin].answered; kept->begin++) {
		size_t size = kept->items[kept->begin].size;

		kept->holes--;
		kept->hole_bytes -= size;
		kept->base += size;
		bytes_take(&kept->texts, size);
	}
	if ((kept->holes > HOLES_MIN && kept->holes > (kept->end - kept->begin) / 2) ||
	    (kept->hole_bytes > HOLE_BYTES_MIN && kept->hole_bytes > bytes_size(&kept->texts) / 2))
		close_holes(kept);
}

void kept_restart(struct kept *kept) {
	close_holes(kept);
	kept->next_position = kept->end;
	for (size_t i = 0; i < kept->end; i++) {
		kept->items[i].position = i;
		kept->renumbered |= kept->items[i].index != i;
	}
	kept->renumbered |= kept->next_index != kept->next_position;
}
