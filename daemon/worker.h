#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/chunk.h"
#include "daemon/conversation.h"
#include "daemon/process.h"

struct channel_loop;
struct entry_fields;
struct generation;
struct order;

/*
 * The daemon's handle on one worker: its process, its conversation, what it has in its hands, and its end, as one state.
 *
 *   STARTING ──hello──► IDLE ◄──chunks──► BUSY
 *       └────────┬───────┴─────────────────┘
 *                ▼
 *            STOPPING ──exit reaped──► GONE        (any state may go to GONE directly: it died)
 */
enum worker_state { WORKER_STARTING, WORKER_IDLE, WORKER_BUSY, WORKER_STOPPING, WORKER_GONE };
#define WORKER_STATES (WORKER_GONE + 1)

/* How a process ended. */
struct worker_end {
	int signal;              /* or 0 */
	int status;              /* exit status if signal is 0 */
	bool ours;               /* the daemon ended it */
	bool timed_out;          /* it did, because an item took longer than it may */
	const char *reason;      /* why the daemon did, or what it violated; NULL */
	const char *stderr_tail; /* last lines; "" if there are none */
	bool blamed;             /* one item pays for it: */
	uint64_t request, item;
};

struct worker;

struct worker_ops {
	/* The worker said hello; hello is the callee's to take from. Returns NULL to accept it, or the reason why not. */
	const char *(*hello)(void *context, struct worker *worker, struct worker_hello *hello);
	/* Results of the items chunk->reported - report's count … chunk->reported - 1. Returns NULL, or what is
	 * wrong with them. */
	const char *(*results)(void *context, struct worker *worker, const struct chunk *chunk,
			       const struct worker_report *report);
	/* The chunk is over with this worker; settlement is NULL if all of it was reported. The chunk is freed
	 * afterwards. end: of the worker, or NULL if it lives (the rest was returned). */
	void (*chunk_over)(void *context, struct worker *worker, struct chunk *chunk,
			   const struct settlement *settlement, const struct worker_end *end);
	/* Items chunk->first + offset … of a recalled chunk will not be begun: they are the callee's again, while the
	 * worker may still run an earlier one. The chunk ends before them from now on. */
	void (*recalled)(void *context, struct worker *worker, const struct chunk *chunk,
			 uint32_t offset);
	/* The state changed from before to worker->state. */
	void (*state)(void *context, struct worker *worker, enum worker_state before);
	/* The exit was reaped; the worker is freed by the callee, now. */
	void (*gone)(void *context, struct worker *worker, const struct worker_end *end);
};

struct worker {
	TAILQ_ENTRY(worker) link; /* in its pool's list of its state */
	uint64_t id;
	pid_t pid;
	enum worker_state state;
	struct chunk_list chunks; /* in its hands; the first one runs */
	uint64_t started;         /* µs */
	uint64_t warm;            /* when it said hello, 0 = not yet */
	uint64_t items;           /* finished since then */
	uid_t uid;                /* whose work it last got */
	uint64_t item_since; /* µs; since when, as far as was looked, it has run the same item */

	/* What its pool notes. */
	struct generation *generation;
	uint64_t idle_since; /* µs; if IDLE */
	bool retired;        /* it is stopped though nothing is wrong with it */
	bool due;            /* it is to be replaced: another is started, then it goes */
	bool substitute;     /* it was started for that, and none that is due has gone for it yet */

	/* What decides when it is due. */
	uint64_t most_items;    /* it gets no more than these, 0 = any; afterwards one at a time */
	uint64_t rss, rss_warm; /* bytes of memory when that was looked at, and at its hello */
	uint64_t sampled;       /* µs, when it was looked at */
	uint64_t sampled_items; /* `items` then */
	uint64_t
		most_memory; /* bytes; beyond it is killed as soon as that is seen, 0 = not looked at */
	bool over_memory; /* it was */

	struct worker_private *private;
};

TAILQ_HEAD(worker_list, worker);

/* What the workers of a pool have in common. */
struct worker_setup {
	const struct channel_loop *loop;
	uint64_t start_timeout;         /* µs */
	uint64_t stderr_rate;           /* lines a second of what it prints that are logged */
	size_t max_message, max_result; /* bytes */
	struct process_setup process;
};

/* Starts a process; it is STARTING. pool: its name, for the log. That, what the setup points to, ops and context must
 * outlive it.
 * Returns 0 and *ret; -errno. */
int worker_new(struct worker **ret, const struct worker_setup *setup, const struct spawn_plan *plan,
	       uint64_t id, const char *pool, const struct worker_ops *ops, void *context);
/* The process must be gone. Always returns NULL. */
struct worker *worker_free(struct worker *worker);

/* Whether it can be known which of its items runs. */
bool worker_keeps_page(const struct worker *worker);
/* Whether another chunk may follow what a BUSY worker has. */
bool worker_takes_more(const struct worker *worker);
/* Hands a chunk over to an IDLE worker, or one that takes more: the worker owns it until chunk_over(); its number is
 * set here. Returns 0 or -ENOMEM, the chunk is then still the caller's. */
int worker_give(struct worker *worker, struct chunk *chunk, const struct order *order,
		uint64_t now);

/* Asks the worker not to begin the item at offset of that chunk, nor anything after it: recalled() tells soon which
 * items that made free, and it takes no more until it has returned them. Does nothing if it keeps no page. */
void worker_recall(struct worker *worker, const struct chunk *chunk, uint32_t offset);
/* µs for which it has run the same item, as far as was looked: since it was asked for this before. */
uint64_t worker_item_age(struct worker *worker, uint64_t now);

/* Ends the process after grace µs unless its chunks are over by then: TERM, KILL. chunk and offset name the item
 * that is meant (chunk NULL: whatever runs). reason: static text. */
void worker_interrupt(struct worker *worker, const struct chunk *chunk, uint32_t offset,
		      uint64_t grace, const char *reason);
/* Lets it finish what it has, then exit; TERM and KILL if it does not within grace µs. */
void worker_stop(struct worker *worker, uint64_t grace);
/* KILL at once. */
void worker_kill(struct worker *worker, const char *reason);

/* The context given to worker_new(). */
void *worker_context(const struct worker *worker);
/* What the log says of it: pool, id, pid, whose work it last got, and the request that this was of. */
const struct entry_fields *worker_fields(const struct worker *worker);
const char *worker_state_name(enum worker_state state);
