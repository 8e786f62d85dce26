#include "daemon/sched.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "protocol/limits.h"

#define PRIORITIES (LIMIT_PRIORITY_LAST - LIMIT_PRIORITY_FIRST + 1)

/* A principal or a program. */
struct sched_group {
	struct fair_flow flow;      /* among its siblings */
	struct sched_level members; /* its programs, or requests */
	unsigned n_members;
	struct sched_group *principal; /* of a program; NULL in a principal */
	struct sched_level *level;     /* which it is on */
	uint32_t id;                   /* the uid, or the pid */
	LIST_ENTRY(sched_group) bucket;
	TAILQ_ENTRY(sched_group) lingering; /* in its level's, if it lingers */
	bool lingers;
	/* Of a program: its requests by priority, and a bit for each that is not 0. */
	unsigned of_priority[PRIORITIES];
	uint64_t priorities;
};

static struct sched_group *group_of(struct fair_flow *flow) {
	return (struct sched_group *) ((char *) flow - offsetof(struct sched_group, flow));
}

static struct sched_node *node_of(struct fair_flow *flow) {
	return (struct sched_node *) ((char *) flow - offsetof(struct sched_node, flow));
}

static void level_init(struct sched_level *level) {
	fair_queue_init(&level->queue);
	TAILQ_INIT(&level->lingering);
	level->n_lingering = 0;
}

void sched_init(struct sched *sched) {
	*sched = (struct sched) {0};
	level_init(&sched->principals);
	for (unsigned i = 0; i < SCHED_BUCKETS; i++)
		LIST_INIT(&sched->buckets[i]);
}

/* -------- principals and programs -------- */

static struct sched_bucket *bucket_of(struct sched *sched, const struct sched_group *principal,
				      uint32_t id) {
	uint64_t key = principal ? (uint64_t) principal->id << 32 | id : (uint64_t) id << 32;

	/* Fibonacci hashing: pids and uids that follow each other fall into different buckets. */
	return &sched->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (SCHED_BUCKETS - 1)];
}

static void group_free(struct sched_group *group) {
	if (group->lingers) {
		TAILQ_REMOVE(&group->level->lingering, group, lingering);
		group->level->n_lingering--;
	}
	LIST_REMOVE(group, bucket);
	free(group);
}

/* Those that took more than their share stay, and not too many of them. */
static void forget(struct sched_level *level) {
	struct sched_group *first;

	while ((first = TAILQ_FIRST(&level->lingering)) &&
	       (level->n_lingering > SCHED_LINGER || fair_is_even(&first->flow)))
		group_free(first);
}

void sched_done(struct sched *sched) {
	assert(sched->principals.queue.n_active == 0);
	forget(&sched->principals);
	for (unsigned i = 0; i < SCHED_BUCKETS; i++)
		assert(LIST_EMPTY(&sched->buckets[i]));
}

static struct sched_group *find_group(struct sched *sched, struct sched_level *level,
				      struct sched_group *principal, uint32_t id) {
	struct sched_bucket *bucket = bucket_of(sched, principal, id);
	struct sched_group *group;

	LIST_FOREACH (group, bucket, bucket)
		if (group->level == level && group->id == id)
			return group;

	group = calloc(1, sizeof *group);
	if (!group)
		return NULL;
	fair_join(&group->flow, &level->queue, 1, ++sched->last_age);
	level_init(&group->members);
	group->principal = principal;
	group->level = level;
	group->id = id;
	LIST_INSERT_HEAD(bucket, group, bucket);
	return group;
}

static void group_join(struct sched_group *group) {
	if (group->n_members++ > 0)
		return;
	if (group->lingers) {
		TAILQ_REMOVE(&group->level->lingering, group, lingering);
		group->level->n_lingering--;
		group->lingers = false;
	}
	if (group->principal)
		group_join(group->principal);
}

static void group_linger(struct sched_group *group) {
	struct sched_level *level = group->level;
	struct sched_group *other;

	forget(level); /* also who lingers since an earlier busy period: S compares only within one */
	other = TAILQ_LAST(&level->lingering, sched_group_list);
	while (other && other->flow.start > group->flow.start)
		other = TAILQ_PREV(other, sched_group_list, lingering);
	if (other)
		TAILQ_INSERT_AFTER(&level->lingering, other, group, lingering);
	else
		TAILQ_INSERT_HEAD(&level->lingering, group, lingering);
	group->lingers = true;
	level->n_lingering++;
}

static void group_leave(struct sched_group *group) {
	struct sched_group *principal = group->principal;
	struct sched_level *level = group->level;

	if (--group->n_members > 0)
		return;
	forget(&group->members); /* all of them: the level is idle */
	fair_leave(&group->flow);
	if (fair_is_even(&group->flow))
		group_free(group);
	else
		group_linger(group);
	forget(level);
	if (principal)
		group_leave(principal);
}

/* Its members changed: whether it wants a turn, for which cost, and so for those above it. */
static void settle(struct sched_group *group) {
	for (; group; group = group->principal) {
		const struct fair_queue *queue = &group->members.queue;
		const struct fair_flow *first = TAILQ_FIRST(&queue->ready);

		fair_set(&group->flow, first, queue->n_active > 0, first ? first->cost : 0);
	}
}

/* -------- weights -------- */

static double weight_of(int priority) {
	double weight = 1;

	for (; priority > 0; priority--)
		weight /= 1.25;
	for (; priority < 0; priority++)
		weight *= 1.25;
	return weight;
}

/* change: one request more, or less, of this priority. */
static void weigh(struct sched_group *program, int priority, int change) {
	unsigned place = (unsigned) (priority - LIMIT_PRIORITY_FIRST);

	program->of_priority[place] += (unsigned) change;
	if (program->of_priority[place])
		program->priorities |= UINT64_C(1) << place;
	else
		program->priorities &= ~(UINT64_C(1) << place);
	/* Without a request it keeps the weight at which it was charged. */
	if (program->priorities)
		fair_set_weight(&program->flow, weight_of(__builtin_ctzll(program->priorities) +
							  LIMIT_PRIORITY_FIRST));
}

/* -------- requests -------- */

int sched_add(struct sched *sched, struct sched_node *node, uid_t uid, pid_t program,
	      int priority) {
	struct sched_group *principal, *group;

	assert(priority >= LIMIT_PRIORITY_FIRST && priority <= LIMIT_PRIORITY_LAST);
	principal = find_group(sched, &sched->principals, NULL, uid);
	if (!principal)
		return -ENOMEM;
	group = find_group(sched, &principal->members, principal, (uint32_t) program);
	if (!group) {
		if (principal->n_members == 0 && !principal->lingers)
			group_free(principal);
		return -ENOMEM;
	}
	group_join(group);
	weigh(group, priority, 1);
	fair_join(&node->flow, &group->members.queue, weight_of(priority), ++sched->last_age);
	node->program = group;
	node->priority = priority;
	node->chunks = 0;
	return 0;
}

void sched_remove(struct sched *sched, struct sched_node *node) {
	struct sched_group *program = node->program;

	if (!program)
		return;
	sched_set_ready(sched, node, false, 0);
	fair_leave(&node->flow);
	settle(program);
	node->program = NULL;
	weigh(program, node->priority, -1);
	group_leave(program);
}

void sched_set_ready(struct sched *sched, struct sched_node *node, bool ready, double cost) {
	struct fair_flow *flow = &node->flow;

	if (flow->is_ready == ready && (!ready || flow->cost == cost))
		return;
	if (flow->is_ready != ready)
		sched->n_ready += ready ? 1 : (unsigned) -1;
	fair_set(flow, ready, node->chunks > 0, cost);
	settle(node->program);
}

void sched_set_running(struct sched *sched, struct sched_node *node, unsigned chunks) {
	bool changes = (node->chunks > 0) != (chunks > 0);

	(void) sched;
	node->chunks = chunks;
	if (!changes)
		return;
	fair_set(&node->flow, node->flow.is_ready, chunks > 0, node->flow.cost);
	settle(node->program);
}

void sched_charge(struct sched *sched, struct sched_node *node, double seconds) {
	struct sched_group *group;

	(void) sched;
	if (seconds == 0)
		return;
	fair_charge(&node->flow, seconds);
	for (group = node->program; group; group = group->principal)
		fair_charge(&group->flow, seconds);
	settle(node->program);
}

/* -------- whose turn it is -------- */

struct question {
	double credit;
	bool (*runnable)(struct sched_node *node, void *context);
	void *context;
};

/* depth: levels below this one. */
static struct sched_node *pick(struct sched_level *level, unsigned depth,
			       const struct question *question) {
	struct sched_node *node = NULL;
	struct fair_flow *flow;

	fair_limit_credit(&level->queue, question->credit);
	TAILQ_FOREACH (flow, &level->queue.ready, link) {
		if (depth > 0)
			node = pick(&group_of(flow)->members, depth - 1, question);
		else if (question->runnable(node_of(flow), question->context))
			node = node_of(flow);
		if (node)
			break;
	}
	if (!node)
		return NULL;
	fair_advance(flow);
	forget(level);
	return node;
}

struct sched_node *sched_pick(struct sched *sched, double credit,
			      bool (*runnable)(struct sched_node *node, void *context),
			      void *context) {
	const struct question question = {credit, runnable, context};

	return pick(&sched->principals, 2, &question);
}

double sched_lead(const struct sched_node *first, const struct sched_node *later) {
	const struct sched_group *a = first->program, *b = later->program;

	if (a == b)
		return later->flow.start - first->flow.start;
	if (a->principal != b->principal) {
		a = a->principal;
		b = b->principal;
	}
	return b->flow.start - a->flow.start;
}

unsigned sched_ready(const struct sched *sched) {
	return sched->n_ready;
}

unsigned sched_principals(const struct sched *sched) {
	return sched->principals.queue.n_ready;
}
