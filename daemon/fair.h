#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * One level of fair queueing: flows take turns so that each gets service, in seconds, in proportion to its weight.
 * Pure; no allocation. The scheduler stacks three of these levels.
 *
 * It is start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queueing", 1996) for service whose length is not known
 * beforehand: every flow has a virtual start S, every queue a virtual time V, the S of the latest turn. The flow with the least S is
 * next; service moves S on by seconds / weight, a guess first and corrections, up or down, while and after it is given.
 *
 *	becomes active	S = max(S, V)		no credit for idling
 *	stays ready	S = max(S, V - L)	L = credit / weight: nor for what it could not use
 *	its turn	V = max(V, S)
 *	nobody active	V = 0, all S = 0	the end of a busy period; what was taken then is forgotten
 *
 * A flow that is new starts at E >= V: without it, flows that come, are served and go, for ever, would all start at
 * the same V and starve one that stays. What a flow that leaves has taken beyond E is divided among it and those who
 * stay, as if V had moved on with it: E += (S - E) weight / (sum of active weights + weight), at most to V + L.
 */

struct fair_queue;

struct fair_flow {
	TAILQ_ENTRY(fair_flow) link; /* in the queue's ready, if is_ready */
	struct fair_queue *queue;
	double start;    /* S, of the queue's period below; in later ones it counts as 0 */
	uint64_t period; /* of the queue, when start was set */
	double weight;   /* > 0 */
	double cost;     /* among flows with the same S the least is first, then the oldest */
	uint64_t age;    /* less is older */
	bool is_ready, is_active;
};

TAILQ_HEAD(fair_list, fair_flow);

struct fair_queue {
	struct fair_list ready; /* next turn first */
	double now;             /* V */
	double entry;           /* E; below V it means V */
	double credit;          /* L · weight at the last turn */
	uint64_t period;        /* counts the busy periods */
	double active_weight;   /* of all active flows */
	unsigned n_ready, n_active;
};

void fair_queue_init(struct fair_queue *queue);

/* A new flow of the queue, not active. */
void fair_join(struct fair_flow *flow, struct fair_queue *queue, double weight, uint64_t age);
/* It has no request any more, for now or for ever: not active, and E moves. */
void fair_leave(struct fair_flow *flow);

/* ready: wants a turn. active: ready, or being served. Cheap when nothing changes. */
void fair_set(struct fair_flow *flow, bool ready, bool active, double cost);
/* What it has taken, in seconds, stays what it is. */
void fair_set_weight(struct fair_flow *flow, double weight);
/* seconds: of service; negative corrects what was charged before. */
void fair_charge(struct fair_flow *flow, double seconds);

/* Before flows are asked for a turn, in the order of ready: applies L to all of them. */
void fair_limit_credit(struct fair_queue *queue, double credit);
/* It is the flow's turn. */
void fair_advance(struct fair_flow *flow);
/* Whether V has reached S: the flow can be forgotten, for a new one would start no earlier. */
bool fair_is_even(const struct fair_flow *flow);
