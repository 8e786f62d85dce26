#include "protocol/json_scan.h"

#include <jansson.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Promises: json_scan takes what jansson takes, and refuses what it refuses for another reason
 * than its own limits; the sizes of the reads change nothing; a token lies within the text, after
 * its predecessor. */

#define DEPTH   64
#define ROOM    48
#define LARGEST 200 /* bytes of an element that is collected */

struct outcome {
	int r;
	size_t pos;
	uint32_t tokens; /* a digest of them */
	char types[8];   /* of the containers entered */
};

static void add(struct outcome *outcome, size_t field) {
	outcome->tokens = (outcome->tokens ^ (uint32_t) field) * 16777619;
}

/* Of an element that may be collected only what is known then: which of them are depends on when
 * there was room. */
static void digest(struct outcome *outcome, const struct json_scan_token *token) {
	const size_t fields[] = {token->event,       token->begin,  token->end,  token->level,
				 token->long_number, token->number, token->type, token->escaped};

	if (token->event == JSON_SCAN_VALUE && token->level > 0 &&
	    outcome->types[token->level - 1] == '[' && !token->long_number &&
	    token->end - token->begin <= LARGEST) {
		add(outcome, token->end);
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		add(outcome, fields[i]);
}

/* The next token, and the elements before it. */
static int next(struct outcome *outcome, struct json_scan *scanner, const char *text, size_t size,
		bool last, struct json_scan_token *ret) {
	uint32_t ends[ROOM];
	int r;

	scanner->ends = ends;
	if (scanner->entered > 0 && outcome->types[scanner->entered - 1] == '[')
		json_scan_collect(scanner, ends, ROOM, LARGEST);
	r = json_scan_next(scanner, text, size, last, ret);
	FUZZ_CHECK(scanner->ends >= ends && scanner->ends <= ends + ROOM);
	for (const uint32_t *end = ends; end < scanner->ends; end++)
		add(outcome, *end);
	return r;
}

static struct outcome scan(const uint8_t *data, size_t size, unsigned levels, uint32_t *seed) {
	struct outcome outcome = {0};
	struct json_scan scanner;
	struct json_scan_token token;
	size_t there = seed ? 0 : size;

	/* Windows of numbers are for where no number in them can be too long. */
	json_scan_init(&scanner, DEPTH, levels % 2 ? 80 : 8, levels);
	for (;;) {
		char *copy = fuzz_copy(data, there);

		do {
			outcome.r = next(&outcome, &scanner, copy, there, there == size, &token);
			if (outcome.r != 0 || token.event == JSON_SCAN_MORE)
				break;
			FUZZ_CHECK(token.begin <= token.end && token.end <= scanner.pos);
			FUZZ_CHECK(scanner.pos <= there && token.level <= levels);
			digest(&outcome, &token);
			if (token.event == JSON_SCAN_OPEN &&
			    (copy[token.begin] == '[' || levels > 1)) {
				json_scan_enter(&scanner);
				outcome.types[token.level - 1] = token.type;
			}
		} while (token.event != JSON_SCAN_END);
		free(copy);
		if (outcome.r != 0 || token.event == JSON_SCAN_END)
			break;
		FUZZ_CHECK(there < size);
		there += 1 + fuzz_next(seed, size - there);
	}
	outcome.pos = scanner.pos;
	return outcome;
}

static int depth_of(const uint8_t *data, size_t size) {
	int depth = 0;

	for (size_t i = 0; i < size; i++)
		depth += data[i] == '[' || data[i] == '{';
	return depth;
}

static void compare(const uint8_t *data, size_t size, int r) {
	json_error_t error = {0};
	json_t *value =
		json_loadb((const char *) data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	enum json_error_code code = value ? json_error_unknown : json_error_code(&error);

	if (memchr(data, '\0', size))
		FUZZ_CHECK(r != 0); /* jansson swallows a NUL byte after a number */
	else if (value)
		FUZZ_CHECK(r == 0 || (r == JSON_SCAN_E_DEPTH && depth_of(data, size) > DEPTH));
	else if (code != json_error_numeric_overflow && code != json_error_null_byte_in_key)
		FUZZ_CHECK(r != 0);
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	uint32_t seed = fuzz_seed(data, size);

	for (unsigned levels = 0; levels <= 3; levels++) {
		struct outcome whole = scan(data, size, levels, NULL);
		struct outcome pieces = scan(data, size, levels, &seed);

		FUZZ_CHECK(whole.r == pieces.r && whole.pos == pieces.pos);
		FUZZ_CHECK(whole.tokens == pieces.tokens);
		compare(data, size, whole.r);
	}
	return 0;
}
