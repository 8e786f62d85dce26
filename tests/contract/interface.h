#pragma once

#include <jansson.h>

/*
 * Whether a Varlink interface still keeps what an earlier state of it promised. Interfaces are read into
 *
 *   {"method Map": {"flag": "Supports 'more' flag", "in": [["function", "string"], …], "out": […]},
 *    "type Order": {"values": [["ordered", ""], …]},   "type Pool": {"fields": […]},   "error QueueFull": {"in": […]}}
 *
 * Types are text without blanks; an anonymous struct is part of its field's type.
 */

/* Returns a new reference; or NULL and, in ret_line, the line of the text that could not be read. */
json_t *interface_parse(const char *text, unsigned *ret_line);

/* Returns an array, a new reference, of strings: what a client or server of the released interface can no longer
 * rely on, one sentence each. Added members, and nullable fields added behind the others, are no breach. */
json_t *interface_breaches(json_t *released, json_t *current);
