/* peak FILE COMMAND…: runs COMMAND and writes the peak of its resident memory in KiB to FILE: of the largest
 * process among it and those it waited for. Its exit status is COMMAND's, 128 + signal if one ended it. */

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct rusage usage;
	FILE *file;
	pid_t pid;
	int status;

	if (argc < 3)
		return 2;
	pid = fork();
	if (pid < 0)
		return 125;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		return 125;
	file = fopen(argv[1], "w");
	if (!file || fprintf(file, "%ld\n", usage.ru_maxrss) < 0 || fclose(file) != 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
