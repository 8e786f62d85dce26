#include "daemon/capacity.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of a text, not ended by NUL. */
struct piece {
	const char *text;
	size_t length;
};

static bool equals(struct piece piece, const char *word) {
	return piece.length == strlen(word) && memcmp(piece.text, word, piece.length) == 0;
}

/* Takes what is in front of the separator, or the whole rest, off the piece. */
static struct piece take(struct piece *rest, char separator) {
	const char *end = memchr(rest->text, separator, rest->length);
	struct piece taken = {rest->text, end ? (size_t) (end - rest->text) : rest->length};

	rest->text += taken.length + (end != NULL);
	rest->length -= taken.length + (end != NULL);
	return taken;
}

/* Whether the word is one of a list with commas. */
static bool lists(struct piece list, const char *word) {
	while (list.length > 0)
		if (equals(take(&list, ','), word))
			return true;
	return false;
}

/* -------- which group -------- */

/* What makes a hierarchy of version 1 the one that is meant. */
static const char *controller_of(enum capacity_version version) {
	return version == CAPACITY_V1_MEMORY ? "memory" : "cpu";
}

/* "4:cpu,cpuacct:/a/b" or "0::/a/b"; a group's name may have colons. */
char *capacity_group(const char *text, enum capacity_version version) {
	struct piece rest = {text, strlen(text)};

	while (rest.length > 0) {
		struct piece line = take(&rest, '\n');
		struct piece id = take(&line, ':'), controllers = take(&line, ':');
		bool ours = version == CAPACITY_V2 ? equals(id, "0") && controllers.length == 0
						   : lists(controllers, controller_of(version));

		if (ours && line.length > 0 && line.text[0] == '/')
			return strndup(line.text, line.length);
	}
	return NULL;
}

/* -------- where its files are -------- */

struct mount {
	struct piece root, point, type, options; /* options: of the file system */
};

/* "36 35 98:0 /root /mount/point rw,relatime shared:1 … - type source options" */
static bool parse_mount(struct piece line, struct mount *ret) {
	for (int i = 0; i < 3; i++)
		take(&line, ' ');
	ret->root = take(&line, ' ');
	ret->point = take(&line, ' ');
	while (line.length > 0 && !equals(take(&line, ' '), "-"))
		;
	ret->type = take(&line, ' ');
	take(&line, ' ');
	ret->options = line;
	return ret->root.length > 0 && ret->root.text[0] == '/' && ret->point.length > 0 &&
	       ret->point.text[0] == '/';
}

static bool is_octal(char c) {
	return c >= '0' && c <= '7';
}

/* The character of "\040" and the like; NUL, which no path has, if that is not what stands there. */
static char escaped(const char *p, size_t length) {
	if (length < 4 || p[0] != '\\' || !is_octal(p[1]) || !is_octal(p[2]) || !is_octal(p[3]))
		return '\0';
	return (char) ((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
}

/* Blanks, backslashes and such are escaped there. Writes no more than the piece's length; returns the length. */
static size_t unescape(char *to, struct piece from) {
	size_t n = 0;

	for (size_t i = 0; i < from.length; i++) {
		char c = escaped(from.text + i, from.length - i);

		to[n++] = c ? c : from.text[i];
		i += c ? 3 : 0;
	}
	return n;
}

/* Whether a path goes up somewhere: to where this namespace has no names. */
static bool goes_up(struct piece path) {
	while (path.length > 0)
		if (equals(take(&path, '/'), ".."))
			return true;
	return false;
}

/* What is left of the group below the mount's root. Returns NULL if it is not below it. */
static const char *below_root(const char *group, struct piece root) {
	/* "/" is a prefix of everything. */
	size_t length = root.length == 1 ? 0 : root.length;

	if (strncmp(group, root.text, length) != 0 || (group[length] && group[length] != '/'))
		return NULL;
	return goes_up((struct piece) {group + length, strlen(group + length)}) ? NULL
										: group + length;
}

/* The mount's point and the rest of the group's path; NULL if the mount does not hold it, or without memory. */
static char *join(const struct mount *mount, const char *group, size_t *ret_top) {
	char *root = malloc(mount->root.length), *directory = NULL;
	struct piece plain = {root, root ? unescape(root, mount->root) : 0};
	const char *below = root ? below_root(group, plain) : NULL;
	size_t top;

	if (below)
		directory = malloc(mount->point.length + strlen(below) + 1);
	if (directory) {
		top = unescape(directory, mount->point);
		if (strcmp(below, "/") == 0)
			below = "";
		strcpy(directory + top, below);
		*ret_top = top;
	}
	free(root);
	return directory;
}

char *capacity_directory(const char *mountinfo, enum capacity_version version, const char *group,
			 unsigned nth, size_t *ret_top) {
	struct piece rest = {mountinfo, strlen(mountinfo)};

	while (rest.length > 0) {
		struct mount mount;
		char *directory;

		if (!parse_mount(take(&rest, '\n'), &mount))
			continue;
		if (version == CAPACITY_V2 ? !equals(mount.type, "cgroup2")
					   : !equals(mount.type, "cgroup") ||
						     !lists(mount.options, controller_of(version)))
			continue;
		directory = join(&mount, group, ret_top);
		if (directory && nth-- == 0)
			return directory;
		free(directory);
	}
	return NULL;
}

/* -------- what they say -------- */

/* A whole number and what follows it. Returns 0, or 1 if there is none or it is too large. */
static int parse_number(const char *text, unsigned long long *ret, const char **ret_rest) {
	char *end;

	if (!isdigit((unsigned char) *text))
		return 1;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_rest = end;
	return errno != 0;
}

static unsigned divide_up(unsigned long long quota, unsigned long long period) {
	unsigned long long cpus = period ? quota / period + (quota % period != 0) : 0;

	return cpus > UINT_MAX ? 0 : (unsigned) cpus;
}

/* "150000 100000" or "max 100000". */
unsigned capacity_v2(const char *max) {
	unsigned long long quota, period;

	if (parse_number(max, &quota, &max) != 0 || *max != ' ' ||
	    parse_number(max + 1, &period, &max) != 0)
		return 0;
	return divide_up(quota, period);
}

/* "150000" or "-1", and "100000". */
unsigned capacity_v1(const char *quota, const char *period) {
	unsigned long long of, in;
	const char *rest;

	if (parse_number(quota, &of, &rest) != 0 || parse_number(period, &in, &rest) != 0)
		return 0;
	return divide_up(of, in);
}

char *capacity_own_directory(const char *root, const char *groups, const char *mounts,
			     enum capacity_version version) {
	char *group = capacity_group(groups, version), *path = NULL;
	size_t top;
	char *directory = group ? capacity_directory(mounts, version, group, 0, &top) : NULL;

	if (directory && asprintf(&path, "%s%s", root, directory) < 0)
		path = NULL;
	free(directory);
	free(group);
	return path;
}
