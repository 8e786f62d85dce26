#pragma once

#include <jansson.h>

#include "client/bytes.h"

/* Replies of the daemon as text for people. Each adds to *ret and returns 0 or -ENOMEM. Members that are
 * missing are shown as empty or 0: an older daemon says less. Pure. */

int show_status(const json_t *status, struct bytes *ret);
int show_functions(const json_t *reply, struct bytes *ret);
int show_requests(const json_t *reply, struct bytes *ret);

/* A time in microseconds as people say it: "0.4 ms", "12 s", "3 min", "5 h", "12 d". */
void show_duration(long long us, char *ret, size_t size);
