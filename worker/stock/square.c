#include "worker/stock/stock.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/number.h"

/* Integers are squared exactly, digit by digit where they are long: a square has twice the digits, and a number
 * may have LIMIT_NUMBER characters. */

#define DIGITS_MAX  (LIMIT_NUMBER / 2)
#define LIMB        1000000000u /* decimal, so that nothing has to be converted */
#define LIMB_DIGITS 9
#define LIMBS_MAX   ((DIGITS_MAX + LIMB_DIGITS - 1) / LIMB_DIGITS)

/* Takes digits into limbs, lowest first. Returns how many there are. */
static size_t limbs_read(uint32_t *limbs, const char *digits, size_t size) {
	size_t n = 0;

	while (size > 0) {
		size_t begin = size > LIMB_DIGITS ? size - LIMB_DIGITS : 0;

		limbs[n] = 0;
		for (size_t i = begin; i < size; i++)
			limbs[n] = limbs[n] * 10 + (uint32_t) (digits[i] - '0');
		n++;
		size = begin;
	}
	return n;
}

/* result: 2 * n limbs. */
static void limbs_square(uint32_t *result, const uint32_t *limbs, size_t n) {
	memset(result, 0, 2 * n * sizeof *result);
	for (size_t i = 0; i < n; i++) {
		uint64_t carry = 0;

		for (size_t j = 0; j < n; j++) {
			carry += (uint64_t) limbs[i] * limbs[j] + result[i + j];
			result[i + j] = (uint32_t) (carry % LIMB);
			carry /= LIMB;
		}
		result[i + n] = (uint32_t) carry;
	}
}

static int limbs_write(struct procpool_item *item, const uint32_t *limbs, size_t n) {
	char text[2 * LIMBS_MAX * LIMB_DIGITS];
	size_t at = sizeof text;

	for (size_t i = 0; i < n; i++) {
		uint32_t limb = limbs[i];

		for (int digit = 0; digit < LIMB_DIGITS; digit++, limb /= 10)
			text[--at] = (char) ('0' + limb % 10);
	}
	while (at < sizeof text - 1 && text[at] == '0')
		at++;
	return procpool_write(item, text + at, sizeof text - at);
}

static int square_integer(struct procpool_item *item, const char *digits, size_t size) {
	uint32_t limbs[LIMBS_MAX], result[2 * LIMBS_MAX];
	size_t n;

	if (size > DIGITS_MAX)
		return procpool_fail(
			item, "OverflowError",
			"the square of an integer of %zu digits has more than the %d that a "
			"number may have; square takes up to %d digits",
			size, LIMIT_NUMBER, DIGITS_MAX);
	n = limbs_read(limbs, digits, size);
	limbs_square(result, limbs, n);
	return limbs_write(item, result, 2 * n);
}

/* Two digits at a time: to divide is what takes the time. */
static int write_uint(struct procpool_item *item, uint64_t value) {
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char text[20];
	size_t at = sizeof text;

	for (; value >= 100; value /= 100)
		memcpy(text + (at -= 2), pairs + 2 * (value % 100), 2);
	if (value >= 10)
		memcpy(text + (at -= 2), pairs + 2 * value, 2);
	else
		text[--at] = (char) ('0' + value);
	return procpool_write(item, text + at, sizeof text - at);
}

static int square_real(struct procpool_item *item, const char *text, size_t size) {
	char result[NUMBER_DOUBLE_MAX];
	double value;

	if (!number_to_double(text, size, &value) || !isfinite(value * value))
		return procpool_fail(item, "OverflowError",
				     "the number or its square is beyond a double's range");
	return procpool_write(item, result, number_from_double(result, value * value));
}

int square(struct procpool_item *item, const char *text, size_t size) {
	bool negative = *text == '-';
	uint64_t value = 0; /* of an integer that is no longer than a limb */

	if (!negative && (*text < '0' || *text > '9'))
		return procpool_fail(item, "ValueError", "square takes a number, not %s",
				     type_name(text));
	for (size_t i = negative; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return square_real(item, text, size);
		value = value * 10 + (uint64_t) (text[i] - '0');
	}
	if (size - negative <= LIMB_DIGITS)
		return write_uint(item, value * value);
	return square_integer(item, text + negative, size - negative);
}
