#include "daemon/sources.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/configuration.h"
#include "daemon/options.h"
#include "daemon/users.h"

/* Where the files are. Returns memory of the caller's, or NULL and *error. */
static char *find_directory(const struct options *options, struct configuration_error *error) {
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int r;

	if (!options->user)
		r = asprintf(&path, "%s/procpool", SYSCONFDIR);
	else if (config && config[0] == '/')
		r = asprintf(&path, "%s/procpool", config);
	else if (home && home[0] == '/')
		r = asprintf(&path, "%s/.config/procpool", home);
	else
		r = 0;
	if (r > 0)
		return path;
	snprintf(error->text, sizeof error->text,
		 r < 0 ? "not enough memory"
		       : "--user: neither XDG_CONFIG_HOME nor HOME is set: say what to read with "
			 "--config FILE");
	return NULL;
}

static int is_configuration(const struct dirent *entry) {
	const char *dot = strrchr(entry->d_name, '.');

	return dot && entry->d_name[0] != '.' && strcmp(dot, ".conf") == 0;
}

/* Returns as configuration_read(). */
static int read_file(struct configuration *configuration, const char *directory, const char *name,
		     struct configuration_error *error) {
	char path[PATH_MAX];

	if ((size_t) snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path) {
		snprintf(error->text, sizeof error->text, "%s/%s: %s", directory, name,
			 strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	return configuration_read(configuration, path, error);
}

/* The drop-ins beside the main file, in the order of their names. */
static int read_drop_ins(struct configuration *configuration, const char *directory,
			 struct configuration_error *error) {
	char path[PATH_MAX];
	struct dirent **entries;
	int n, r = 0;

	snprintf(path, sizeof path, "%s/conf.d", directory);
	n = scandir(path, &entries, is_configuration, alphasort);
	if (n < 0 && errno != ENOENT) {
		r = -errno;
		snprintf(error->text, sizeof error->text, "%.400s: %s", path, strerror(-r));
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_file(configuration, path, entries[i]->d_name, error);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return r;
}

static int read_files(struct configuration *configuration, const struct options *options,
		      struct configuration_error *error) {
	char *directory;
	int r;

	if (options->config)
		return configuration_read(configuration, options->config, error);
	if (options->private_fd >= 0)
		return 0;
	directory = find_directory(options, error);
	if (!directory)
		return -EINVAL;
	r = read_file(configuration, directory, "procpool.conf", error);
	if (r == 0 || r == -ENOENT)
		r = read_drop_ins(configuration, directory, error);
	free(directory);
	return r;
}

/* Nothing configured: the stock worker, with the functions that are installed. */
static int default_pool(struct configuration *configuration, struct configuration_error *error) {
	if (access(FUNCTIONSDIR, R_OK | X_OK) == 0)
		return configuration_set(configuration,
					 "default.command={\"" PKGLIBEXECDIR
					 "/procpool-worker\", \"--load\", \"" FUNCTIONSDIR "\"}",
					 error);
	return configuration_set(configuration,
				 "default.command={\"" PKGLIBEXECDIR "/procpool-worker\"}", error);
}

int sources_read(const struct options *options, struct configuration *ret,
		 struct configuration_error *error) {
	int r = read_files(ret, options, error);

	for (size_t i = 0; r == 0 && i < options->n_sets; i++)
		r = configuration_set(ret, options->sets[i], error);
	if (r == 0 && ret->n_pools == 0 && !options->config && options->private_fd < 0)
		r = default_pool(ret, error);
	if (r == 0)
		r = configuration_check(ret, error);
	return r == 0 ? users_resolve(ret, error) : r;
}
