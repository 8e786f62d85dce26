#include "daemon/rate.h"

/* One, in millionths; and the microseconds of a second. */
#define WHOLE UINT64_C(1000000)

/* What is used up now: time gives it back. */
static uint64_t used_at(const struct rate *rate, uint64_t now) {
	uint64_t elapsed = now - rate->since, back;

	if (elapsed >= RATE_SAVED * WHOLE)
		return 0;
	back = elapsed * rate->per_second;
	return back < rate->used ? rate->used - back : 0;
}

bool rate_is_empty(const struct rate *rate, uint64_t now) {
	return used_at(rate, now) + WHOLE > RATE_SAVED * rate->per_second * WHOLE;
}

bool rate_take(struct rate *rate, uint64_t now) {
	if (rate_is_empty(rate, now))
		return false;
	rate->used = used_at(rate, now) + WHOLE;
	rate->since = now;
	return true;
}
