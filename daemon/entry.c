#include "daemon/entry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *id;
	int priority;
} kinds[ENTRY_KINDS] = {[ENTRY_NONE] = {NULL, LOG_INFO},
#define ENTRY_ROW(name, id, priority) [ENTRY_##name] = {id, priority},
			ENTRY_LIST(ENTRY_ROW)
#undef ENTRY_ROW
};

const char *entry_id(enum entry_kind kind) {
	return kinds[kind].id;
}

int entry_priority(enum entry_kind kind) {
	return kinds[kind].priority;
}

/* -------- bytes -------- */

struct writer {
	char *at, *end;
};

static void put(struct writer *writer, const void *bytes, size_t size) {
	assert(size <= (size_t) (writer->end - writer->at));
	memcpy(writer->at, bytes, size);
	writer->at += size;
}

/* How much of text is at most max bytes and does not end within a character of UTF-8. */
static size_t cut(const char *text, size_t size, size_t max) {
	size_t at = max;

	if (size <= max)
		return size;
	while (at > 0 && max - at < 3 && ((unsigned char) text[at] & 0xc0) == 0x80)
		at--;
	/* What has more bytes of that kind is no UTF-8 anyway. */
	return ((unsigned char) text[at] & 0xc0) == 0x80 ? max : at;
}

/* NAME=value, or, where the value has lines of its own: NAME, its size in 64 bits little-endian, value. */
static void put_value(struct writer *writer, const char *name, const char *value, size_t size) {
	unsigned char length[8];

	put(writer, name, strlen(name));
	if (!memchr(value, '\n', size)) {
		put(writer, "=", 1);
	} else {
		for (size_t i = 0; i < sizeof length; i++)
			length[i] = (unsigned char) ((uint64_t) size >> (8 * i));
		put(writer, "\n", 1);
		put(writer, length, sizeof length);
	}
	put(writer, value, size);
	put(writer, "\n", 1);
}

static void put_text(struct writer *writer, const char *name, const char *text) {
	if (text)
		put_value(writer, name, text, cut(text, strlen(text), ENTRY_TEXT_MAX));
}

static void put_number(struct writer *writer, const char *name, struct entry_number number) {
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, number.value);
	if (number.known)
		put_text(writer, name, text);
}

/* -------- the entry -------- */

size_t entry_encode(const struct entry *entry, char buffer[ENTRY_SIZE_MAX]) {
	static const struct entry_fields none;
	const struct entry_fields *fields = entry->fields ? entry->fields : &none;
	struct writer writer = {buffer, buffer + ENTRY_SIZE_MAX};

	put_value(&writer, "MESSAGE", entry->message,
		  cut(entry->message, entry->message_size, ENTRY_MESSAGE_MAX));
	put_number(&writer, "PRIORITY", (struct entry_number) {true, (uint64_t) entry->priority});
	put_text(&writer, "SYSLOG_IDENTIFIER", entry->identifier);
	put_text(&writer, "MESSAGE_ID", entry_id(entry->kind));
#define ENTRY_PUT(name, field) put_text(&writer, field, fields->name);
	ENTRY_TEXTS(ENTRY_PUT)
#undef ENTRY_PUT
#define ENTRY_PUT(name, field) put_number(&writer, field, fields->name);
	ENTRY_NUMBERS(ENTRY_PUT)
#undef ENTRY_PUT
	return (size_t) (writer.at - buffer);
}
