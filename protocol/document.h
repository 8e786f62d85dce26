#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/json_scan.h"
#include "protocol/limits.h"

/*
 * One message as it arrives: validated byte by byte, cut into the members of its envelope and the
 * elements of its one large array (a call's items, a worker's results), which stay spans of the
 * received bytes. Everything is an offset, so the bytes may move between two calls.
 */

struct span {
	uint32_t begin, end;
};

static inline uint32_t span_size(struct span span) {
	return span.end - span.begin;
}

struct document_shape {
	/* The top-level member whose members are wanted too, or NULL. */
	const char *object;
	/* A member of `object` (of the top without one) whose elements are wanted, or NULL. */
	const char *array;
	/* Members beside `array` that do not count as envelope; NULL-ended, or NULL. */
	const char *const *payload;
	/* A number over LIMIT_NUMBER is a flaw of its element, not an error. */
	bool lenient_numbers;
	/* Levels that the message may be deeper than LIMIT_DEPTH. */
	unsigned deeper;
};

/* A member that was not taken apart: neither shape->object when it is an object, whose members are
 * here in its place, nor shape->array when it is an array. */
struct member {
	struct span name, value; /* the name without its quotes */
	char type;               /* as json_scan_token's */
	bool escaped;            /* the name has escapes */
	bool nested;             /* a member of shape->object */
	bool long_number;        /* only with lenient_numbers */
};

/* Elements of an array, as end offsets: an element begins after its predecessor's end, a comma and
 * white space. */
struct elements {
	bool present;
	uint32_t begin;         /* of the first element */
	uint32_t *ends;         /* owned */
	size_t count, capacity; /* count may pass the limit: see document->too_many */
};

enum flaw_kind { FLAW_TOO_LARGE, FLAW_LONG_NUMBER };

/* An element that cannot be taken as it is. */
struct flaw {
	size_t index;
	enum flaw_kind kind;
};

enum document_verdict {
	DOCUMENT_MORE = 0, /* the message goes on */
	DOCUMENT_WHOLE,
	DOCUMENT_E_MALFORMED, /* reason and offset are set */
	DOCUMENT_E_TOO_DEEP,
	DOCUMENT_E_TOO_LARGE /* the message */
};

struct document {
	const struct document_shape *shape;
	struct limits limits;

	size_t length;          /* of the whole message without its NUL; set with DOCUMENT_WHOLE */
	struct member *members; /* owned */
	size_t n_members;
	struct elements elements;
	bool too_many; /* more than limits.items elements: those beyond have no entry in ends */
	struct flaw *flaws; /* owned; in order */
	size_t n_flaws;
	const char *reason; /* static */
	size_t limit;       /* bytes: the one that the reason speaks of; 0 = of none */
	size_t offset;

	/* private from here */
	struct json_scan scan;
	size_t searched; /* for the NUL */
	size_t payload;  /* bytes of payload values that are complete */
	size_t members_capacity, flaws_capacity;
	struct member next; /* its name is read, its value is not */
	enum { DOCUMENT_PLAIN, DOCUMENT_OBJECT, DOCUMENT_ARRAY, DOCUMENT_PAYLOAD } next_is;
	bool object_seen, array_seen, in_array, in_payload;
};

/* shape, and what it points to, must outlive the document. */
void document_init(struct document *doc, const struct document_shape *shape,
		   const struct limits *limits);
/* Makes it ready for the next message of the same shape. Small arrays it owns are kept for that one,
 * the others freed. */
void document_reset(struct document *doc);
/* Frees what the document owns; document_init() may follow. */
void document_done(struct document *doc);

/* Reads what is new.
 * text: the message from its first byte; size: bytes there, those of later messages included.
 * Returns enum document_verdict; -ENOMEM. After an E_ verdict only reset and done are allowed. */
int document_feed(struct document *doc, const char *text, size_t size);

/* True if the member is called name; escapes in the text are understood. */
bool member_is(const struct member *member, const char *text, const char *name);
/* True if an ASCII character is in the member's name, escapes understood. */
bool member_has(const struct member *member, const char *text, char character);
/* Index of the member's name among n names as of member_is(), or n. */
size_t member_find(const struct member *member, const char *text, const char *const *names,
		   size_t n);
/* The member's value as a C string. Returns 0 and *ret_string, to be freed; 1 if it is no string, or
 * one with a NUL in it; -ENOMEM. */
int member_string(const struct member *member, const char *text, char **ret_string);
/* The member's value. Returns 0 and *ret_value, a new reference; 1 if jansson refuses it (a number out
 * of its range, a duplicate key, an escape of NUL); -ENOMEM. Strings are better read by
 * member_string(): short memory can make jansson 2.14 lose bytes of one that is over 15 bytes. */
int member_read(const struct member *member, const char *text, json_t **ret_value);
/* The same for whoever need not tell the two apart: NULL if there is no value. */
json_t *member_load(const struct member *member, const char *text);

static inline bool is_between_elements(char byte) {
	return byte <= ',' &&
	       (byte == ',' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t');
}

/* The bytes of the elements first .. first + count - 1 with the commas between them; count > 0. */
static inline struct span elements_span(const struct elements *elements, const char *text,
					size_t first, size_t count) {
	struct span span = {
		.begin = first ? elements->ends[first - 1] : elements->begin,
		.end = elements->ends[first + count - 1],
	};

	while (is_between_elements(text[span.begin]))
		span.begin++;
	return span;
}
