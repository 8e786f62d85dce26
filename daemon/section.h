#pragma once

#include <confuse.h>

#include "daemon/setting.h"

/* One section of the configuration as libconfuse reads it, by the table of its keys. */

/* libconfuse's description of the section: KEYS_MOST entries have room for it. Each value is checked as it is read. */
void section_describe(cfg_opt_t *opts, const struct setting *settings);
/* Copies what the section sets into the struct that its settings describe. Returns 0 or -ENOMEM. */
int section_apply(const struct setting *settings, void *target, cfg_t *section);
/* How many keys it sets. */
unsigned section_count(const struct setting *settings, cfg_t *section);
