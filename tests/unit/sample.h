#pragma once

#include "daemon/outcome.h"
#include "daemon/request.h"
#include "protocol/document.h"
#include "protocol/work.h"

/* Requests, items and reports out of their JSON, for the unit tests. */

/* Items as a stream brings them. */
struct sample {
	struct document doc;
	struct bytes *bytes;
};

/* array: "[1, 2, 3]"; limit: of one item in bytes, 0 = none. */
void sample_read(struct sample *sample, const char *array, size_t limit);
void sample_done(struct sample *sample);

/* A whole request with these items. windowed: 4 items, 100 bytes; else none. */
struct request *sample_request(const char *array, const struct run_options *options, bool windowed);
void sample_add(struct request *request, const char *array);

/* What a worker says, as the daemon receives it. */
struct report {
	struct document doc;
	struct worker_message message;
	struct bytes *bytes;
	struct worker_report report;
};

/* json: a message with results; limit: of one result, 0 = none. */
void report_read(struct report *report, const char *json, size_t limit);
void report_done(struct report *report);

/* Adds a running item's results without a report: text such as "1,4,9". */
int sample_results(struct request *request, uint64_t first, uint64_t count, const char *text);

/* Delivers everything that is ready and prints it: each run as FIRST:RESULTS, then its errors as
 * !INDEX Kind attempts. Runs are separated by spaces. */
const char *deliver(struct request *request);
/* The items of the next cut, and FIRST before them; "-" if none may start. */
const char *take(struct request *request, uint32_t max);
