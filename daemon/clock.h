#pragma once

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* The one clock: CLOCK_MONOTONIC in microseconds. Pure code takes it as a parameter called now. */
static inline uint64_t clock_now(void) {
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static inline struct timeval clock_interval(uint64_t us) {
	return (struct timeval) {.tv_sec = (time_t) (us / 1000000),
				 .tv_usec = (suseconds_t) (us % 1000000)};
}
