/*
 * fake-worker PATH: the process of a worker whose words are a test's.
 *
 * It connects to the test's socket at PATH, passes its worker socket and its page, and then does what it is told,
 * a line at a time; each order but those that end it is answered with "ok". See worker_order() in harness.h.
 * It ends when the test goes, and, unless told to stay, when the daemon ends the conversation.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* One message: "POOL PID", with the two fds. */
static void introduce(int control, int worker_fd, int page_fd) {
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} ancillary = {0};
	char text[300];
	struct iovec part = {.iov_base = text};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = ancillary.bytes,
				 .msg_controllen = sizeof(ancillary.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	const char *pool = getenv("PROCPOOL_POOL");

	part.iov_len = (size_t) snprintf(text, sizeof(text), "%.200s %ld\n", pool ? pool : "?",
					 (long) getpid());
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(header), (int[]) {worker_fd, page_fd}, 2 * sizeof(int));
	if (sendmsg(control, &message, MSG_NOSIGNAL) < 0) {
		perror("sendmsg");
		exit(1);
	}
}

static char *volatile eaten;

static void die_by(int number) {
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	signal(number, SIG_DFL);
	kill(getpid(), number);
	pause();
}

/* A child that outlives us until the test hangs up, in our process group or in a session of its own. */
static void leave_child(int control, bool session) {
	struct pollfd hangup = {.fd = control};

	if (fork() != 0)
		return;
	if (session)
		setsid();
	while (poll(&hangup, 1, -1) >= 0 && !(hangup.revents & (POLLHUP | POLLERR)))
		hangup.revents = 0;
	_exit(0);
}

static void eat(size_t size) {
	char *meal = malloc(size);

	if (!meal)
		_exit(98);
	memset(meal, 1, size);
	eaten = meal;
}

/* Carries out one order; *stay and *worker_fd may change. */
static void obey(const char *order, int control, int *worker_fd, bool *stay) {
	int number;

	if (sscanf(order, "exit %d", &number) == 1)
		_exit(number);
	if (sscanf(order, "signal %d", &number) == 1)
		die_by(number);
	if (strcmp(order, "close") == 0) {
		close(*worker_fd);
		*worker_fd = -1;
		*stay = true;
	} else if (strcmp(order, "fork") == 0 || strcmp(order, "child") == 0) {
		leave_child(control, *order == 'f');
	} else if (strcmp(order, "stay") == 0) {
		*stay = true;
	} else if (strcmp(order, "deaf") == 0) {
		signal(SIGTERM, SIG_IGN);
	} else if (strncmp(order, "eat ", 4) == 0) {
		eat(strtoul(order + 4, NULL, 10));
	} else if (strncmp(order, "overeat ", 8) == 0) {
		send(control, "ok\n", 3, MSG_NOSIGNAL);
		eat(strtoul(order + 8, NULL, 10));
		return;
	} else if (strncmp(order, "print ", 6) == 0) {
		fprintf(stderr, "%s\n", order + 6);
	} else {
		fprintf(stderr, "fake-worker: what is '%s'?\n", order);
		_exit(99);
	}
	send(control, "ok\n", 3, MSG_NOSIGNAL);
}

static void serve(int control, FILE *orders, int worker_fd) {
	bool stay = false;
	char order[512];

	for (;;) {
		struct pollfd fds[] = {{.fd = control, .events = POLLIN},
				       {.fd = stay ? -1 : worker_fd, .events = POLLRDHUP}};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents) {
			if (!fgets(order, sizeof(order), orders))
				_exit(0);
			order[strcspn(order, "\n")] = '\0';
			obey(order, control, &worker_fd, &stay);
		} else if (fds[1].revents) {
			_exit(0);
		}
	}
}

int main(int argc, char **argv) {
	const char *worker_fd = getenv("PROCPOOL_WORKER_FD");
	const char *page_fd = getenv("PROCPOOL_WORKER_PAGE_FD");
	int control;
	FILE *orders;

	if (argc != 2 || !worker_fd || !page_fd) {
		fprintf(stderr, "fake-worker PATH, started by procpoold\n");
		return 2;
	}
	control = connect_to(argv[1]);
	introduce(control, atoi(worker_fd), atoi(page_fd));
	orders = fdopen(control, "r");
	if (!orders)
		return 1;
	setvbuf(orders, NULL, _IONBF, 0);
	serve(control, orders, atoi(worker_fd));
}
