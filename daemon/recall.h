#pragma once

#include <stdint.h>

#include "daemon/binding.h"

/*
 * What is taken back from workers, so that nobody waits long behind chunks that turned out, or have become, too
 * long: items that were handed over and not begun.
 */

/* How often running chunks are looked at, in µs. */
#define RECALL_PERIOD UINT64_C(100000)

/* Looks at what runs: charges it, takes back the tails of chunks that are overdue where somebody else could run them or
 * waits, and finds out who starves behind long items: nobody if nothing runs. */
void recall_tick(struct binding *binding, uint64_t now);

/* Makes room for requests of which nothing runs and that found no worker or no slot: the tails of chunks that have long to go. */
void recall_for_waiting(struct binding *binding, uint64_t now);
