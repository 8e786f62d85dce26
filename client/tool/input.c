#include "client/tool/input.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

#define READ_SIZE (256u * 1024)
#define SPACE_MIN (64u * 1024)

void input_init(struct input *input, enum input_mode mode) {
	*input = (struct input) {.mode = mode};
}

void input_done(struct input *input) {
	free(input->data);
	input->data = NULL;
}

/* ---- bytes in ---- */

static void move_to_front(struct input *input) {
	if (input->begin == 0)
		return;
	memmove(input->data, input->data + input->begin, input->end - input->begin);
	input->end -= input->begin;
	input->begin = 0;
}

char *input_space(struct input *input, size_t *ret_size) {
	size_t capacity = input->capacity ? input->capacity * 2 : READ_SIZE;
	char *grown;

	move_to_front(input);
	if (input->capacity - input->end < SPACE_MIN) {
		grown = realloc(input->data, capacity);
		if (!grown)
			return NULL;
		input->data = grown;
		input->capacity = capacity;
	}
	*ret_size = input->capacity - input->end;
	return input->data + input->end;
}

void input_filled(struct input *input, size_t size) {
	input->end += size;
	if (size == 0)
		input->ended = true;
}

static void consume(struct input *input, size_t size) {
	input->begin += size;
	input->offset += size;
}

static int fail(struct input *input, int error, const char *reason) {
	input->reason = reason;
	input->begin = input->end;
	input->ended = true;
	input->line++;
	return -error;
}

/* ---- lines ---- */

static bool is_blank(const char *text, size_t size) {
	for (size_t i = 0; i < size; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return false;
	return true;
}

/* One record, whatever is in it. */
static int next_record(struct input *input, struct input_item *ret) {
	size_t held = input->end - input->begin;
	const char *begin, *end;

	if (held == 0)
		return 0;
	begin = input->data + input->begin;
	end = memchr(begin + input->searched, input->mode == INPUT_NULS ? '\0' : '\n',
		     held - input->searched);
	input->searched = end ? 0 : held;
	if (end ? (size_t) (end - begin) > INPUT_ITEM_MAX : held > INPUT_ITEM_MAX)
		return fail(input, INPUT_E_TOO_LONG, "");
	if (!end && !input->ended)
		return 0;

	*ret = (struct input_item) {begin, end ? (size_t) (end - begin) : held};
	consume(input, ret->size + (end ? 1 : 0));
	input->line++;
	return 1;
}

static int next_line(struct input *input, struct input_item *ret) {
	int r;

	do
		r = next_record(input, ret);
	while (r == 1 && input->mode == INPUT_JSON && is_blank(ret->text, ret->size));
	return r;
}

/* ---- the array ---- */

enum {
	ARRAY_BEGIN, /* '[' */
	ARRAY_FIRST, /* an element or ']' */
	ARRAY_NEXT,  /* an element */
	ARRAY_IN,    /* the element at begin is being read */
	ARRAY_COMMA, /* ',' or ']' */
	ARRAY_END
};

static void begin_element(struct input *input) {
	json_scan_init(&input->scan, LIMIT_DEPTH, LIMIT_NUMBER, 0);
	input->array_state = ARRAY_IN;
}

/* Between the elements. Returns 0 to go on, or an error. */
static int array_step(struct input *input, char byte) {
	static const char *const expected[] = {
		[ARRAY_BEGIN] = "expected '['",
		[ARRAY_COMMA] = "expected ',' or ']'",
		[ARRAY_END] = "more text after the array",
	};

	if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
		consume(input, 1);
		return 0;
	}
	if (byte == ']' && (input->array_state == ARRAY_FIRST || input->array_state == ARRAY_COMMA))
		input->array_state = ARRAY_END;
	else if (byte == '[' && input->array_state == ARRAY_BEGIN)
		input->array_state = ARRAY_FIRST;
	else if (byte == ',' && input->array_state == ARRAY_COMMA)
		input->array_state = ARRAY_NEXT;
	else if (input->array_state == ARRAY_FIRST || input->array_state == ARRAY_NEXT) {
		begin_element(input);
		return 0;
	} else
		return fail(input, INPUT_E_ARRAY, expected[input->array_state]);
	consume(input, 1);
	return 0;
}

static int array_element(struct input *input, struct input_item *ret) {
	size_t held = input->end - input->begin;
	struct json_scan_token token;
	int r = json_scan_next(&input->scan, input->data + input->begin, held, false, &token);

	if (r != 0)
		return fail(input, INPUT_E_ARRAY,
			    r == JSON_SCAN_E_DEPTH ? "nested too deeply" : input->scan.reason);
	if (token.event != JSON_SCAN_VALUE)
		return held > INPUT_ITEM_MAX ? fail(input, INPUT_E_TOO_LONG, "") : 0;

	*ret = (struct input_item) {input->data + input->begin + token.begin,
				    token.end - token.begin};
	consume(input, token.end);
	input->array_state = ARRAY_COMMA;
	input->line++;
	return 1;
}

static int next_element(struct input *input, struct input_item *ret) {
	int r = 0;

	while (r == 0 && input->begin < input->end) {
		if (input->array_state != ARRAY_IN) {
			r = array_step(input, input->data[input->begin]);
			continue;
		}
		r = array_element(input, ret);
		if (r == 0)
			break; /* it goes on */
	}
	if (r == 0 && input->ended && input->array_state != ARRAY_END) {
		input->array_state = ARRAY_END;
		return fail(input, INPUT_E_ARRAY, "the input ends before the array does");
	}
	return r;
}

int input_next(struct input *input, struct input_item *ret) {
	int r = input->mode == INPUT_ARRAY ? next_element(input, ret) : next_line(input, ret);

	if (r == 1)
		input->items++;
	return r;
}
