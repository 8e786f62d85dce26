#include "protocol/json_scan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * How fast json_scan cuts an array of items, beside jansson, which builds their values: CPU time,
 * for each kind of item the median of several rounds. Usage: bench/json_scan
 * [MEGABYTES], 8 if left out.
 */
enum { ROUNDS = 7 };

struct text {
	char *bytes;
	size_t size, items;
};

static double now(void) {
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static int put_int(char *to, size_t i) {
	return sprintf(to, "%zu", i % 1000);
}

/* 65 bytes, as the measure of small objects. */
static int put_object(char *to, size_t i) {
	return sprintf(
		to,
		"{\"id\":%06zu,\"name\":\"user%06zu\",\"score\":0.%04zu,\"on\":true,\"x\":[1,2]}",
		100000 + i % 900000, i % 1000000, 1 + i % 9999);
}

static int put_plain(char *to, size_t i) {
	memset(to, 'a' + (int) (i % 26), 1024);
	to[0] = to[1023] = '"';
	return 1024;
}

/* An escape every 32 bytes. */
static int put_escaped(char *to, size_t i) {
	put_plain(to, i);
	for (size_t at = 32; at < 1000; at += 32)
		memcpy(to + at, "\\n", 2);
	return 1024;
}

/* Two bytes a character. */
static int put_cyrillic(char *to, size_t i) {
	(void) i;
	for (size_t at = 1; at < 1023; at += 2)
		memcpy(to + at, "\xd0\xb6", 2);
	to[0] = to[1023] = '"';
	return 1024;
}

static struct text make(int (*put)(char *, size_t), size_t size) {
	struct text text = {.bytes = malloc(size + 2048)};

	if (!text.bytes)
		abort();
	text.bytes[text.size++] = '[';
	while (text.size < size) {
		if (text.items > 0)
			text.bytes[text.size++] = ',';
		text.size += (size_t) put(text.bytes + text.size, text.items++);
	}
	text.bytes[text.size++] = ']';
	return text;
}

/* Cuts the array into its items. */
static double scan(const struct text *text) {
	struct json_scan scanner;
	struct json_scan_token token;
	double begin = now();
	size_t items = 0;

	json_scan_init(&scanner, 256, 1024, 1);
	do {
		if (json_scan_next(&scanner, text->bytes, text->size, true, &token) != 0) {
			fprintf(stderr, "at %zu: %s\n", scanner.pos, scanner.reason);
			exit(1);
		}
		if (token.event == JSON_SCAN_OPEN)
			json_scan_enter(&scanner);
		items += token.event == JSON_SCAN_VALUE;
	} while (token.event != JSON_SCAN_END);
	if (items != text->items)
		abort();
	return now() - begin;
}

static double load(const struct text *text) {
	double begin = now(), end;
	json_t *value = json_loadb(text->bytes, text->size, JSON_REJECT_DUPLICATES, NULL);

	end = now();
	if (json_array_size(value) != text->items)
		abort();
	json_decref(value);
	return end - begin;
}

static int compare(const void *a, const void *b) {
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Turn by turn, so that what slows the machine down slows both. */
static void medians(const struct text *text, double *ret_ours, double *ret_theirs) {
	double ours[ROUNDS], theirs[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = scan(text);
		theirs[i] = load(text);
	}
	qsort(ours, ROUNDS, sizeof *ours, compare);
	qsort(theirs, ROUNDS, sizeof *theirs, compare);
	*ret_ours = ours[ROUNDS / 2];
	*ret_theirs = theirs[ROUNDS / 2];
}

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		int (*put)(char *, size_t);
	} kinds[] = {
		{"small integers", put_int},       {"65-byte objects", put_object},
		{"1 KiB strings", put_plain},      {"1 KiB, escapes", put_escaped},
		{"1 KiB, Cyrillic", put_cyrillic},
	};
	size_t size = (argc > 1 ? (size_t) atol(argv[1]) : 8) << 20;

	printf("%-16s %10s %10s %8s %8s\n", "items", "json_scan", "jansson", "ratio", "ns/item");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct text text = make(kinds[i].put, size);
		double ours, theirs;

		medians(&text, &ours, &theirs);
		printf("%-16s %5.0f MB/s %5.0f MB/s %7.0fx %8.1f\n", kinds[i].name,
		       (double) text.size / ours / 1e6, (double) text.size / theirs / 1e6,
		       theirs / ours, ours * 1e9 / (double) text.items);
		free(text.bytes);
	}
	return 0;
}
