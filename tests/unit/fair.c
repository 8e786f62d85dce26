#include "daemon/fair.h"

#include "tests/unit/unit.h"

UNIT_TEST(fair, a_level_knows_the_weight_of_those_that_are_active) {
	struct fair_queue queue;
	struct fair_flow a, b;

	fair_queue_init(&queue);
	fair_join(&a, &queue, 2, 1);
	fair_join(&b, &queue, 3, 2);
	cr_assert_eq(queue.active_weight, 0);
	fair_set(&a, true, true, 0);
	fair_set(&b, false, true, 0);
	cr_assert_eq(queue.active_weight, 5);
	cr_assert_eq(queue.n_ready, 1);
	fair_set_weight(&a, 4);
	cr_assert_eq(queue.active_weight, 7);
	fair_set(&a, false, false, 0);
	fair_set_weight(&a, 10);
	cr_assert_eq(queue.active_weight, 3);
	fair_set(&b, false, false, 0);
	cr_assert_eq(queue.active_weight, 0);
}

UNIT_TEST(fair, who_leaves_shares_what_it_took_with_those_who_stay) {
	struct fair_flow stays, leaves, comes;
	struct fair_queue queue;

	fair_queue_init(&queue);
	fair_join(&stays, &queue, 3, 1);
	fair_join(&leaves, &queue, 1, 2);
	fair_set(&stays, true, true, 0);
	fair_set(&leaves, true, true, 0);
	fair_limit_credit(&queue, 100);
	fair_charge(&leaves, 8);
	fair_leave(&leaves);
	/* 8 of which a quarter was its own. */
	fair_join(&comes, &queue, 1, 3);
	cr_assert_eq(comes.start, 2);
	cr_assert_eq(queue.now, 0);
	/* Who took less than who comes now is charged changes nothing. */
	fair_set(&comes, true, true, 0);
	fair_charge(&comes, -1);
	fair_leave(&comes);
	fair_join(&comes, &queue, 1, 4);
	cr_assert_eq(comes.start, 2);
}

UNIT_TEST(fair, the_order_is_kept_whatever_changes) {
	unsigned long long random = 20260401;
	struct fair_flow flows[40];
	struct fair_queue queue;

	fair_queue_init(&queue);
	for (unsigned i = 0; i < 40; i++)
		fair_join(&flows[i], &queue, 1 + unit_random(&random, 4), i);
	for (unsigned step = 0; step < 20000; step++) {
		struct fair_flow *flow = &flows[unit_random(&random, 40)], *next;
		unsigned n = 0;

		switch (unit_random(&random, 6)) {
		case 0:
			fair_set(flow, !flow->is_ready, unit_random(&random, 2),
				 unit_random(&random, 3));
			break;
		case 1:
			fair_set(flow, flow->is_ready, flow->is_active, unit_random(&random, 3));
			break;
		case 2: fair_set_weight(flow, 1 + unit_random(&random, 4)); break;
		case 3:
			fair_limit_credit(&queue, 2);
			if ((flow = TAILQ_FIRST(&queue.ready)))
				fair_advance(flow);
			break;
		default: fair_charge(flow, (double) unit_random(&random, 9) - 2);
		}
		TAILQ_FOREACH (flow, &queue.ready, link) {
			next = TAILQ_NEXT(flow, link);
			n++;
			cr_assert(flow->is_ready && flow->is_active);
			cr_assert(!next || flow->start < next->start ||
				  (flow->start == next->start &&
				   (flow->cost < next->cost ||
				    (flow->cost == next->cost && flow->age < next->age))));
		}
		cr_assert_eq(n, queue.n_ready);
	}
}
