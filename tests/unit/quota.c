#include "daemon/quota.h"

#include <errno.h>
#include <string.h>

#include "protocol/error.h"
#include "tests/unit/unit.h"

static const struct quota_limits limits = {
	.connections = 5,
	.user_connections = 3,
	.user_items = 10,
	.user_bytes = 100,
	.total_bytes = 150,
};

static struct charge opened(struct quota *quota, uid_t uid) {
	struct charge charge;

	cr_assert_eq(charge_open(&charge, quota, uid), 0);
	return charge;
}

/* A charge of so many bytes, or of unread ones. */
static struct charge holding(struct quota *quota, uid_t uid, uint64_t bytes, uint64_t unread) {
	struct charge charge = opened(quota, uid);

	charge_set(&charge, QUOTA_BYTES, bytes);
	charge_set(&charge, QUOTA_UNREAD, unread);
	return charge;
}

UNIT_TEST(quota, charges_add_up_for_their_user_and_for_all) {
	struct quota quota;
	struct charge a, b, c;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 60, 0);
	b = holding(&quota, 1, 39, 0);
	c = holding(&quota, 2, 40, 0);
	cr_assert_eq(quota.held[QUOTA_BYTES], 139u);
	cr_assert_eq(quota_admits(&a), QUOTA_OK);
	charge_set(&b, QUOTA_BYTES, 40);
	cr_assert_eq(quota_admits(&a), QUOTA_OVER_USER_BYTES);
	cr_assert_eq(quota_admits(&b), QUOTA_OVER_USER_BYTES);
	cr_assert_eq(quota_admits(&c), QUOTA_OK);
	charge_set(&c, QUOTA_BYTES, 50);
	cr_assert_eq(quota_admits(&c), QUOTA_OVER_TOTAL_BYTES);
	charge_close(&a);
	cr_assert_eq(quota.held[QUOTA_BYTES], 90u);
	cr_assert_eq(quota_admits(&b), QUOTA_OK);
	cr_assert_eq(quota_admits(&c), QUOTA_OK);
	charge_close(&b);
	charge_close(&c);
	quota_done(&quota);
}

UNIT_TEST(quota, nothing_is_released_twice) {
	struct quota quota;
	struct charge a, b;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 10, 0);
	b = holding(&quota, 1, 20, 0);
	charge_close(&a);
	charge_close(&a);
	charge_set(&a, QUOTA_BYTES, 1000);
	charge_close(&a);
	cr_assert_eq(quota.held[QUOTA_BYTES], 20u);
	charge_close(&b);
	cr_assert_eq(quota.held[QUOTA_BYTES], 0u);
	quota_done(&quota);
}

UNIT_TEST(quota, a_charge_of_nobody_passes_every_check) {
	struct charge nobody = {0};
	struct quota_waiter waiter = {0};

	charge_set(&nobody, QUOTA_BYTES, UINT64_MAX);
	cr_assert_eq(quota_connects(&nobody), QUOTA_OK);
	cr_assert_eq(quota_admits(&nobody), QUOTA_OK);
	cr_assert_eq(quota_reads(&nobody), QUOTA_OK);
	cr_assert_eq(quota_overdrawn(&nobody), QUOTA_OK);
	quota_wait(&waiter, &nobody);
	cr_assert(!quota_is_waiting(&waiter));
	quota_leave(&waiter);
	charge_close(&nobody);
}

UNIT_TEST(quota, connections_may_be_as_many_as_the_limits_say) {
	struct charge charges[7];
	struct quota quota;

	quota_init(&quota, &limits);
	for (int i = 0; i < 7; i++) {
		charges[i] = opened(&quota, i < 4 ? 1 : 2);
		charge_set(&charges[i], QUOTA_CONNECTIONS, 1);
		cr_assert_eq(quota_connects(&charges[i]), i < 3    ? QUOTA_OK
							  : i == 3 ? QUOTA_OVER_USER_CONNECTIONS
							  : i < 6  ? QUOTA_OK
								   : QUOTA_OVER_CONNECTIONS);
		/* One that is refused does not count. */
		if (i == 3)
			charge_set(&charges[i], QUOTA_CONNECTIONS, 0);
	}
	for (int i = 0; i < 7; i++)
		charge_close(&charges[i]);
	quota_done(&quota);
}

UNIT_TEST(quota, items_count_too) {
	struct quota quota;
	struct charge a;

	quota_init(&quota, &limits);
	a = opened(&quota, 1);
	charge_set(&a, QUOTA_ITEMS, 9);
	cr_assert_eq(quota_admits(&a), QUOTA_OK);
	charge_set(&a, QUOTA_ITEMS, 10);
	cr_assert_eq(quota_admits(&a), QUOTA_OVER_USER_ITEMS);
	cr_assert_eq(quota_reads(&a), QUOTA_OVER_USER_ITEMS);
	charge_close(&a);
	quota_done(&quota);
}

UNIT_TEST(quota, unread_messages_gate_reading_but_no_admission) {
	struct quota quota;
	struct charge a, b, c;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 50, 50);
	b = holding(&quota, 2, 0, 49);
	cr_assert_eq(quota_admits(&a), QUOTA_OK);
	cr_assert_eq(quota_reads(&a), QUOTA_OVER_USER_BYTES);
	cr_assert_eq(quota_reads(&b), QUOTA_OK);
	c = holding(&quota, 3, 1, 0);
	cr_assert_eq(quota_reads(&b), QUOTA_OVER_TOTAL_BYTES);
	cr_assert_eq(quota_admits(&b), QUOTA_OK);
	charge_close(&a);
	charge_close(&b);
	charge_close(&c);
	quota_done(&quota);
}

UNIT_TEST(quota, results_overdraw_up_to_twice_the_users_and_half_more_than_all) {
	struct quota quota;
	struct charge a, b;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 200, 0);
	cr_assert_eq(quota_overdrawn(&a), QUOTA_OK);
	charge_set(&a, QUOTA_BYTES, 201);
	cr_assert_eq(quota_overdrawn(&a), QUOTA_OVER_USER_BYTES);
	charge_set(&a, QUOTA_BYTES, 200);
	b = holding(&quota, 2, 25, 0);
	cr_assert_eq(quota_overdrawn(&b), QUOTA_OK);
	charge_set(&b, QUOTA_BYTES, 26);
	cr_assert_eq(quota_overdrawn(&b), QUOTA_OVER_TOTAL_BYTES);
	charge_close(&a);
	charge_close(&b);
	quota_done(&quota);
}

UNIT_TEST(quota, unsent_output_counts_with_the_rest_and_alone_gates_answers) {
	struct quota quota;
	struct charge a, b;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 10, 0);
	charge_set(&a, QUOTA_UNSENT, 90);
	cr_assert_eq(quota_admits(&a), QUOTA_OVER_USER_BYTES);
	charge_set(&a, QUOTA_UNSENT, 200);
	cr_assert_eq(quota_answers(&a), QUOTA_OK);
	cr_assert_eq(quota_overdrawn(&a), QUOTA_OVER_USER_BYTES);
	charge_set(&a, QUOTA_UNSENT, 201);
	cr_assert_eq(quota_answers(&a), QUOTA_OVER_USER_BYTES);
	b = opened(&quota, 2);
	cr_assert_eq(quota_answers(&b), QUOTA_OK);
	charge_set(&b, QUOTA_UNSENT, 25);
	cr_assert_eq(quota_answers(&b), QUOTA_OVER_TOTAL_BYTES);
	charge_close(&a);
	charge_close(&b);
	quota_done(&quota);
}

UNIT_TEST(quota, infinity_is_no_limit) {
	const struct quota_limits none = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
					  UINT64_MAX};
	struct quota quota;
	struct charge a;

	quota_init(&quota, &none);
	a = holding(&quota, 1, UINT64_MAX / 2, 1);
	charge_set(&a, QUOTA_CONNECTIONS, 100000);
	cr_assert_eq(quota_connects(&a), QUOTA_OK);
	cr_assert_eq(quota_admits(&a), QUOTA_OK);
	cr_assert_eq(quota_reads(&a), QUOTA_OK);
	cr_assert_eq(quota_overdrawn(&a), QUOTA_OK);
	charge_close(&a);
	quota_done(&quota);
}

UNIT_TEST(quota, each_verdict_is_an_error_with_limit_and_scope) {
	static const struct {
		enum quota_verdict verdict;
		const char *name, *scope;
		json_int_t limit;
		bool waited_for;
	} table[] = {
		{QUOTA_OVER_CONNECTIONS, "io.procpool.TooManyConnections", "server", 5, false},
		{QUOTA_OVER_USER_CONNECTIONS, "io.procpool.TooManyConnections", "user", 3, false},
		{QUOTA_OVER_USER_ITEMS, "io.procpool.QueueFull", "user", 10, true},
		{QUOTA_OVER_USER_BYTES, "io.procpool.QueueFull", "user", 100, true},
		{QUOTA_OVER_TOTAL_BYTES, "io.procpool.QueueFull", "server", 150, true},
	};
	struct quota quota;

	quota_init(&quota, &limits);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct error error = {0};

		cr_assert_eq(quota_error(&quota, table[i].verdict, &error), 1);
		cr_assert_str_eq(error_name(error.id), table[i].name);
		cr_assert_eq(json_integer_value(json_object_get(error.parameters, "limit")),
			     table[i].limit);
		cr_assert_str_eq(json_string_value(json_object_get(error.parameters, "scope")),
				 table[i].scope);
		error_done(&error);
		cr_assert_eq(quota_waits_for(table[i].verdict) != NULL, table[i].waited_for);
	}
	quota_done(&quota);
}

/* -------- waiting -------- */

static void count(void *context) {
	++*(int *) context;
}

UNIT_TEST(quota, who_waits_goes_on_in_order_when_there_is_room) {
	struct quota_waiter first = {0}, second = {0};
	struct quota quota;
	struct charge a;
	int told = 0;

	quota_init(&quota, &limits);
	quota.released = count;
	quota.context = &told;
	a = holding(&quota, 1, 120, 0);
	charge_set(&a, QUOTA_BYTES, 110);
	cr_assert_eq(told, 0, "nobody waits");
	quota_wait(&first, &a);
	quota_wait(&second, &a);
	quota_wait(&first, &a);
	cr_assert(quota_is_waiting(&first) && quota_is_waiting(&second));
	cr_assert_null(quota_next(&quota));
	told = 0;
	charge_set(&a, QUOTA_BYTES, 105);
	cr_assert_eq(told, 1);
	cr_assert_null(quota_next(&quota));
	charge_set(&a, QUOTA_BYTES, 99);
	cr_assert_eq(quota_next(&quota), &first);
	cr_assert(!quota_is_waiting(&first) && !first.turn);
	charge_set(&a, QUOTA_BYTES, 100);
	cr_assert_null(quota_next(&quota));
	quota_leave(&second);
	quota_leave(&second);
	told = 0;
	charge_close(&a);
	cr_assert_eq(told, 0);
	quota_done(&quota);
}

UNIT_TEST(quota, users_who_wait_take_turns) {
	struct quota_waiter waiters[4] = {0};
	struct quota quota;
	struct charge a, b, other;

	quota_init(&quota, &limits);
	a = opened(&quota, 1);
	b = opened(&quota, 2);
	other = holding(&quota, 3, 150, 0);
	quota_wait(&waiters[0], &a);
	quota_wait(&waiters[1], &a);
	quota_wait(&waiters[2], &b);
	quota_wait(&waiters[3], &b);
	cr_assert_null(quota_next(&quota));
	charge_close(&other);
	cr_assert_eq(quota_next(&quota), &waiters[0]);
	cr_assert_eq(quota_next(&quota), &waiters[2]);
	cr_assert_eq(quota_next(&quota), &waiters[1]);
	cr_assert_eq(quota_next(&quota), &waiters[3]);
	cr_assert_null(quota_next(&quota));
	charge_close(&a);
	charge_close(&b);
	quota_done(&quota);
}

/* Messages that are not whole are all that is held: nothing else could ever make room. */
UNIT_TEST(quota, unfinished_messages_have_their_turn_one_after_the_other) {
	struct quota_waiter first = {0}, second = {0}, third = {0};
	struct quota quota;
	struct charge a;

	quota_init(&quota, &limits);
	a = holding(&quota, 1, 99, 400);
	quota_wait(&first, &a);
	quota_wait(&second, &a);
	quota_wait(&third, &a);
	cr_assert_eq(quota_next(&quota), &first);
	cr_assert(first.turn && !quota_is_waiting(&first));
	cr_assert_null(quota_next(&quota));
	/* The message is whole; what was unread is an item now, which is done some time. */
	charge_set(&a, QUOTA_BYTES, 199);
	charge_set(&a, QUOTA_UNREAD, 300);
	quota_leave(&first);
	cr_assert_null(quota_next(&quota));
	charge_set(&a, QUOTA_BYTES, 0);
	cr_assert_eq(quota_next(&quota), &second);
	/* Who waits again gives its turn up. */
	quota_wait(&second, &a);
	cr_assert_eq(quota_next(&quota), &third);
	quota_leave(&third);
	cr_assert_eq(quota_next(&quota), &second);
	quota_leave(&second);
	cr_assert_null(quota_next(&quota));
	charge_close(&a);
	quota_done(&quota);
}

/* Whatever the sequence: balances are the sums of the charges, and nobody waits beside room. */
UNIT_TEST(quota, balances_are_sums_whatever_happens) {
	enum { CHARGES = 12, USERS = 3, STEPS = 20000 };
	unsigned long long random = 20260410;
	struct charge charges[CHARGES] = {0};
	struct quota_waiter waiters[CHARGES] = {0};
	uint64_t sums[QUOTA_KINDS];
	struct quota quota;

	quota_init(&quota, &limits);
	for (int step = 0; step < STEPS; step++) {
		unsigned i = unit_random(&random, CHARGES);
		struct charge *charge = &charges[i];

		if (!charge->user)
			*charge = opened(&quota, unit_random(&random, USERS));
		switch (unit_random(&random, 6)) {
		case 0:
			quota_leave(&waiters[i]);
			charge_close(charge);
			break;
		case 1: quota_wait(&waiters[i], charge); break;
		case 2: quota_leave(&waiters[i]); break;
		default:
			charge_set(charge, unit_random(&random, QUOTA_KINDS),
				   unit_random(&random, 60));
		}
		memset(sums, 0, sizeof sums);
		for (int k = 0; k < CHARGES; k++)
			for (int kind = 0; kind < QUOTA_KINDS; kind++)
				sums[kind] += charges[k].held[kind];
		for (int kind = 0; kind < QUOTA_KINDS; kind++)
			cr_assert_eq(quota.held[kind], sums[kind]);
		while (quota_next(&quota))
			;
		for (int k = 0; k < CHARGES; k++)
			cr_assert(!quota_is_waiting(&waiters[k]) ||
				  quota_reads(&charges[k]) != QUOTA_OK);
	}
	for (int k = 0; k < CHARGES; k++) {
		quota_leave(&waiters[k]);
		charge_close(&charges[k]);
	}
	quota_done(&quota);
}

UNIT_TEST(quota, without_memory_nothing_is_opened) {
	struct charge charge = {0};
	struct quota quota;
	bool failed;
	size_t n = 0;
	int r;

	quota_init(&quota, &limits);
	do {
		unit_fail(++n);
		r = charge_open(&charge, &quota, 1);
		failed = unit_failed();
		cr_assert_eq(r, failed ? -ENOMEM : 0);
		cr_assert_eq(charge.user != NULL, !failed);
	} while (failed);
	charge_close(&charge);
	quota_done(&quota);
}
