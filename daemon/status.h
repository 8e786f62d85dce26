#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct dispatch;
struct viewer;

/* What somebody can see of the daemon: the replies of Status, ListRequests and ListFunctions, as new objects. */

struct status_facts {
	const char *state;     /* of the daemon */
	uint64_t started, now; /* µs */
	unsigned connections;
};

json_t *status_daemon(const struct dispatch *dispatch, const struct viewer *viewer,
		      const struct status_facts *facts, bool workers);
json_t *status_requests(const struct dispatch *dispatch, const struct viewer *viewer, uint64_t now);
json_t *status_functions(const struct dispatch *dispatch, const struct viewer *viewer);

/* One line for people: "2/2 busy, 3 clients, 4812 queued, oldest wait 0.8 s". */
void status_line(char *buffer, size_t size, const struct dispatch *dispatch,
		 const struct status_facts *facts);
