#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Texts for comparing JSON readers: JSON that uses all of the grammar, most of it damaged in up to two places, at
 * bytes where grammars part. The same seed gives the same texts.
 */
#define JSON_TEXT_MAX 512

struct json_text {
	char bytes[JSON_TEXT_MAX + 64];
	size_t size;
	uint64_t *seed;
};

/* Writes the next text; *seed moves on. */
void json_text_make(struct json_text *ret, uint64_t *seed);
/* A number below a bound, from the same sequence. */
unsigned json_text_pick(uint64_t *seed, unsigned below);
