#include "daemon/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/capacity.h"
#include "daemon/clock.h"
#include "daemon/file.h"
#include "daemon/log.h"

/* The kernel takes a moment to end who was killed; no process of the group is the daemon's child then that could tell. */
#define REMOVE_AGAIN UINT64_C(50000)
/* At the end, ms. */
#define EMPTY_WAIT  100
#define EMPTY_TRIES 20

struct leaf {
	TAILQ_ENTRY(leaf) link; /* in doomed */
	struct cgroup *cgroup;
	char *directory;
};

struct cgroup {
	char *group, *supervisor, *workers; /* directories */
	unsigned controllers;
	TAILQ_HEAD(, leaf) doomed; /* to be removed, and not empty yet */
	struct event *timer;
};

/* -------- directories -------- */

/* Removes a directory of control groups, whose files are the kernel's. Returns 0 or -errno. */
static int remove_tree(const char *directory) {
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char *path;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0)
			break;
		remove_tree(path);
		free(path);
	}
	if (dir)
		closedir(dir);
	return rmdir(directory) < 0 && errno != ENOENT ? -errno : 0;
}

static int make_directory(const char *directory) {
	return mkdir(directory, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* -------- whose it is -------- */

static char *find_group(const char *root) {
	char *groups = file_read_in(root, "/proc/self", "cgroup");
	char *mounts = file_read_in(root, "/proc/self", "mountinfo");
	char *directory =
		groups && mounts ? capacity_own_directory(root, groups, mounts, CAPACITY_V2) : NULL;

	free(mounts);
	free(groups);
	return directory;
}

/* The mark of systemd on a group that it delegated; the second only root can see. */
static bool read_mark(const char *directory, char *mark, size_t size) {
	static const char *const attributes[] = {"user.delegate", "trusted.delegate"};

	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
		ssize_t n = getxattr(directory, attributes[i], mark, size - 1);

		if (n >= 0) {
			mark[n] = '\0';
			return true;
		}
	}
	return false;
}

static const char *refusal(const struct cgroup_setup *setup, const char *directory) {
	char *processes = file_read_in("", directory, "cgroup.procs"), mark[8];
	const char *why = delegation_refusal(&(struct delegation_facts) {
		.private = setup->private,
		.self = setup->self,
		.exec_pid = setup->exec_pid,
		.mark = read_mark(directory, mark, sizeof mark) ? mark : NULL,
		.processes = processes,
	});

	free(processes);
	return why;
}

/* -------- dividing it -------- */

static bool switch_controller(const char *directory, char sign, enum controller controller) {
	char word[16];

	snprintf(word, sizeof word, "%c%s", sign, controller_name(controller));
	return file_write_in(directory, "cgroup.subtree_control", word) == 0;
}

static void enable_controllers(struct cgroup *cgroup) {
	char *text = file_read_in("", cgroup->group, "cgroup.controllers");
	unsigned there = text ? delegation_controllers(text) : 0;

	for (enum controller i = 0; i < CONTROLLERS; i++)
		if (there & 1u << i && switch_controller(cgroup->group, '+', i) &&
		    switch_controller(cgroup->workers, '+', i))
			cgroup->controllers |= 1u << i;
	free(text);
}

static void disable_controllers(struct cgroup *cgroup) {
	for (enum controller i = 0; i < CONTROLLERS; i++) {
		if (!cgroup_has(cgroup, i))
			continue;
		switch_controller(cgroup->workers, '-', i);
		switch_controller(cgroup->group, '-', i);
	}
}

/* Leaves of a daemon that was killed may be left. */
static int divide(struct cgroup *cgroup) {
	int r = make_directory(cgroup->supervisor);

	if (r == 0)
		r = file_write_in(cgroup->supervisor, "cgroup.procs", "0");
	if (r == 0 && access(cgroup->workers, F_OK) == 0) {
		file_write_in(cgroup->workers, "cgroup.kill", "1");
		remove_tree(cgroup->workers);
	}
	return r == 0 ? make_directory(cgroup->workers) : r;
}

static bool make_paths(struct cgroup *cgroup) {
	return asprintf(&cgroup->supervisor, "%s/supervisor", cgroup->group) >= 0 &&
	       asprintf(&cgroup->workers, "%s/w", cgroup->group) >= 0;
}

static void free_paths(struct cgroup *cgroup) {
	free(cgroup->group);
	free(cgroup->supervisor);
	free(cgroup->workers);
	if (cgroup->timer)
		event_free(cgroup->timer);
	free(cgroup);
}

static void on_timer(evutil_socket_t fd, short what, void *context);

static struct cgroup *new_in(char *group, struct event_base *base) {
	struct cgroup *cgroup = calloc(1, sizeof *cgroup);

	if (!cgroup) {
		free(group);
		return NULL;
	}
	cgroup->group = group;
	TAILQ_INIT(&cgroup->doomed);
	cgroup->timer = evtimer_new(base, on_timer, cgroup);
	if (!cgroup->timer || !make_paths(cgroup)) {
		free_paths(cgroup);
		return NULL;
	}
	return cgroup;
}

static void go_back(struct cgroup *cgroup) {
	if (file_write_in(cgroup->group, "cgroup.procs", "0") < 0)
		log_warning("cannot go back to the control group %s", cgroup->group);
	remove_tree(cgroup->supervisor);
}

struct cgroup *cgroup_new(const struct cgroup_setup *setup) {
	char *group = find_group(setup->root);
	const char *why = group ? refusal(setup, group) : "there is none of version 2";
	struct cgroup *cgroup;
	int r;

	if (why) {
		log_debug("workers get no control groups of their own: %s", why);
		free(group);
		return NULL;
	}
	cgroup = new_in(group, setup->base);
	r = cgroup ? divide(cgroup) : -ENOMEM;
	if (r < 0) {
		log_warning("workers get no control groups of their own: %s: %s",
			    cgroup ? cgroup->group : "?", strerror(-r));
		if (cgroup && access(cgroup->supervisor, F_OK) == 0)
			go_back(cgroup);
		if (cgroup)
			free_paths(cgroup);
		return NULL;
	}
	enable_controllers(cgroup);
	log_info("each worker gets a control group in %s; controllers:%s%s%s%s", cgroup->workers,
		 cgroup_has(cgroup, CONTROLLER_CPU) ? " cpu" : "",
		 cgroup_has(cgroup, CONTROLLER_MEMORY) ? " memory" : "",
		 cgroup_has(cgroup, CONTROLLER_PIDS) ? " pids" : "",
		 cgroup->controllers ? "" : " none");
	return cgroup;
}

bool cgroup_has(const struct cgroup *cgroup, enum controller controller) {
	return cgroup && cgroup->controllers & 1u << controller;
}

/* -------- leaves -------- */

static int set_limit(const struct leaf *leaf, const char *name, uint64_t limit) {
	char text[24] = "max";

	if (limit > 0 && limit != UINT64_MAX)
		snprintf(text, sizeof text, "%" PRIu64, limit);
	return file_write_in(leaf->directory, name, text);
}

static int set_limits(const struct leaf *leaf, const struct leaf_limits *limits) {
	int r = 0;

	if (cgroup_has(leaf->cgroup, CONTROLLER_MEMORY)) {
		r = set_limit(leaf, "memory.max", limits->memory);
		/* A worker without one of its children is of no use. */
		if (r == 0)
			r = file_write_in(leaf->directory, "memory.oom.group", "1");
	}
	if (r == 0 && cgroup_has(leaf->cgroup, CONTROLLER_PIDS))
		r = set_limit(leaf, "pids.max", limits->pids);
	return r;
}

static void free_leaf(struct leaf *leaf) {
	free(leaf->directory);
	free(leaf);
}

int leaf_new(struct leaf **ret, struct cgroup *cgroup, uint64_t id,
	     const struct leaf_limits *limits) {
	struct leaf *leaf = calloc(1, sizeof *leaf);
	int r = -ENOMEM;

	if (!leaf || asprintf(&leaf->directory, "%s/%" PRIu64, cgroup->workers, id) < 0) {
		free(leaf);
		return r;
	}
	leaf->cgroup = cgroup;
	r = mkdir(leaf->directory, 0755) < 0 ? -errno : 0;
	if (r < 0) {
		free_leaf(leaf);
		return r;
	}
	r = set_limits(leaf, limits);
	if (r < 0)
		leaf_free(leaf);
	else
		*ret = leaf;
	return r;
}

const char *leaf_directory(const struct leaf *leaf) {
	return leaf ? leaf->directory : NULL;
}

void leaf_kill(struct leaf *leaf) {
	if (leaf)
		file_write_in(leaf->directory, "cgroup.kill", "1");
}

enum leaf_oom leaf_oom(const struct leaf *leaf) {
	char *events = file_read_in("", leaf->directory, "memory.events");
	enum leaf_oom oom = LEAF_OOM_NONE;

	/* oom is counted where the limit is, oom_kill where the victim is. */
	if (delegation_count(events, "oom_kill") > 0)
		oom = delegation_count(events, "oom") > 0 ? LEAF_OOM_OWN : LEAF_OOM_AROUND;
	free(events);
	return oom;
}

/* Returns whether it is gone, and freed. */
static bool try_remove(struct leaf *leaf) {
	int r = remove_tree(leaf->directory);

	if (r == -EBUSY || r == -ENOTEMPTY)
		return false;
	if (r < 0)
		log_warning("cannot remove the control group %s: %s", leaf->directory,
			    strerror(-r));
	free_leaf(leaf);
	return true;
}

static void look_again(struct cgroup *cgroup) {
	struct timeval interval = clock_interval(REMOVE_AGAIN);

	if (!TAILQ_EMPTY(&cgroup->doomed))
		evtimer_add(cgroup->timer, &interval);
}

static void remove_doomed(struct cgroup *cgroup) {
	struct leaf *leaf, *next;

	for (leaf = TAILQ_FIRST(&cgroup->doomed); leaf; leaf = next) {
		next = TAILQ_NEXT(leaf, link);
		TAILQ_REMOVE(&cgroup->doomed, leaf, link);
		/* Again: somebody may have forked while the first one was at work. */
		leaf_kill(leaf);
		if (!try_remove(leaf))
			TAILQ_INSERT_HEAD(&cgroup->doomed, leaf, link);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context) {
	struct cgroup *cgroup = context;

	(void) fd, (void) what;
	remove_doomed(cgroup);
	look_again(cgroup);
}

struct leaf *leaf_free(struct leaf *leaf) {
	struct cgroup *cgroup;

	if (!leaf)
		return NULL;
	cgroup = leaf->cgroup;
	leaf_kill(leaf);
	if (!try_remove(leaf)) {
		TAILQ_INSERT_TAIL(&cgroup->doomed, leaf, link);
		look_again(cgroup);
	}
	return NULL;
}

/* -------- the end -------- */

/* Waits, not for ever, until nobody is in the directory or below it. There is no loop any more. */
static void await_empty(const char *directory) {
	char *path, *events;
	struct pollfd fd = {.events = POLLPRI};

	if (asprintf(&path, "%s/cgroup.events", directory) < 0)
		return;
	fd.fd = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; fd.fd >= 0 && i < EMPTY_TRIES; i++) {
		uint64_t populated;

		events = file_read(path);
		populated = delegation_count(events, "populated");
		free(events);
		if (populated == 0)
			break;
		poll(&fd, 1, EMPTY_WAIT);
	}
	if (fd.fd >= 0)
		close(fd.fd);
	free(path);
}

struct cgroup *cgroup_free(struct cgroup *cgroup) {
	struct leaf *leaf;
	int r;

	if (!cgroup)
		return NULL;
	while ((leaf = TAILQ_FIRST(&cgroup->doomed))) {
		TAILQ_REMOVE(&cgroup->doomed, leaf, link);
		free_leaf(leaf);
	}
	file_write_in(cgroup->workers, "cgroup.kill", "1");
	await_empty(cgroup->workers);
	/* A group with controllers for its children takes no process. */
	disable_controllers(cgroup);
	r = remove_tree(cgroup->workers);
	if (r < 0)
		log_warning("cannot remove the control group %s: %s", cgroup->workers,
			    strerror(-r));
	go_back(cgroup);
	free_paths(cgroup);
	return NULL;
}
