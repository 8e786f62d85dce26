#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lists of strings that end with NULL: commands, environments. Pure. */

/* strings may be NULL. */
size_t strings_count(char *const *strings);
/* Returns a copy to be freed with strings_free(), or NULL without memory. */
char **strings_copy(char *const *strings);
/* The same strings in the same order; NULL is a list of none. */
bool strings_equal(char *const *a, char *const *b);
/* Takes NULL. */
void strings_free(char **strings);
