#pragma once

#include <stdbool.h>

#include "protocol/json_block.h"
#include "protocol/json_step.h"

/* The steps within a string: plain bytes, UTF-8, escapes. */

/* Skips bytes that stand for themselves. */
static inline const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end) {
	for (; end - at >= BLOCK_SIZE; at += BLOCK_SIZE) {
		uint32_t special = block_bits(block_is_special(block_load(at)));

		if (special)
			return at + __builtin_ctz(special);
	}
	while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
		at++;
	return at;
}

#define BOUNDS(low, high) ((low) | (high) << 8)
#define BOUNDS_ANY        BOUNDS(0x80u, 0xbfu)

/* The input stands on the first byte of a character of more than one. The bounds of its second
 * byte exclude overlong forms, surrogates and what is beyond U+10FFFF (Unicode 15, table 3-7). */
static inline enum step utf8_begin(struct json_scan *scan, struct input *in) {
	unsigned byte = *in->at;

	if (byte < 0xc2 || byte > 0xf4)
		return refuse(scan, "invalid UTF-8 in a string");

	scan->sub = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	switch (byte) {
	case 0xe0: scan->code = BOUNDS(0xa0u, 0xbfu); break;
	case 0xed: scan->code = BOUNDS(0x80u, 0x9fu); break;
	case 0xf0: scan->code = BOUNDS(0x90u, 0xbfu); break;
	case 0xf4: scan->code = BOUNDS(0x80u, 0x8fu); break;
	default: scan->code = BOUNDS_ANY; break;
	}
	scan->state = IN_UTF8;
	in->at++;
	return STEP_ON;
}

/* Skips the characters of two and three bytes that are whole and need no closer look. */
static inline const unsigned char *skip_utf8(const unsigned char *at, const unsigned char *end) {
	while (end - at >= 3) {
		if (at[0] >= 0xc2 && at[0] < 0xe0 && (at[1] & 0xc0) == 0x80)
			at += 2;
		else if (at[0] > 0xe0 && at[0] < 0xf0 && at[0] != 0xed && (at[1] & 0xc0) == 0x80 &&
			 (at[2] & 0xc0) == 0x80)
			at += 3;
		else
			break;
	}
	return at;
}

/* Skips whole characters that need no closer look. */
static inline const unsigned char *skip_characters(const unsigned char *at,
						   const unsigned char *end) {
	const unsigned char *before = NULL;

	for (at = skip_plain(at, end); at != before && at < end && *at >= 0x80;
	     at = skip_plain(skip_utf8(at, end), end))
		before = at;
	return at;
}

static inline enum step utf8_step(struct json_scan *scan, struct input *in) {
	for (; scan->sub > 0; scan->sub--) {
		if (in->at == in->end)
			return STEP_MORE;
		if (*in->at < (scan->code & 0xff) || *in->at > scan->code >> 8)
			return refuse(scan, "invalid UTF-8 in a string");
		scan->code = BOUNDS_ANY;
		in->at++;
	}
	scan->state = IN_STRING;
	return STEP_ON;
}

static inline enum step escape_step(struct json_scan *scan, struct input *in) {
	if (in->at == in->end)
		return STEP_MORE;

	switch (*in->at) {
	case 'u':
		scan->code = 0;
		scan->sub = 4;
		scan->state = IN_HEX;
		break;
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': scan->state = IN_STRING; break;
	default: return refuse(scan, "unknown escape in a string");
	}
	in->at++;
	return STEP_ON;
}

static inline int hex_digit(unsigned char byte) {
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Reads the four digits of an escape. A surrogate is refused where the escape shows that it is
 * alone: at its last digit. */
static inline enum step hex_step(struct json_scan *scan, struct input *in) {
	int digit;

	for (; scan->sub > 0; scan->sub--, in->at++) {
		if (in->at == in->end)
			return STEP_MORE;
		digit = hex_digit(*in->at);
		if (digit < 0)
			return refuse(scan, "expected four hexadecimal digits after \\u");
		scan->code = scan->code << 4 | (unsigned) digit;
		if (scan->sub > 1)
			continue;
		if (scan->state == IN_HEX && scan->code >> 10 == 0xdc00 >> 10)
			return refuse(scan, "escape of a low surrogate without a high one before");
		if (scan->state == IN_LOW_HEX && scan->code >> 10 != 0xdc00 >> 10)
			return refuse(scan, "escape of a high surrogate without a low one after");
	}
	scan->state = scan->state == IN_HEX && scan->code >> 10 == 0xd800 >> 10 ? IN_LOW_BACKSLASH
										: IN_STRING;
	return STEP_ON;
}

static inline enum step low_surrogate_step(struct json_scan *scan, struct input *in) {
	if (in->at == in->end)
		return STEP_MORE;
	if (*in->at != (scan->state == IN_LOW_BACKSLASH ? '\\' : 'u'))
		return refuse(scan, "escape of a high surrogate without a low one after");

	scan->state = scan->state == IN_LOW_BACKSLASH ? IN_LOW_U : IN_LOW_HEX;
	scan->code = 0;
	scan->sub = 4;
	in->at++;
	return STEP_ON;
}

static inline enum step string_step(struct json_scan *scan, struct input *in) {
	in->at = skip_characters(in->at, in->end);
	if (in->at == in->end)
		return STEP_MORE;

	switch (*in->at) {
	case '"': in->at++; return STEP_END;
	case '\\':
		in->at++;
		scan->escaped = true;
		scan->state = IN_ESCAPE;
		return STEP_ON;
	case 0x00 ... 0x1f: return refuse(scan, "control character in a string");
	default: return utf8_begin(scan, in);
	}
}
