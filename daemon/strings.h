#pragma once

#include <stddef.h>

/* Lists of strings that end with NULL: commands, environments. Pure. */

/* strings may be NULL. */
size_t strings_count(char *const *strings);
/* Returns a copy to be freed with strings_free(), or NULL without memory. */
char **strings_copy(char *const *strings);
/* Takes NULL. */
void strings_free(char **strings);
