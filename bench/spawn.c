/*
 * How long a command takes, from its start to its end, N times: spawn N COMMAND [ARGUMENT…]. Its stdin is empty, its
 * output goes nowhere. Prints {"ns": [what each took]}. This program is small, so that its own part is, too.
 */
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/common.h"

extern char **environ;

static int64_t run(char **argv, const posix_spawn_file_actions_t *actions) {
	int64_t begin = now_ns();
	int status, r;
	pid_t pid;

	r = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
	if (r != 0)
		die("%s: %s", argv[0], strerror(r));
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		die("%s: wait status %d", argv[0], status);
	return now_ns() - begin;
}

int main(int argc, char **argv) {
	posix_spawn_file_actions_t actions;
	long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

	if (n < 1)
		die("usage: spawn N COMMAND [ARGUMENT...]");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	printf("{\"ns\": [");
	for (long i = 0; i < n; i++)
		printf("%s%lld", i > 0 ? "," : "", (long long) run(argv + 2, &actions));
	puts("]}");
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}
