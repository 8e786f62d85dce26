#include "protocol/json_scan.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/*
 * A state machine that can stop after any byte. The states before IN_STRING stand between two
 * tokens, where white space may be; the others are within one. Each step function reads at least
 * one byte, or ends the call.
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
	STEP_TOKEN, /* the token is complete */
	STEP_MORE,  /* no bytes are left */
	STEP_SYNTAX,
	STEP_DEPTH
};

/* The bytes at hand; `at` is the next one to read. */
struct input {
	const unsigned char *text, *at, *end;
	bool last;
};

void json_scan_init(struct json_scan *scan, unsigned max_depth, unsigned max_number,
		    unsigned levels) {
	assert(max_depth <= JSON_SCAN_DEPTH_MAX);
	assert(levels <= sizeof(scan->starts) / sizeof(scan->starts[0]));

	*scan = (struct json_scan) {
		.max_depth = max_depth,
		.max_number = max_number,
		.levels = levels,
		.state = EXPECT_TOP,
	};
}

void json_scan_enter(struct json_scan *scan) {
	assert(scan->offered);

	scan->offered = false;
	scan->starts[scan->entered++] = scan->begin;
}

static enum step refuse(struct json_scan *scan, const char *reason) {
	scan->reason = reason;
	return STEP_SYNTAX;
}

static inline size_t offset(const struct input *in) {
	return (size_t) (in->at - in->text);
}

/* ---- containers: one bit a level says which kind ---- */

static inline bool in_object(const struct json_scan *scan) {
	unsigned level = scan->depth - 1;

	return scan->objects[level / 64] >> (level % 64) & 1;
}

static inline void set_object(struct json_scan *scan, bool object) {
	unsigned level = scan->depth - 1;
	uint64_t bit = UINT64_C(1) << (level % 64);

	scan->objects[level / 64] =
		object ? scan->objects[level / 64] | bit : scan->objects[level / 64] & ~bit;
}

/* ---- the ends of values ---- */

/* Whether parts of the container that is open now are reported. */
static inline bool visible(const struct json_scan *scan) {
	return scan->depth == scan->entered;
}

static inline enum step value_end(struct json_scan *scan, const struct input *in, char type,
				  struct json_scan_token *ret) {
	scan->state = scan->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	if (!visible(scan))
		return STEP_ON;

	*ret = (struct json_scan_token) {
		.event = JSON_SCAN_VALUE,
		.begin = scan->begin,
		.end = offset(in),
		.level = scan->depth,
		.type = type,
		.long_number = scan->long_number,
		.number = scan->number,
	};
	scan->long_number = false;
	return STEP_TOKEN;
}

static inline enum step string_end(struct json_scan *scan, const struct input *in,
				   struct json_scan_token *ret) {
	if (!scan->is_key)
		return value_end(scan, in, '"', ret);

	scan->state = EXPECT_COLON;
	if (!visible(scan))
		return STEP_ON;

	*ret = (struct json_scan_token) {
		.event = JSON_SCAN_KEY,
		.begin = scan->token + 1,
		.end = offset(in) - 1,
		.level = scan->depth,
		.type = '"',
		.escaped = scan->escaped,
	};
	return STEP_TOKEN;
}

static inline enum step number_end(struct json_scan *scan, const struct input *in,
				   struct json_scan_token *ret) {
	if (offset(in) - scan->token > scan->max_number && !scan->long_number) {
		scan->long_number = true;
		scan->number = scan->token;
	}
	return value_end(scan, in, '0', ret);
}

static enum step container_end(struct json_scan *scan, const struct input *in, char type,
			       struct json_scan_token *ret) {
	bool entered = visible(scan);
	unsigned level = scan->depth--;

	if (!entered)
		return value_end(scan, in, type, ret);

	scan->entered--;
	scan->state = scan->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	*ret = (struct json_scan_token) {
		.event = JSON_SCAN_CLOSE,
		.begin = scan->starts[scan->entered],
		.end = offset(in),
		.level = level,
		.type = type,
	};
	return STEP_TOKEN;
}

/* ---- their beginnings ---- */

/* The input stands on the bracket. */
static enum step container_begin(struct json_scan *scan, struct input *in,
				 struct json_scan_token *ret) {
	char type = (char) *in->at;
	bool offer = visible(scan) && scan->depth < scan->levels;

	if (scan->depth == scan->max_depth)
		return STEP_DEPTH;

	scan->depth++;
	set_object(scan, type == '{');
	scan->state = type == '{' ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	in->at++;
	if (!offer)
		return STEP_ON;

	scan->offered = true;
	*ret = (struct json_scan_token) {
		.event = JSON_SCAN_OPEN,
		.begin = scan->begin,
		.end = offset(in),
		.level = scan->depth,
		.type = type,
	};
	return STEP_TOKEN;
}

static inline enum step token_begin(struct json_scan *scan, struct input *in, enum state state,
				    unsigned sub) {
	scan->token = offset(in);
	scan->state = state;
	scan->sub = sub;
	in->at++;
	return STEP_ON;
}

static inline enum step string_begin(struct json_scan *scan, struct input *in, bool is_key) {
	scan->is_key = is_key;
	scan->escaped = false;
	return token_begin(scan, in, IN_STRING, 0);
}

static inline enum step value_begin(struct json_scan *scan, struct input *in,
				    struct json_scan_token *ret, const char *expected) {
	if (visible(scan))
		scan->begin = offset(in);

	switch (*in->at) {
	case '"': return string_begin(scan, in, false);
	case '{':
	case '[': return container_begin(scan, in, ret);
	case 't': return token_begin(scan, in, IN_TRUE, 1);
	case 'f': return token_begin(scan, in, IN_FALSE, 1);
	case 'n': return token_begin(scan, in, IN_NULL, 1);
	case '-': return token_begin(scan, in, IN_MINUS, 0);
	case '0': return token_begin(scan, in, IN_ZERO, 0);
	case '1' ... '9': return token_begin(scan, in, IN_INTEGER, 0);
	default: return refuse(scan, expected);
	}
}

/* ---- between tokens ---- */

static inline enum step comma_step(struct json_scan *scan, struct input *in,
				   struct json_scan_token *ret) {
	bool object = in_object(scan);
	unsigned char byte = *in->at;

	if (byte == ',') {
		in->at++;
		scan->state = object ? EXPECT_NAME : EXPECT_VALUE;
		return STEP_ON;
	}
	if (byte != (object ? '}' : ']'))
		return refuse(scan, object ? "expected ',' or '}'" : "expected ',' or ']'");
	in->at++;
	return container_end(scan, in, object ? '{' : '[', ret);
}

static inline enum step between_step(struct json_scan *scan, struct input *in,
				     struct json_scan_token *ret) {
	while (in->at < in->end && *in->at <= ' ' &&
	       (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
		in->at++;
	if (in->at == in->end)
		return STEP_MORE;

	switch (scan->state) {
	case EXPECT_VALUE_OR_END:
		if (*in->at == ']') {
			in->at++;
			return container_end(scan, in, '[', ret);
		}
		return value_begin(scan, in, ret, "expected a value or ']'");
	case EXPECT_NAME_OR_END:
		if (*in->at == '}') {
			in->at++;
			return container_end(scan, in, '{', ret);
		}
		if (*in->at != '"')
			return refuse(scan, "expected a name in quotes or '}'");
		return string_begin(scan, in, true);
	case EXPECT_NAME:
		if (*in->at != '"')
			return refuse(scan, "expected a name in quotes");
		return string_begin(scan, in, true);
	case EXPECT_COLON:
		if (*in->at != ':')
			return refuse(scan, "expected ':'");
		in->at++;
		scan->state = EXPECT_VALUE;
		return STEP_ON;
	case EXPECT_COMMA: return comma_step(scan, in, ret);
	case EXPECT_NOTHING: return refuse(scan, "more text after the value");
	default: return value_begin(scan, in, ret, "expected a value");
	}
}

/* ---- strings ---- */

#define EVERY_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

/* Skips bytes that stand for themselves, eight at once. A subtraction may borrow into the bytes
 * after the first one it finds, but never into those before it. */
static inline const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end) {
	uint64_t word, quote, backslash, found;

	for (; end - at >= 8; at += 8) {
		memcpy(&word, at, 8);
		word = le64toh(word);
		quote = word ^ EVERY_BYTE('"');
		backslash = word ^ EVERY_BYTE('\\');
		found = ((word - EVERY_BYTE(0x20)) | (quote - EVERY_BYTE(1)) |
			 (backslash - EVERY_BYTE(1)) | word) &
			EVERY_BYTE(0x80);
		if (found)
			return at + __builtin_ctzll(found) / 8;
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

static enum step escape_step(struct json_scan *scan, struct input *in) {
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
static enum step hex_step(struct json_scan *scan, struct input *in) {
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

static enum step low_surrogate_step(struct json_scan *scan, struct input *in) {
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

static inline enum step string_step(struct json_scan *scan, struct input *in,
				    struct json_scan_token *ret) {
	const unsigned char *before;

	do {
		before = in->at = skip_plain(in->at, in->end);
		in->at = skip_utf8(in->at, in->end);
	} while (in->at != before);
	if (in->at == in->end)
		return STEP_MORE;

	switch (*in->at) {
	case '"': in->at++; return string_end(scan, in, ret);
	case '\\':
		in->at++;
		scan->escaped = true;
		scan->state = IN_ESCAPE;
		return STEP_ON;
	case 0x00 ... 0x1f: return refuse(scan, "control character in a string");
	default: return utf8_begin(scan, in);
	}
}

/* ---- numbers ---- */

static inline bool is_digit(unsigned char byte) {
	return byte >= '0' && byte <= '9';
}

static inline enum step digits_step(struct json_scan *scan, struct input *in,
				    struct json_scan_token *ret) {
	while (in->at < in->end && is_digit(*in->at))
		in->at++;
	if (in->at == in->end)
		return STEP_MORE;

	if (*in->at == '.' && scan->state == IN_INTEGER)
		scan->state = IN_POINT;
	else if ((*in->at | 0x20) == 'e' && scan->state != IN_EXPONENT)
		scan->state = IN_E;
	else
		return number_end(scan, in, ret);
	in->at++;
	return STEP_ON;
}

static inline enum step zero_step(struct json_scan *scan, struct input *in,
				  struct json_scan_token *ret) {
	if (in->at == in->end)
		return STEP_MORE;
	if (is_digit(*in->at))
		return refuse(scan, "a number with a leading zero");
	scan->state = IN_INTEGER;
	return digits_step(scan, in, ret);
}

/* Where a digit, and in two states something else, must come. */
static enum step first_digit_step(struct json_scan *scan, struct input *in) {
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

/* ---- true, false, null ---- */

static inline enum step literal_step(struct json_scan *scan, struct input *in,
				     struct json_scan_token *ret, const char *word,
				     const char *expected) {
	for (; word[scan->sub] != '\0'; scan->sub++, in->at++) {
		if (in->at == in->end)
			return STEP_MORE;
		if (*in->at != (unsigned char) word[scan->sub])
			return refuse(scan, expected);
	}
	return value_end(scan, in, word[0], ret);
}

/* ---- the machine ---- */

static inline enum step step(struct json_scan *scan, struct input *in,
			     struct json_scan_token *ret) {
	switch ((enum state) scan->state) {
	case EXPECT_TOP ... EXPECT_NOTHING: return between_step(scan, in, ret);
	case IN_STRING: return string_step(scan, in, ret);
	case IN_UTF8: return utf8_step(scan, in);
	case IN_ESCAPE: return escape_step(scan, in);
	case IN_HEX:
	case IN_LOW_HEX: return hex_step(scan, in);
	case IN_LOW_BACKSLASH:
	case IN_LOW_U: return low_surrogate_step(scan, in);
	case IN_TRUE: return literal_step(scan, in, ret, "true", "expected 'true'");
	case IN_FALSE: return literal_step(scan, in, ret, "false", "expected 'false'");
	case IN_NULL: return literal_step(scan, in, ret, "null", "expected 'null'");
	case IN_ZERO: return zero_step(scan, in, ret);
	case IN_INTEGER:
	case IN_FRACTION:
	case IN_EXPONENT: return digits_step(scan, in, ret);
	case IN_MINUS:
	case IN_POINT:
	case IN_E:
	case IN_E_SIGN: return first_digit_step(scan, in);
	case OVER: break;
	}
	return scan->sub == JSON_SCAN_E_DEPTH ? STEP_DEPTH : STEP_SYNTAX;
}

/* The bytes are used up: is the text? Only a number cannot know its own end. */
static enum step text_end(struct json_scan *scan, const struct input *in,
			  struct json_scan_token *ret) {
	if (in->last && scan->state != EXPECT_NOTHING) {
		switch ((enum state) scan->state) {
		case IN_ZERO:
		case IN_INTEGER:
		case IN_FRACTION:
		case IN_EXPONENT:
			if (scan->depth == 0)
				return number_end(scan, in, ret);
			return refuse(scan, "the text ends within an array or object");
		case EXPECT_TOP: return refuse(scan, "the text is empty");
		case IN_STRING ... IN_LOW_HEX: return refuse(scan, "the text ends within a string");
		case IN_TRUE ... IN_NULL: return refuse(scan, "the text ends within a literal");
		case IN_MINUS:
		case IN_POINT:
		case IN_E:
		case IN_E_SIGN: return refuse(scan, "the text ends within a number");
		default: return refuse(scan, "the text ends within an array or object");
		}
	}
	*ret = (struct json_scan_token) {
		.event = in->last ? JSON_SCAN_END : JSON_SCAN_MORE,
		.begin = offset(in),
		.end = offset(in),
		.level = scan->depth,
	};
	return STEP_TOKEN;
}

/* flatten: one function for the compiler is half as fast again as calls of the steps. */
__attribute__((flatten)) int json_scan_next(struct json_scan *scan, const char *text, size_t size,
					    bool last, struct json_scan_token *ret) {
	struct input in = {
		.text = (const unsigned char *) text,
		.at = (const unsigned char *) text + scan->pos,
		.end = (const unsigned char *) text + size,
		.last = last,
	};
	enum step taken;

	assert(scan->pos <= size);
	scan->offered = false;
	do
		taken = step(scan, &in, ret);
	while (taken == STEP_ON);
	if (taken == STEP_MORE)
		taken = text_end(scan, &in, ret);

	scan->pos = offset(&in);
	if (taken == STEP_TOKEN)
		return 0;
	scan->state = OVER;
	scan->sub = taken == STEP_DEPTH ? JSON_SCAN_E_DEPTH : JSON_SCAN_E_SYNTAX;
	return (int) scan->sub;
}
