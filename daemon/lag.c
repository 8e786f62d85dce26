#include "daemon/lag.h"

/* Begins a new second if the present one is over. */
static void turn(struct lag *lag, uint64_t now) {
	uint64_t age = now - lag->since;

	if (age < LAG_PERIOD)
		return;
	lag->before = age < 2 * LAG_PERIOD ? lag->present : 0;
	lag->present = 0;
	lag->since = now;
}

void lag_note(struct lag *lag, uint64_t due, uint64_t now) {
	uint64_t wait = now > due ? now - due : 0;

	turn(lag, now);
	if (wait > lag->present)
		lag->present = wait;
}

uint64_t lag_longest(const struct lag *lag, uint64_t now) {
	struct lag copy = *lag;

	turn(&copy, now);
	return copy.present > copy.before ? copy.present : copy.before;
}
