#include "daemon/wear.h"

static uint64_t in_force(uint64_t limit, bool given_up) {
	return limit == UINT64_MAX || given_up ? 0 : limit;
}

struct wear_limits wear_in_force(const struct wear_limits *limits,
				 const struct wear_memory *memory) {
	return (struct wear_limits) {
		.items = in_force(limits->items, memory->given_up[WEAR_ITEMS]),
		.age = in_force(limits->age, memory->given_up[WEAR_AGE]),
		.rss = in_force(limits->rss, memory->given_up[WEAR_RSS]),
	};
}

enum wear wear_of(const struct wear_limits *limits, const struct wear_memory *memory,
		  const struct wear_facts *facts) {
	const struct wear_limits most = wear_in_force(limits, memory);

	if (most.items && facts->items >= most.items)
		return WEAR_ITEMS;
	if (most.age && facts->age >= most.age)
		return WEAR_AGE;
	return most.rss && facts->grown > most.rss ? WEAR_RSS : WEAR_NONE;
}

bool wear_note(struct wear_memory *memory, enum wear reason, const struct wear_facts *facts) {
	if (facts->age >= facts->start) {
		memory->storms[reason] = 0;
		return false;
	}
	if (++memory->storms[reason] < WEAR_STORM)
		return false;
	memory->given_up[reason] = true;
	return true;
}
