#pragma once

#include <stdbool.h>

/* The environment of a pool's workers. Pure.
 * inherited: the daemon's own, NULL-ended; whole: a private daemon passes all of it on, another one only HOME,
 * LANG and PROCPOOL_SOCKET. settings: the pool's "KEY=value" words, NULL-ended, or NULL; they win.
 * Returns a NULL-ended list to be freed with strings_free(), or NULL without memory. */
char **environment_new(char *const *inherited, bool whole, char *const *settings, const char *pool);
