#pragma once

#include <stdio.h>

#include <procpool/client.h>

/*
 * A line for each item in a file, as results come: index, start, duration, attempts and status, separated by tabs, under a head
 * that says so. Times are in seconds with six digits; a start
 * counts from the acceptance of the call.
 */
struct joblog {
	FILE *file; /* NULL = nobody asked for one */
};

/* Makes the file, or empties it. Returns 0 or -errno. */
int joblog_open(struct joblog *joblog, const char *path);
/* Returns 0, or -EIO if anything could not be written. */
int joblog_close(struct joblog *joblog);

/* The batch must have timings. */
void joblog_add(struct joblog *joblog, const struct procpool_batch *batch);
