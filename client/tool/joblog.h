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

/* status: "ok", or the kind of its error. */
void joblog_add(struct joblog *joblog, uint64_t index, const struct procpool_timing *timing,
		const char *status);
/* Whoever watches the file sees what was added. */
void joblog_flush(struct joblog *joblog);
