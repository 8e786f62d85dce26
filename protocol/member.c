#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"

/* What the members of a document say. Their text is valid JSON: json_scan has seen it. */

/* ---- strings ---- */

/* Reads four hexadecimal digits. */
static uint32_t code_unit(const char *digits) {
	uint32_t value = 0;

	for (int i = 0; i < 4; i++) {
		char digit = digits[i];

		value = value << 4 |
			(uint32_t) (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
	}
	return value;
}

/* Reads one escape, a pair of surrogates included; *at stands on the backslash and moves behind
 * it. */
static uint32_t escaped_character(const char **at) {
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *begin = *at;
	uint32_t high;

	if (begin[1] != 'u') {
		*at += 2;
		return (uint32_t) meanings[strchr(escapes, begin[1]) - escapes];
	}
	high = code_unit(begin + 2);
	*at += 6;
	if (high >> 10 != 0xd800 >> 10)
		return high;
	*at += 6;
	return 0x10000 + ((high & 0x3ff) << 10 | (code_unit(begin + 8) & 0x3ff));
}

/* Writes a character as UTF-8. Returns how many bytes it has, at most 4; an escape is longer. */
static size_t put_character(char *to, uint32_t character) {
	static const unsigned char heads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
	size_t n = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		to[i] = (char) (0x80 | (character & 0x3f));
		character >>= 6;
	}
	to[0] = (char) (heads[n] | character);
	return n;
}

/* Reads one character's bytes, or one byte of them, as it is meant. Returns how many there are. */
static size_t next_bytes(char bytes[4], const char **at) {
	if (**at == '\\')
		return put_character(bytes, escaped_character(at));
	bytes[0] = *(*at)++;
	return 1;
}

bool member_is(const struct member *member, const char *text, const char *name) {
	const char *at = text + member->name.begin, *end = text + member->name.end;
	size_t left = strlen(name), n;
	char bytes[4];

	if (!member->escaped)
		return left == (size_t) (end - at) && memcmp(at, name, left) == 0;

	while (at < end) {
		n = next_bytes(bytes, &at);
		if (n > left || memcmp(bytes, name, n) != 0)
			return false;
		name += n;
		left -= n;
	}
	return left == 0;
}

bool member_has(const struct member *member, const char *text, char character) {
	const char *at = text + member->name.begin, *end = text + member->name.end;
	char bytes[4];

	while (at < end)
		if (next_bytes(bytes, &at) == 1 && bytes[0] == character)
			return true;
	return false;
}

int member_string(const struct member *member, const char *text, char **ret_string) {
	const char *at = text + member->value.begin + 1, *end = text + member->value.end - 1;
	char *string, *to;

	if (member->type != '"')
		return 1;
	string = to = malloc((size_t) (end - at) + 1);
	if (!string)
		return -ENOMEM;
	while (at < end)
		to += next_bytes(to, &at);
	*to = '\0';
	if (memchr(string, '\0', (size_t) (to - string))) {
		free(string);
		return 1;
	}
	*ret_string = string;
	return 0;
}

/* ---- values ---- */

int member_read(const struct member *member, const char *text, json_t **ret_value) {
	json_error_t error = {
		0}; /* jansson does not set the code where it only ran out of memory */
	json_t *value = json_loadb(text + member->value.begin, span_size(member->value),
				   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (value) {
		*ret_value = value;
		return 0;
	}
	/* The text is valid, so there is little else; jansson has no sure code for short memory. */
	switch (json_error_code(&error)) {
	case json_error_numeric_overflow:
	case json_error_duplicate_key:
	case json_error_null_character:
	case json_error_null_byte_in_key: return 1;
	default: return -ENOMEM;
	}
}

json_t *member_load(const struct member *member, const char *text) {
	json_t *value = NULL;

	(void) member_read(member, text, &value);
	return value;
}

size_t member_find(const struct member *member, const char *text, const char *const *names,
		   size_t n) {
	for (size_t i = 0; i < n; i++)
		if (member_is(member, text, names[i]))
			return i;
	return n;
}
