#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/configuration.h"
#include "daemon/daemon.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/users.h"

#define EXIT_CONFIG 78

/* -------- configuration -------- */

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

/* At the start, and again for each reload. */
static int configure(const void *context, struct configuration *configuration,
		     struct configuration_error *error) {
	const struct options *options = context;
	int r = read_files(configuration, options, error);

	for (size_t i = 0; r == 0 && i < options->n_sets; i++)
		r = configuration_set(configuration, options->sets[i], error);
	if (r == 0 && configuration->n_pools == 0 && !options->config && options->private_fd < 0)
		r = default_pool(configuration, error);
	if (r == 0)
		r = configuration_check(configuration, error);
	return r == 0 ? users_resolve(configuration, error) : r;
}

/* -------- paths -------- */

/* procpool-launch beside this program, where both were built, or where it is installed.
 * Returns memory of the caller's, or NULL without any. */
static char *find_launcher(void) {
	char self[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (slash && asprintf(&path, "%s/procpool-launch", self) > 0 && access(path, X_OK) == 0)
		return path;
	free(path);
	return strdup(PKGLIBEXECDIR "/procpool-launch");
}

/* Returns 0, or -1 if there is no place for the socket. */
static int find_socket(const struct options *options, char *ret, size_t size) {
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (options->socket)
		snprintf(ret, size, "%s", options->socket);
	else if (geteuid() == 0 && !options->user)
		snprintf(ret, size, "/run/procpool/io.procpool");
	else if (runtime && runtime[0] == '/')
		snprintf(ret, size, "%s/procpool/io.procpool", runtime);
	else if (!getenv("LISTEN_FDS"))
		return -1;
	return 0;
}

/* A private daemon's directory was made for its socket alone, by somebody who may be dead. */
static void remove_directory(const char *socket) {
	char directory[PATH_MAX];
	char *slash;

	snprintf(directory, sizeof directory, "%s", socket);
	slash = strrchr(directory, '/');
	if (slash && slash != directory) {
		*slash = '\0';
		rmdir(directory);
	}
}

/* What a worker calls is the pool that it is of, and it is then told that this is Nested. A private daemon's workers have
 * the environment of whoever started it. */
static void tell_workers(const struct options *options, const char *socket) {
	char address[PATH_MAX];

	if (options->private_fd < 0 && listener_address(socket, address, sizeof address) == 0)
		setenv("PROCPOOL_SOCKET", address, 1);
	else if (options->private_fd < 0)
		unsetenv("PROCPOOL_SOCKET");
}

static int run(const struct options *options, struct configuration *configuration) {
	char socket[PATH_MAX] = "", *launcher;
	int status;

	if (find_socket(options, socket, sizeof socket) < 0) {
		log_error("XDG_RUNTIME_DIR is not set: say where to listen with --socket PATH");
		return DAEMON_EXIT_SOCKET;
	}
	if (options->exit_on_idle != UINT64_MAX && !listener_is_passed()) {
		log_error("--exit-on-idle takes a socket that the service manager passed: without "
			  "one "
			  "nobody would start the daemon again");
		return OPTIONS_EXIT_USAGE;
	}
	launcher = find_launcher();
	if (!launcher)
		return DAEMON_EXIT_SYSTEM;
	tell_workers(options, socket);
	status = daemon_run(&(struct daemon_setup) {
		.configuration = configuration,
		.configure = configure,
		.configure_context = options,
		.socket = socket,
		.launcher = launcher,
		.private_fd = options->private_fd,
		.exit_on_idle = options->exit_on_idle,
	});
	if (options->private_fd >= 0)
		remove_directory(socket);
	free(launcher);
	return status;
}

/* A descriptor of ours must not get the number of a standard stream that was closed: workers have that number. */
static void hold_standard_streams(void) {
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", O_RDWR);
}

int main(int argc, char **argv) {
	struct configuration configuration;
	struct configuration_error error;
	struct options options;
	int status;

	hold_standard_streams();
	status = options_parse(&options, argc, argv);

	if (status >= 0)
		return status;
	log_open();
	configuration_init(&configuration);
	if (configure(&options, &configuration, &error) != 0) {
		log_error("%s", error.text);
		status = EXIT_CONFIG;
	} else {
		status = run(&options, &configuration);
	}
	configuration_done(&configuration);
	options_done(&options);
	return status;
}
