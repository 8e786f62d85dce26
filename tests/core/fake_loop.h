#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The event loop and the clock of the tests of the core: libevent's events as the daemon calls them, and
 * clock_gettime(CLOCK_MONOTONIC) by the linker's --wrap, over a time that moves only when the test says so. What
 * is linked against it uses no other libevent. One loop at a time.
 */

/* rested: the loop has nothing left to do at this time; from outside of all callbacks. */
struct event_base *fake_loop_new(void (*rested)(void *context), void *context);
/* No event may be left. Always returns NULL. */
struct event_base *fake_loop_free(struct event_base *base);

/* µs; begins at a second, for 0 has a meaning of its own. */
uint64_t fake_loop_now(const struct event_base *base);

/* Everything that is active, or due now, until nothing is. */
void fake_loop_run(struct event_base *base);
/* Lets time pass; timers fire at their time, and the loop rests between two times. */
void fake_loop_advance(struct event_base *base, uint64_t us);
/* When the next timer is due; UINT64_MAX if there is none. */
uint64_t fake_loop_next(const struct event_base *base);
/* A descriptor can be read. */
void fake_loop_readable(struct event_base *base, int fd);
