#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/json_scan.h"

/*
 * The inside of json_scan, for its own files alone: a state machine that can stop after any byte.
 * The states before IN_STRING stand between two tokens, where white space may be; the others are
 * within one. Each step function reads at least one byte, or ends the call. They are inline so that
 * the compiler sees one function: calls of the steps would take half as long again.
 */
enum state {
	EXPECT_TOP,
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,
	EXPECT_NAME,
	EXPECT_NAME_OR_END,
	EXPECT_COLON,
	EXPECT_COMMA,
	EXPECT_NOTHING,

	IN_STRING,
	IN_UTF8,
	IN_ESCAPE,
	IN_HEX,
	IN_LOW_BACKSLASH, /* after the escape of a high surrogate */
	IN_LOW_U,
	IN_LOW_HEX,

	IN_TRUE,
	IN_FALSE,
	IN_NULL,

	IN_MINUS,
	IN_ZERO,
	IN_INTEGER,
	IN_POINT,
	IN_FRACTION,
	IN_E,
	IN_E_SIGN,
	IN_EXPONENT,

	OVER /* after an error; `sub` is the error */
};

enum step {
	STEP_ON,    /* go on with scan->state */
	STEP_END,   /* the string, number or literal ended where the input stands */
	STEP_TOKEN, /* there is a token to report */
	STEP_MORE,  /* no bytes are left */
	STEP_SYNTAX,
	STEP_DEPTH
};

/* The bytes at hand; `at` is the next one to read. */
struct input {
	const unsigned char *text, *at, *end;
	bool last;
};

static inline enum step refuse(struct json_scan *scan, const char *reason) {
	scan->reason = reason;
	return STEP_SYNTAX;
}

static inline size_t offset(const struct input *in) {
	return (size_t) (in->at - in->text);
}

static inline bool is_space(unsigned char byte) {
	return byte <= ' ' && (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
}

/* ---- containers: one bit a level says which kind ---- */

static inline bool in_object(const struct json_scan *scan) {
	unsigned level = scan->depth - 1;

	return scan->objects[level / 64] >> (level % 64) & 1;
}

/* The bits of deeper levels are cleared with it: they were never set, or for other containers. */
static inline void set_object(struct json_scan *scan, bool object) {
	unsigned level = scan->depth - 1;
	uint64_t bit = UINT64_C(1) << (level % 64), *bits = &scan->objects[level / 64];

	*bits = (*bits & (bit - 1)) | (object ? bit : 0);
}

/* Whether parts of the container that is open now are reported. */
static inline bool visible(const struct json_scan *scan) {
	return scan->depth == scan->entered;
}

/* Whether a container that begins here is reported when it does. */
static inline bool offered(const struct json_scan *scan) {
	return visible(scan) && scan->depth < scan->levels;
}

/* ---- what steps and lane do alike ---- */

/* A visible value ended. Returns false if it is to be reported. */
static inline bool collect(struct json_scan *scan, size_t end) {
	if (scan->room == 0 || scan->long_number || end - scan->begin > scan->largest)
		return false;
	*scan->ends++ = (uint32_t) end;
	scan->room--;
	return true;
}

static inline void string_open(struct json_scan *scan, size_t begin, bool is_key) {
	scan->token = begin;
	scan->is_key = is_key;
	scan->escaped = false;
	scan->state = IN_STRING;
}
