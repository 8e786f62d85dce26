#pragma once

#include <stdbool.h>
#include <stdint.h>

struct entry_fields;
struct worker;
struct worker_end;

/*
 * What is said of a worker that is gone: how it ended, in words and in fields, and whether it had ever been of use.
 */

/* "a worker exited with status 3 before its hello: cannot load x.so", in memory of the caller's; NULL without memory. */
char *obituary_text(const struct worker *worker, const struct worker_end *end);
/* What the log says of it. */
struct entry_fields obituary_fields(const struct worker *worker, const struct worker_end *end);
/* Whether it could not start: it ended before hello, or soon after it by itself without having been given anything. */
bool obituary_of_start(const struct worker *worker, const struct worker_end *end, uint64_t now);
