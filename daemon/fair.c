#include "daemon/fair.h"

#include <stddef.h>

void fair_queue_init(struct fair_queue *queue) {
	*queue = (struct fair_queue) {0};
	TAILQ_INIT(&queue->ready);
}

static bool is_before(const struct fair_flow *a, const struct fair_flow *b) {
	if (a->start != b->start)
		return a->start < b->start;
	if (a->cost != b->cost)
		return a->cost < b->cost;
	return a->age < b->age;
}

/* Its place is somewhere from low to high, both included, and searched for from both of them: a new flow belongs near
 * the head, one that had its turn near the tail, and a correction moves it little. */
static void insert(struct fair_flow *flow, struct fair_flow *low, struct fair_flow *high) {
	struct fair_list *ready = &flow->queue->ready;

	while (low) {
		if (is_before(flow, low)) {
			TAILQ_INSERT_BEFORE(low, flow, link);
			return;
		}
		if (is_before(high, flow)) {
			TAILQ_INSERT_AFTER(ready, high, flow, link);
			return;
		}
		low = TAILQ_NEXT(low, link);
		high = TAILQ_PREV(high, fair_list, link);
	}
	TAILQ_INSERT_TAIL(ready, flow, link);
}

/* Its S or cost changed. */
static void reorder(struct fair_flow *flow) {
	struct fair_list *ready = &flow->queue->ready;
	struct fair_flow *previous, *next;

	if (!flow->is_ready)
		return;
	previous = TAILQ_PREV(flow, fair_list, link);
	next = TAILQ_NEXT(flow, link);
	if (next && is_before(next, flow)) {
		TAILQ_REMOVE(ready, flow, link);
		insert(flow, next, TAILQ_LAST(ready, fair_list));
	} else if (previous && is_before(flow, previous)) {
		TAILQ_REMOVE(ready, flow, link);
		insert(flow, TAILQ_FIRST(ready), previous);
	}
}

/* What was taken in an earlier busy period is forgotten. */
static void enter_period(struct fair_flow *flow) {
	if (flow->period == flow->queue->period)
		return;
	flow->period = flow->queue->period;
	flow->start = 0;
}

static void end_period(struct fair_queue *queue) {
	queue->period++;
	queue->now = 0;
	queue->entry = 0;
	queue->active_weight = 0; /* and with it the rounding errors */
}

static double entry_of(const struct fair_queue *queue) {
	return queue->entry > queue->now ? queue->entry : queue->now;
}

void fair_join(struct fair_flow *flow, struct fair_queue *queue, double weight, uint64_t age) {
	*flow = (struct fair_flow) {
		.queue = queue,
		.start = entry_of(queue),
		.period = queue->period,
		.weight = weight,
		.age = age,
	};
}

void fair_leave(struct fair_flow *flow) {
	struct fair_queue *queue = flow->queue;
	double entry = entry_of(queue), most = queue->now + queue->credit / flow->weight;

	fair_set(flow, false, false, flow->cost);
	if (flow->period != queue->period || flow->start <= entry)
		return;
	entry += (flow->start - entry) * flow->weight / (queue->active_weight + flow->weight);
	if (entry > most)
		entry = most;
	if (entry > queue->entry)
		queue->entry = entry;
}

static void set_active(struct fair_flow *flow, bool active) {
	struct fair_queue *queue = flow->queue;

	flow->is_active = active;
	if (active) {
		enter_period(flow);
		if (flow->start < queue->now)
			flow->start = queue->now;
		queue->active_weight += flow->weight;
		queue->n_active++;
		return;
	}
	queue->active_weight -= flow->weight;
	if (--queue->n_active == 0)
		end_period(queue);
}

void fair_set(struct fair_flow *flow, bool ready, bool active, double cost) {
	struct fair_queue *queue = flow->queue;

	active = active || ready;
	if (flow->is_ready && !ready) {
		TAILQ_REMOVE(&queue->ready, flow, link);
		flow->is_ready = false;
		queue->n_ready--;
	}
	if (flow->is_active != active)
		set_active(flow, active);
	if (flow->is_ready && flow->cost != cost) {
		flow->cost = cost;
		reorder(flow);
	}
	flow->cost = cost;
	if (ready && !flow->is_ready) {
		flow->is_ready = true;
		queue->n_ready++;
		insert(flow, TAILQ_FIRST(&queue->ready), TAILQ_LAST(&queue->ready, fair_list));
	}
}

void fair_set_weight(struct fair_flow *flow, double weight) {
	struct fair_queue *queue = flow->queue;

	if (flow->weight == weight)
		return;
	enter_period(flow);
	flow->start = queue->now + (flow->start - queue->now) * flow->weight / weight;
	if (flow->is_active)
		queue->active_weight += weight - flow->weight;
	flow->weight = weight;
	reorder(flow);
}

void fair_charge(struct fair_flow *flow, double seconds) {
	enter_period(flow);
	flow->start += seconds / flow->weight;
	reorder(flow);
}

void fair_limit_credit(struct fair_queue *queue, double credit) {
	struct fair_flow *flow, *last = NULL, *previous;

	queue->credit = credit;
	TAILQ_FOREACH (flow, &queue->ready, link) {
		if (flow->start >= queue->now)
			break;
		last = flow;
	}
	/* The last first: so each finds its place next to where it was. */
	for (flow = last; flow; flow = previous) {
		double least = queue->now - credit / flow->weight;

		previous = TAILQ_PREV(flow, fair_list, link);
		if (flow->start < least) {
			flow->start = least;
			reorder(flow);
		}
	}
}

void fair_advance(struct fair_flow *flow) {
	if (flow->start > flow->queue->now)
		flow->queue->now = flow->start;
}

bool fair_is_even(const struct fair_flow *flow) {
	return flow->period != flow->queue->period || flow->start <= flow->queue->now;
}
