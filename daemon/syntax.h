#pragma once

#include <confuse.h>

struct configuration_error;

/* The form of the configuration: a file, or a text, as libconfuse's tree of sections, each value checked; or a mistake
 * with its place. */

/* libconfuse takes the end of a file for the end of every open section. So a section of this name is put there: it
 * is known at the top, and unknown in a section that was not closed. */
#define SYNTAX_END "end-of-file"

/* Parses a file, or a text (which ends with "SYNTAX_END {}") where path is NULL. Returns the tree (free with
 * cfg_free()), or NULL with *error set (a mistake) or untouched (*ret_errno). */
cfg_t *syntax_parse(const char *path, const char *text, struct configuration_error *error,
		    int *ret_errno);
