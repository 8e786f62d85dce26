#pragma once

#include <stdint.h>

/*
 * How long what is due has to wait until the event loop comes to it: the longest wait of the present second of work, or of the one
 * before. Pure. Times in µs.
 */

#define LAG_PERIOD UINT64_C(1000000)

/* Zeroed, nothing had to wait yet. */
struct lag {
	uint64_t since;           /* when the present second began */
	uint64_t present, before; /* the longest wait in it, and in the one before */
};

/* Something was due at `due`, and the loop came to it now. */
void lag_note(struct lag *lag, uint64_t due, uint64_t now);
/* The longest wait; 0 if nothing has waited for two seconds. */
uint64_t lag_longest(const struct lag *lag, uint64_t now);
