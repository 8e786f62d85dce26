#include "daemon/process.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "daemon/log.h"
#include "daemon/oom.h"

void process_init(struct process *process) {
	*process = (struct process) {
		.spawned = {.pidfd = -1, .socket = -1, .out = -1, .err = -1},
	};
}

int process_start(struct process *process, const struct process_setup *setup,
		  const struct spawn_plan *plan, uint64_t id) {
	struct spawn_plan in_leaf = *plan;
	int r = 0;

	process->oom = setup->oom;
	process->over_memory = setup->over_memory;
	process->leaf_counts = cgroup_has(setup->cgroup, CONTROLLER_MEMORY);
	if (setup->cgroup)
		r = leaf_new(&process->leaf, setup->cgroup, id, &setup->most);
	in_leaf.group = leaf_directory(process->leaf);
	return r == 0 ? spawn_worker(&in_leaf, &process->spawned) : r;
}

void process_done(struct process *process) {
	if (process->watch)
		event_free(process->watch);
	spawned_done(&process->spawned);
	leaf_free(process->leaf);
}

static void on_exited(evutil_socket_t fd, short what, void *context) {
	struct process *process = context;

	(void) fd, (void) what;
	process->exited(process->context);
}

int process_watch(struct process *process, struct event_base *base, void (*exited)(void *context),
		  void *context) {
	process->exited = exited;
	process->context = context;
	process->watch = event_new(base, process->spawned.pidfd, EV_READ, on_exited, process);
	return process->watch && event_add(process->watch, NULL) == 0 ? 0 : -ENOMEM;
}

void process_abort(struct process *process) {
	kill(-process->spawned.pid, SIGKILL);
	waitpid(process->spawned.pid, NULL, 0);
}

void process_signal(const struct process *process, int signal) {
	kill(-process->spawned.pid, signal);
	if (signal == SIGKILL)
		leaf_kill(process->leaf);
}

struct process_exit process_reap(struct process *process, const char *label) {
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t) process->spawned.pidfd, &info, WEXITED) < 0)
		log_error("%s: waitid: %s", label, strerror(errno));
	event_del(process->watch);
	return (struct process_exit) {
		.signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
		.status = info.si_code == CLD_EXITED ? info.si_status : 0,
	};
}

/* The kernel kills for memory with the same signal as everybody. */
const char *process_out_of_memory(const struct process *process) {
	static const char around[] = "out of memory, of the service or of the machine";

	if (!process->leaf_counts)
		return process->oom && oom_take(process->oom) ? around : NULL;
	switch (leaf_oom(process->leaf)) {
	case LEAF_OOM_NONE: return NULL;
	case LEAF_OOM_OWN: return process->over_memory;
	default: return around;
	}
}
