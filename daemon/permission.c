#include "daemon/permission.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -------- groups -------- */

struct groups *groups_new(gid_t gid, const gid_t *others, size_t n) {
	struct groups *groups = malloc(sizeof *groups + (n + 1) * sizeof *groups->ids);

	if (!groups)
		return NULL;
	groups->references = 1;
	groups->n = n + 1;
	groups->ids[0] = gid;
	if (n > 0)
		memcpy(groups->ids + 1, others, n * sizeof *others);
	return groups;
}

struct groups *groups_ref(struct groups *groups) {
	if (groups)
		groups->references++;
	return groups;
}

struct groups *groups_unref(struct groups *groups) {
	if (groups && --groups->references == 0)
		free(groups);
	return NULL;
}

/* -------- permissions -------- */

/* A copy of n numbers; NULL if there are none. Returns 0 or -ENOMEM. */
static int copy_numbers(void *ret, const void *numbers, size_t n, size_t size) {
	void *copy = NULL;

	if (n > 0 && !(copy = calloc(n, size)))
		return -ENOMEM;
	if (n > 0)
		memcpy(copy, numbers, n * size);
	memcpy(ret, &copy, sizeof copy);
	return 0;
}

int permission_copy(struct permission *ret, const struct permission *permission) {
	*ret = *permission;
	ret->users = NULL;
	ret->groups = NULL;
	if (copy_numbers(&ret->users, permission->users, permission->n_users,
			 sizeof *permission->users) < 0 ||
	    copy_numbers(&ret->groups, permission->groups, permission->n_groups,
			 sizeof *permission->groups) < 0) {
		permission_done(ret);
		return -ENOMEM;
	}
	return 0;
}

void permission_done(struct permission *permission) {
	free(permission->users);
	free(permission->groups);
	*permission = (struct permission) {0};
}

static bool names_user(const struct permission *permission, uid_t uid) {
	for (size_t i = 0; i < permission->n_users; i++)
		if (permission->users[i] == uid)
			return true;
	return false;
}

static bool names_group(const struct permission *permission, gid_t gid) {
	for (size_t i = 0; i < permission->n_groups; i++)
		if (permission->groups[i] == gid)
			return true;
	return false;
}

bool permission_holds(const struct permission *permission, uid_t uid, const struct groups *groups) {
	if (permission->everybody || uid == 0 || uid == permission->owner ||
	    names_user(permission, uid))
		return true;
	for (size_t i = 0; groups && i < groups->n; i++)
		if (names_group(permission, groups->ids[i]))
			return true;
	return false;
}

/* -------- what can be seen -------- */

bool viewer_sees_pool(const struct viewer *viewer, const struct permission *pool) {
	return viewer->administrator || permission_holds(pool, viewer->uid, viewer->groups);
}

bool viewer_sees_request(const struct viewer *viewer, uid_t uid) {
	return viewer->administrator || viewer->uid == uid;
}
