#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who may do what, by what the kernel says about a peer. Pure. */

/* The groups of a peer, shared by all that is done for it. */
struct groups {
	unsigned references;
	size_t n;
	gid_t ids[];
};

/* gid and the n others are copied. Returns it with one reference, or NULL without memory. */
struct groups *groups_new(gid_t gid, const gid_t *others, size_t n);
/* NULL, for nobody's, is fine with both. Returns groups, with a further reference. */
struct groups *groups_ref(struct groups *groups);
/* Always returns NULL. */
struct groups *groups_unref(struct groups *groups);

/* A list of users and groups. Zeroed, it names nobody: it is for root alone. */
struct permission {
	bool everybody; /* whoever it names */
	uid_t owner;    /* whoever the daemon runs as; may what root may */
	uid_t *users;   /* owned; NULL = none */
	size_t n_users;
	gid_t *groups; /* likewise */
	size_t n_groups;
};

/* Returns 0, or -ENOMEM and *ret is as permission_done() leaves it. */
int permission_copy(struct permission *ret, const struct permission *permission);
/* Frees what it owns; it is zeroed. */
void permission_done(struct permission *permission);

/* Whether a user with these groups (NULL = none are known) is meant. */
bool permission_holds(const struct permission *permission, uid_t uid, const struct groups *groups);

/* Somebody who looks at the daemon. */
struct viewer {
	uid_t uid;
	const struct groups *groups;
	bool administrator;
};

/* A pool that one may not use does not exist. */
bool viewer_sees_pool(const struct viewer *viewer, const struct permission *pool);
/* What somebody runs is not for others to see, nor to cancel. */
bool viewer_sees_request(const struct viewer *viewer, uid_t uid);
