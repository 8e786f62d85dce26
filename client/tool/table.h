#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/bytes.h"

/*
 * A table for people: columns as wide as they need to be, numbers to the right. Cells are texts from anywhere:
 * control characters become '?'.
 */
struct table {
	size_t columns;
	const char *const *names;
	const char *align; /* 'l' or 'r' for each column */
	char **cells;      /* owned, row by row */
	size_t n_cells, capacity;
};

/* names: of `columns` entries; both must outlive the table. */
void table_init(struct table *table, size_t columns, const char *const *names, const char *align);
void table_done(struct table *table);

/* Adds a cell, row by row. Returns 0, -ENOMEM. */
int table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds the table's text: the names, then the rows. Returns 0, -ENOMEM. */
int table_write(const struct table *table, struct bytes *ret);
