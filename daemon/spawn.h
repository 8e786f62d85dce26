#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct page;

/* Starting one worker process: its socket, its page, its pipes and a descriptor of its life. */

struct spawn_plan {
	const char *launcher;     /* path of procpool-launch */
	char *const *command;     /* NULL-ended */
	char *const *environment; /* NULL-ended, whole */
	const char *directory;    /* absolute; NULL = stay in the daemon's */
	const char *user;         /* to become, or NULL; only root can */
	bool no_new_privileges;   /* nothing it executes gets more than it has */
	bool share_stderr;        /* the worker writes to the daemon's own stderr: no pipes */
	uint64_t nofile;          /* soft RLIMIT_NOFILE of the worker */
	char *const *limits;      /* NULL-ended, as rlimit_parse() takes them; NULL = none */
	uint64_t oom_score_adj;   /* UINT64_MAX = more than the daemon's */
	const char *group;        /* directory of the control group to enter, or NULL */
};

struct spawned {
	pid_t pid; /* leader of a process group of its own */
	int pidfd;
	int socket;        /* non-blocking */
	int out, err;      /* non-blocking read ends of its stdout and stderr, or -1 */
	struct page *page; /* mapped, PAGE_SIZE bytes */
};

/* Returns 0 and *ret, everything in it the caller's; or -errno. */
int spawn_worker(const struct spawn_plan *plan, struct spawned *ret);
/* Closes and unmaps what is there (fds -1 and a NULL page are skipped). The process is not touched. */
void spawned_done(struct spawned *spawned);
