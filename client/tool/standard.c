#include "client/tool/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tool/command.h"
#include "client/tool/report.h"

/* Opened the wrong way round, the stand-in answers EBADF as a closed descriptor does. */
static void hold(int fd, int flags) {
	if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
		open("/dev/null", flags);
}

static void close_stdout(void) {
	if (fclose(stdout) == 0)
		return;
	complain("cannot write the output: %s", strerror(errno));
	_exit(EXIT_OUTPUT);
}

void standard_init(void) {
	hold(STDIN_FILENO, O_WRONLY);
	hold(STDOUT_FILENO, O_RDONLY);
	hold(STDERR_FILENO, O_RDONLY);
	atexit(close_stdout);
}
