#include "daemon/channel.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bytes.h"
#include "daemon/clock.h"
#include "protocol/limits.h"

/* Pieces up to this size are cheaper to copy than to carry as an iovec of their own. */
#define COPY_MAX 4096
/* Beyond this, the rest that follows a taken message is copied and the message itself is not. */
#define STEAL_MIN (32u * 1024)

/* How long one channel's messages are taken, in µs, before the other channels have their turn. */
#define TURN UINT64_C(1000)

/* From here on the room for a message only doubles. */
#define LARGE (1u << 20)

struct channel {
	const struct channel_loop *loop;
	const struct channel_ops *ops;
	void *context;
	int fd;
	size_t read_size;

	/* Edge-triggered all three: level-triggered EV_CLOSED would fire for ever after a half-close, and events of
	 * one fd share their trigger. Whoever stops before EAGAIN must activate the event again. */
	struct event *readable, *writable, *closed;

	char *in; /* owned rest of an unfinished message, or NULL */
	size_t in_size, in_capacity;
	char *window; /* in, or the loop's scratch while a read is being delivered */
	size_t window_size;
	bool taken; /* channel_take() gave in away: the window was moved by it */

	struct evbuffer *out;
	bool above_high;

	bool paused, discarding, finishing, finished;
	bool yields; /* there may be whole messages in `in`: the others have their turn first */
	bool ends;   /* what is left is read at once */
	bool ending; /* the peer sends no more: what is left to read ends with EOF */
	bool read_ended, hung_up, failed;
};

/* -------- receiving -------- */

static void report(struct channel *channel, enum channel_end end) {
	if (end != CHANNEL_HANGUP) {
		channel->read_ended = true;
		event_del(channel->readable);
	}
	channel->ops->ended(channel->context, end);
}

static void consume(struct channel *channel, size_t size) {
	channel->window += size;
	channel->window_size -= size;
}

/* Keeps the window's rest in memory of the channel's own. */
static int keep_rest(struct channel *channel) {
	size_t size = channel->window_size;

	if (size == 0) {
		free(channel->in);
		channel->in = NULL;
		channel->in_size = channel->in_capacity = 0;
	} else if (!channel->in) {
		channel->in = malloc(size);
		if (!channel->in)
			return -ENOMEM;
		memcpy(channel->in, channel->window, size);
		channel->in_size = channel->in_capacity = size;
	} else if (channel->window != channel->in) {
		memmove(channel->in, channel->window, size);
		channel->in_size = size;
	}
	channel->window = channel->in;
	return 0;
}

/* Whether the others should have their turn before this one's next message; *since: 0 at first. */
static bool turn_is_over(const struct channel *channel, uint64_t *since) {
	uint64_t now;

	if (channel->window_size == 0 || channel->ends)
		return false;
	now = clock_now();
	if (*since == 0)
		*since = now;
	return now - *since >= TURN;
}

/* Offers the window until nothing more is taken from it, or the turn is over. Returns -1 if the owner stopped. */
static int deliver(struct channel *channel) {
	uint64_t since = 0;

	channel->yields = false;
	while (!channel->yields && !channel->paused && !channel->discarding &&
	       channel->window_size > 0) {
		ssize_t taken = channel->ops->received(channel->context, channel->window,
						       channel->window_size);

		if (taken < 0)
			return -1;
		if (taken == 0)
			break;
		if (channel->taken)
			channel->taken = false;
		else
			consume(channel, (size_t) taken);
		channel->yields = turn_is_over(channel, &since);
	}
	if (channel->discarding)
		channel->window_size = 0;
	if (keep_rest(channel) < 0) {
		/* Bytes are missing now: nothing that follows could be understood. */
		report(channel, CHANNEL_ERROR);
		return -1;
	}
	return 0;
}

/* Makes room behind the unfinished rest. Returns where to read, and how much. The room grows eightfold, so that most
 * of a message is not copied again: what is not needed of it goes when the message is taken. */
static char *read_room(struct channel *channel, size_t *ret_room) {
	if (!channel->in) {
		*ret_room = channel->read_size;
		return channel->loop->scratch;
	}
	if (channel->in_capacity - channel->in_size < channel->in_size) {
		size_t capacity = (channel->in_size < LARGE ? 8 : 2) * channel->in_size + 4096;
		char *in = realloc(channel->in, capacity);

		if (!in)
			return NULL;
		channel->in = in;
		channel->in_capacity = capacity;
	}
	*ret_room = channel->in_capacity - channel->in_size;
	if (*ret_room > CHANNEL_SCRATCH)
		*ret_room = CHANNEL_SCRATCH;
	return channel->in + channel->in_size;
}

/* One read and its delivery. Returns 1 if there may be more to read, 0 if not (now). */
static int read_once(struct channel *channel) {
	size_t room = 0;
	char *at = read_room(channel, &room);
	ssize_t n = at ? recv(channel->fd, at, room, MSG_DONTWAIT) : -1;

	if (!at || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		report(channel, CHANNEL_ERROR);
		return 0;
	}
	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		report(channel, CHANNEL_EOF);
		return 0;
	}
	if (channel->in) {
		channel->in_size += (size_t) n;
		channel->window = channel->in;
		channel->window_size = channel->in_size;
	} else {
		channel->window = at;
		channel->window_size = (size_t) n;
	}
	if (deliver(channel) < 0)
		return 0;
	/* A short read empties the socket, but leaves an EOF that has been announced already. */
	return (size_t) n == room || channel->ending || channel->yields;
}

static bool wants_to_read(const struct channel *channel) {
	return !channel->paused && !channel->read_ended;
}

static void look_for_end(struct channel *channel) {
	struct pollfd state = {.fd = channel->fd, .events = POLLRDHUP};

	if (poll(&state, 1, 0) != 1)
		return;
	if (!channel->ending && !channel->read_ended)
		event_active(channel->readable, EV_READ, 1);
	channel->ending = true;
	/* A half-close is POLLRDHUP alone; its EOF is found by reading. */
	if (!channel->hung_up && (state.revents & (POLLHUP | POLLERR))) {
		channel->hung_up = true;
		report(channel, CHANNEL_HANGUP);
	}
}

static void read_again(struct channel *channel) {
	if (wants_to_read(channel))
		event_active(channel->readable, EV_READ, 1);
}

static void on_readable(evutil_socket_t fd, short what, void *context) {
	struct channel *channel = context;

	(void) fd, (void) what;
	if (!wants_to_read(channel)) {
		/* A peer that left something unread is reported as an error: libevent makes that readable and
		 * writable, and nothing else. */
		look_for_end(channel);
		return;
	}
	/* After a pause, or a turn, there may be whole messages that were read before it. */
	if (channel->in) {
		channel->window = channel->in;
		channel->window_size = channel->in_size;
		if (deliver(channel) < 0 || !wants_to_read(channel))
			return;
		if (channel->yields)
			return read_again(channel);
	}
	if (read_once(channel) == 1)
		read_again(channel);
}

static void on_closed(evutil_socket_t fd, short what, void *context) {
	(void) fd, (void) what;
	look_for_end(context);
}

void channel_pause(struct channel *channel) {
	channel->paused = true;
}

void channel_resume(struct channel *channel) {
	channel->paused = false;
	if (!channel->read_ended)
		event_active(channel->readable, EV_READ, 1);
}

char *channel_take(struct channel *channel, const char *bytes, size_t size) {
	size_t rest = channel->window_size - size;
	char *copy;

	if (bytes == channel->in && size >= STEAL_MIN) {
		copy = rest > 0 ? malloc(rest) : NULL;
		if (rest > 0 && !copy)
			return NULL;
		if (rest > 0)
			memcpy(copy, bytes + size, rest);
		char *taken = realloc(channel->in, size);

		if (!taken)
			taken = channel->in;
		channel->in = channel->window = copy;
		channel->in_size = channel->in_capacity = channel->window_size = rest;
		channel->taken = true;
		return taken;
	}
	copy = malloc(size);
	if (copy)
		memcpy(copy, bytes, size);
	return copy;
}

void channel_read_rest(struct channel *channel) {
	channel->paused = false;
	channel->ends = true;
	if (channel->in) {
		channel->window = channel->in;
		channel->window_size = channel->in_size;
		if (deliver(channel) < 0)
			return;
	}
	while (!channel->read_ended && read_once(channel) == 1)
		;
}

void channel_discard(struct channel *channel) {
	channel->discarding = true;
	channel_resume(channel);
}

/* -------- sending -------- */

static void finish_if_sent(struct channel *channel) {
	if (channel->finishing && !channel->finished && channel_unsent(channel) == 0) {
		channel->finished = true;
		shutdown(channel->fd, SHUT_WR);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *context) {
	struct channel *channel = context;
	size_t before = channel_unsent(channel), after;

	(void) what;
	if (before == 0 || channel->failed)
		return finish_if_sent(channel);
	if (evbuffer_write(channel->out, fd) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		channel->failed = true;
		evbuffer_drain(channel->out, before);
		if (channel->ops->sent)
			channel->ops->sent(channel->context);
		/* What is left to read is short, and nothing else may tell that an end is behind it. */
		look_for_end(channel);
		/* Also the end for a peer that only stopped reading: nobody is left to answer. */
		if (!channel->hung_up) {
			channel->hung_up = true;
			report(channel, CHANNEL_HANGUP);
		}
		return;
	}
	after = channel_unsent(channel);
	if (channel->ops->sent)
		channel->ops->sent(channel->context);
	if (after > 0)
		event_active(channel->writable, EV_WRITE, 1);
	finish_if_sent(channel);
	if (after == 0 || (channel->above_high && after < LIMIT_UNSENT_LOW)) {
		channel->above_high = false;
		channel->ops->drained(channel->context);
	}
}

static void written(struct channel *channel) {
	if (channel_unsent(channel) > LIMIT_UNSENT_HIGH)
		channel->above_high = true;
	event_active(channel->writable, EV_WRITE, 1);
}

int channel_write(struct channel *channel, const void *data, size_t size) {
	if (channel->failed)
		return 0;
	if (evbuffer_add(channel->out, data, size) < 0)
		return -ENOMEM;
	written(channel);
	return 0;
}

static void release(const void *data, size_t size, void *bytes) {
	(void) data, (void) size;
	bytes_unref(bytes);
}

int channel_write_bytes(struct channel *channel, struct bytes *bytes, size_t begin, size_t end) {
	if (channel->failed || begin == end)
		return 0;
	if (end - begin <= COPY_MAX)
		return channel_write(channel, bytes->data + begin, end - begin);
	if (evbuffer_add_reference(channel->out, bytes->data + begin, end - begin, release,
				   bytes_ref(bytes)) < 0) {
		bytes_unref(bytes);
		return -ENOMEM;
	}
	written(channel);
	return 0;
}

void channel_flush(struct channel *channel) {
	on_writable(channel->fd, EV_WRITE, channel);
}

void channel_finish(struct channel *channel) {
	channel->finishing = true;
	finish_if_sent(channel);
}

/* -------- life -------- */

size_t channel_unsent(const struct channel *channel) {
	return evbuffer_get_length(channel->out);
}

size_t channel_unread(const struct channel *channel) {
	return channel->in_size;
}

int channel_fd(const struct channel *channel) {
	return channel->fd;
}

static struct event *add_event(struct channel *channel, short what, event_callback_fn callback) {
	struct event *event = event_new(channel->loop->base, channel->fd, what | EV_ET | EV_PERSIST,
					callback, channel);

	if (event && event_add(event, NULL) < 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

int channel_new(struct channel **ret, const struct channel_loop *loop, int fd, size_t read_size,
		const struct channel_ops *ops, void *context) {
	struct channel *channel = malloc(sizeof *channel);

	if (!channel)
		return -ENOMEM;
	*channel = (struct channel) {
		.loop = loop,
		.ops = ops,
		.context = context,
		.fd = fd,
		.read_size = read_size,
		.out = evbuffer_new(),
	};
	channel->readable = add_event(channel, EV_READ, on_readable);
	channel->writable = add_event(channel, EV_WRITE, on_writable);
	channel->closed = add_event(channel, EV_CLOSED, on_closed);
	if (!channel->out || !channel->readable || !channel->writable || !channel->closed) {
		channel->fd = -1;
		channel_free(channel);
		return -ENOMEM;
	}
	*ret = channel;
	return 0;
}

static void free_event(struct event *event) {
	if (event)
		event_free(event);
}

struct channel *channel_free(struct channel *channel) {
	if (!channel)
		return NULL;
	free_event(channel->readable);
	free_event(channel->writable);
	free_event(channel->closed);
	if (channel->out)
		evbuffer_free(channel->out);
	free(channel->in);
	if (channel->fd >= 0)
		close(channel->fd);
	free(channel);
	return NULL;
}
