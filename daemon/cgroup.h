#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/delegation.h"

struct event_base;

/*
 * The control group (of version 2) that the service manager delegated to the daemon: it goes into supervisor/, and each
 * worker gets a leaf w/ID, whose limits hold for the worker and all that it starts, and which can be killed as a whole.
 * Where no group is delegated there is none of this.
 */
struct cgroup;
struct leaf;

struct cgroup_setup {
	const char *root; /* "", or a directory that holds proc and the mounts instead of / */
	bool private;     /* the daemon is a program's own */
	pid_t self;
	const char *exec_pid; /* the variable SYSTEMD_EXEC_PID, or NULL */
	struct event_base *base;
};

/* 0 and UINT64_MAX: none. */
struct leaf_limits {
	uint64_t memory; /* bytes */
	uint64_t pids;
};

enum leaf_oom { LEAF_OOM_NONE, LEAF_OOM_OWN, LEAF_OOM_AROUND };

/* Returns the group, divided; or NULL, which all of the following take: it is not the daemon's (that is logged). */
struct cgroup *cgroup_new(const struct cgroup_setup *setup);
/* No leaf may be left but those that are removed already. What was made is removed, and the daemon goes back, or the service
 * could not be started again. Always returns NULL. */
struct cgroup *cgroup_free(struct cgroup *cgroup);
/* Whether leaves have that controller. */
bool cgroup_has(const struct cgroup *cgroup, enum controller controller);

/* A leaf for the worker of that id. Returns 0 and *ret; -errno, also if a limit cannot be set. */
int leaf_new(struct leaf **ret, struct cgroup *cgroup, uint64_t id,
	     const struct leaf_limits *limits);
/* Kills what is in it and removes it, as soon as the kernel lets go of it. Takes NULL, and always returns it. */
struct leaf *leaf_free(struct leaf *leaf);
/* Where a process writes itself in; valid as long as the leaf. NULL for NULL. */
const char *leaf_directory(const struct leaf *leaf);
/* KILL for all in it, whatever session or process group they are in. Takes NULL. */
void leaf_kill(struct leaf *leaf);
/* Whether the kernel killed somebody in it for memory: for the leaf's own limit, or for one around it. */
enum leaf_oom leaf_oom(const struct leaf *leaf);
