#pragma once

#include <stddef.h>

/* Splits a command line into words: at blanks; '…' keeps everything, "…" all but backslash, and a backslash
 * keeps the next character. Nothing is expanded and no shell runs.
 * *ret_words: NULL-ended, one block to be freed with free(). Returns 0, -EINVAL (a quote is not closed, or
 * there are no words), -ENOMEM. */
int words_split(const char *line, char ***ret_words);
