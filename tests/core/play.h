#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/channel.h"
#include "daemon/configuration.h"
#include "daemon/dispatch.h"
#include "tests/core/fake_process.h"

/*
 * A play: the real dispatch, pools and workers of the daemon between clients and processes that do what a list of
 * steps says, on a clock that only the steps move. After each event and the pump behind it the witness looks whether
 * what must hold does hold, by what the test knows itself. A broken promise aborts.
 */

/* Any bytes are a step; what an argument means depends on op. */
struct step {
	uint8_t op, arg[7];
};

/* The first step chooses the setting. */
void play_steps(const struct step *steps, size_t n);

struct play;

/* Its parts: the setting, … */
struct play *play_begin(const struct step *setting);
/* … and the end, where everybody does what is expected until nothing is left. */
void play_finish(struct play *play);
/* Always returns NULL. */
struct play *play_free(struct play *play);

/* ---- inside ---- */

#define PLAY_POOLS   3
#define PLAY_CLIENTS 40
#define PLAY_ITEMS   64 /* of one client */
/* An item is a number that says whose it is: client * PLAY_VALUE + index. */
#define PLAY_VALUE 1000

enum item_state { ITEM_WAITING, ITEM_HELD, ITEM_RESULT, ITEM_DELIVERED };

struct play_item {
	enum item_state state;
	int holder;      /* number of the process, if held; of the last one otherwise */
	bool cancelled;  /* its client took it back before it had a result */
	bool blamed;     /* its worker died of it, as far as the test can tell */
	bool lost;       /* it ended, its worker died, and the result was not there yet */
	bool murky;      /* a worker that lied, or was stopped, had it: attempts cannot be told */
	bool came_back;  /* since the loop rested the last time, from a process that died */
	unsigned starts; /* times a process began it */
	unsigned
		ignored; /* times in a row a process died with a chunk of it, and had begun nothing of that */
};

/* Who submits a request, and takes its results. */
struct client {
	struct play *play;
	uint64_t id;
	struct request *request; /* NULL once released */
	const char *end;         /* why it is: "done", "cancelled", "gone" or the error's name */
	int pool;                /* that the function is of; -1 = none, or several */
	bool limited;            /* an item of it may only take so long */
	bool persistent;         /* an item whose worker died may be started again */
	bool streaming;          /* results are taken as they come, within a window */
	bool deaf;               /* it takes nothing now */
	bool starved;            /* the daemon may say that it is out of memory */
	bool failing;            /* its function may turn out to be unknown */
	uint64_t n, n_delivered;
	struct play_item items[PLAY_ITEMS];
	/* Counted anew each time the loop rests: */
	uint64_t held, ready, ready_bytes;
	unsigned chunks, workers;
};

struct play {
	struct channel_loop loop;
	struct configuration configuration;
	struct pool_setup pool_setup;
	uint64_t next_worker;
	struct dispatch *dispatch;
	struct pool *pools[PLAY_POOLS];
	unsigned n_pools;
	struct client clients[PLAY_CLIENTS];
	unsigned n_clients;
	unsigned pumps;
	/* When the loop rested the last time: */
	unsigned busy;           /* workers with a slot */
	uint64_t newest;         /* when the last of them got what it runs */
	uint64_t was_stuck;      /* when all slots were held by old items, last */
	bool short_of_memory;    /* a write was made to fail */
	bool short_of_processes; /* a start failed, or will */
};

/* client.c */
void client_submit(struct play *play, const struct step *step);
void client_input(struct client *client, unsigned n);
void client_end_input(struct client *client);
void client_hear(struct client *client, bool deaf);
void client_cancel(struct client *client);
void client_cancel_item(struct client *client, uint64_t index);
void client_hang_up(struct client *client);
/* For dispatch_ops.progressed. */
void client_progressed(void *owner, struct request *request);

/* crew.c */
/* The nth of the processes that run, or NULL; with said_hello only those that did, or did not. */
struct fake_process *crew_choose(unsigned nth, bool said_hello);
/* wrong: not what the other workers of the pool say. */
void crew_hello(const struct play *play, struct fake_process *process, bool page, bool wrong);
void crew_say_hello(const struct play *play, const struct step *step);
/* moves: begins and ends of items. */
void crew_work(struct play *play, struct fake_process *process, unsigned moves);
void crew_report(struct fake_process *process, uint32_t most, unsigned messages, size_t flushed);
void crew_die(const struct step *step);
/* Breaks the protocol, in one of several ways. */
void crew_violate(const struct play *play, struct fake_process *process, unsigned kind);
/* Says of a function that it announced by its prefix that it does not have it. */
void crew_deny(struct play *play, struct fake_process *process);
/* Who was killed ends, and who has nothing more to read; who was only told, if it likes. */
void crew_obey(struct play *play, bool willing);

/* promises.c */
/* Whenever the loop rests: learns what changed, and checks all. */
void witness(struct play *play);

/* witness.c */
/* Learns who died, as the daemon knows it already. */
void witness_deaths(struct play *play);
/* Only learns. */
void witness_learn(struct play *play);
/* A process begins the item. */
void witness_begin(struct play *play, const struct fake_process *process, uint64_t value);
