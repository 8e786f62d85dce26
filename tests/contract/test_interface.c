/* The interface that the daemon serves keeps what the released one promised; and what makes the comparer say so. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/interface.h"
#include "tests/contract/interface.h"

static char *read_released(void) {
	FILE *file = fopen(RELEASED, "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert(file, "%s is missing", RELEASED);
	cr_assert(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

static json_t *parse(const char *text) {
	unsigned line = 0;
	json_t *members = interface_parse(text, &line);

	cr_assert(members, "line %u of the interface cannot be read:\n%s", line, text);
	return members;
}

/* Returns the breaches, a line each; to be freed. */
static char *compare(const char *released, const char *current) {
	json_t *a = parse(released), *b = parse(current), *breaches = interface_breaches(a, b);
	char *lines = NULL;
	size_t size = 0, i;
	FILE *stream = open_memstream(&lines, &size);
	json_t *breach;

	json_array_foreach(breaches, i, breach)
		fprintf(stream, "%s%s", i ? "\n" : "", json_string_value(breach));
	fclose(stream);
	json_decref(a);
	json_decref(b);
	json_decref(breaches);
	return lines;
}

Test(interface, keeps_what_was_released) {
	char *released = read_released(), *breaches = compare(released, interface_description);

	cr_expect_str_eq(breaches, "");
	free(breaches);
	free(released);
}

Test(interface, is_read_in_full) {
	json_t *members = parse(interface_description);
	const char *lines = interface_description;
	size_t n = 0;
	json_t *map = json_object_get(members, "method Map");

	for (const char *line = lines; line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		n += strncmp(line, "type ", 5) == 0 || strncmp(line, "method ", 7) == 0 ||
		     strncmp(line, "error ", 6) == 0;
	cr_expect_eq(json_object_size(members), n);
	cr_expect_gt(n, 40);
	cr_expect_str_eq(json_string_value(json_object_get(map, "flag")), "Supports 'more' flag");
	cr_expect_str_eq(json_string_value(
				 json_array_get(json_array_get(json_object_get(map, "out"), 2), 1)),
			 "?[]?object");
	json_decref(members);
}

/* Part of the released interface, what it becomes, and what must be said of that. */
struct change {
	const char *part, *becomes, *breaches;
};

static void check_changes(const struct change *changes, size_t n) {
	char *released = read_released();

	for (size_t i = 0; i < n; i++) {
		const struct change *change = &changes[i];
		char *found = strstr(released, change->part), *changed, *breaches;

		cr_assert(found, "the released interface has no '%s'", change->part);
		cr_assert(asprintf(&changed, "%.*s%s%s", (int) (found - released), released,
				   change->becomes, found + strlen(change->part)) > 0);
		breaches = compare(released, changed);
		cr_expect_str_eq(breaches, change->breaches, "%s -> %s:\n%s", change->part,
				 change->becomes, breaches);
		free(breaches);
		free(changed);
	}
	free(released);
}

#define CHECK(changes) check_changes(changes, sizeof changes / sizeof *changes)

Test(interface, may_not_lose_a_member) {
	static const struct change changes[] = {
		{"method Cancel(request: string) -> ()", "", "method Cancel was removed"},
		{"method Cancel(", "method Stop(", "method Cancel was removed"},
		{"error Nested(worker: int)", "", "error Nested was removed"},
		{"error TooDeep(", "error TooNested(", "error TooDeep was removed"},
		{"type Summary (", "type Totals (", "type Summary was removed"},
		/* Not what it was, though something has its name. */
		{"method Cancel(request: string) -> ()", "error Cancel(request: string)",
		 "method Cancel was removed"},
	};

	CHECK(changes);
}

Test(interface, may_not_lose_a_parameter_or_field) {
	static const struct change changes[] = {
		{"Cancel(request: string)", "Cancel()", "method Cancel: in request was removed"},
		{"Cancel(request: string)", "Cancel(id: string)",
		 "method Cancel: in request was removed\n"
		 "method Cancel: in id was added and is not nullable"},
		{"-> (before: int)", "-> ()", "method Resize: out before was removed"},
		{"  attempts: int,\n", "", "type ItemError: fields attempts was removed"},
		{"  attempts: int,\n", "  tries: ?int,\n",
		 "type ItemError: fields attempts was removed"},
		{"(limit: int, index: int)", "(limit: int)",
		 "error ItemTooLarge: in index was removed"},
		{"(ordered, unordered)", "(ordered)", "type Order: values unordered was removed"},
	};

	CHECK(changes);
}

Test(interface, may_not_change_a_type) {
	static const struct change changes[] = {
		{"Cancel(request: string)", "Cancel(request: int)",
		 "method Cancel: in request changed its type"},
		{"items: []?object,", "items: []object,", "method Map: in items changed its type"},
		{"timings: ?bool", "timings: bool",
		 "type Options: fields timings changed its type"},
		{"-> (before: int)", "-> (before: ?int)",
		 "method Resize: out before changed its type"},
		{"(item: ItemError)", "(item: Options)",
		 "error ItemFailed: in item changed its type"},
		{"kind: string", "kind: (Exception, WorkerDied)",
		 "type ItemError: fields kind changed its type"},
	};

	CHECK(changes);
}

Test(interface, may_not_move_a_parameter) {
	static const struct change changes[] = {
		{"Resize(pool: string, workers: int)", "Resize(workers: int, pool: string)",
		 "method Resize: in pool was moved"},
		{"Resize(pool: string,", "Resize(force: ?bool, pool: string,",
		 "method Resize: in pool was moved"},
	};

	CHECK(changes);
}

Test(interface, may_not_ask_for_more) {
	static const struct change changes[] = {
		{"Cancel(request: string)", "Cancel(request: string, force: bool)",
		 "method Cancel: in force was added and is not nullable"},
		{"  timings: ?bool\n", "  timings: ?bool,\n  deadlineMs: int\n",
		 "type Options: fields deadlineMs was added and is not nullable"},
		{"# Stops a request", "# [Requires 'upgrade' flag]\n# Stops a request",
		 "method Cancel: the flag Requires 'upgrade' flag was added"},
		{"# [Supports 'more' flag]\nmethod Map", "method Map",
		 "method Map: the flag Supports 'more' flag was removed"},
		{"# [Supports 'more' flag]\nmethod Map", "# [Requires 'more' flag]\nmethod Map",
		 "method Map: the flag Supports 'more' flag was removed"},
	};

	CHECK(changes);
}

Test(interface, may_not_send_values_nobody_knows) {
	static const struct change changes[] = {
		{"(starting, running, failed, stopped)",
		 "(starting, running, failed, stopped, odd)",
		 "type PoolState: values odd was added, and clients that do not know it receive "
		 "it"},
	};

	CHECK(changes);
}

Test(interface, may_grow) {
	static const struct change changes[] = {
		{"method Cancel", "method Sing(song: string) -> ()\nmethod Cancel", ""},
		{"error Nested", "error OutOfTune(song: string)\nerror Nested", ""},
		{"type Order", "type Song (title: string)\ntype Order", ""},
		{"Cancel(request: string)", "Cancel(request: string, force: ?bool)", ""},
		{"-> (before: int)", "-> (before: int, now: ?int)", ""},
		{"  timings: ?bool\n", "  timings: ?bool,\n  trace: ?bool\n", ""},
		{"(limit: int, index: int)", "(limit: int, index: int, size: ?int)", ""},
		/* Only clients send it. */
		{"(ordered, unordered)", "(ordered, unordered, grouped)", ""},
		{"# Stops a request", "# [Supports 'more' flag]\n# Stops a request", ""},
		{"# Stops a request", "# Ends a request", ""},
		{"method Cancel(request: string) -> ()", "method Cancel (\n  request:string\n)->()",
		 ""},
	};

	CHECK(changes);
}

Test(interface, is_refused_where_it_cannot_be_read) {
	static const struct {
		const char *text;
		unsigned line;
	} broken[] = {
		{"", 1},
		{"interface a.b\ntype Song (a: int\n  b: int)\n", 3},
		{"method Sing() -> ()\n", 1},
		{"interface a.b\nmethod Sing(\n", 3},
		{"interface a.b\n\nmethod Sing()\nmethod Dance() -> ()\n", 4},
		{"interface a.b\ntype Song (title: )\n", 2},
		{"interface a.b\ntype Song (a: int b: int)\n", 2},
		{"interface a.b\nerror Off()\nerror Off()\n", 3},
		{"interface a.b\nsong Off()\n", 2},
	};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		unsigned line = 0;
		json_t *members = interface_parse(broken[i].text, &line);

		cr_expect_null(members, "%s", broken[i].text);
		cr_expect_eq(line, broken[i].line, "line %u: %s", line, broken[i].text);
		json_decref(members);
	}
}
