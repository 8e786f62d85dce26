#include "protocol/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"

#define NUMBER_TOO_LONG "a number of more than " LIMIT_TEXT(LIMIT_NUMBER) " characters"

static int refuse(struct document *doc, const char *reason, size_t offset) {
	doc->reason = reason;
	doc->offset = offset;
	return DOCUMENT_E_MALFORMED;
}

/* Arrays of no more entries serve the next message too: with most of them nothing is allocated. */
#define KEPT 16

/* Makes it ready for a message. What the arrays had room for they still have. */
static void document_begin(struct document *doc) {
	doc->length = 0;
	doc->n_members = doc->n_flaws = 0;
	doc->elements.present = doc->too_many = false;
	doc->elements.begin = 0;
	doc->elements.count = 0;
	doc->reason = NULL;
	doc->limit = doc->offset = 0;
	doc->searched = doc->payload = 0;
	doc->next_is = DOCUMENT_PLAIN;
	doc->object_seen = doc->array_seen = doc->in_array = doc->in_payload = false;
	json_scan_init(&doc->scan, LIMIT_DEPTH + doc->shape->deeper, LIMIT_NUMBER,
		       doc->shape->object ? 3 : 2);
}

void document_init(struct document *doc, const struct document_shape *shape,
		   const struct limits *limits) {
	*doc = (struct document) {
		.shape = shape,
		.limits = *limits,
	};
	if (doc->limits.message == 0 || doc->limits.message >= UINT32_MAX)
		doc->limits.message = UINT32_MAX - 1; /* spans have 32 bits */
	document_begin(doc);
}

static void forget_members(struct document *doc) {
	free(doc->members);
	doc->members = NULL;
	doc->n_members = doc->members_capacity = 0;
}

static void forget_elements(struct document *doc) {
	free(doc->elements.ends);
	doc->elements = (struct elements) {0};
}

static void forget_flaws(struct document *doc) {
	free(doc->flaws);
	doc->flaws = NULL;
	doc->n_flaws = doc->flaws_capacity = 0;
}

void document_done(struct document *doc) {
	forget_members(doc);
	forget_elements(doc);
	forget_flaws(doc);
}

void document_reset(struct document *doc) {
	if (doc->members_capacity > KEPT)
		forget_members(doc);
	if (doc->elements.capacity > KEPT)
		forget_elements(doc);
	if (doc->flaws_capacity > KEPT)
		forget_flaws(doc);
	document_begin(doc);
}

/* Makes room for one entry more. Returns 0; -ENOMEM, with the array as it was. */
static int reserve(void *array_pointer, size_t count, size_t *capacity, size_t size) {
	void **array = array_pointer, *grown;
	size_t wanted = *capacity ? *capacity * 2 : 8;

	if (count < *capacity)
		return 0;
	grown = reallocarray(*array, wanted, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*capacity = wanted;
	return 0;
}

/* ---- members ---- */

static bool is_payload(const struct document *doc, const char *text) {
	const char *const *name = doc->shape->payload;

	for (; name && *name; name++)
		if (member_is(&doc->next, text, *name))
			return true;
	return false;
}

/* The level of the container that holds the members of interest: `array`, and the payload. */
static unsigned inner_level(const struct document *doc) {
	return doc->shape->object ? 2 : 1;
}

/* A name is read: finds out what its value is to be. */
static int document_name(struct document *doc, const char *text,
			 const struct json_scan_token *token) {
	const struct document_shape *shape = doc->shape;
	bool inner = token->level == inner_level(doc), *seen = NULL;

	doc->next = (struct member) {
		.name = {(uint32_t) token->begin, (uint32_t) token->end},
		.escaped = token->escaped,
		.nested = token->level > 1,
	};
	doc->next_is = DOCUMENT_PLAIN;
	if (shape->object && token->level == 1 && member_is(&doc->next, text, shape->object)) {
		doc->next_is = DOCUMENT_OBJECT;
		seen = &doc->object_seen;
	} else if (shape->array && inner && member_is(&doc->next, text, shape->array)) {
		doc->next_is = DOCUMENT_ARRAY;
		seen = &doc->array_seen;
	} else if (inner && is_payload(doc, text)) {
		doc->next_is = DOCUMENT_PAYLOAD;
	}
	if (seen && *seen)
		return refuse(doc, "a member that may come only once comes twice", token->begin);
	if (seen)
		*seen = true;

	/* Up to its value's end all counts as payload; then what is around it is known. */
	doc->in_payload = doc->next_is == DOCUMENT_ARRAY || doc->next_is == DOCUMENT_PAYLOAD;
	return 0;
}

static int document_member(struct document *doc, const struct json_scan_token *token) {
	struct member *member;
	int r;

	if (token->long_number && !doc->shape->lenient_numbers)
		return refuse(doc, NUMBER_TOO_LONG, token->number);

	r = reserve(&doc->members, doc->n_members, &doc->members_capacity, sizeof(*doc->members));
	if (r < 0)
		return r;
	member = &doc->members[doc->n_members++];
	*member = doc->next;
	member->value = (struct span) {(uint32_t) token->begin, (uint32_t) token->end};
	member->type = token->type;
	member->long_number = token->long_number;
	return 0;
}

/* ---- elements ---- */

static int document_flaw(struct document *doc, size_t index, enum flaw_kind kind) {
	int r = reserve(&doc->flaws, doc->n_flaws, &doc->flaws_capacity, sizeof(*doc->flaws));

	if (r < 0)
		return r;
	doc->flaws[doc->n_flaws++] = (struct flaw) {index, kind};
	return 0;
}

static int document_element(struct document *doc, const struct json_scan_token *token) {
	struct elements *elements = &doc->elements;
	size_t index = elements->count;
	int r;

	if (token->long_number && !doc->shape->lenient_numbers)
		return refuse(doc, NUMBER_TOO_LONG, token->number);

	elements->count++;
	if (doc->limits.items && index >= doc->limits.items) {
		doc->too_many = true;
		return 0;
	}
	if (index == 0)
		elements->begin = (uint32_t) token->begin;
	r = reserve(&elements->ends, index, &elements->capacity, sizeof(*elements->ends));
	if (r < 0)
		return r;
	elements->ends[index] = (uint32_t) token->end;

	if (doc->limits.item && token->end - token->begin > doc->limits.item)
		return document_flaw(doc, index, FLAW_TOO_LARGE);
	if (token->long_number)
		return document_flaw(doc, index, FLAW_LONG_NUMBER);
	return 0;
}

/* ---- the message ---- */

static int document_open(struct document *doc, const struct json_scan_token *token) {
	if (token->level == 1) {
		if (token->type != '{')
			return refuse(doc, "the message is not an object", token->begin);
		json_scan_enter(&doc->scan);
	} else if (doc->next_is == DOCUMENT_OBJECT && token->type == '{') {
		json_scan_enter(&doc->scan);
	} else if (doc->next_is == DOCUMENT_ARRAY && token->type == '[') {
		json_scan_enter(&doc->scan);
		doc->elements.present = doc->in_array = true;
		doc->elements.begin = (uint32_t) token->end;
	}
	return 0;
}

static void payload_end(struct document *doc, const struct json_scan_token *token) {
	if (doc->in_payload)
		doc->payload += token->end - token->begin;
	doc->in_payload = false;
}

static int document_value(struct document *doc, const struct json_scan_token *token) {
	if (token->level == 0)
		return refuse(doc, "the message is not an object", token->begin);
	if (doc->in_array)
		return document_element(doc, token);
	payload_end(doc, token);
	return document_member(doc, token);
}

static int document_token(struct document *doc, const char *text,
			  const struct json_scan_token *token) {
	switch (token->event) {
	case JSON_SCAN_OPEN: return document_open(doc, token);
	case JSON_SCAN_KEY: return document_name(doc, text, token);
	case JSON_SCAN_VALUE: return document_value(doc, token);
	case JSON_SCAN_CLOSE:
		payload_end(doc, token);
		doc->in_array = false;
		return 0;
	case JSON_SCAN_MORE:
	case JSON_SCAN_END: break;
	}
	return 0;
}

/* Makes room for the ends of elements that need no look: they come by themselves. Not so the first
 * element, for where it begins, and those over the limit, which are counted only. */
static int document_collect(struct document *doc) {
	struct elements *elements = &doc->elements;
	size_t limit = doc->limits.items ? doc->limits.items : SIZE_MAX, room;
	int r;

	if (!doc->in_array || elements->count == 0)
		return 0;
	if (elements->count >= limit) {
		json_scan_collect(&doc->scan, NULL, 0, 0);
		return 0;
	}
	r = reserve(&elements->ends, elements->count, &elements->capacity, sizeof(*elements->ends));
	if (r < 0)
		return r;
	room = elements->capacity < limit ? elements->capacity : limit;
	json_scan_collect(&doc->scan, elements->ends + elements->count, room - elements->count,
			  doc->limits.item ? doc->limits.item : SIZE_MAX);
	return 0;
}

/* Reads on to the next token. Returns 0, JSON_SCAN_E_* or -ENOMEM. */
static int document_next(struct document *doc, const char *text, size_t size, bool last,
			 struct json_scan_token *ret) {
	const uint32_t *before;
	int r = document_collect(doc);

	if (r < 0)
		return r;
	before = doc->scan.ends;
	r = json_scan_next(&doc->scan, text, size, last, ret);
	doc->elements.count += (size_t) (doc->scan.ends - before);
	return r;
}

/* How far the scanner may go. A limit is enforced by showing it no byte beyond, so that what is
 * wrong with a message does not depend on the sizes of the reads it came in. */
static size_t document_horizon(const struct document *doc, size_t size) {
	size_t horizon = size < doc->limits.message ? size : doc->limits.message, envelope;

	if (doc->limits.envelope && !doc->in_payload) {
		envelope = doc->payload + doc->limits.envelope;
		if (envelope < horizon)
			horizon = envelope;
	}
	return horizon > doc->scan.pos ? horizon : doc->scan.pos;
}

/* The scanner has read all it may: why does it not go on? */
static int document_pause(struct document *doc, size_t size, size_t horizon) {
	if (horizon == size)
		return DOCUMENT_MORE;
	if (horizon >= doc->limits.message)
		return DOCUMENT_E_TOO_LARGE;
	doc->limit = doc->limits.envelope;
	return refuse(doc, "the envelope is over its limit", horizon);
}

static int document_scan_error(struct document *doc, int error) {
	doc->reason = doc->scan.reason;
	doc->offset = doc->scan.pos;
	return error == JSON_SCAN_E_DEPTH ? DOCUMENT_E_TOO_DEEP : DOCUMENT_E_MALFORMED;
}

int document_feed(struct document *doc, const char *text, size_t size) {
	size_t nul, horizon;
	struct json_scan_token token;
	int r;

	if (size > doc->limits.message + 1)
		size = doc->limits.message + 1;
	nul = frame_find(text, size, doc->searched);
	doc->searched = size;
	if (nul < size)
		size = nul;

	for (;;) {
		horizon = document_horizon(doc, size);
		r = document_next(doc, text, horizon, horizon == nul, &token);
		if (r)
			return r < 0 ? r : document_scan_error(doc, r);
		if (token.event == JSON_SCAN_MORE)
			return document_pause(doc, size, horizon);
		if (token.event == JSON_SCAN_END)
			break;
		r = document_token(doc, text, &token);
		if (r)
			return r;
	}
	doc->length = nul;
	return DOCUMENT_WHOLE;
}
