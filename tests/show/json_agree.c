#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/json_scan.h"
#include "tests/unit/json_texts.h"

/*
 * json_agree NUMBER FILE…: asks json_scan and jansson about each file and NUMBER generated texts. Prints how many
 * they agreed on, and how many fell under each known difference; ends with 1 at the first text that is neither.
 * Of every 16th array both take, the elements are compared too.
 */
enum verdict { TAKEN, REFUSED, NUMBER, NUL_IN_NAME, NUL_BYTE, DEPTH, VERDICTS };

static const char *const names[VERDICTS] = {
	[TAKEN] = "taken by both",
	[REFUSED] = "refused by both",
	[NUMBER] = "a number out of jansson's range, which json_scan passes through as text",
	[NUL_IN_NAME] = "the escape of NUL in a name, which jansson's names cannot hold",
	[NUL_BYTE] =
		"a NUL byte, which jansson swallows behind a number and json_scan always refuses",
	[DEPTH] = "deeper than json_scan's limit of 256, and within jansson's of 2048",
};

static json_t *load(const char *bytes, size_t size, json_error_t *error) {
	return json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

/* In two pieces. whole: compare the elements with these; NULL: no part is reported, as is fastest. Returns json_scan's
 * verdict, -1 if an element differs. */
static int scan(const char *bytes, size_t size, size_t piece, const json_t *whole) {
	struct json_scan scanner;
	struct json_scan_token token;
	size_t there = piece, index = 0;
	json_t *element;
	int r;

	json_scan_init(&scanner, 256, 1024, whole ? 1 : 0);
	for (;;) {
		r = json_scan_next(&scanner, bytes, there, there == size, &token);
		if (r != 0 || token.event == JSON_SCAN_END)
			break;
		if (token.event == JSON_SCAN_MORE)
			there = size;
		if (token.event == JSON_SCAN_OPEN)
			json_scan_enter(&scanner);
		if (!whole || token.event != JSON_SCAN_VALUE || token.level != 1)
			continue;
		element = load(bytes + token.begin, token.end - token.begin, NULL);
		r = json_equal(json_array_get(whole, index++), element);
		json_decref(element);
		if (!r)
			return -1;
	}
	return r == 0 && whole && index != json_array_size(whole) ? -1 : r;
}

static enum verdict judge(const char *bytes, size_t size, size_t piece, bool closely) {
	json_error_t error;
	json_t *value = load(bytes, size, &error);
	int r = scan(bytes, size, piece, closely && json_is_array(value) ? value : NULL);
	enum verdict verdict = VERDICTS;

	if (value && r == 0)
		verdict = memchr(bytes, '\0', size) ? VERDICTS : TAKEN;
	else if (value && r == JSON_SCAN_E_DEPTH)
		verdict = DEPTH;
	else if (value && r > 0)
		verdict = memchr(bytes, '\0', size) ? NUL_BYTE : VERDICTS;
	else if (!value && r > 0)
		verdict = REFUSED;
	else if (!value && r == 0 && json_error_code(&error) == json_error_numeric_overflow)
		verdict = NUMBER;
	else if (!value && r == 0 && json_error_code(&error) == json_error_null_byte_in_key)
		verdict = NUL_IN_NAME;
	json_decref(value);
	if (verdict == VERDICTS) {
		printf("they disagree about %.*s\n", (int) size, bytes);
		exit(1);
	}
	return verdict;
}

static enum verdict judge_file(const char *path) {
	static char bytes[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	return judge(bytes, size, size / 2, true);
}

int main(int argc, char **argv) {
	unsigned long counts[VERDICTS] = {0}, texts = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	double begin = (double) clock() / CLOCKS_PER_SEC;
	uint64_t seed = 20260101;
	size_t bytes = 0;

	for (int i = 2; i < argc; i++)
		counts[judge_file(argv[i])]++;
	for (unsigned long i = 0; i < texts; i++) {
		struct json_text text;

		json_text_make(&text, &seed);
		bytes += text.size;
		counts[judge(text.bytes, text.size, json_text_pick(&seed, (unsigned) text.size + 1),
			     i % 16 == 0)]++;
	}
	printf("%d files and %lu generated texts, %zu bytes, in %.1f s of CPU time\n",
	       argc > 2 ? argc - 2 : 0, texts, bytes, (double) clock() / CLOCKS_PER_SEC - begin);
	printf("agreed: %lu\n", counts[TAKEN] + counts[REFUSED]);
	for (int i = 0; i < VERDICTS; i++)
		printf("%10lu %s\n", counts[i], names[i]);
	return 0;
}
