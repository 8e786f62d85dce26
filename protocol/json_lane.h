#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/json_block.h"
#include "protocol/json_numbers.h"
#include "protocol/json_step.h"
#include "protocol/json_string.h"

/*
 * The fast lane: token after token, as long as whole windows of bytes are there, nothing is to be
 * reported, and nothing is out of the ordinary. Whatever else comes it leaves to the steps: at the
 * beginning of the token, or within a string where it stands, with the state that they would have
 * there themselves. So it refuses nothing, and must only never take what they would not.
 *
 * What is slow in reading short tokens is the wait for one's end before the next one is looked at:
 * for memory, and for the way from a vector to a number. So these are done for a window at once, and
 * from a token to its end it is a shift and a count of zeros.
 */
struct lane {
	struct json_scan *scan;
	const unsigned char *text, *at, *end;
	const unsigned char *last;   /* the last place for a window */
	const unsigned char *window; /* its first byte; the lowest bit of these: */
	uint64_t digits, special;
	enum state state; /* at `at`, for the steps */
	bool object;      /* the innermost container is one */
	unsigned numbers; /* elements of an array before this one that were, without another */
	unsigned enough;  /* so many of them that a window of numbers is tried */
};

/* A token begins in this part of the window, or there is another look. */
#define LANE_BEGIN 48

static inline void lane_look(struct lane *lane) {
	lane->window = lane->at;
	lane->digits = lane->special = 0;
	for (unsigned i = 0; i < WINDOW_SIZE; i += BLOCK_SIZE) {
		struct block block = block_load(lane->at + i);

		lane->digits |= (uint64_t) block_bits(block_is_digit(block)) << i;
		lane->special |= (uint64_t) block_bits(block_is_special(block)) << i;
	}
}

static inline bool lane_see(struct lane *lane) {
	if (lane->at - lane->window > LANE_BEGIN) {
		if (lane->at > lane->last)
			return false;
		lane_look(lane);
	}
	return true;
}

/* Goes to the next token, of which this state is the one before. Returns whether the lane goes on
 * there. */
static inline bool lane_next(struct lane *lane, enum state state) {
	lane->state = state;
	if (!lane_see(lane))
		return false;
	while (is_space(*lane->at)) {
		lane->at++;
		if (!lane_see(lane))
			return false;
	}
	return true;
}

/* ---- scalars: each returns whether it is passed ---- */

/* Passes the digits at *at. Returns how many, 0 if the window ends with them. */
static inline size_t lane_digits(const struct lane *lane, const unsigned char **at) {
	size_t from = (size_t) (*at - lane->window);
	uint64_t others = from < WINDOW_SIZE ? ~lane->digits >> from : 0;
	size_t n = others ? (size_t) __builtin_ctzll(others) : 0;

	*at += n;
	return n;
}

/* In this window. */
static inline bool lane_try_number(struct lane *lane) {
	const unsigned char *at = lane->at + (*lane->at == '-');
	bool zero = *at == '0';
	size_t n = lane_digits(lane, &at);

	if (n == 0 || (zero && n > 1))
		return false;
	if (*at == '.') {
		at++;
		if (lane_digits(lane, &at) == 0)
			return false;
	}
	if ((*at | 0x20) == 'e') {
		at++;
		if (at - lane->window < WINDOW_SIZE)
			at += *at == '+' || *at == '-';
		if (lane_digits(lane, &at) == 0)
			return false;
	}
	if ((size_t) (at - lane->at) > lane->scan->max_number)
		return false;
	lane->at = at;
	lane->numbers++;
	return true;
}

static inline bool lane_number(struct lane *lane) {
	if (lane_try_number(lane))
		return true;
	if (lane->window == lane->at || lane->at > lane->last)
		return false;
	lane_look(lane);
	return lane_try_number(lane);
}

static inline bool lane_word(struct lane *lane, const char *word, size_t size) {
	lane->numbers = 0;
	if (memcmp(lane->at, word, size) != 0)
		return false;
	lane->at += size;
	return true;
}

/* If it is not passed, the steps go on within it. */
static inline bool lane_string(struct lane *lane, bool is_key) {
	size_t begin = (size_t) (lane->at++ - lane->text);
	uint64_t special = lane->special >> (lane->at - lane->window);

	lane->numbers = 0;
	if (special)
		lane->at += __builtin_ctzll(special);
	if (!special || *lane->at != '"')
		lane->at = skip_characters(lane->at, lane->end);
	if (lane->at < lane->end && *lane->at == '"') {
		lane->at++;
		return true;
	}
	string_open(lane->scan, begin, is_key);
	lane->state = IN_STRING;
	return false;
}

static inline bool lane_scalar(struct lane *lane) {
	switch (*lane->at) {
	case '"': return lane_string(lane, false);
	case '-':
	case '0' ... '9': return lane_number(lane);
	case 't': return lane_word(lane, "true", 4);
	case 'f': return lane_word(lane, "false", 5);
	case 'n': return lane_word(lane, "null", 4);
	default: return false;
	}
}

/* ---- arrays and objects ---- */

static inline bool lane_open(struct lane *lane) {
	struct json_scan *scan = lane->scan;

	if (scan->depth == scan->max_depth || offered(scan))
		return false;
	lane->object = *lane->at++ == '{';
	lane->numbers = 0;
	scan->depth++;
	set_object(scan, lane->object);
	return true;
}

static inline bool lane_close(struct lane *lane) {
	struct json_scan *scan = lane->scan;

	if (*lane->at != (lane->object ? '}' : ']') || visible(scan))
		return false;
	lane->at++;
	lane->numbers = 0;
	scan->depth--;
	lane->object = scan->depth > 0 && in_object(scan);
	return true;
}

/* Tries windows of numbers from this comma on, behind numbers in an array. A window in vain takes as
 * long as two or three numbers: after one it is tried less often. */
static inline void lane_numbers(struct lane *lane) {
	struct json_scan *scan = lane->scan;
	bool collected = visible(scan), any = false;
	uint64_t ends;

	lane->numbers = 0;
	if (scan->max_number < WINDOW_SIZE || (collected && scan->largest < WINDOW_SIZE))
		return;
	while (lane->at <= lane->last && (!collected || scan->room >= WINDOW_SIZE / 2)) {
		uint32_t at = (uint32_t) (lane->at - lane->text), *to = scan->ends;

		ends = numbers_read(lane->at);
		if (ends == 0)
			break;
		any = true;
		lane->at += 63 - __builtin_clzll(ends);
		if (!collected)
			continue;
		for (; ends; ends &= ends - 1)
			*to++ = at + (uint32_t) __builtin_ctzll(ends);
		scan->room -= (size_t) (to - scan->ends);
		scan->ends = to;
	}
	if (any)
		lane->enough = 2;
	else if (lane->enough < 32)
		lane->enough *= 2;
}

/* ---- the lane ---- */

/* Whether it can be taken where the scan is, between two tokens. */
static inline bool lane_is_open(const struct json_scan *scan, const struct input *in) {
	return in->end - in->at >= WINDOW_SIZE && (!visible(scan) || scan->room > 0);
}

static inline struct lane lane_begin(struct json_scan *scan, const struct input *in) {
	struct lane lane = {
		.scan = scan,
		.text = in->text,
		.at = in->at,
		.end = in->end,
		.last = in->end - WINDOW_SIZE,
		.state = (enum state) scan->state,
		.object = in_object(scan),
		.enough = 2,
	};

	lane_look(&lane);
	return lane;
}

/* Gotos, for a state in a variable would have to be looked at before each token. Returns whether the
 * value that ends where the input stands then is to be reported. */
__attribute__((flatten, noinline)) static bool lane_take(struct json_scan *scan, struct input *in) {
	struct lane lane = lane_begin(scan, in);
	bool report = false;

	switch (lane.state) {
	case EXPECT_VALUE: goto value;
	case EXPECT_VALUE_OR_END: goto value_or_end;
	case EXPECT_NAME: goto name;
	case EXPECT_NAME_OR_END: goto name_or_end;
	case EXPECT_COLON: goto colon;
	case EXPECT_COMMA: goto comma;
	default: goto leave;
	}

name_or_end:
	if (!lane_next(&lane, EXPECT_NAME_OR_END))
		goto leave;
	if (*lane.at == '}' && lane_close(&lane))
		goto ended;
	goto name_here;
name:
	if (!lane_next(&lane, EXPECT_NAME))
		goto leave;
name_here:
	if (*lane.at != '"' || !lane_string(&lane, true))
		goto leave;
colon:
	if (!lane_next(&lane, EXPECT_COLON) || *lane.at != ':')
		goto leave;
	lane.at++;
	goto value;

value_or_end:
	if (!lane_next(&lane, EXPECT_VALUE_OR_END))
		goto leave;
	if (*lane.at == ']' && lane_close(&lane))
		goto ended;
	goto value_here;
value:
	if (!lane_next(&lane, EXPECT_VALUE))
		goto leave;
value_here:
	if (visible(scan))
		scan->begin = (size_t) (lane.at - lane.text);
	if ((*lane.at == '{' || *lane.at == '[') && lane_open(&lane)) {
		if (lane.object)
			goto name_or_end;
		goto value_or_end;
	}
	if (!lane_scalar(&lane))
		goto leave;

ended:
	lane.state = EXPECT_COMMA;
	if (visible(scan)) {
		report = !collect(scan, (size_t) (lane.at - lane.text));
		if (report)
			goto leave;
	}
comma:
	if (!lane_next(&lane, EXPECT_COMMA))
		goto leave;
	if (*lane.at != ',') {
		if (lane_close(&lane))
			goto ended;
		goto leave;
	}
	if (lane.numbers >= lane.enough && !lane.object) {
		lane_numbers(&lane);
		if (!lane_see(&lane))
			goto leave;
	}
	lane.at++;
	if (lane.object)
		goto name;
	goto value;

leave:
	scan->state = lane.state;
	in->at = lane.at;
	return report;
}
