#pragma once

#include "client/tool/bar.h"
#include "client/tool/input.h"
#include "client/tool/output.h"
#include "client/tool/run_options.h"
#include "client/tool/session.h"

/* How the items are given. */
enum item_form {
	ITEM_JSON,
	ITEM_STRING,
	ITEM_FILE /* a string, made absolute against the directory */
};

/* A map as it was asked for. */
struct map_request {
	struct common *common;
	struct run_options run;
	const char *function;
	char **arguments; /* the items, if there are any here */
	size_t n_arguments;
	enum item_form form;
	enum input_mode mode; /* of stdin */
	bool raw, tag, array;
	const char *joblog; /* path, or NULL */
};

/* Runs it. Returns the exit code. */
int map_run(struct session *session, const struct map_request *request);
