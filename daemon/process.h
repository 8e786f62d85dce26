#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cgroup.h"
#include "daemon/spawn.h"

struct event;
struct event_base;
struct oom;

/*
 * One worker process and whatever it starts: its process group, and its leaf where there are control groups. It is
 * started, signalled as a whole, reaped, and asked for the reason why the kernel killed it.
 */

/* Where a process is put, and who knows how it fared there. */
struct process_setup {
	struct cgroup *cgroup;   /* where it gets a leaf; NULL = none */
	struct leaf_limits most; /* of the leaf */
	const char *over_memory; /* why it is killed if it has more memory */
	struct oom *
		oom; /* who knows whether the kernel killed it for memory if the leaf does not; or NULL */
};

struct process {
	struct spawned spawned; /* what is taken over from it is replaced by -1 */
	struct event *watch;
	void (*exited)(void *context);
	void *context;
	struct leaf *leaf;       /* NULL where there are none */
	bool leaf_counts;        /* it knows what the kernel killed in it for memory */
	struct oom *oom;         /* who does if not */
	const char *over_memory; /* for more than its leaf's limit */
};

/* How it ended. */
struct process_exit {
	int signal; /* or 0 */
	int status; /* exit status if signal is 0 */
};

/* There is none yet. */
void process_init(struct process *process);
/* It must be gone. */
void process_done(struct process *process);

/* id: of its leaf; what the setup points to must outlive the process. Returns 0 or -errno. */
int process_start(struct process *process, const struct process_setup *setup,
		  const struct spawn_plan *plan, uint64_t id);
/* Calls exited() when it has exited, again and again until it is reaped. Returns 0 or -ENOMEM. */
int process_watch(struct process *process, struct event_base *base, void (*exited)(void *context),
		  void *context);
/* Ends and reaps one that nobody was told of yet. */
void process_abort(struct process *process);

/* To the whole group; SIGKILL to all that is in the leaf as well. */
void process_signal(const struct process *process, int signal);
/* Once it has exited. label: whose it was, for the log. */
struct process_exit process_reap(struct process *process, const char *label);
/* Why the kernel killed it for memory; NULL if it did not, as far as can be known. To be asked once, and only about one
 * that ended by SIGKILL and not by the daemon's: what nobody says of a leaf is taken from what is known of all. */
const char *process_out_of_memory(const struct process *process);
