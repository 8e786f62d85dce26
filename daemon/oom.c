#include "daemon/oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/capacity.h"
#include "daemon/delegation.h"
#include "daemon/file.h"

static uint64_t count(const char *path) {
	char *text = path ? file_read(path) : NULL;
	uint64_t kills = delegation_count(text, "oom_kill");

	free(text);
	return kills;
}

/* The file of that name in the daemon's group, if there is one; NULL if not. */
static char *find(const char *root, const char *groups, const char *mounts,
		  enum capacity_version version, const char *name) {
	char *directory = capacity_own_directory(root, groups, mounts, version), *path = NULL;

	if (directory && asprintf(&path, "%s/%s", directory, name) < 0)
		path = NULL;
	if (path && access(path, R_OK) < 0) {
		free(path);
		path = NULL;
	}
	free(directory);
	return path;
}

void oom_init(struct oom *oom, const char *root) {
	char *groups = file_read_in(root, "/proc/self", "cgroup");
	char *mounts = file_read_in(root, "/proc/self", "mountinfo");

	*oom = (struct oom) {0};
	if (groups && mounts) {
		oom->path = find(root, groups, mounts, CAPACITY_V2, "memory.events");
		if (!oom->path)
			oom->path = find(root, groups, mounts, CAPACITY_V1_MEMORY,
					 "memory.oom_control");
	}
	oom->seen = count(oom->path);
	free(groups);
	free(mounts);
}

void oom_done(struct oom *oom) {
	free(oom->path);
	*oom = (struct oom) {0};
}

bool oom_take(struct oom *oom) {
	if (count(oom->path) <= oom->seen)
		return false;
	oom->seen++;
	return true;
}
