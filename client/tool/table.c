#include "client/tool/table.h"

#include <stdarg.h>
#include <stdio.h>

void table_init(struct table *table, size_t columns, const char *const *names, const char *align) {
	*table = (struct table) {.columns = columns, .names = names, .align = align};
}

void table_done(struct table *table) {
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table) {0};
}

static int reserve(struct table *table) {
	size_t wanted = table->capacity ? table->capacity * 2 : 32;
	char **grown;

	if (table->n_cells < table->capacity)
		return 0;
	grown = reallocarray(table->cells, wanted, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->cells = grown;
	table->capacity = wanted;
	return 0;
}

int table_add(struct table *table, const char *format, ...) {
	va_list args;
	char *cell;
	int n;

	if (reserve(table) < 0)
		return -ENOMEM;
	va_start(args, format);
	n = vasprintf(&cell, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;
	for (char *at = cell; *at; at++)
		if ((unsigned char) *at < 0x20 || *at == 0x7f)
			*at = '?';
	table->cells[table->n_cells++] = cell;
	return 0;
}

/* Characters, not bytes. */
static size_t width_of(const char *text) {
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char) *text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct table *table, size_t column) {
	size_t width = width_of(table->names[column]);

	for (size_t i = column; i < table->n_cells; i += table->columns)
		if (width_of(table->cells[i]) > width)
			width = width_of(table->cells[i]);
	return width;
}

static int pad(struct bytes *ret, size_t n) {
	int r = 0;

	while (r == 0 && n-- > 0)
		r = bytes_add(ret, " ", 1);
	return r;
}

static int write_cell(const struct table *table, size_t column, const char *cell,
		      struct bytes *ret) {
	bool last = column + 1 == table->columns;
	size_t room = column_width(table, column) - width_of(cell);

	if ((table->align[column] == 'r' && pad(ret, room) < 0) ||
	    bytes_add_string(ret, cell) < 0 ||
	    (table->align[column] != 'r' && !last && pad(ret, room) < 0))
		return -ENOMEM;
	if (!last)
		return bytes_add_string(ret, "  ");
	while (bytes_size(ret) > 0 && ret->data[ret->end - 1] == ' ')
		ret->end--;
	return bytes_add(ret, "\n", 1);
}

int table_write(const struct table *table, struct bytes *ret) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->columns; i++)
		r = write_cell(table, i, table->names[i], ret);
	for (size_t i = 0; r == 0 && i < table->n_cells; i++)
		r = write_cell(table, i % table->columns, table->cells[i], ret);
	return r;
}
