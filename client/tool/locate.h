#pragma once

#include <stddef.h>

/* Finds a program of ours: beside the tool in the tree it was built in, else where it is installed.
 * built: path from the top of the build tree; installed: absolute. *ret of PATH_MAX bytes.
 * Returns 0, -ENOENT. */
int locate_program(const char *built, const char *installed, char *ret);
