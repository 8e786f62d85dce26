#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/strings.h"
#include "protocol/page.h"

/* Where the launcher and the worker find their ends. */
enum { WORKER_SOCKET_FD = 3, WORKER_PAGE_FD = 4 };

/* Above all numbers that the child's descriptors get, so that no dup2() hits one that is still needed. */
#define PARKED_FD 10

/* The child's ends, closed in the daemon once the child has them. */
struct child_ends {
	int socket, page, out, err;
};

static void close_fd(int *fd) {
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void child_ends_done(struct child_ends *ends) {
	close_fd(&ends->socket);
	close_fd(&ends->page);
	close_fd(&ends->out);
	close_fd(&ends->err);
}

static int park(int fd) {
	int parked = fcntl(fd, F_DUPFD_CLOEXEC, PARKED_FD);
	int r = parked < 0 ? -errno : parked;

	close(fd);
	return r;
}

static int make_socket(struct spawned *spawned, struct child_ends *ends) {
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	spawned->socket = pair[0];
	ends->socket = park(pair[1]);
	if (ends->socket < 0)
		return ends->socket;
	return fcntl(spawned->socket, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Sealed before anybody else has it: a worker that could truncate the page could kill the daemon by SIGBUS. */
static int make_page(struct spawned *spawned, struct child_ends *ends) {
	int fd = memfd_create("procpool-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page;

	if (fd < 0)
		return -errno;
	ends->page = park(fd);
	if (ends->page < 0)
		return ends->page;
	if (ftruncate(ends->page, PAGE_SIZE) < 0 ||
	    fcntl(ends->page, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ends->page, 0);
	if (page == MAP_FAILED)
		return -errno;
	spawned->page = page;
	atomic_store(&spawned->page->limit, PAGE_NO_LIMIT);
	return 0;
}

static int make_pipe(int *ret_read, int *ret_write) {
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_read = fds[0];
	*ret_write = park(fds[1]);
	if (*ret_write < 0)
		return *ret_write;
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int plan_descriptors(posix_spawn_file_actions_t *actions, const struct child_ends *ends) {
	int out = ends->out >= 0 ? ends->out : STDERR_FILENO;
	int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (r == 0 && ends->err >= 0)
		r = posix_spawn_file_actions_adddup2(actions, ends->err, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, ends->socket, WORKER_SOCKET_FD);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, ends->page, WORKER_PAGE_FD);
	return -r;
}

static int plan_attributes(posix_spawnattr_t *attributes) {
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attributes, 0);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	return -r;
}

#define LAUNCHER_ARGUMENTS 15
/* So much sooner than the daemon a worker is taken where memory runs out; of 1000. */
#define OOM_SCORE_MORE "+200"

/* launcher --parent PID --nofile N --directory DIR … -- COMMAND… */
static int launch(const struct spawn_plan *plan, const posix_spawn_file_actions_t *actions,
		  const posix_spawnattr_t *attributes, pid_t *ret_pid) {
	char daemon_pid[24], nofile[24], oom_score[24] = OOM_SCORE_MORE;
	size_t words = strings_count(plan->command), limits = strings_count(plan->limits), n = 0;
	const char *argv[LAUNCHER_ARGUMENTS + 2 * limits + words + 1];

	snprintf(daemon_pid, sizeof daemon_pid, "%d", getpid());
	snprintf(nofile, sizeof nofile, "%llu", (unsigned long long) plan->nofile);
	argv[n++] = plan->launcher;
	argv[n++] = "--parent";
	argv[n++] = daemon_pid;
	argv[n++] = "--nofile";
	argv[n++] = nofile;
	argv[n++] = "--directory";
	argv[n++] = plan->directory ? plan->directory : ".";
	if (plan->oom_score_adj != UINT64_MAX)
		snprintf(oom_score, sizeof oom_score, "%llu",
			 (unsigned long long) plan->oom_score_adj);
	argv[n++] = "--oom-score-adj";
	argv[n++] = oom_score;
	if (plan->group) {
		argv[n++] = "--group";
		argv[n++] = plan->group;
	}
	for (size_t i = 0; i < limits; i++) {
		argv[n++] = "--limit";
		argv[n++] = plan->limits[i];
	}
	if (plan->user) {
		argv[n++] = "--user";
		argv[n++] = plan->user;
	}
	if (plan->no_new_privileges)
		argv[n++] = "--no-new-privileges";
	argv[n++] = "--";
	memcpy(argv + n, plan->command, (words + 1) * sizeof *argv);
	return -posix_spawn(ret_pid, plan->launcher, actions, attributes, (char *const *) argv,
			    plan->environment);
}

static int start(const struct spawn_plan *plan, const struct child_ends *ends, pid_t *ret_pid) {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = -posix_spawn_file_actions_init(&actions);

	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = plan_descriptors(&actions, ends);
		if (r == 0)
			r = plan_attributes(&attributes);
		if (r == 0)
			r = launch(plan, &actions, &attributes, ret_pid);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int spawn_worker(const struct spawn_plan *plan, struct spawned *ret) {
	struct spawned spawned = {.pidfd = -1, .socket = -1, .out = -1, .err = -1};
	struct child_ends ends = {.socket = -1, .page = -1, .out = -1, .err = -1};
	int r = make_socket(&spawned, &ends);

	if (r == 0)
		r = make_page(&spawned, &ends);
	if (r == 0 && !plan->share_stderr)
		r = make_pipe(&spawned.out, &ends.out);
	if (r == 0 && !plan->share_stderr)
		r = make_pipe(&spawned.err, &ends.err);
	if (r == 0)
		r = start(plan, &ends, &spawned.pid);
	if (r == 0) {
		spawned.pidfd = pidfd_open(spawned.pid, PIDFD_NONBLOCK);
		if (spawned.pidfd < 0) {
			r = -errno;
			kill(-spawned.pid, SIGKILL);
			waitpid(spawned.pid, NULL, 0);
		}
	}
	child_ends_done(&ends);
	if (r < 0)
		spawned_done(&spawned);
	else
		*ret = spawned;
	return r;
}

void spawned_done(struct spawned *spawned) {
	close_fd(&spawned->pidfd);
	close_fd(&spawned->socket);
	close_fd(&spawned->out);
	close_fd(&spawned->err);
	if (spawned->page)
		munmap(spawned->page, PAGE_SIZE);
	spawned->page = NULL;
}
