#pragma once

#include <procpool/worker.h>

/* The functions that every procpool-worker has, all on the raw face. */

extern const struct procpool_table stock_functions;

int square(struct procpool_item *item, const char *text, size_t size);
int wordcount(struct procpool_item *item, const char *text, size_t size);

/* Name of the type of a JSON value, with its article, for sentences. */
const char *type_name(const char *text);
