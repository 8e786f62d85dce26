#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as people write them in a configuration, in systemd's notation. Pure. */

#define QUANTITY_INFINITY UINT64_MAX

/* "30s", "1min 30s", "100ms", "5" (seconds), "infinity" → microseconds.
 * Returns 0 and *ret, or 1 if the text is no time. */
int quantity_time(const char *text, uint64_t *ret);

/* "4096", "16M", "1.5G", "infinity" → bytes; K, M, G and T are powers of 1024.
 * Returns 0 and *ret, or 1 if the text is no size. */
int quantity_size(const char *text, uint64_t *ret);

/* The same the other way, as short as is exact: "64M", "1000", "infinity". text: 24 bytes or more. */
void quantity_size_text(char *text, size_t size, uint64_t bytes);

/* A whole number from min to max. Returns 0 and *ret, or 1. */
int quantity_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* yes/no, true/false, on/off, 1/0. Returns 0 and *ret, or 1. */
int quantity_bool(const char *text, bool *ret);
