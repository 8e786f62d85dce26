#include "daemon/permission.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

/* Who may use a pool, administer, see a request. */

enum { OWNER = 900, USER = 1000, STRANGER = 1002, GROUP = 50 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uid_t users[] = {USER, USER + 1};
static gid_t member_of[] = {GROUP, GROUP + 1};

static const struct permission nobody = {.owner = OWNER};
static const struct permission everybody = {.everybody = true, .owner = OWNER};
static const struct permission some = {
	.owner = OWNER, .users = users, .n_users = 2, .groups = member_of, .n_groups = 2};

UNIT_TEST(permission, users_and_groups_are_looked_up) {
	static const struct {
		const struct permission *permission;
		uid_t uid;
		gid_t gid, other; /* 0 = no groups are known */
		bool expected;
	} table[] = {
		{&nobody, 0, 0, 0, true},
		{&nobody, OWNER, 0, 0, true},
		{&nobody, STRANGER, GROUP, GROUP, false},
		{&everybody, STRANGER, 0, 0, true},
		{&some, 0, 0, 0, true},
		{&some, OWNER, 0, 0, true},
		{&some, USER, 0, 0, true},
		{&some, USER + 1, 7, 7, true},
		{&some, STRANGER, 0, 0, false},
		{&some, STRANGER, 7, 7, false},
		{&some, STRANGER, GROUP, 7, true},
		{&some, STRANGER, 7, GROUP + 1, true},
		/* A user's number is not a group's, nor the other way round. */
		{&some, GROUP, 7, 7, false},
		{&some, STRANGER, USER, USER, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct groups *groups =
			table[i].gid ? groups_new(table[i].gid, &table[i].other, 1) : NULL;

		cr_assert_eq(permission_holds(table[i].permission, table[i].uid, groups),
			     table[i].expected, "row %zu", i);
		groups_unref(groups);
	}
}

UNIT_TEST(permission, zeroed_it_is_for_root_alone) {
	const struct permission zeroed = {0};

	cr_assert(permission_holds(&zeroed, 0, NULL));
	cr_assert_not(permission_holds(&zeroed, STRANGER, NULL));
}

UNIT_TEST(permission, groups_are_shared) {
	struct groups *groups = groups_new(GROUP, NULL, 0);

	cr_assert_eq(groups->n, 1u);
	cr_assert_eq(groups_ref(groups), groups);
	cr_assert_null(groups_unref(groups));
	cr_assert(permission_holds(&some, STRANGER, groups));
	groups_unref(groups);
	cr_assert_null(groups_ref(NULL));
	cr_assert_null(groups_unref(NULL));
}

UNIT_TEST(permission, a_copy_is_its_own) {
	struct permission original = {.owner = OWNER}, copy;

	original.users = calloc(1, sizeof *original.users);
	original.users[0] = USER;
	original.n_users = 1;
	cr_assert_eq(permission_copy(&copy, &original), 0);
	permission_done(&original);
	cr_assert_not(permission_holds(&original, USER, NULL));
	cr_assert(permission_holds(&copy, USER, NULL));
	cr_assert(permission_holds(&copy, OWNER, NULL));
	permission_done(&copy);
}

UNIT_TEST(permission, without_memory_there_is_no_copy) {
	struct permission copy;
	size_t n = 0;
	bool failed;

	do {
		unit_fail(++n);
		int r = permission_copy(&copy, &some);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0);
		permission_done(&copy);
	} while (failed);
	cr_assert_eq(n, 3u);
}

UNIT_TEST(permission, pools_and_requests_of_others_are_not_seen) {
	static const struct {
		struct viewer viewer;
		bool sees_some, sees_strangers;
	} table[] = {
		{{.uid = STRANGER}, false, true},
		{{.uid = USER}, true, false},
		{{.uid = 1, .administrator = true}, true, true},
		{{.uid = 1}, false, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cr_assert_eq(viewer_sees_pool(&table[i].viewer, &some), table[i].sees_some,
			     "row %zu", i);
		cr_assert_eq(viewer_sees_request(&table[i].viewer, STRANGER),
			     table[i].sees_strangers, "row %zu", i);
		cr_assert(viewer_sees_pool(&table[i].viewer, &everybody));
	}
}
