#pragma once

#define HARNESS_IMPLEMENTATION
#include <stdarg.h>
#include <stdio.h>
#include <sys/queue.h>

#include "protocol/page.h"
#include "tests/system/harness.h"

/* What the files of the harness share. */

/* Bytes read from one fd, cut into messages at their NULs. */
struct inbox {
	char *bytes;
	size_t size, capacity;
	bool eof;
};

/* A conversation of which the test plays one end. */
struct line {
	struct harness *harness;
	char name[16]; /* in the transcript: p1, w1 */
	int fd;        /* non-blocking; -1 once closed */
	struct inbox inbox;
};

struct peer {
	struct line line;
	TAILQ_ENTRY(peer) entry;
};

struct fake {
	struct line line;
	int control;
	int page_fd;
	struct page *page;
	int pidfd;
	pid_t pid;
	uint64_t last_chunk; /* that it was given */
	bool hold;
	bool taken; /* a harness_worker() returned it */
	char pool[64];
	TAILQ_ENTRY(fake) entry;
};

struct harness {
	char directory[64];
	char path[108];
	char socket[108];
	pid_t pid;
	int pidfd; /* -1 once reaped */
	int notify_fd;
	int workers_fd;  /* fake workers connect here */
	int lifeline_fd; /* -1 unless private */
	int listen_fd;   /* -1 unless activated */
	int journal_fd;  /* -1 unless there is a journal */
	FILE *transcript;
	char *transcript_text;
	size_t transcript_size;
	FILE *notifications; /* all of them, each after a newline */
	char *notifications_text;
	size_t notifications_size;
	FILE *entries; /* of the journal: lines FIELD=value, an empty one behind each entry */
	char *entries_text;
	size_t entries_size;
	int64_t started;     /* ms */
	int strays;          /* children that fakes left */
	bool foreign_socket; /* not the daemon's to remove */
	int n_peers, n_fakes;
	TAILQ_HEAD(, peer) peers;
	TAILQ_HEAD(, fake) fakes;
};

int64_t now_ms(void);
int64_t deadline_ms(void); /* of a wait that begins now */

/* Ends the test: reports where, why, the transcript and the log; kills the daemon; removes the directory. */
void harness_fail(struct harness *h, const char *format, ...) PRINTF(2, 3)
	__attribute__((noreturn));
void transcript_add(struct harness *h, const char *who, const char *arrow, const char *text,
		    size_t size);

/* Waits until one of the fds has an event; returns its number, or fails when the deadline passes (what: for the
 * report) or when the daemon has ended while none has. */
int harness_poll(struct harness *h, const int *fds, int n, short events, int64_t deadline,
		 const char *what);

/* ---- lines ---- */

void line_init(struct line *line, struct harness *h, int fd, const char *letter, int number);
void line_done(struct line *line);
size_t line_send(struct line *line, const void *bytes, size_t size);
void line_send_text(struct line *line, const char *format, va_list arguments);
/* Reads what is there without waiting; returns whether a whole message is. */
bool line_read(struct line *line);
/* The next message, waited for; NUL-ended, without a NUL in it; free it. NULL at the end. */
char *line_receive(struct line *line);
void line_expect(struct line *line, const char *format, va_list arguments);
/* Compares a message with a pattern and reports a difference. */
void line_check(struct line *line, const char *message, const char *pattern);
void line_expect_containing(struct line *line, const char *format, va_list arguments);
void line_expect_eof(struct line *line);
char *text_format(const char *format, va_list arguments);

/* ---- fakes ---- */

/* Takes in all fake workers that are waiting to be. */
void fakes_accept(struct harness *h);
void fake_free(struct fake *w);
