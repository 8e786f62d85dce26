#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bytes;
struct event_base;

/*
 * One connected socket, as a window of received bytes and an output that is written when the loop is through
 * with the event at hand (one write per wake-up and peer). For clients and workers alike. Who reads the window
 * decides what a message is; only its unfinished rest is kept, contiguous, and an idle channel owns no buffer.
 */

/* What all channels of a loop share. */
struct channel_loop {
	struct event_base *base;
	char *scratch; /* CHANNEL_SCRATCH bytes: where idle channels read into */
};

#define CHANNEL_SCRATCH (256u * 1024)

enum channel_end {
	CHANNEL_EOF,    /* the peer sends no more, but may still read */
	CHANNEL_HANGUP, /* the peer takes nothing more; bytes it sent before may still be unread */
	CHANNEL_ERROR   /* reading or writing failed */
};

struct channel_ops {
	/* bytes: everything not yet consumed, from the first byte on; size > 0.
	 * Returns how many bytes are done with (the rest comes again, with more behind it, or at once if the return
	 * was not 0), or -1 to stop: the channel is not touched any further in this event. */
	ssize_t (*received)(void *context, char *bytes, size_t size);
	/* Each end is reported once. The channel may be closed, not freed, from inside. */
	void (*ended)(void *context, enum channel_end end);
	/* Some output is not unsent any more. May be NULL. */
	void (*sent)(void *context);
	/* The unsent output fell below the low-water mark after it had been above the high one, or to zero. */
	void (*drained)(void *context);
};

struct channel;

/* fd: connected, non-blocking; the channel's from now on. read_size: most bytes read at once while no message is
 * unfinished, <= CHANNEL_SCRATCH. loop and ops must outlive it. Returns 0 and *ret, or -ENOMEM (fd stays open). */
int channel_new(struct channel **ret, const struct channel_loop *loop, int fd, size_t read_size,
		const struct channel_ops *ops, void *context);
/* Always returns NULL. Not from inside a callback of the same channel. */
struct channel *channel_free(struct channel *channel);

int channel_fd(const struct channel *channel);

/* Takes the first size bytes of the window out, for received() to call with the bytes it was given; it must then
 * return size. Returns memory from malloc(), or NULL. */
char *channel_take(struct channel *channel, const char *bytes, size_t size);

/* Stops and restarts calls of received(); restarting offers what is already there. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

/* Appends to the output. Small pieces are copied; write_bytes keeps a reference. Return 0 or -ENOMEM. */
int channel_write(struct channel *channel, const void *data, size_t size);
int channel_write_bytes(struct channel *channel, struct bytes *bytes, size_t begin, size_t end);

/* Hands the kernel what it takes, without waiting for the loop. */
void channel_flush(struct channel *channel);

/* Bytes written but not taken by the kernel. */
size_t channel_unsent(const struct channel *channel);
/* Bytes received and not consumed. */
size_t channel_unread(const struct channel *channel);

/* Reads without waiting for the loop until the socket is empty, ended or failed: for what a dead peer left. */
void channel_read_rest(struct channel *channel);
/* Throws what is unread away, and whatever comes, until the peer ends; received() is not called any more. */
void channel_discard(struct channel *channel);
/* Closes the sending side once everything is written. */
void channel_finish(struct channel *channel);
