#include "daemon/progress.h"

uint64_t progress_now(const struct progress *progress) {
	return atomic_load(&progress->page->progress);
}

uint64_t progress_began(const struct progress *progress) {
	return atomic_load(&progress->page->began);
}

bool progress_recall(struct progress *progress, uint64_t chunk, uint32_t offset) {
	uint64_t limit = position_pack(chunk, offset, false);

	if (!progress->kept || limit >= progress_limit(progress))
		return false;
	atomic_store(&progress->page->limit, limit);
	progress->recalled = true;
	return true;
}

uint64_t progress_limit(const struct progress *progress) {
	return atomic_load(&progress->page->limit);
}

void progress_lift(struct progress *progress) {
	if (progress->recalled)
		atomic_store(&progress->page->limit, PAGE_NO_LIMIT);
	progress->recalled = false;
}

bool progress_is_at(const struct progress *progress, uint64_t chunk, uint32_t offset) {
	return !progress->kept || progress_now(progress) == position_pack(chunk, offset, true);
}

void progress_observe(struct progress *progress, uint64_t items, uint64_t now) {
	uint64_t seen = progress->kept ? progress_now(progress) : items;

	if (seen != progress->seen)
		progress->since = now;
	progress->seen = seen;
}
