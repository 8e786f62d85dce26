#include "protocol/json_scan.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "protocol/json_lane.h"
#include "protocol/json_number.h"
#include "protocol/json_step.h"
#include "protocol/json_string.h"

void json_scan_init(struct json_scan *scan, unsigned max_depth, unsigned max_number,
		    unsigned levels) {
	assert(max_depth <= JSON_SCAN_DEPTH_MAX);
	assert(levels <= sizeof(scan->starts) / sizeof(scan->starts[0]));

	/* What is kept for each level is written when the level is entered. */
	memset(scan, 0, offsetof(struct json_scan, starts));
	scan->max_depth = max_depth;
	scan->max_number = max_number;
	scan->levels = levels;
	scan->state = EXPECT_TOP;
}

void json_scan_enter(struct json_scan *scan) {
	assert(scan->offered);

	scan->offered = false;
	scan->room = 0;
	scan->starts[scan->entered++] = scan->begin;
}

void json_scan_collect(struct json_scan *scan, uint32_t *ends, size_t room, size_t largest) {
	assert(scan->entered > 0);

	scan->ends = ends;
	scan->room = room;
	scan->largest = largest;
}

/* ---- the ends of values ---- */

static inline enum step value_end(struct json_scan *scan, const struct input *in, char type,
				  struct json_scan_token *ret) {
	scan->state = scan->depth ? EXPECT_COMMA : EXPECT_NOTHING;
	if (!visible(scan) || collect(scan, offset(in)))
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
	scan->room = 0;
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
	bool offer = offered(scan);

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
	string_open(scan, offset(in), is_key);
	in->at++;
	return STEP_ON;
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
	while (in->at < in->end && is_space(*in->at))
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

/* ---- the machine ---- */

/* The end of what the step functions of strings and numbers read. */
static inline enum step ended(struct json_scan *scan, const struct input *in,
			      struct json_scan_token *ret, enum step taken, char type) {
	if (taken != STEP_END)
		return taken;
	if (type == '"')
		return string_end(scan, in, ret);
	return type == '0' ? number_end(scan, in, ret) : value_end(scan, in, type, ret);
}

/* What the value is that begins with this byte, as in json_scan_token. */
static char type_of(unsigned char first) {
	return first == '-' || is_digit(first) ? '0' : (char) first;
}

static enum step lane_step(struct json_scan *scan, struct input *in, struct json_scan_token *ret) {
	if (lane_is_open(scan, in) && lane_take(scan, in))
		return value_end(scan, in, type_of(in->text[scan->begin]), ret);
	return scan->state <= EXPECT_NOTHING ? between_step(scan, in, ret) : STEP_ON;
}

static inline enum step step(struct json_scan *scan, struct input *in,
			     struct json_scan_token *ret) {
	switch ((enum state) scan->state) {
	case EXPECT_TOP ... EXPECT_NOTHING: return lane_step(scan, in, ret);
	case IN_STRING: return ended(scan, in, ret, string_step(scan, in), '"');
	case IN_UTF8: return utf8_step(scan, in);
	case IN_ESCAPE: return escape_step(scan, in);
	case IN_HEX:
	case IN_LOW_HEX: return hex_step(scan, in);
	case IN_LOW_BACKSLASH:
	case IN_LOW_U: return low_surrogate_step(scan, in);
	case IN_TRUE:
		return ended(scan, in, ret, literal_step(scan, in, "true", "expected 'true'"), 't');
	case IN_FALSE:
		return ended(scan, in, ret, literal_step(scan, in, "false", "expected 'false'"),
			     'f');
	case IN_NULL:
		return ended(scan, in, ret, literal_step(scan, in, "null", "expected 'null'"), 'n');
	case IN_ZERO: return ended(scan, in, ret, zero_step(scan, in), '0');
	case IN_INTEGER:
	case IN_FRACTION:
	case IN_EXPONENT: return ended(scan, in, ret, digits_step(scan, in), '0');
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
