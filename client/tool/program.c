#include "client/tool/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void program_name(pid_t pid, uid_t uid, char *ret, size_t size) {
	char path[64];
	struct stat st;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Its files have the owner of the process. */
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == uid)
		n = read(fd, ret, size - 1);
	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}
