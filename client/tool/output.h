#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <procpool/client.h>

#include "client/bytes.h"

/*
 * Results as they are printed. Gathers lines and writes them in large pieces; blocks while its reader does
 * not read, which holds the whole map back.
 */
struct output {
	int fd;
	bool raw;   /* strings bare */
	bool tag;   /* each with its index, failed ones with their error */
	bool array; /* one JSON array in all */
	bool began;
	bool terminal; /* fd is one */
	struct bytes bytes;
};

void output_init(struct output *output, int fd);
void output_done(struct output *output);

/* One result. Return 0, negative errno. */
int output_result(struct output *output, uint64_t index, const char *json, size_t size);
int output_failed(struct output *output, const struct procpool_item_error *error);

/* Ends the array, if it is one. */
int output_end(struct output *output);

/* Writes everything. Returns 0, negative errno. */
int output_flush(struct output *output);

/* Adds what a JSON string stands for, from the string with its quotes: valid JSON. Returns 0, -ENOMEM. */
int unquote(struct bytes *bytes, const char *json, size_t size);
