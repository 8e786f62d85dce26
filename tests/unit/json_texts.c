#include "tests/unit/json_texts.h"

#include <string.h>

unsigned json_text_pick(uint64_t *seed, unsigned below) {
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned) ((*seed >> 32) * below >> 32);
}

static unsigned pick(struct json_text *text, unsigned below) {
	return json_text_pick(text->seed, below);
}

static void put(struct json_text *text, const char *bytes) {
	size_t n = strlen(bytes);

	if (text->size + n > JSON_TEXT_MAX)
		return;
	memcpy(text->bytes + text->size, bytes, n);
	text->size += n;
}

#define PUT_ONE_OF(text, ...) \
	do { \
		static const char *const choices[] = {__VA_ARGS__}; \
		put(text, choices[pick(text, sizeof(choices) / sizeof(choices[0]))]); \
	} while (0)

static void put_space(struct json_text *text) {
	if (pick(text, 4) == 0)
		PUT_ONE_OF(text, " ", "\n", "\t", "\r", "  ", " \r\n\t");
}

static void put_number(struct json_text *text) {
	PUT_ONE_OF(text, "", "", "-");
	PUT_ONE_OF(text, "0", "1", "7", "10", "42", "65536", "9007199254740993");
	if (pick(text, 3) == 0)
		PUT_ONE_OF(text, ".0", ".5", ".25", ".001");
	if (pick(text, 4) == 0)
		PUT_ONE_OF(text, "e0", "E1", "e+2", "E-3", "e10", "e400", "e-400");
	if (pick(text, 40) == 0)
		put(text, "00000000000000000000");
}

static void put_string(struct json_text *text) {
	put(text, "\"");
	for (unsigned n = pick(text, 6); n > 0; n--)
		PUT_ONE_OF(text, "a", "key", "0123456789abcdef", " ", "/", "\\\\", "\\\"", "\\/",
			   "\\b", "\\n", "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
			   "\\u0000", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
			   "\xed\x9f\xbf", "\x7f");
	put(text, "\"");
}

static void put_value(struct json_text *text, unsigned depth) {
	unsigned kind = pick(text, depth > 0 ? 9 : 5);

	put_space(text);
	switch (kind) {
	case 0: PUT_ONE_OF(text, "true", "false", "null"); break;
	case 1:
	case 2: put_number(text); break;
	case 3:
	case 4: put_string(text); break;
	case 5:
	case 6:
		put(text, "[");
		for (unsigned n = pick(text, 4), i = 0; i < n; i++) {
			put(text, i > 0 ? "," : "");
			put_value(text, depth - 1);
		}
		put_space(text);
		put(text, "]");
		break;
	default:
		put(text, "{");
		for (unsigned n = pick(text, 4), i = 0; i < n; i++) {
			put(text, i > 0 ? "," : "");
			put_space(text);
			put_string(text);
			put_space(text);
			put(text, ":");
			put_value(text, depth - 1);
		}
		put_space(text);
		put(text, "}");
	}
	put_space(text);
}

/* A long array of one kind of values, most of the time: what a reader may take by the dozen. */
static void put_row(struct json_text *text) {
	static const char *const commas[] = {",", ",", ", ", ",\n", " ,"};
	const char *comma = commas[pick(text, 5)];
	unsigned kind = pick(text, 6);

	put(text, "[");
	for (unsigned n = pick(text, 90); n > 0 && text->size < JSON_TEXT_MAX - 150; n--) {
		switch (pick(text, 20) ? kind : pick(text, 6)) {
		case 0: PUT_ONE_OF(text, "1", "22", "333", "4444", "0", "-5", "666666666"); break;
		case 1: PUT_ONE_OF(text, "1.5", "0.25", "-10.0625", "2e3", "-0", "7"); break;
		case 2: put_number(text); break;
		case 3: put_string(text); break;
		case 4: PUT_ONE_OF(text, "[1,2]", "[1,2,3,4,5]", "{\"a\":1}", "[]", "{}"); break;
		default: put_value(text, 2);
		}
		put(text, n > 1 ? comma : "]");
	}
}

/* Bytes at which grammars part. */
static char odd_byte(struct json_text *text) {
	static const char odd[] =
		"\"\\/{}[]:,0123456789-+.eEtfnu \t\r\n\x00\x1f\x7f\x80\xa0\xbf\xc0\xc2\xe0"
		"\xed\xef\xf0\xf4\xf5\xff";

	return pick(text, 8) ? odd[pick(text, sizeof(odd) - 1)] : (char) pick(text, 256);
}

static void damage(struct json_text *text) {
	size_t at = pick(text, (unsigned) text->size + 1), n;

	switch (pick(text, 5)) {
	case 0:
		if (at < text->size)
			text->bytes[at] = odd_byte(text);
		break;
	case 1:
		memmove(text->bytes + at + 1, text->bytes + at, text->size - at);
		text->bytes[at] = odd_byte(text);
		text->size++;
		break;
	case 2:
		n = pick(text, 4);
		n = n < text->size - at ? n : text->size - at;
		memmove(text->bytes + at, text->bytes + at + n, text->size - at - n);
		text->size -= n;
		break;
	case 3: text->size = at; break;
	default:
		n = pick(text, 8);
		n = n < text->size - at ? n : text->size - at;
		memmove(text->bytes + at + n, text->bytes + at, text->size - at);
		text->size += n;
	}
}

void json_text_make(struct json_text *ret, uint64_t *seed) {
	ret->size = 0;
	ret->seed = seed;
	if (pick(ret, 3) == 0)
		put_row(ret);
	else
		put_value(ret, 4);
	for (unsigned n = pick(ret, 3); n > 0; n--)
		damage(ret);
}
