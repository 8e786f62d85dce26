#include "daemon/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit time_units[] = {
	{"", 1e6},   {"us", 1},     {"ms", 1e3},   {"s", 1e6},     {"sec", 1e6},
	{"m", 60e6}, {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6}, {NULL, 0},
};

static const struct unit size_units[] = {
	{"", 1},
	{"K", 1024.},
	{"M", 1024. * 1024},
	{"G", 1024. * 1024 * 1024},
	{"T", 1024. * 1024 * 1024 * 1024},
	{NULL, 0},
};

/* Reads one "number unit" and moves *text behind it and the white space that follows. */
static int read_part(const char **text, const struct unit *units, double *ret) {
	const char *p = *text;
	char *end;
	double value;
	size_t n;

	if (!isdigit((unsigned char) *p))
		return 1;
	value = strtod(p, &end);
	/* strtod() would take 0x10 and 1e3 too. */
	if (end != p + strspn(p, "0123456789."))
		return 1;
	for (p = end; *p == ' '; p++)
		;
	for (n = 0; isalpha((unsigned char) p[n]); n++)
		;
	for (; units->name; units++) {
		if (strlen(units->name) == n && strncmp(units->name, p, n) == 0) {
			for (p += n; *p == ' '; p++)
				;
			*text = p;
			*ret = value * units->factor;
			return 0;
		}
	}
	return 1;
}

static int read_sum(const char *text, const struct unit *units, uint64_t *ret) {
	double sum = 0, part;

	if (strcmp(text, "infinity") == 0) {
		*ret = QUANTITY_INFINITY;
		return 0;
	}
	do {
		if (read_part(&text, units, &part) != 0)
			return 1;
		sum += part;
	} while (*text);
	if (!(sum < 9e18))
		return 1;
	*ret = (uint64_t) sum;
	return 0;
}

int quantity_time(const char *text, uint64_t *ret) {
	return read_sum(text, time_units, ret);
}

int quantity_size(const char *text, uint64_t *ret) {
	return read_sum(text, size_units, ret);
}

void quantity_size_text(char *text, size_t size, uint64_t bytes) {
	static const char units[] = "KMGT";
	unsigned unit = 0;

	if (bytes == QUANTITY_INFINITY) {
		snprintf(text, size, "infinity");
		return;
	}
	for (; bytes > 0 && bytes % 1024 == 0 && units[unit]; unit++)
		bytes /= 1024;
	snprintf(text, size, unit ? "%llu%c" : "%llu", (unsigned long long) bytes,
		 unit ? units[unit - 1] : ' ');
}

int quantity_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char) *text))
		return 1;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value < min || value > max)
		return 1;
	*ret = value;
	return 0;
}

int quantity_bool(const char *text, bool *ret) {
	static const char *const words[][2] = {
		{"no", "yes"},
		{"false", "true"},
		{"off", "on"},
		{"0", "1"},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		for (int value = 0; value < 2; value++) {
			if (strcasecmp(text, words[i][value]) == 0) {
				*ret = value;
				return 0;
			}
		}
	}
	return 1;
}
