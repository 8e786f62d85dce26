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
#include "daemon/sources.h"

#define EXIT_CONFIG 78

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

/* -------- running -------- */

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
		.options = options,
		.configuration = configuration,
		.socket = socket,
		.launcher = launcher,
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
	if (sources_read(&options, &configuration, &error) != 0) {
		log_error("%s", error.text);
		status = EXIT_CONFIG;
	} else {
		status = run(&options, &configuration);
	}
	configuration_done(&configuration);
	options_done(&options);
	return status;
}
