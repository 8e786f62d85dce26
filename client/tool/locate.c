#include "client/tool/locate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Cuts the last part of a path off. */
static void go_up(char *path) {
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* The top of the build tree, if the tool runs from one: TOP/client/procpool or TOP/client/.libs/procpool. */
static int find_top(char *path) {
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	const char *name;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	go_up(path);
	name = strrchr(path, '/');
	if (name && strcmp(name, "/.libs") == 0)
		go_up(path);
	go_up(path);
	return 0;
}

int locate_program(const char *built, const char *installed, char *ret) {
	char top[PATH_MAX], path[PATH_MAX];

	if (find_top(top) == 0 &&
	    (size_t) snprintf(path, sizeof(path), "%s/%s", top, built) < sizeof(path) &&
	    access(path, X_OK) == 0) {
		strcpy(ret, path);
		return 0;
	}
	if (access(installed, X_OK) < 0)
		return -ENOENT;
	strcpy(ret, installed);
	return 0;
}
