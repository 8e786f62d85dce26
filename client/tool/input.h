#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/json_scan.h"

/*
 * Cuts a stream of bytes into items, in memory that depends on the longest item only. Pure: who reads the
 * bytes puts them into input_space().
 */

enum input_mode {
	INPUT_JSON,  /* a JSON value a line; blank lines are passed over */
	INPUT_LINES, /* every line, without its newline */
	INPUT_NULS,  /* ended by NUL bytes */
	INPUT_ARRAY  /* the elements of one JSON array */
};

/* The longest item that can be read. */
#define INPUT_ITEM_MAX (16u << 20)

enum {
	INPUT_E_TOO_LONG = 1, /* an item is over INPUT_ITEM_MAX */
	INPUT_E_ARRAY         /* not a JSON array; reason says what is wrong */
};

struct input {
	enum input_mode mode;
	char *data; /* owned */
	size_t begin, end, capacity;
	size_t searched; /* bytes from begin on that hold no delimiter */
	bool ended;      /* no bytes follow */
	uint64_t items;  /* found so far */
	uint64_t line;   /* of the item found last, from 1; INPUT_ARRAY: its number, from 1 */
	uint64_t offset; /* of data[begin] in the whole input */
	const char *reason;

	unsigned array_state;
	struct json_scan scan; /* of the element at begin */
};

struct input_item {
	const char *text; /* valid until the next input_space() */
	size_t size;
};

void input_init(struct input *input, enum input_mode mode);
void input_done(struct input *input);

/* Where to put more bytes: at least 64 KiB. Returns NULL if memory is short. */
char *input_space(struct input *input, size_t *ret_size);
/* So many bytes were put there; 0 = the input has ended. */
void input_filled(struct input *input, size_t size);

/* Finds the next item. Returns 1 and *ret; 0 if more bytes are needed (or, once ended, none is left);
 * INPUT_E_* negated, after which the input is over. */
int input_next(struct input *input, struct input_item *ret);
