#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct process;

/*
 * How a worker that does not end by itself is brought to its end: it is asked, told by TERM, killed. The steps, their
 * one timer, and what all of it is for.
 */

/* The timer moves from one to the next. */
enum stop_step {
	STOP_NONE,
	STOP_START, /* the start time-out runs */
	STOP_GRACE, /* an interrupt waits for its chunks to end */
	STOP_ASKED, /* the worker's input is closed: it should exit by itself */
	STOP_TERM,
	STOP_KILL /* repeated until the exit is reaped */
};

struct stop_ops {
	/* The daemon ends it, from now on. */
	void (*stopping)(void *context);
	/* Closes its input. */
	void (*ask)(void *context);
	/* Whether the item at that position (0: any) is still at work. */
	bool (*is_at_work)(void *context, uint64_t target);
};

struct stop {
	enum stop_step step;
	bool ours, timed_out; /* as of struct worker_end */
	uint64_t target;      /* position an interrupt is meant for, 0 = whatever runs */
	const char *reason;   /* NULL */

	bool leaving; /* STOP_ASKED was reached: an interrupt that comes to nothing leads back there */
	const struct process *process;
	struct event *timer;
	const struct stop_ops *ops;
	void *context;
};

/* stop is zeroed; process and ops must outlive it. Returns 0 or -ENOMEM. */
int stop_init(struct stop *stop, struct event_base *base, const struct process *process,
	      const struct stop_ops *ops, void *context);
void stop_done(struct stop *stop);

/* The process runs, and has so many µs to say hello. */
void stop_expect_hello(struct stop *stop, uint64_t start_timeout);
/* It did, or it is gone: no step follows. */
void stop_rest(struct stop *stop);

/* Sends TERM, then KILL, unless what is at target is over within grace µs. reason: static text. */
void stop_interrupt(struct stop *stop, uint64_t target, uint64_t grace, const char *reason);
/* All chunks have ended: an interrupt that waited for that is over. */
void stop_spare(struct stop *stop);
/* The item at target had its time: TERM at once, then KILL. */
void stop_overdue(struct stop *stop, uint64_t target, const char *reason);
/* Asks it to exit; TERM and KILL if it does not within grace µs. */
void stop_ask(struct stop *stop, uint64_t grace);
/* Its socket ended: it should exit soon. */
void stop_expect_exit(struct stop *stop);
/* KILL at once. The reason of an interrupt before it stays. */
void stop_kill(struct stop *stop, const char *reason);
