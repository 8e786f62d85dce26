#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "protocol/page.h"

struct channel_ops;
struct event_base;

/*
 * Worker processes that are none, under the real daemon/worker.c and its parts: they take the place of spawn.c, channel.c, kill()
 * and waitid() (the last two by the linker's --wrap). Nothing happens by itself: the test says when a process reads,
 * begins an item, ends it, reports, dies, and how much of what it wrote the daemon sees.
 */

/* What came in one chunk message. Items are numbers, and the result of one is the same number, unless
 * fake_outcome() says otherwise. */
struct fake_chunk {
	TAILQ_ENTRY(fake_chunk) link;
	uint64_t number, first;
	uint32_t count, done, reported;
	bool running;  /* the item at `done` is */
	bool returned; /* from `done` on */
	bool noted;    /* for whoever looks at them: false at first */
	bool times;
	uint64_t *values;
	uint64_t began, busy; /* µs; busy: of items that are not reported */
};

TAILQ_HEAD(fake_chunk_list, fake_chunk);

/* Bytes on their way in one direction. */
struct fake_pipe {
	char *bytes;
	size_t size, offered; /* offered: what the reader may see of them */
};

struct fake_process {
	TAILQ_ENTRY(fake_process) link;
	pid_t pid;
	int number; /* 1, 2, …: pidfd and socket count from it */
	char *pool; /* from its environment */
	struct page *page;
	struct fake_pipe in, out;
	const struct channel_ops *ops; /* of its channel; NULL if it has none */
	void *context;
	bool discarded, finished; /* the channel is */

	bool keeps_page, said_hello, hung_up, unknowing;
	bool liar;       /* it wrote what is not so into its page, or broke the protocol */
	bool told, kill; /* it got SIGTERM, SIGKILL */
	bool exited, reaped;
	bool noted; /* as a chunk's, once it is gone */
	int signal, status;
	uint64_t last_chunk;
	uint64_t commons[8];
	struct fake_chunk_list chunks; /* as they came, until they are over */
};

TAILQ_HEAD(fake_process_list, fake_process);

void fake_processes_init(struct event_base *base);
/* All must be reaped and freed by the daemon. */
void fake_processes_done(void);
/* The oldest first; those that the daemon has let go are in it until fake_process_free(). */
struct fake_process_list *fake_processes(void);
struct fake_process *fake_process_free(struct fake_process *process);

/* The next start of a process fails with this errno. */
void fake_spawn_fail(int error);
/* The nth write to a process from here on fails for want of memory; 0 = none. */
void fake_write_fail(unsigned nth);

/* -------- what a process does -------- */

/* functions: the array of the hello. */
void fake_process_hello(struct fake_process *process, const char *functions, bool page);
/* Takes in whole messages; what the protocol forbids to the daemon is a broken promise. */
void fake_process_read(struct fake_process *process);
/* Begins the next item; or returns it, and what is behind it, if the page's limit says so. Returns whether it did
 * either. */
bool fake_process_begin(struct fake_process *process);
/* Ends the item that runs. Returns whether one did. */
bool fake_process_end(struct fake_process *process);
/* Writes a message with at most so many results, or of what it returns. Returns whether there was anything. */
bool fake_process_report(struct fake_process *process, uint32_t most);
/* Writes any text, and its NUL. */
void fake_process_say(struct fake_process *process, const char *text);
/* The daemon sees so many bytes more of what was written. */
void fake_process_flush(struct fake_process *process, size_t size);
/* Closes its socket. */
void fake_process_hang_up(struct fake_process *process);
/* signal: 0 = it exits with the status. */
void fake_process_exit(struct fake_process *process, int signal, int status);

struct fake_chunk *fake_process_running(const struct fake_process *process);

/* What the function makes of an item. */
enum fake_outcome { FAKE_VALUE, FAKE_RAISES, FAKE_TOO_LARGE };
#define FAKE_RESULT_MAX 40 /* bytes of a result that is not too large */
enum fake_outcome fake_outcome(uint64_t value);
