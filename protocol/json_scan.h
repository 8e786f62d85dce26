#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One strict, resumable pass over a JSON text (RFC 8259): validates it and reports where its parts
 * lie, without building values and without allocating. What is refused: anything outside the
 * grammar, invalid UTF-8, escapes of lone surrogates, control characters in strings, nesting
 * beyond max_depth.
 *
 * A container is reported twice at most: as JSON_SCAN_OPEN where it begins, if its level is within
 * `levels`, and then either – if the caller answered with json_scan_enter() – part by part, ended
 * by JSON_SCAN_CLOSE, or as one JSON_SCAN_VALUE. Containers deeper than `levels` are
 * JSON_SCAN_VALUE only, as are all scalars in an entered container (or at the top).
 */

enum json_scan_event {
	JSON_SCAN_MORE,  /* all bytes are read; the text goes on */
	JSON_SCAN_OPEN,  /* begin is set: an object or array starts there */
	JSON_SCAN_KEY,   /* the name of a member, without its quotes */
	JSON_SCAN_VALUE, /* one whole value */
	JSON_SCAN_CLOSE, /* the entered container ended; begin..end is all of it */
	JSON_SCAN_END    /* the text is one whole JSON value */
};

enum {
	JSON_SCAN_E_SYNTAX = 1, /* scan->reason says what */
	JSON_SCAN_E_DEPTH
};

/* Offsets count from the start of the text. */
struct json_scan_token {
	enum json_scan_event event;
	size_t begin, end;
	unsigned level;   /* it is in, 0 = none; OPEN, CLOSE: of the container itself */
	char type;        /* OPEN, VALUE, CLOSE: '{' '[' '"' '0' (number) 't' 'f' 'n' */
	bool escaped;     /* KEY: contains a backslash */
	bool long_number; /* VALUE: contains a number of more than max_number characters */
	size_t number;    /* with long_number: where the first of them begins */
};

#define JSON_SCAN_DEPTH_MAX 1024

struct json_scan {
	unsigned max_depth;  /* <= JSON_SCAN_DEPTH_MAX */
	unsigned max_number; /* characters; longer numbers are valid but flagged */
	unsigned levels;     /* containers down to this one are offered; the top one is 1 */

	size_t pos;         /* first byte not read */
	const char *reason; /* of a JSON_SCAN_E_SYNTAX, static: what was expected or found */

	/* Where the ends of unremarkable elements go, see json_scan_collect(). */
	uint32_t *ends;
	size_t room, largest;

	/* private from here */
	unsigned depth;   /* containers open */
	unsigned entered; /* of them entered: the first `entered` ones */
	unsigned state;   /* enum state */
	unsigned sub;     /* within a token: what is left of it; after an error: the error */
	unsigned code;    /* escape: the code unit so far; UTF-8: bounds of the next byte */
	bool is_key, escaped, long_number, offered;
	size_t begin;     /* of the token at the entered level */
	size_t token;     /* of the string or number being read */
	size_t number;    /* as json_scan_token's */
	size_t starts[8]; /* where the entered containers began; levels <= 8 */
	uint64_t objects[JSON_SCAN_DEPTH_MAX / 64]; /* one bit a level: object or array */
};

/* max_depth: containers inside each other, <= JSON_SCAN_DEPTH_MAX; max_number: in characters;
 * levels: see above, <= 8. Nothing to free. */
void json_scan_init(struct json_scan *scan, unsigned max_depth, unsigned max_number,
		    unsigned levels);

/* Reads on to the next token.
 * text: the text from its very start (it may have moved since the last call, with the same bytes);
 * size: how many bytes of it are there; last: whether these are all.
 * Returns 0 and *ret, or JSON_SCAN_E_*, after which scan->pos is the offset of the offending byte
 * and the scan is over. JSON_SCAN_MORE is never returned with last set; JSON_SCAN_END only then. */
int json_scan_next(struct json_scan *scan, const char *text, size_t size, bool last,
		   struct json_scan_token *ret);

/* While the innermost container that is entered is an array: its next `room` elements are not to be
 * reported one by one. Of each that has no more than `largest` bytes and no long number in it,
 * json_scan_next() writes where it ends to *scan->ends, moves that on, and counts scan->room down;
 * the others come as JSON_SCAN_VALUE. Lasts until there is no room, or the array ends. The
 * text must be shorter than 4 GiB. */
void json_scan_collect(struct json_scan *scan, uint32_t *ends, size_t room, size_t largest);

/* Answers JSON_SCAN_OPEN: the parts of this container are wanted. Call it before the next
 * json_scan_next(). */
void json_scan_enter(struct json_scan *scan);
