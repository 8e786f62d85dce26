#pragma once

#include <stdint.h>

struct configuration;

/*
 * What the daemon makes of its machine, where the configuration leaves that open: CPUs to slots, memory to bytes for
 * users, and as many descriptors as it may have.
 */

/* How many slots there are. Logs where `auto` has them from. */
unsigned machine_slots(const struct configuration *configuration);
/* How many bytes all users together may hold. */
uint64_t machine_total_bytes(const struct configuration *configuration);
/* Raises the limit of descriptors as far as it goes. Returns what it was, for workers. */
uint64_t machine_raise_nofile(void);
