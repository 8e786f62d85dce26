#pragma once

#include <jansson.h>

/* A value as compact JSON, to be freed with free(); NULL if memory is short. json_dumps() of jansson 2.14
 * leaves parts out of the text in that case, and returns it. */
char *json_text(const json_t *value);
