#include "daemon/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/configuration.h"
#include "daemon/quantity.h"
#include "daemon/strings.h"

/* The highest number is the system's word for nobody. */
#define NUMBER_MOST (UINT32_MAX - 1)

#define ADMIN_GROUP "procpool-admin"

/* A number that is written as one. */
static bool is_number(const char *name, uint32_t *ret) {
	uint64_t number;

	if (quantity_count(name, 0, NUMBER_MOST, &number) != 0)
		return false;
	*ret = (uint32_t) number;
	return true;
}

static bool find_user(const char *name, uint32_t *ret) {
	const struct passwd *user = getpwnam(name);

	if (user)
		*ret = user->pw_uid;
	return user || is_number(name, ret);
}

static bool find_group(const char *name, uint32_t *ret) {
	const struct group *group = getgrnam(name);

	if (group)
		*ret = group->gr_gid;
	return group || is_number(name, ret);
}

/* A list of the configuration, as it is called in messages. */
struct names {
	const char *where, *pool; /* the place, and the pool or NULL */
	const char *kind;
	char *const *list; /* NULL = none */
	bool (*find)(const char *name, uint32_t *ret);
};

static int complain(const struct names *names, const char *name,
		    struct configuration_error *error) {
	if (names->pool)
		snprintf(error->text, sizeof error->text, "%s: pool '%s': there is no %s %s",
			 names->where, names->pool, names->kind, name);
	else
		snprintf(error->text, sizeof error->text, "%s: there is no %s %s", names->where,
			 names->kind, name);
	return 1;
}

/* Numbers of as many bits as ids have. Returns 0, 1 and *error, or -ENOMEM. */
static int find_all(const struct names *names, uint32_t **ret, size_t *ret_n,
		    struct configuration_error *error) {
	size_t n = names->list ? strings_count(names->list) : 0;
	uint32_t *ids = n > 0 ? calloc(n, sizeof *ids) : NULL;

	if (n > 0 && !ids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!names->find(names->list[i], &ids[i])) {
			free(ids);
			return complain(names, names->list[i], error);
		}
	}
	free(*ret);
	*ret = ids;
	*ret_n = n;
	return 0;
}

static int resolve(struct permission *ret, const struct names *users, const struct names *groups,
		   struct configuration_error *error) {
	int r = find_all(users, &ret->users, &ret->n_users, error);

	ret->owner = getuid();
	return r == 0 ? find_all(groups, &ret->groups, &ret->n_groups, error) : r;
}

/* The user that a pool's workers run as. */
static int check_user(const struct pool_configuration *pool, struct configuration_error *error) {
	if (!pool->user)
		return 0;
	if (geteuid() != 0) {
		snprintf(error->text, sizeof error->text,
			 "%s: pool '%s' has a user, which takes a daemon that runs as root",
			 pool->where, pool->name);
		return 1;
	}
	if (getpwnam(pool->user))
		return 0;
	return complain(&(struct names) {pool->where, pool->name, "user", NULL, NULL}, pool->user,
			error);
}

static int resolve_pool(struct pool_configuration *pool, struct configuration_error *error) {
	const struct names users = {pool->where, pool->name, "user", pool->allow_users, find_user};
	const struct names groups = {pool->where, pool->name, "group", pool->allow_groups,
				     find_group};
	int r = check_user(pool, error);

	if (r == 0)
		r = resolve(&pool->allowed, &users, &groups, error);
	pool->allowed.everybody = !pool->allow_users && !pool->allow_groups;
	return r;
}

/* Without a word about groups in the configuration: the one that comes with the service, where there is one. */
static int default_admin_group(struct permission *administrators) {
	uint32_t gid;

	if (!find_group(ADMIN_GROUP, &gid))
		return 0;
	administrators->groups = malloc(sizeof *administrators->groups);
	if (!administrators->groups)
		return -ENOMEM;
	administrators->groups[0] = gid;
	administrators->n_groups = 1;
	return 0;
}

int users_resolve(struct configuration *configuration, struct configuration_error *error) {
	const struct names users = {"daemon.admin_users", NULL, "user", configuration->admin_users,
				    find_user};
	const struct names groups = {"daemon.admin_groups", NULL, "group",
				     configuration->admin_groups, find_group};
	int r = resolve(&configuration->administrators, &users, &groups, error);

	if (r == 0 && !configuration->admin_groups)
		r = default_admin_group(&configuration->administrators);
	for (size_t i = 0; r == 0 && i < configuration->n_pools; i++)
		r = resolve_pool(&configuration->pools[i], error);
	if (r < 0)
		snprintf(error->text, sizeof error->text, "not enough memory");
	return r;
}
