#pragma once

#include <jansson.h>

#include "client/bytes.h"
#include "client/tool/command.h"

/* A method whose reply is printed: as JSON, or as text for people. */
struct query {
	struct common *common;
	const char *method, *parameters; /* parameters may be NULL */
	bool json, watch;
	int (*show)(const json_t *reply, struct bytes *ret);
};

/* Returns the exit code. */
int query_run(const struct query *query);
