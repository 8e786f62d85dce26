#pragma once

#include <jansson.h>

#include <procpool/client.h>

/* Reads an item error, whose strings stay those of object: it must outlive *ret.
 * Returns 0 and *ret (free with item_error_done()), -ENOMEM. */
int item_error_init(struct procpool_item_error *ret, json_t *object);
void item_error_done(struct procpool_item_error *error);
