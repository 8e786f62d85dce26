#include "tests/contract/interface.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* -------- reading -------- */

struct reader {
	const char *at;
	unsigned line, token_line;
	char token[512];    /* a word, "->", one other character, or "" at the end */
	char flag[128];     /* what stands in brackets in the comment before a member */
	unsigned failed_at; /* line of the first token that makes no sense; 0 = none */
};

static void fail(struct reader *reader) {
	if (!reader->failed_at)
		reader->failed_at = reader->token_line;
}

static bool is_word(char c) {
	return isalnum((unsigned char) c) || c == '_' || c == '.' || c == '-';
}

/* A comment line is "# [Supports 'more' flag]" or no matter. */
static void read_comment(struct reader *reader) {
	size_t length = strcspn(reader->at, "\n");

	if (strncmp(reader->at, "# [", 3) == 0 && length > 4 && length - 4 < sizeof reader->flag) {
		memcpy(reader->flag, reader->at + 3, length - 4);
		reader->flag[length - 4] = '\0';
	}
	reader->at += length;
}

static void skip_blanks(struct reader *reader) {
	for (;; reader->at++) {
		if (*reader->at == '#')
			read_comment(reader);
		if (*reader->at == '\n')
			reader->line++;
		else if (!isspace((unsigned char) *reader->at))
			return;
	}
}

static void next(struct reader *reader) {
	size_t length = 0;

	skip_blanks(reader);
	reader->token_line = reader->line;
	if (strncmp(reader->at, "->", 2) == 0)
		length = 2;
	else if (is_word(*reader->at))
		while (is_word(reader->at[length]))
			length++;
	else if (*reader->at)
		length = 1;
	if (length >= sizeof reader->token) {
		fail(reader);
		length = 0;
	}
	memcpy(reader->token, reader->at, length);
	reader->token[length] = '\0';
	reader->at += length;
}

static bool is(const struct reader *reader, const char *token) {
	return strcmp(reader->token, token) == 0;
}

static void expect(struct reader *reader, const char *token) {
	if (!is(reader, token))
		fail(reader);
	else
		next(reader);
}

/* Goes on until a comma or bracket that does not belong to the type. */
static json_t *read_type(struct reader *reader) {
	char type[1024] = "";
	int depth = 0;
	bool after_word = false;

	while (depth > 0 || !(is(reader, ",") || is(reader, ")"))) {
		bool word = is_word(reader->token[0]);

		if (is(reader, "") || (word && after_word) ||
		    strlen(type) + strlen(reader->token) >= sizeof type) {
			fail(reader);
			break;
		}
		after_word = word;
		depth += is(reader, "(") - is(reader, ")");
		strcat(type, reader->token);
		next(reader);
	}
	if (type[0] == '\0')
		fail(reader);
	return json_string(type);
}

/* "(name: type, …)" or "(value, …)"; the opening bracket is the token at hand. */
static json_t *read_list(struct reader *reader, bool *ret_values) {
	json_t *list = json_array();

	*ret_values = false;
	expect(reader, "(");
	while (!reader->failed_at && !is(reader, ")")) {
		json_t *entry = json_array();

		if (!is_word(reader->token[0]))
			fail(reader);
		json_array_append_new(entry, json_string(reader->token));
		next(reader);
		if (is(reader, ":")) {
			next(reader);
			json_array_append_new(entry, read_type(reader));
		} else {
			json_array_append_new(entry, json_string(""));
			*ret_values = true;
		}
		json_array_append_new(list, entry);
		if (!is(reader, ")"))
			expect(reader, ",");
	}
	reader->flag[0] = '\0'; /* of a field's comment */
	expect(reader, ")");
	return list;
}

static void read_member(struct reader *reader, json_t *members) {
	json_t *member = json_object();
	char kind[16], name[600];
	bool values, is_type;

	snprintf(kind, sizeof kind, "%.15s", reader->token);
	is_type = strcmp(kind, "type") == 0;
	if (!is_type && strcmp(kind, "method") != 0 && strcmp(kind, "error") != 0)
		fail(reader);
	if (reader->flag[0])
		json_object_set_new(member, "flag", json_string(reader->flag));
	reader->flag[0] = '\0';
	next(reader);
	snprintf(name, sizeof name, "%s %s", kind, reader->token);
	if (json_object_get(members, name))
		fail(reader);
	next(reader);
	json_t *list = read_list(reader, &values);

	json_object_set_new(member, values ? "values" : is_type ? "fields" : "in", list);
	if (strcmp(kind, "method") == 0) {
		expect(reader, "->");
		json_object_set_new(member, "out", read_list(reader, &values));
	}
	json_object_set_new(members, name, member);
}

json_t *interface_parse(const char *text, unsigned *ret_line) {
	struct reader reader = {.at = text, .line = 1};
	json_t *members = json_object();

	next(&reader);
	expect(&reader, "interface");
	next(&reader); /* its name */
	reader.flag[0] = '\0';
	while (!reader.failed_at && !is(&reader, ""))
		read_member(&reader, members);
	if (!reader.failed_at)
		return members;
	json_decref(members);
	*ret_line = reader.failed_at;
	return NULL;
}

/* -------- comparing -------- */

/* Types inside types; more would be a circle. */
#define MAX_NESTING 16

static const char *part(const json_t *list, size_t i, size_t which) {
	return json_string_value(json_array_get(json_array_get(list, i), which));
}

/* Its place in the list, or the list's length. */
static size_t find(const json_t *list, const char *name) {
	size_t i = 0;

	while (i < json_array_size(list) && strcmp(part(list, i, 0), name) != 0)
		i++;
	return i;
}

static void complain(json_t *breaches, const char *member, const char *list, const char *entry,
		     const char *what) {
	json_array_append_new(breaches, json_sprintf("%s: %s %s %s", member, list, entry, what));
}

/* Those that were released, in their order: bindings pass parameters by position. */
static void compare_released(json_t *breaches, const char *member, const char *list,
			     const json_t *was, const json_t *is_now) {
	bool in_order = true;

	for (size_t i = 0; i < json_array_size(was); i++) {
		const char *name = part(was, i, 0);
		size_t place = find(is_now, name);
		bool removed = place == json_array_size(is_now);

		if (removed)
			complain(breaches, member, list, name, "was removed");
		else if (strcmp(part(is_now, place, 1), part(was, i, 1)) != 0)
			complain(breaches, member, list, name, "changed its type");
		else if (in_order && place != i)
			complain(breaches, member, list, name, "was moved");
		in_order &= !removed && place == i;
	}
}

/* Those that were not: whoever does not know them must be able to go on. */
static void compare_added(json_t *breaches, const char *member, const char *list, const json_t *was,
			  const json_t *is_now, bool received) {
	for (size_t i = 0; i < json_array_size(is_now); i++) {
		const char *name = part(is_now, i, 0);

		if (find(was, name) < json_array_size(was))
			continue;
		if (strcmp(list, "values") != 0) {
			if (part(is_now, i, 1)[0] != '?')
				complain(breaches, member, list, name,
					 "was added and is not nullable");
		} else if (received) {
			complain(breaches, member, list, name,
				 "was added, and clients that do not know it receive it");
		}
	}
}

static bool mentions(const json_t *list, const char *type) {
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = part(list, i, 1), *found;
		size_t length = strlen(type);

		for (found = text; (found = strstr(found, type)); found++)
			if ((found == text || !is_word(found[-1])) && !is_word(found[length]))
				return true;
	}
	return false;
}

/* Whether clients get values of the type: in a reply, in an error, or inside a type they get.
 * depth: how many types may lie around it. */
static bool is_received(json_t *members, const char *type, size_t depth) {
	const char *name;
	json_t *member;

	json_object_foreach(members, name, member) {
		if (mentions(json_object_get(member, "out"), type))
			return true;
		if (strncmp(name, "error ", 6) == 0 &&
		    mentions(json_object_get(member, "in"), type))
			return true;
		if (depth > 0 && strncmp(name, "type ", 5) == 0 &&
		    mentions(json_object_get(member, "fields"), type) &&
		    is_received(members, name + 5, depth - 1))
			return true;
	}
	return false;
}

static void compare_member(json_t *breaches, const char *member, json_t *was, json_t *is_now,
			   bool received) {
	static const char *const lists[] = {"in", "out", "fields", "values"};
	const char *flag = json_string_value(json_object_get(was, "flag"));
	const char *flag_now = json_string_value(json_object_get(is_now, "flag"));

	if (flag && (!flag_now || strcmp(flag, flag_now) != 0))
		complain(breaches, member, "the flag", flag, "was removed");
	/* A method can learn to stream; it cannot begin to insist on a flag. */
	if (flag_now && !flag && strncmp(flag_now, "Requires", 8) == 0)
		complain(breaches, member, "the flag", flag_now, "was added");
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		json_t *a = json_object_get(was, lists[i]), *b = json_object_get(is_now, lists[i]);

		compare_released(breaches, member, lists[i], a, b);
		compare_added(breaches, member, lists[i], a, b, received);
	}
}

json_t *interface_breaches(json_t *released, json_t *current) {
	json_t *breaches = json_array();
	const char *name;
	json_t *was;

	json_object_foreach(released, name, was) {
		json_t *is_now = json_object_get(current, name);

		if (is_now)
			compare_member(breaches, name, was, is_now,
				       strncmp(name, "type ", 5) == 0 &&
					       is_received(current, name + 5, MAX_NESTING));
		else
			json_array_append_new(breaches, json_sprintf("%s was removed", name));
	}
	return breaches;
}
