#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How often something may happen: so many times a second in the long run, and what was not used is saved. Pure. */

/* So many seconds' worth are saved at most: bursts are fine. */
#define RATE_SAVED 5

/* Zeroed but for per_second, it has saved as much as it can. */
struct rate {
	uint64_t per_second; /* 1 … RATE_MOST */
	uint64_t used;       /* millionths of what was saved that are used up */
	uint64_t since;      /* µs, when that was so */
};

#define RATE_MOST (UINT64_C(1) << 31)

/* Whether it may happen now (µs), and so does. */
bool rate_take(struct rate *rate, uint64_t now);
/* Whether it may not happen now. */
bool rate_is_empty(const struct rate *rate, uint64_t now);
