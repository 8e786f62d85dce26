#pragma once

#include <stdbool.h>

#include "protocol/json_step.h"

/* The steps within a number, and within true, false and null. */

static inline bool is_digit(unsigned char byte) {
	return byte >= '0' && byte <= '9';
}

static inline enum step digits_step(struct json_scan *scan, struct input *in) {
	while (in->at < in->end && is_digit(*in->at))
		in->at++;
	if (in->at == in->end)
		return STEP_MORE;

	if (*in->at == '.' && scan->state == IN_INTEGER)
		scan->state = IN_POINT;
	else if ((*in->at | 0x20) == 'e' && scan->state != IN_EXPONENT)
		scan->state = IN_E;
	else
		return STEP_END;
	in->at++;
	return STEP_ON;
}

static inline enum step zero_step(struct json_scan *scan, struct input *in) {
	if (in->at == in->end)
		return STEP_MORE;
	if (is_digit(*in->at))
		return refuse(scan, "a number with a leading zero");
	scan->state = IN_INTEGER;
	return digits_step(scan, in);
}

/* Where a digit, and in two states something else, must come. */
static inline enum step first_digit_step(struct json_scan *scan, struct input *in) {
	if (in->at == in->end)
		return STEP_MORE;

	if (scan->state == IN_E && (*in->at == '+' || *in->at == '-')) {
		scan->state = IN_E_SIGN;
		in->at++;
		return STEP_ON;
	}
	if (!is_digit(*in->at))
		return refuse(scan, scan->state == IN_MINUS   ? "expected a digit after '-'"
				    : scan->state == IN_POINT ? "expected a digit after '.'"
							      : "expected a digit in an exponent");
	if (scan->state == IN_MINUS)
		scan->state = *in->at == '0' ? IN_ZERO : IN_INTEGER;
	else
		scan->state = scan->state == IN_POINT ? IN_FRACTION : IN_EXPONENT;
	in->at++;
	return STEP_ON;
}

static inline enum step literal_step(struct json_scan *scan, struct input *in, const char *word,
				     const char *expected) {
	for (; word[scan->sub] != '\0'; scan->sub++, in->at++) {
		if (in->at == in->end)
			return STEP_MORE;
		if (*in->at != (unsigned char) word[scan->sub])
			return refuse(scan, expected);
	}
	return STEP_END;
}
