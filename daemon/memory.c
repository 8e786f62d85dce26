#include "daemon/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t min(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

/* The number in a file; UINT64_MAX if it is "max" or cannot be read. */
static uint64_t read_number(const char *path) {
	FILE *file = fopen(path, "re");
	unsigned long long number;
	uint64_t result = UINT64_MAX;

	if (!file)
		return result;
	if (fscanf(file, "%llu", &number) == 1)
		result = number;
	fclose(file);
	return result;
}

/* The least of the limits of a group and of those it is in. group: its path, cut up here. */
static uint64_t group_limit(const char *root, char *group, const char *file) {
	uint64_t limit = UINT64_MAX;
	char path[PATH_MAX];
	char *slash;

	do {
		snprintf(path, sizeof path, "%s%s/%s", root, group, file);
		limit = min(limit, read_number(path));
		slash = strrchr(group, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return limit;
}

/* line: "0::/group" of version 2, "9:memory:/group" of version 1, among others. */
static uint64_t line_limit(const char *root, char *line) {
	char controllers[PATH_MAX];
	char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;

	if (!group)
		return UINT64_MAX;
	*group++ = '\0';
	list++;
	group[strcspn(group, "\n")] = '\0';
	if (!*list)
		return group_limit(root, group, "memory.max");
	if (strcmp(list, "memory") != 0)
		return UINT64_MAX;
	snprintf(controllers, sizeof controllers, "%s/memory", root);
	return group_limit(controllers, group, "memory.limit_in_bytes");
}

uint64_t memory_limit(const char *cgroups, const char *root) {
	uint64_t limit = (uint64_t) sysconf(_SC_PHYS_PAGES) * (uint64_t) sysconf(_SC_PAGESIZE);
	FILE *file = fopen(cgroups, "re");
	char line[PATH_MAX];

	while (file && fgets(line, sizeof line, file))
		limit = min(limit, line_limit(root, line));
	if (file)
		fclose(file);
	return limit;
}

uint64_t memory_resident(pid_t pid) {
	unsigned long long total, resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (file && fscanf(file, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (uint64_t) resident * (uint64_t) sysconf(_SC_PAGESIZE);
}
