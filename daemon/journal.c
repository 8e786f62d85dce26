#include "daemon/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool journal_is_stream(const char *stream, int fd) {
	char own[64];
	struct stat st;

	/* DEVICE:INODE. A program that was given another stderr still has the variable. */
	if (!stream || fstat(fd, &st) < 0)
		return false;
	snprintf(own, sizeof own, "%llu:%llu", (unsigned long long) st.st_dev,
		 (unsigned long long) st.st_ino);
	return strcmp(stream, own) == 0;
}

int journal_open(struct journal *journal, const char *path) {
	*journal = (struct journal) {.fd = -1, .address = {.sun_family = AF_UNIX}};
	if (strlen(path) >= sizeof journal->address.sun_path)
		return -ENAMETOOLONG;
	strcpy(journal->address.sun_path, path);
	journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return journal->fd < 0 ? -errno : 0;
}

void journal_close(struct journal *journal) {
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}

int journal_send(const struct journal *journal, const void *entry, size_t size) {
	/* Not connected: a journal that was started anew is found again. */
	if (sendto(journal->fd, entry, size, MSG_NOSIGNAL,
		   (const struct sockaddr *) &journal->address, sizeof journal->address) >= 0)
		return 0;
	return errno == ENOBUFS ? -EAGAIN : -errno;
}
