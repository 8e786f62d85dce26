#include "protocol/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/fields.h"
#include "protocol/page.h"

/* Daemon → worker: chunks, and common values. */

static const char *const work_payload[] = {"value", NULL};

const struct document_shape work_shape = {
	.array = "items",
	.payload = work_payload,
	/* The daemon decides which numbers are too long, not the worker. */
	.lenient_numbers = true,
};

enum {
	OUT_CHUNK,
	OUT_FUNCTION,
	OUT_FIRST,
	OUT_ITEMS,
	OUT_COMMON,
	OUT_UNPACK,
	OUT_CLOCK,
	OUT_TIMES,
	OUT_STRIDE,
};

static const char *const chunk_names[] = {
	[OUT_CHUNK] = "chunk",   [OUT_FUNCTION] = "function",
	[OUT_FIRST] = "first",   [OUT_ITEMS] = "items",
	[OUT_COMMON] = "common", [OUT_UNPACK] = "unpack",
	[OUT_CLOCK] = "clock",   [OUT_TIMES] = "times",
	[OUT_STRIDE] = "stride", NULL,
};

static const char *chunk_scalars(struct work_chunk *chunk, const struct fields *fields,
				 const char *text) {
	uint64_t stride = 1;

	if (!member_uint(fields->at[OUT_CHUNK], text, 1, PAGE_CHUNK_MAX, &chunk->chunk))
		return "chunk is no chunk's number";
	if (fields->at[OUT_FIRST] &&
	    !member_uint(fields->at[OUT_FIRST], text, 0, INT64_MAX, &chunk->first))
		return "first is no index";
	if (fields->at[OUT_COMMON] &&
	    !member_uint(fields->at[OUT_COMMON], text, 1, INT64_MAX, &chunk->common))
		return "common is no common value's number";
	if (fields->at[OUT_CLOCK] && !member_bool(fields->at[OUT_CLOCK], &chunk->clock))
		return "clock is no boolean";
	if (fields->at[OUT_TIMES] && !member_bool(fields->at[OUT_TIMES], &chunk->times))
		return "times is no boolean";
	if (fields->at[OUT_STRIDE] &&
	    !member_uint(fields->at[OUT_STRIDE], text, 1, LIMIT_CHUNK_ITEMS, &stride))
		return "stride is no number of items";
	chunk->stride = (uint32_t) stride;
	return NULL;
}

static int chunk_unpack(struct work_chunk *chunk, const struct fields *fields, const char *text,
			const char **ret_reason) {
	char *name = NULL;
	bool known;
	int r;

	if (!fields->at[OUT_UNPACK])
		return 0;
	*ret_reason = "unpack is no known way to unpack";
	r = member_string(fields->at[OUT_UNPACK], text, &name);
	if (r != 0)
		return r;
	known = unpack_parse(name, &chunk->unpack);
	free(name);
	return known ? 0 : 1;
}

static int chunk_decode(struct work_chunk *ret, const struct document *doc, const char *text,
			const char **ret_reason) {
	struct work_chunk chunk = {0};
	struct fields fields;
	char *function = NULL;
	int r;

	if (fields_read(&fields, doc, text, chunk_names, ret_reason) != 0)
		return 1;
	*ret_reason = chunk_scalars(&chunk, &fields, text);
	if (*ret_reason)
		return 1;
	*ret_reason = "items is missing, no array, empty or too long";
	if (!doc->elements.present || doc->elements.count == 0 || doc->too_many ||
	    doc->elements.count > LIMIT_CHUNK_ITEMS)
		return 1;
	r = chunk_unpack(&chunk, &fields, text, ret_reason);
	if (r != 0)
		return r;

	*ret_reason = "function is missing, or no function's name";
	if (!fields.at[OUT_FUNCTION])
		return 1;
	r = member_string(fields.at[OUT_FUNCTION], text, &function);
	if (r != 0)
		return r;
	if (!function_name_valid(function, false)) {
		free(function);
		return 1;
	}
	chunk.function = function;
	*ret = chunk;
	return 0;
}

static int common_decode(struct work_message *ret, const struct document *doc, const char *text,
			 const char **ret_reason) {
	static const char *const names[] = {"common", "value", NULL};
	struct work_message message = {.type = WORK_COMMON};
	struct fields fields;

	if (fields_read(&fields, doc, text, names, ret_reason) != 0)
		return 1;
	*ret_reason = "common is no number, or has no value";
	if (doc->elements.present || !fields.at[1] ||
	    !member_uint(fields.at[0], text, 1, INT64_MAX, &message.common.id))
		return 1;
	message.common.value = fields.at[1]->value;
	*ret = message;
	return 0;
}

static int forget_decode(struct work_message *ret, const struct document *doc, const char *text,
			 const char **ret_reason) {
	static const char *const names[] = {"forget", NULL};
	struct work_message message = {.type = WORK_FORGET};
	struct fields fields;

	if (fields_read(&fields, doc, text, names, ret_reason) != 0)
		return 1;
	*ret_reason = "forget is no common value's number";
	if (doc->elements.present ||
	    !member_uint(fields.at[0], text, 1, INT64_MAX, &message.forget))
		return 1;
	*ret = message;
	return 0;
}

static bool has_member(const struct document *doc, const char *text, const char *name) {
	for (size_t i = 0; i < doc->n_members; i++)
		if (member_is(&doc->members[i], text, name))
			return true;
	return false;
}

int work_message_decode(struct work_message *ret, const struct document *doc, const char *text,
			const char **ret_reason) {
	struct work_message message = {.type = WORK_CHUNK};
	int r;

	if (has_member(doc, text, "chunk")) {
		r = chunk_decode(&message.chunk, doc, text, ret_reason);
		if (r == 0)
			*ret = message;
		return r;
	}
	if (has_member(doc, text, "common"))
		return common_decode(ret, doc, text, ret_reason);
	if (has_member(doc, text, "forget"))
		return forget_decode(ret, doc, text, ret_reason);
	*ret_reason = "neither chunk nor common nor forget";
	return 1;
}

void work_message_done(struct work_message *message) {
	if (message->type == WORK_CHUNK)
		free(message->chunk.function);
	*message = (struct work_message) {0};
}

/* The text of a chunk, as it is written: by hand, since printf() is what costs most of it. */
struct writer {
	char *at, *end;
};

/* The room is enough by WORK_CHUNK_MAX. */
static inline void put(struct writer *writer, const char *text) {
	size_t length = strlen(text);

	assert(length <= (size_t) (writer->end - writer->at));
	memcpy(writer->at, text, length);
	writer->at += length;
}

static void put_uint(struct writer *writer, const char *name, uint64_t value) {
	char digits[21];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char) ('0' + value % 10);
	while (value /= 10);
	put(writer, name);
	put(writer, digits + at);
}

size_t work_chunk_head(char *buffer, size_t size, const struct work_chunk *chunk) {
	struct writer writer = {buffer, buffer + size};

	put_uint(&writer, "{\"chunk\":", chunk->chunk);
	put(&writer, ",\"function\":\"");
	put(&writer, chunk->function);
	put_uint(&writer, "\",\"first\":", chunk->first);
	if (chunk->common)
		put_uint(&writer, ",\"common\":", chunk->common);
	if (chunk->unpack != UNPACK_NONE) {
		put(&writer, ",\"unpack\":\"");
		put(&writer, unpack_name(chunk->unpack));
		put(&writer, "\"");
	}
	if (chunk->clock)
		put(&writer, ",\"clock\":true");
	if (chunk->times)
		put(&writer, ",\"times\":true");
	if (chunk->stride > 1)
		put_uint(&writer, ",\"stride\":", chunk->stride);
	put(&writer, ",\"items\":[");
	return (size_t) (writer.at - buffer);
}

size_t work_chunk_tail(char *buffer, size_t size, const struct work_chunk *chunk) {
	(void) chunk; /* everything about the chunk stands before its items */
	assert(size >= sizeof "]}");
	memcpy(buffer, "]}", sizeof "]}");
	return sizeof "]}";
}

/* ---- names ---- */

static bool name_character(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == ':' || c == '-';
}

bool function_name_valid(const char *name, bool prefix) {
	size_t length = 0;

	while (name_character(name[length]))
		length++;
	if (length == 0 || length > LIMIT_FUNCTION_NAME)
		return false;
	return name[length] == '\0' || (prefix && name[length] == '*' && name[length + 1] == '\0');
}
