#pragma once

#include "daemon/setting.h"

/* Which keys the configuration has, by section: what each takes, and the field it sets. Pure. */

/* No table has more entries, its end included. */
#define KEYS_MOST 32

/* The keys of daemon or limits, whose fields are in a struct configuration, or of a pool, in its struct
 * pool_configuration: of every other name. Ended by a NULL key. */
const struct setting *keys_of(const char *section);
