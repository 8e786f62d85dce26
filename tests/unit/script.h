#pragma once

#include <sys/types.h>

#include <procpool/client.h>

/*
 * A server that does as a script says: a child process, so that it is as far away as a real one. Calls are
 * compared as text.
 */
enum act {
	ACCEPT,  /* a connection; the one before is closed after that */
	EXPECT,  /* one message, this text */
	SEND,    /* this text and a NUL */
	TRICKLE, /* the same, byte by byte */
	DEAF,    /* reads nothing from here on */
	GONE,    /* the other side is to close */
	CLOSE,
	PAUSE /* until the test says served_on() */
};

struct step {
	enum act act;
	const char *text;
};

#define SCRIPT(...) ((const struct step[]) {__VA_ARGS__, {ACCEPT, NULL}})

struct server {
	char directory[64], path[80];
	int listener;
	pid_t pid;
};

/* Starts it on a socket of its own, server->path. */
void serve(struct server *server, const struct step *script);

/* Waits for its end: the script must have been played to its end. */
void served(struct server *server);

/* Waits until the script pauses, and lets it go on. */
void served_on(const struct server *server);

/* Ends it wherever it is. */
void stop_serving(struct server *server);

/* A handle for its socket. */
struct procpool *connect_to(const struct server *server);
