#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/pattern.h"

#define DEPTH 512

void quotes_expand(char *text) {
	for (; *text; text++)
		if (*text == '\'')
			*text = '"';
}

/* One token outside strings; returns how many characters of the text it took. */
static size_t expand_token(const char *text, bool in_array, FILE *out) {
	if (text[0] == '*') {
		fputs("\"*\"", out);
		return 1;
	}
	if (strncmp(text, "...", 3) == 0) {
		fputs(in_array ? "\"...\"" : "\"...\":null", out);
		return 3;
	}
	fputc(text[0], out);
	return 1;
}

char *pattern_expand(const char *text) {
	char *expanded = NULL, stack[DEPTH];
	size_t size, depth = 0;
	bool string = false;
	FILE *out = open_memstream(&expanded, &size);

	while (*text) {
		if (*text == '\'' || *text == '"') {
			string = !string;
			fputc('"', out);
			text++;
		} else if (string) {
			if (*text == '\\' && text[1])
				fputc(*text++, out);
			fputc(*text++, out);
		} else {
			if ((*text == '{' || *text == '[') && depth < DEPTH)
				stack[depth++] = *text;
			else if ((*text == '}' || *text == ']') && depth > 0)
				depth--;
			text += expand_token(text, depth > 0 && stack[depth - 1] == '[', out);
		}
	}
	fclose(out);
	return expanded;
}

static bool match_at(const json_t *pattern, const json_t *value, const char *path, char *why,
		     size_t size);

static bool refuse(const char *path, const char *reason, const json_t *value, char *why,
		   size_t size) {
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	snprintf(why, size, "%s: %s%s%.200s", *path ? path : "message", reason,
		 value ? ", not " : "", text ? text : "");
	free(text);
	return false;
}

/* A string of the pattern that begins with ~. Returns NULL if the value belongs to the class. */
static const char *match_class(const char *class, const json_t *value) {
	bool fits;

	if (strncmp(class, "has:", 4) == 0)
		fits = json_is_string(value) && strstr(json_string_value(value), class + 4);
	else if (strncmp(class, "min:", 4) == 0)
		fits = json_is_integer(value) && json_integer_value(value) >= atoll(class + 4);
	else if (strncmp(class, "max:", 4) == 0)
		fits = json_is_integer(value) && json_integer_value(value) <= atoll(class + 4);
	else if (strcmp(class, "int") == 0)
		fits = json_is_integer(value);
	else if (strcmp(class, "number") == 0)
		fits = json_is_number(value);
	else if (strcmp(class, "string") == 0)
		fits = json_is_string(value);
	else if (strcmp(class, "array") == 0)
		fits = json_is_array(value);
	else if (strcmp(class, "object") == 0)
		fits = json_is_object(value);
	else if (strcmp(class, "bool") == 0)
		fits = json_is_boolean(value);
	else
		return "(a class that pattern.c does not know)";
	return fits ? NULL : class;
}

static bool match_string(const json_t *pattern, const json_t *value, const char *path, char *why,
			 size_t size) {
	const char *text = json_string_value(pattern), *class;
	char reason[256];

	if (strcmp(text, "*") == 0)
		return true;
	if (text[0] != '~') {
		snprintf(reason, sizeof(reason), "expected \"%.200s\"", text);
		return json_equal(pattern, value) || refuse(path, reason, value, why, size);
	}
	class = match_class(text + 1, value);
	snprintf(reason, sizeof(reason), "expected ~%.200s", class ? class : "");
	return class == NULL || refuse(path, reason, value, why, size);
}

static bool match_object(const json_t *pattern, const json_t *value, const char *path, char *why,
			 size_t size) {
	bool open = json_object_get(pattern, "...") != NULL;
	const char *key;
	const json_t *member;
	char below[512];

	if (!json_is_object(value))
		return refuse(path, "expected an object", value, why, size);
	json_object_foreach((json_t *) pattern, key, member) {
		if (strcmp(key, "...") == 0)
			continue;
		snprintf(below, sizeof(below), "%.400s.%.100s", path, key);
		if (!json_object_get(value, key))
			return refuse(below, "is missing", NULL, why, size);
		if (!match_at(member, json_object_get(value, key), below, why, size))
			return false;
	}
	json_object_foreach((json_t *) value, key, member) {
		snprintf(below, sizeof(below), "%.400s.%.100s", path, key);
		if (!open && !json_object_get(pattern, key))
			return refuse(below, "expected no such member", member, why, size);
	}
	return true;
}

static bool match_array(const json_t *pattern, const json_t *value, const char *path, char *why,
			size_t size) {
	size_t n = json_array_size(pattern);
	const char *last = n ? json_string_value(json_array_get(pattern, n - 1)) : NULL;
	bool open = last && strcmp(last, "...") == 0;
	char below[512], reason[64];

	if (!json_is_array(value))
		return refuse(path, "expected an array", value, why, size);
	if (open)
		n--;
	if (json_array_size(value) < n || (!open && json_array_size(value) > n)) {
		snprintf(reason, sizeof(reason), "expected %zu elements", n);
		return refuse(path, reason, value, why, size);
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(below, sizeof(below), "%.400s[%zu]", path, i);
		if (!match_at(json_array_get(pattern, i), json_array_get(value, i), below, why,
			      size))
			return false;
	}
	return true;
}

static bool match_at(const json_t *pattern, const json_t *value, const char *path, char *why,
		     size_t size) {
	char reason[256];
	char *text;

	if (json_is_object(pattern))
		return match_object(pattern, value, path, why, size);
	if (json_is_array(pattern))
		return match_array(pattern, value, path, why, size);
	if (json_is_string(pattern))
		return match_string(pattern, value, path, why, size);
	if (json_equal(pattern, value))
		return true;
	text = json_dumps(pattern, JSON_ENCODE_ANY);
	snprintf(reason, sizeof(reason), "expected %.200s", text);
	free(text);
	return refuse(path, reason, value, why, size);
}

bool pattern_match(const json_t *pattern, const json_t *value, char *why, size_t size) {
	return match_at(pattern, value, "", why, size);
}
