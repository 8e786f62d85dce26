#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/document.h"

/*
 * How fast a message is cut into its items, beside jansson, which builds their values: CPU time, for each kind of
 * item the median of several rounds. Usage: scan [MEGABYTES [KIND]], 1 of each kind if left out.
 */
enum { ROUNDS = 9, TRIES = 4 };

struct text {
	char *bytes;
	size_t size, items; /* without the NUL */
};

struct sample {
	double cut, validated, loaded, cycle; /* seconds */
};

static double now(void) {
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* ---- items ---- */

static unsigned pick(size_t i, unsigned below) {
	uint64_t hash = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (unsigned) ((hash >> 32) * below >> 32);
}

static int put_count(char *to, size_t i) {
	return sprintf(to, "%zu", i + 1);
}

/* One to seven digits. */
static int put_int(char *to, size_t i) {
	static const unsigned powers[] = {10, 100, 1000, 10000, 100000, 1000000, 10000000};

	return sprintf(to, "%u", pick(i, powers[pick(i + 7, 7)]));
}

/* As Python's json.dumps() has them. */
static int put_spaced(char *to, size_t i) {
	to[0] = ' ';
	return (i > 0) + put_int(to + (i > 0), i);
}

static int put_real(char *to, size_t i) {
	return sprintf(to, "%s%.*g", i % 3 ? "" : "-", 2 + (int) pick(i, 16),
		       1 + pick(i + 1, 1000000) / 7e3);
}

/* Up to 20 characters. */
static int put_word(char *to, size_t i) {
	return sprintf(to, "\"%.*s\"", (int) pick(i, 21), "the quick brown fox jumps");
}

static int put_mixed(char *to, size_t i) {
	switch (pick(i, 4)) {
	case 0: return sprintf(to, "null");
	case 1: return put_real(to, i);
	case 2: return put_word(to, i);
	default: return put_int(to, i);
	}
}

/* 65 bytes, as the measure of small objects. */
static int put_object(char *to, size_t i) {
	return sprintf(
		to,
		"{\"id\":%06zu,\"name\":\"user%06zu\",\"score\":0.%04zu,\"on\":true,\"x\":[1,2]}",
		100000 + i % 900000, i % 1000000, 1 + i % 9999);
}

/* The same, with spaces and of different lengths. */
static int put_loose_object(char *to, size_t i) {
	return sprintf(
		to, "{\"id\": %u, \"name\": \"%.*s\", \"score\": %.*f, \"on\": %s, \"x\": [1, %u]}",
		pick(i, 1000000), (int) pick(i + 1, 14), "the quick brown fox",
		(int) pick(i + 2, 6), pick(i + 3, 1000) / 7.0, pick(i + 4, 2) ? "true" : "false",
		pick(i + 5, 1000));
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

/* Two bytes a character, spaces between the words. */
static int put_cyrillic(char *to, size_t i) {
	for (size_t at = 1, n = 0; at < 1023; at += 2, n++)
		memcpy(to + at, pick(n + i, 7) ? "\xd0\xb6" : ", ", 2);
	to[0] = to[1023] = '"';
	return 1024;
}

/* Three bytes a character. */
static int put_chinese(char *to, size_t i) {
	(void) i;
	for (size_t at = 1; at < 1020; at += 3)
		memcpy(to + at, "\xe6\xb1\x89", 3);
	to[0] = to[1021] = '"';
	return 1022;
}

/* A message with as many items as make up the size. */
static struct text make(int (*put)(char *, size_t), size_t size) {
	struct text text = {.bytes = malloc(size + 2048)};

	if (!text.bytes)
		abort();
	text.size = (size_t) sprintf(text.bytes, "{\"results\":[");
	while (text.size < size) {
		if (text.items > 0)
			text.bytes[text.size++] = ',';
		text.size += (size_t) put(text.bytes + text.size, text.items++);
	}
	text.size += (size_t) sprintf(text.bytes + text.size, "]}");
	return text;
}

/* ---- measures ---- */

/* A chain of multiplications, of which each takes three cycles on x86-64 and on most of arm64. */
static double cycle(void) {
	enum { LINKS = 300000 };
	uint64_t product = 3, factor = UINT64_C(0x9e3779b97f4a7c15);
	double begin;

	__asm__ volatile("" : "+r"(factor)); /* that it is not known, and no shorter way is found */
	begin = now();
	for (unsigned i = 0; i < LINKS; i++) {
		product *= factor;
		__asm__ volatile("" : "+r"(product));
	}
	return (now() - begin) / (3.0 * LINKS);
}

/* Finds the end of the message, validates it, and notes where each item ends. */
static double cut(const struct text *text) {
	static const struct document_shape shape = {.array = "results", .lenient_numbers = true};
	static const struct limits limits = {.item = LIMIT_ITEM};
	double begin = now(), end;
	struct document doc;

	document_init(&doc, &shape, &limits);
	if (document_feed(&doc, text->bytes, text->size + 1) != DOCUMENT_WHOLE) {
		fprintf(stderr, "at %zu: %s\n", doc.offset, doc.reason);
		exit(1);
	}
	end = now();
	if (doc.elements.count != text->items ||
	    doc.elements.ends[text->items - 1] != text->size - 2)
		abort();
	document_done(&doc);
	return end - begin;
}

static double validate(const struct text *text) {
	struct json_scan scanner;
	struct json_scan_token token;
	double begin = now();

	json_scan_init(&scanner, 256, 1024, 0);
	do
		if (json_scan_next(&scanner, text->bytes, text->size, true, &token) != 0)
			abort();
	while (token.event != JSON_SCAN_END);
	return now() - begin;
}

static double load(const struct text *text) {
	double begin = now(), end;
	json_t *value = json_loadb(text->bytes, text->size, JSON_REJECT_DUPLICATES, NULL);

	end = now();
	if (json_array_size(json_object_get(value, "results")) != text->items)
		abort();
	json_decref(value);
	return end - begin;
}

static int compare(const void *a, const void *b) {
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static double median(const double *first) {
	double sorted[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		sorted[i] = *(const double *) ((const char *) first +
					       (size_t) i * sizeof(struct sample));
	qsort(sorted, ROUNDS, sizeof(*sorted), compare);
	return sorted[ROUNDS / 2];
}

/* The best of some tries: the text comes from the caches, as it does just after it was received. */
static double best(double (*run)(const struct text *), const struct text *text) {
	double least = run(text), time;

	for (int i = 1; i < TRIES; i++)
		if ((time = run(text)) < least)
			least = time;
	return least;
}

/* Turn by turn, so that what slows the machine down slows all of them. */
static struct sample measure(const struct text *text) {
	struct sample rounds[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		rounds[i].cycle = cycle();
		rounds[i].cut = best(cut, text);
		rounds[i].validated = best(validate, text);
		rounds[i].loaded = load(text);
	}
	return (struct sample) {
		.cut = median(&rounds->cut),
		.validated = median(&rounds->validated),
		.loaded = median(&rounds->loaded),
		.cycle = median(&rounds->cycle),
	};
}

static void print(const char *name, const struct text *text) {
	struct sample sample = measure(text);
	double megabytes = (double) text->size / 1e6;
	double cycles = sample.cut / sample.cycle;

	printf("%-16s %5.0f MB/s %7.2f %8.1f %7.0f MB/s %5.0f MB/s %6.0fx\n", name,
	       megabytes / sample.cut, cycles / (double) text->size, cycles / (double) text->items,
	       megabytes / sample.validated, megabytes / sample.loaded, sample.loaded / sample.cut);
}

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		int (*put)(char *, size_t);
	} kinds[] = {
		{"1, 2, 3 …", put_count},          {"small integers", put_int},
		{"with a space", put_spaced},      {"reals", put_real},
		{"short strings", put_word},       {"mixed", put_mixed},
		{"65-byte objects", put_object},   {"loose objects", put_loose_object},
		{"1 KiB strings", put_plain},      {"1 KiB, escapes", put_escaped},
		{"1 KiB, Cyrillic", put_cyrillic}, {"1 KiB, Chinese", put_chinese},
	};
	size_t size = (argc > 1 ? (size_t) atol(argv[1]) : 1) << 20;

	printf("%-16s %10s %7s %8s %12s %10s %7s\n", "items", "cut", "cycles", "cycles",
	       "validated", "jansson", "ratio");
	printf("%-16s %10s %7s %8s %12s %10s %7s\n", "", "", "/byte", "/item", "", "", "");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct text text;

		if (argc > 2 && strcmp(argv[2], kinds[i].name) != 0)
			continue;
		text = make(kinds[i].put, size);
		print(kinds[i].name, &text);
		free(text.bytes);
	}
	return 0;
}
