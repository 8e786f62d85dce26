#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

/* The journal's socket. Never blocks: sd_journal_send() would. */

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal {
	int fd; /* -1 = closed */
	struct sockaddr_un address;
};

/* Whether fd is the stream that the service manager connected with the journal. stream: $JOURNAL_STREAM, or NULL. */
bool journal_is_stream(const char *stream, int fd);

/* path: of the socket, which need not be there yet. Returns 0 or -errno, then fd is -1. */
int journal_open(struct journal *journal, const char *path);
void journal_close(struct journal *journal);

/* Sends one entry, encoded. Returns 0; -EAGAIN if the journal does not take it now; -errno if it cannot be reached. */
int journal_send(const struct journal *journal, const void *entry, size_t size);
