#pragma once

#include <stdint.h>

/* Limits that the kernel sets for a process (setrlimit(2)), as the key `limits` of a pool has them: "core=0", "as=4G".
 * Pure; the launcher takes the same texts. */

/* Returns 0, *ret_resource (a RLIMIT_…) and *ret_value: bytes, seconds of CPU time, or a number; UINT64_MAX = infinity.
 * Returns 1 if the text is nothing of the kind. */
int rlimit_parse(const char *text, int *ret_resource, uint64_t *ret_value);
/* NULL if the text fits, or the end of a sentence that says what fits. */
const char *rlimit_check(const char *text);
