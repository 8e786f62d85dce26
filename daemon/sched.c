#include "daemon/sched.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

TAILQ_HEAD(sched_node_list, sched_node);

struct sched_principal {
	TAILQ_ENTRY(sched_principal) link;
	uid_t uid;
	struct sched_node_list nodes; /* next turn first; never empty */
};

void sched_init(struct sched *sched) {
	*sched = (struct sched) {0};
	TAILQ_INIT(&sched->principals);
}

void sched_done(struct sched *sched) {
	assert(TAILQ_EMPTY(&sched->principals));
	(void) sched;
}

static struct sched_principal *find_principal(struct sched *sched, uid_t uid) {
	struct sched_principal *principal;

	TAILQ_FOREACH (principal, &sched->principals, link)
		if (principal->uid == uid)
			return principal;

	principal = malloc(sizeof *principal);
	if (!principal)
		return NULL;
	principal->uid = uid;
	TAILQ_INIT(&principal->nodes);
	TAILQ_INSERT_TAIL(&sched->principals, principal, link);
	sched->n_principals++;
	return principal;
}

int sched_add(struct sched *sched, struct sched_node *node, uid_t uid) {
	node->principal = find_principal(sched, uid);
	if (!node->principal)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&node->principal->nodes, node, link);
	return 0;
}

void sched_remove(struct sched *sched, struct sched_node *node) {
	struct sched_principal *principal = node->principal;

	if (!principal)
		return;
	TAILQ_REMOVE(&principal->nodes, node, link);
	node->principal = NULL;
	if (TAILQ_EMPTY(&principal->nodes)) {
		TAILQ_REMOVE(&sched->principals, principal, link);
		sched->n_principals--;
		free(principal);
	}
}

static void end_turn(struct sched *sched, struct sched_node *node) {
	struct sched_principal *principal = node->principal;

	TAILQ_REMOVE(&principal->nodes, node, link);
	TAILQ_INSERT_TAIL(&principal->nodes, node, link);
	TAILQ_REMOVE(&sched->principals, principal, link);
	TAILQ_INSERT_TAIL(&sched->principals, principal, link);
}

struct sched_node *sched_pick(struct sched *sched, bool (*runnable)(struct sched_node *, void *),
			      void *context) {
	struct sched_principal *principal;
	struct sched_node *node;

	TAILQ_FOREACH (principal, &sched->principals, link) {
		TAILQ_FOREACH (node, &principal->nodes, link) {
			if (runnable(node, context)) {
				end_turn(sched, node);
				return node;
			}
		}
	}
	return NULL;
}
