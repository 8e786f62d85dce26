#include "protocol/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/interface.h"
#include "tests/unit/unit.h"

#define INTERFACE "io.procpool."

/* Copies the name of the interface's next error. Returns where to go on, or NULL after the last. */
static const char *next_error(const char *at, char *name, size_t size) {
	size_t n = 0;

	at = strstr(at, "\nerror ");
	if (!at)
		return NULL;
	at += strlen("\nerror ");
	while (isalnum((unsigned char) at[n]))
		n++;
	snprintf(name, size, INTERFACE "%.*s", (int) n, at);
	return at + n;
}

UNIT_TEST(error, every_error_of_the_interface_is_in_the_list) {
	const char *at = interface_description;
	char name[128];
	size_t n = 0;

	while ((at = next_error(at, name, sizeof(name)))) {
		cr_assert_neq(error_from_name(name), ERROR_NONE, "%s is not in ERROR_LIST", name);
		n++;
	}
	cr_assert_gt(n, 10);
}

static bool interface_has_error(const char *wanted) {
	const char *at = interface_description;
	char name[128];

	while ((at = next_error(at, name, sizeof(name))))
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

UNIT_TEST(error, every_error_of_the_list_is_in_an_interface) {
	/* The errors of Varlink's own interface, org.varlink.service. */
	static const char *const standard[] = {
		"InterfaceNotFound", "MethodNotFound", "MethodNotImplemented", "InvalidParameter",
		"PermissionDenied",  "ExpectedMore",   "ExpectedUpgrade",
	};
	size_t n_standard = 0, n = sizeof(standard) / sizeof(standard[0]);

	for (enum error_id id = ERROR_NONE + 1; id < ERROR_COUNT; id++) {
		const char *name = error_name(id), *dot = strrchr(name, '.');
		size_t i = 0;

		if (strncmp(name, INTERFACE, strlen(INTERFACE)) == 0) {
			cr_assert(interface_has_error(name), "%s is not in the interface", name);
			continue;
		}
		cr_assert_eq(strncmp(name, "org.varlink.service.", 20), 0, "%s", name);
		while (i < n && strcmp(standard[i], dot + 1) != 0)
			i++;
		cr_assert_lt(i, n, "%s is not an error of Varlink", name);
		n_standard++;
	}
	cr_assert_eq(n_standard, n);
}

UNIT_TEST(error, names_lead_back_to_their_error_and_have_a_sentence) {
	for (enum error_id id = ERROR_NONE + 1; id < ERROR_COUNT; id++) {
		cr_assert_eq(error_from_name(error_name(id)), id, "%s", error_name(id));
		cr_assert_gt(strlen(error_sentence(id)), 10, "%s", error_name(id));
	}
	cr_assert_eq(error_from_name("io.procpool.Unheard"), ERROR_NONE);
	cr_assert_eq(error_from_name(""), ERROR_NONE);
	cr_assert_str_eq(error_name(ERROR_NONE), "");
	cr_assert_str_eq(error_name(ERROR_COUNT), "");
	cr_assert_str_eq(error_sentence(ERROR_COUNT), "");
}

/* The comment on ItemError.kind lists the kinds. */
UNIT_TEST(error, every_kind_of_item_error_is_in_the_interface) {
	const char *list = strstr(interface_description, "  # Exception,"), *end;
	size_t listed = 1;

	cr_assert_not_null(list);
	end = strchr(list, '\n');
	for (const char *at = list; at < end; at++)
		listed += *at == ',' || strncmp(at, " or ", 4) == 0;
	cr_assert_eq(listed, ITEM_ERROR_COUNT);
	for (enum item_error_kind kind = 0; kind < ITEM_ERROR_COUNT; kind++) {
		const char *found = strstr(list, item_error_name(kind));

		cr_assert(found && found < end, "%s", item_error_name(kind));
	}
}

UNIT_TEST(error, the_first_error_stays) {
	struct error error = {0}, moved;

	cr_assert_eq(error_set(&error, ERROR_NO_SUCH_POOL, "{ss}", "pool", "a"), 1);
	cr_assert_eq(error_set(&error, ERROR_CANCELLED, NULL), 1);
	cr_assert_eq(error.id, ERROR_NO_SUCH_POOL);

	moved = error_move(&error);
	cr_assert_eq(error.id, ERROR_NONE);
	cr_assert_null(error.parameters);
	cr_assert_str_eq(json_string_value(json_object_get(moved.parameters, "pool")), "a");
	error_done(&error);
	error_done(&moved);
	cr_assert_eq(moved.id, ERROR_NONE);
}

UNIT_TEST(error, without_memory_only_the_parameters_are_missing) {
	size_t n = 0;
	bool failed;

	do {
		struct error error = {0};

		unit_fail(++n);
		error_set(&error, ERROR_ITEM_TOO_LARGE, "{sisi}", "limit", 1, "index", 2);
		failed = unit_failed();
		cr_assert_eq(error.id, ERROR_ITEM_TOO_LARGE);
		cr_assert_eq(error.parameters == NULL, failed);
		error_done(&error);
	} while (failed);
	cr_assert_gt(n, 3);
}
