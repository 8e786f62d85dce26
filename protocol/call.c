#include "protocol/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/work.h"

static const char *const call_payload[] = {"argument", "common", NULL};

const struct document_shape call_shape = {
	.object = "parameters",
	.array = "items",
	.payload = call_payload,
};

const struct document_shape stream_shape = {
	.array = "items",
};

void call_document_error(const struct document *doc, int verdict, struct error *error) {
	switch (verdict) {
	case DOCUMENT_E_TOO_DEEP:
		error_set(error, ERROR_TOO_DEEP, "{sI}", "limit", (json_int_t) LIMIT_DEPTH);
		break;
	case DOCUMENT_E_TOO_LARGE:
		error_set(error, ERROR_MESSAGE_TOO_LARGE, "{sI}", "limit",
			  (json_int_t) doc->limits.message);
		break;
	default:
		error_set(error, ERROR_MALFORMED_MESSAGE, "{sosI}", "reason",
			  doc->limit ? json_sprintf("%s of %zu bytes", doc->reason, doc->limit)
				     : json_string(doc->reason),
			  "offset", (json_int_t) doc->offset);
	}
}

int call_malformed(struct error *error, const char *reason, const struct member *member) {
	return error_set(error, ERROR_MALFORMED_MESSAGE, "{sssI}", "reason", reason, "offset",
			 (json_int_t) (member ? member->name.begin : 0));
}

int call_invalid(struct error *error, const char *parameter) {
	return error_set(error, ERROR_INVALID_PARAMETER, "{ss}", "parameter", parameter);
}

/* A member that the method does not know; its name goes into the error as it stands. */
int call_unknown(struct error *error, const struct member *member, const char *text) {
	json_t *name = json_stringn(text + member->name.begin, span_size(member->name));
	int r = error_set(error, ERROR_INVALID_PARAMETER, "{so*}", "parameter", name);

	return r;
}

/* -------- the envelope -------- */

enum envelope_member {
	ENVELOPE_METHOD,
	ENVELOPE_PARAMETERS,
	ENVELOPE_ONEWAY,
	ENVELOPE_MORE,
	ENVELOPE_UPGRADE,
	ENVELOPE_COUNT
};

static const char *const envelope_names[ENVELOPE_COUNT] = {
	[ENVELOPE_METHOD] = "method",   [ENVELOPE_PARAMETERS] = "parameters",
	[ENVELOPE_ONEWAY] = "oneway",   [ENVELOPE_MORE] = "more",
	[ENVELOPE_UPGRADE] = "upgrade",
};

int call_decode(struct call *ret, const struct document *doc, const char *text,
		struct error *error) {
	const struct member *seen[ENVELOPE_COUNT] = {NULL};
	bool flags[ENVELOPE_COUNT] = {false};

	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		size_t id;

		if (member->nested || member_has(member, text, '.'))
			continue;
		id = member_find(member, text, envelope_names, ENVELOPE_COUNT);
		if (id == ENVELOPE_COUNT)
			return call_malformed(error, "unknown member of the call", member);
		if (seen[id])
			return call_malformed(error, "duplicate member of the call", member);
		seen[id] = member;

		if (id >= ENVELOPE_ONEWAY) {
			if (member->type != 't' && member->type != 'f')
				return call_malformed(error, "a flag must be true or false",
						      member);
			flags[id] = member->type == 't';
		}
	}

	if (!seen[ENVELOPE_METHOD])
		return call_malformed(error, "the call has no method", NULL);
	if (seen[ENVELOPE_PARAMETERS] && seen[ENVELOPE_PARAMETERS]->type != '{' &&
	    seen[ENVELOPE_PARAMETERS]->type != 'n')
		return call_malformed(error, "parameters must be an object",
				      seen[ENVELOPE_PARAMETERS]);
	if (flags[ENVELOPE_ONEWAY] + flags[ENVELOPE_MORE] + flags[ENVELOPE_UPGRADE] > 1)
		return call_malformed(error, "oneway, more and upgrade exclude each other", NULL);

	struct call call = {
		.oneway = flags[ENVELOPE_ONEWAY],
		.more = flags[ENVELOPE_MORE],
		.upgrade = flags[ENVELOPE_UPGRADE],
	};
	int r = member_string(seen[ENVELOPE_METHOD], text, &call.method);

	if (r < 0)
		return r;
	if (r > 0)
		return call_malformed(error, "method must be a string", seen[ENVELOPE_METHOD]);
	*ret = call;
	return 0;
}

void call_done(struct call *call) {
	free(call->method);
	*call = (struct call) {0};
}

/* -------- objects of a stream -------- */

static bool indexes_valid(const json_t *array) {
	size_t i;
	json_t *value;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, value) if (!json_is_integer(value) ||
						json_integer_value(value) < 0) return false;
	return true;
}

static int decode_stream_member(struct stream_object *object, const struct member *member,
				const char *text, struct error *error) {
	int r;

	if (member_is(member, text, "items"))
		return member->type == '['
			       ? 0
			       : call_malformed(error, "items must be an array", member);
	if (member_is(member, text, "end")) {
		if (object->end)
			return call_malformed(error, "duplicate member", member);
		object->end = member->type == 't';
		return object->end ? 0 : call_malformed(error, "end must be true", member);
	}
	if (member_is(member, text, "cancel")) {
		if (object->cancel)
			return call_malformed(error, "duplicate member", member);
		r = member_read(member, text, &object->cancel);
		if (r < 0 || indexes_valid(object->cancel))
			return r;
		return call_malformed(error, "cancel must be an array of indexes", member);
	}
	return call_malformed(error, "a stream takes objects with items, cancel or end", member);
}

int stream_object_decode(struct stream_object *ret, const struct document *doc, const char *text,
			 struct error *error) {
	struct stream_object object = {.items = doc->elements.present};
	int r = 0;

	if (doc->too_many)
		return error_set(error, ERROR_TOO_MANY_ITEMS, "{sI}", "limit",
				 (json_int_t) doc->limits.items);

	for (size_t i = 0; r == 0 && i < doc->n_members; i++)
		r = decode_stream_member(&object, &doc->members[i], text, error);
	if (r != 0) {
		json_decref(object.cancel);
		return r;
	}
	*ret = object;
	return 0;
}
