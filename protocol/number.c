#include "protocol/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

/* printf()'s and strtod()'s decimal point belongs to the locale, and functions may set one. */
static void replace(char *text, const char *from, const char *to) {
	char *at = strstr(text, from);

	if (!at || strcmp(from, to) == 0)
		return;
	memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
	memcpy(at, to, strlen(to));
}

size_t number_from_double(char *text, double value) {
	/* 15 digits always survive, 17 always suffice; only subnormal numbers have fewer. */
	int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
	char digits_text[64];

	do
		snprintf(digits_text, sizeof digits_text, "%.*g", digits, value);
	while (digits++ < DBL_DECIMAL_DIG && strtod(digits_text, NULL) != value);
	replace(digits_text, localeconv()->decimal_point, ".");
	if (!strpbrk(digits_text, ".e"))
		strcat(digits_text, ".0");
	memcpy(text, digits_text, strlen(digits_text));
	return strlen(digits_text);
}

bool number_to_double(const char *text, size_t size, double *ret) {
	char copy[LIMIT_NUMBER + 16]; /* a decimal point may have several bytes */
	double value;

	if (size > LIMIT_NUMBER)
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	replace(copy, ".", localeconv()->decimal_point);
	value = strtod(copy, NULL);
	if (!isfinite(value))
		return false;
	*ret = value;
	return true;
}
