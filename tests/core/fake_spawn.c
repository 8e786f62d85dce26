#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/spawn.h"
#include "tests/core/fake_loop.h"
#include "tests/core/fake_process.h"
#include "tests/core/transcript.h"

/* The daemon's side of the processes: daemon/spawn.h, daemon/channel.h, kill() and waitid(). */

/* Beyond PID_MAX_LIMIT (2^22): whatever a mistake of ours makes the kernel see, there is no such process. */
#define FIRST_PID (1 << 24)
#define FIRST_FD  1000000
#define SOCKETS   1000000 /* a process's socket is its pidfd and so much */
#define POOL_WORD "PROCPOOL_POOL="

struct channel {
	struct fake_process *process;
};

static struct {
	struct event_base *base;
	struct fake_process_list all;
	int last;
	int spawn_error;
	unsigned write_fails; /* in so many writes, 0 = never */
} fake;

void fake_processes_init(struct event_base *base) {
	fake.base = base;
	fake.last = fake.spawn_error = 0;
	fake.write_fails = 0;
	TAILQ_INIT(&fake.all);
}

void fake_processes_done(void) {
	struct fake_process *process;

	while ((process = TAILQ_FIRST(&fake.all))) {
		if (!process->reaped)
			broken("process %d was never reaped", process->number);
		if (process->ops || process->page)
			broken("process %d is not let go", process->number);
		fake_process_free(process);
	}
}

struct fake_process_list *fake_processes(void) {
	return &fake.all;
}

void fake_spawn_fail(int error) {
	fake.spawn_error = error;
}

void fake_write_fail(unsigned nth) {
	fake.write_fails = nth;
}

/* -------- start and end -------- */

static char *find_pool(char *const *environment) {
	for (; *environment; environment++)
		if (strncmp(*environment, POOL_WORD, strlen(POOL_WORD)) == 0)
			return strdup(*environment + strlen(POOL_WORD));
	return NULL;
}

static struct fake_process *new_process(const struct spawn_plan *plan) {
	struct fake_process *process = calloc(1, sizeof *process);
	void *page = NULL;

	if (!process || posix_memalign(&page, PAGE_SIZE, PAGE_SIZE) != 0)
		broken("no memory");
	memset(page, 0, PAGE_SIZE);
	process->page = page;
	atomic_store(&process->page->limit, PAGE_NO_LIMIT);
	process->number = ++fake.last;
	process->pid = FIRST_PID + process->number;
	process->pool = find_pool(plan->environment);
	TAILQ_INIT(&process->chunks);
	TAILQ_INSERT_TAIL(&fake.all, process, link);
	return process;
}

int spawn_worker(const struct spawn_plan *plan, struct spawned *ret) {
	struct fake_process *process;
	int error = fake.spawn_error;

	fake.spawn_error = 0;
	if (error)
		return -error;
	process = new_process(plan);
	*ret = (struct spawned) {
		.pid = process->pid,
		.pidfd = FIRST_FD + process->number,
		.socket = FIRST_FD + SOCKETS + process->number,
		.out = -1,
		.err = -1,
		.page = process->page,
	};
	say("process %d of pool %s is started", process->number, process->pool);
	return 0;
}

void spawned_done(struct spawned *spawned) {
	struct fake_process *process;

	TAILQ_FOREACH (process, &fake.all, link)
		if (process->page && process->page == spawned->page) {
			free(process->page);
			process->page = NULL;
		}
}

int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal) {
	struct fake_process *process;

	TAILQ_FOREACH (process, &fake.all, link) {
		if (process->pid != abs(pid))
			continue;
		if (!process->exited)
			say("process %d gets signal %d", process->number, signal);
		if (process->reaped)
			broken("a signal for process %d, which is reaped", process->number);
		process->told |= signal == SIGTERM;
		process->kill |= signal == SIGKILL;
		return 0;
	}
	return __real_kill(pid, signal);
}

int __real_waitid(idtype_t type, id_t id, siginfo_t *ret, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *ret, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *ret, int options) {
	struct fake_process *process;

	TAILQ_FOREACH (process, &fake.all, link) {
		if (type != P_PIDFD || (int) id != FIRST_FD + process->number)
			continue;
		if (!process->exited || process->reaped)
			broken("process %d is waited for, and it %s", process->number,
			       process->reaped ? "is reaped" : "runs");
		process->reaped = true;
		ret->si_code = process->signal ? CLD_KILLED : CLD_EXITED;
		ret->si_status = process->signal ? process->signal : process->status;
		return 0;
	}
	return __real_waitid(type, id, ret, options);
}

void fake_process_exit(struct fake_process *process, int signal, int status) {
	if (process->exited)
		return;
	say("process %d %s %d", process->number, signal ? "is killed by signal" : "exits with",
	    signal ? signal : status);
	process->exited = true;
	process->signal = signal;
	process->status = status;
	fake_loop_readable(fake.base, FIRST_FD + process->number);
}

/* -------- the channel -------- */

int channel_new(struct channel **ret, const struct channel_loop *loop, int fd, size_t read_size,
		const struct channel_ops *ops, void *context) {
	struct channel *channel = malloc(sizeof *channel);
	struct fake_process *process;

	(void) loop, (void) read_size;
	if (!channel)
		return -ENOMEM;
	TAILQ_FOREACH (process, &fake.all, link)
		if (fd == FIRST_FD + SOCKETS + process->number)
			break;
	if (!process)
		broken("a channel for another descriptor than a process's socket");
	process->ops = ops;
	process->context = context;
	channel->process = process;
	*ret = channel;
	return 0;
}

struct channel *channel_free(struct channel *channel) {
	if (channel)
		channel->process->ops = NULL;
	free(channel);
	return NULL;
}

static void append(struct fake_pipe *pipe, const void *data, size_t size) {
	char *bytes = realloc(pipe->bytes, pipe->size + size + 1);

	if (!bytes)
		broken("no memory");
	memcpy(bytes + pipe->size, data, size);
	pipe->bytes = bytes;
	pipe->size += size;
}

int channel_write(struct channel *channel, const void *data, size_t size) {
	if (fake.write_fails > 0 && --fake.write_fails == 0)
		return -ENOMEM;
	append(&channel->process->in, data, size);
	return 0;
}

int channel_write_bytes(struct channel *channel, struct bytes *bytes, size_t begin, size_t end) {
	if (end > bytes->size || begin > end)
		broken("bytes %zu to %zu of %zu are written", begin, end, bytes->size);
	return channel_write(channel, bytes->data + begin, end - begin);
}

char *channel_take(struct channel *channel, const char *bytes, size_t size) {
	char *copy = malloc(size);

	(void) channel;
	return copy ? memcpy(copy, bytes, size) : NULL;
}

static void drop(struct fake_pipe *pipe, size_t size) {
	pipe->size -= size;
	pipe->offered -= size;
	memmove(pipe->bytes, pipe->bytes + size, pipe->size);
}

static void deliver(struct fake_process *process) {
	struct fake_pipe *out = &process->out;

	while (process->ops && !process->discarded && out->offered > 0) {
		/* A window of just the bytes that there are, so that a sanitizer sees who reads beyond them. */
		char *window = malloc(out->offered);
		ssize_t n;

		if (!window)
			broken("no memory");
		memcpy(window, out->bytes, out->offered);
		n = process->ops->received(process->context, window, out->offered);
		free(window);
		if (n <= 0)
			return;
		drop(out, (size_t) n);
	}
}

void channel_read_rest(struct channel *channel) {
	channel->process->out.offered = channel->process->out.size;
	deliver(channel->process);
}

void channel_discard(struct channel *channel) {
	channel->process->discarded = true;
}

void channel_finish(struct channel *channel) {
	channel->process->finished = true;
}

void fake_process_say(struct fake_process *process, const char *text) {
	if (process->exited || process->hung_up)
		return;
	say("process %d says %s", process->number, text);
	append(&process->out, text, strlen(text) + 1);
}

void fake_process_flush(struct fake_process *process, size_t size) {
	struct fake_pipe *out = &process->out;

	if (process->reaped)
		return;
	out->offered = size < out->size - out->offered ? out->offered + size : out->size;
	deliver(process);
}

void fake_process_hang_up(struct fake_process *process) {
	if (process->hung_up || process->exited)
		return;
	say("process %d closes its socket", process->number);
	fake_process_flush(process, SIZE_MAX);
	process->hung_up = true;
	if (process->ops)
		process->ops->ended(process->context, CHANNEL_HANGUP);
}
