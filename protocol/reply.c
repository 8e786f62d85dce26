#include "protocol/reply.h"

#include <stdlib.h>
#include <string.h>

const struct document_shape reply_shapes[] = {
	[REPLY_PLAIN] = {0},
	/* A result lies three levels deep here and two in the worker's message, where the limit was checked. */
	[REPLY_RUN] = {.object = "parameters", .array = "results", .deeper = 1},
	[REPLY_STREAM] = {.array = "results"},
};

static int bad(const char **ret_reason, const char *reason) {
	*ret_reason = reason;
	return 1;
}

/* Unlike member_load(): a NUL in an error's text must not cost the whole reply. */
static json_t *load(struct span span, const char *text) {
	return json_loadb(text + span.begin, span_size(span), JSON_DECODE_ANY | JSON_ALLOW_NUL,
			  NULL);
}

/* ---- members of the envelope, and of results ---- */

typedef bool (*check)(const json_t *value);

static bool is_array(const json_t *value) {
	return json_is_array(value);
}

static bool is_object(const json_t *value) {
	return json_is_object(value);
}

static int take_value(json_t **ret, const struct member *member, const char *text, check fits) {
	json_t *value;

	if (member->type == 'n')
		return 0;
	value = load(member->value, text);
	if (!value || !fits(value) || *ret) {
		json_decref(value);
		return 1;
	}
	*ret = value;
	return 0;
}

static int take_string(char **ret, const struct member *member, const char *text) {
	json_t *value;
	char *copy = NULL;

	if (member->type == 'n')
		return 0;
	value = load(member->value, text);
	if (json_is_string(value) && !*ret)
		copy = strdup(json_string_value(value));
	json_decref(value);
	if (!copy)
		return 1;
	*ret = copy;
	return 0;
}

static int take_count(uint64_t *ret, const struct member *member, const char *text) {
	json_t *value = load(member->value, text);
	int r = 1;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*ret = (uint64_t) json_integer_value(value);
		r = 0;
	}
	json_decref(value);
	return r;
}

/* Returns 0 if the member was taken or is not known. */
static int take_result_member(struct reply *reply, const struct member *member, const char *text) {
	if (member_is(member, text, "first"))
		return take_count(&reply->first, member, text);
	if (member_is(member, text, "request"))
		return take_string(&reply->request, member, text);
	if (member_is(member, text, "errors"))
		return take_value(&reply->errors, member, text, is_array);
	if (member_is(member, text, "startUs"))
		return take_value(&reply->start_us, member, text, is_array);
	if (member_is(member, text, "durationUs"))
		return take_value(&reply->duration_us, member, text, is_array);
	if (member_is(member, text, "attempts"))
		return take_value(&reply->attempts, member, text, is_array);
	if (member_is(member, text, "summary"))
		return take_value(&reply->summary, member, text, is_object);
	if (member_is(member, text, "results"))
		return member->type != 'n';
	if (member_is(member, text, "result"))
		reply->result = member->value;
	return 0;
}

static int take_envelope_member(struct reply *reply, enum reply_kind kind,
				const struct member *member, const char *text) {
	if (member_is(member, text, "continues")) {
		reply->continues = member->type == 't';
		return member->type != 't' && member->type != 'f';
	}
	if (member_is(member, text, "parameters")) {
		if (member->type == '{')
			reply->plain = member->value;
		return member->type != '{' && member->type != 'n';
	}
	return kind == REPLY_STREAM ? take_result_member(reply, member, text) : 0;
}

/* ---- errors ---- */

/* Puts the parameters of an error, which were cut into members, together again. */
static int gather_parameters(struct reply *reply, const struct document *doc, const char *text) {
	reply->parameters = json_object();
	if (!reply->parameters)
		return 1;
	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		struct span name = {member->name.begin - 1, member->name.end + 1};
		json_t *key;
		int r;

		if (!member->nested)
			continue;
		key = load(name, text);
		r = key ? json_object_set_new(reply->parameters, json_string_value(key),
					      load(member->value, text))
			: -1;
		json_decref(key);
		if (r < 0)
			return 1;
	}
	return 0;
}

static int decode_error(struct reply *reply, enum reply_kind kind, const struct document *doc,
			const char *text) {
	if (kind == REPLY_RUN)
		return gather_parameters(reply, doc, text);
	for (size_t i = 0; i < doc->n_members; i++)
		if (member_is(&doc->members[i], text, "parameters") &&
		    take_value(&reply->parameters, &doc->members[i], text, is_object) != 0)
			return 1;
	return 0;
}

/* Whether each error belongs to one of the results: who reads them later relies on it. */
static bool errors_fit(const json_t *errors, uint64_t first, size_t count) {
	size_t i;
	json_t *error;

	json_array_foreach(errors, i, error) {
		json_t *index = json_object_get(error, "index");

		if (!json_is_integer(index) || json_integer_value(index) < 0 ||
		    (uint64_t) json_integer_value(index) < first ||
		    (uint64_t) json_integer_value(index) - first >= count ||
		    !json_is_string(json_object_get(error, "kind")))
			return false;
	}
	return true;
}

static bool integers_fit(const json_t *array, size_t count) {
	size_t i;
	json_t *value;

	if (!array)
		return true;
	json_array_foreach(array, i, value) {
		if (!json_is_integer(value))
			return false;
	}
	return json_array_size(array) == count;
}

static int decode_members(struct reply *reply, enum reply_kind kind, const struct document *doc,
			  const char *text) {
	for (size_t i = 0; i < doc->n_members; i++) {
		const struct member *member = &doc->members[i];
		int r = member->nested ? take_result_member(reply, member, text)
				       : take_envelope_member(reply, kind, member, text);

		if (r != 0)
			return 1;
	}
	return 0;
}

/* Looked for before anything else: the parameters of an error may have the names of a reply's. */
static int find_error(struct reply *reply, const struct document *doc, const char *text) {
	for (size_t i = 0; i < doc->n_members; i++)
		if (!doc->members[i].nested && member_is(&doc->members[i], text, "error") &&
		    take_string(&reply->error, &doc->members[i], text) != 0)
			return 1;
	return 0;
}

static int decode(struct reply *reply, enum reply_kind kind, const struct document *doc,
		  const char *text, const char **ret_reason) {
	size_t count = doc->elements.count;

	if (find_error(reply, doc, text) != 0)
		return bad(ret_reason, "the name of the error is not a string");
	if (reply->error)
		return decode_error(reply, kind, doc, text) == 0
			       ? 0
			       : bad(ret_reason, "the parameters of an error are not an object");
	if (decode_members(reply, kind, doc, text) != 0)
		return bad(ret_reason, "a member of the reply has the wrong type");
	if (!errors_fit(reply->errors, reply->first, count))
		return bad(ret_reason, "an item error is not of these results");
	if (!integers_fit(reply->start_us, count) || !integers_fit(reply->duration_us, count) ||
	    !integers_fit(reply->attempts, count))
		return bad(ret_reason, "the timings are not those of these results");
	return 0;
}

int reply_decode(struct reply *ret, enum reply_kind kind, const struct document *doc,
		 const char *text, const char **ret_reason) {
	struct reply reply = {0};

	if (decode(&reply, kind, doc, text, ret_reason) != 0) {
		reply_done(&reply);
		return 1;
	}
	*ret = reply;
	return 0;
}

void reply_done(struct reply *reply) {
	free(reply->error);
	free(reply->request);
	json_decref(reply->parameters);
	json_decref(reply->errors);
	json_decref(reply->start_us);
	json_decref(reply->duration_us);
	json_decref(reply->attempts);
	json_decref(reply->summary);
	*reply = (struct reply) {0};
}
