#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/internal.h"

/* The daemon's process, its directory, and the report of a failure. */

#define DEADLINE_MS     10000 /* of one wait; PROCPOOL_TEST_DEADLINE_MS overrides it */
#define TRANSCRIPT_TEXT 400   /* characters shown of one message */
#define REPORT_TEXT     20000 /* characters shown of a transcript or a log */

/* ---- time and place ---- */

static struct {
	const char *file;
	int line;
} here;

void here_set(const char *file, int line) {
	here.file = file;
	here.line = line;
}

int64_t now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t deadline_ms(void) {
	const char *text = getenv("PROCPOOL_TEST_DEADLINE_MS");

	return now_ms() + (text ? atoll(text) : DEADLINE_MS);
}

/* ---- transcript ---- */

void transcript_add(struct harness *h, const char *who, const char *arrow, const char *text,
		    size_t size) {
	fprintf(h->transcript, "%7.3f %4s %s ", (double) (now_ms() - h->started) / 1000, who,
		arrow);
	for (size_t i = 0; i < size && i < TRANSCRIPT_TEXT; i++) {
		unsigned char c = (unsigned char) text[i];

		if (c == '\0')
			fputs(i + 1 < size ? "\\0 " : "\\0", h->transcript);
		else if (c < ' ')
			fprintf(h->transcript, "\\x%02x", c);
		else
			fputc(c, h->transcript);
	}
	if (size > TRANSCRIPT_TEXT)
		fprintf(h->transcript, "... (%zu bytes)", size);
	fputc('\n', h->transcript);
}

/* Indented, as a part of a failed test's message; of a long text only the end. */
static void report(FILE *out, const char *title, const char *text) {
	size_t size = strlen(text);

	fprintf(out, "\n---- %s\n", title);
	if (size > REPORT_TEXT) {
		text += size - REPORT_TEXT;
		fprintf(out, "...");
	}
	fputs(text, out);
}

static char *file_read(const char *path) {
	char *text = NULL;
	size_t size = 0, n;
	char part[4096];
	FILE *in = fopen(path, "re"), *out = open_memstream(&text, &size);

	while (in && (n = fread(part, 1, sizeof(part), in)) > 0)
		fwrite(part, 1, n, out);
	if (in)
		fclose(in);
	fclose(out);
	return text;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
	(void) st, (void) type, (void) where;
	remove(path);
	return 0;
}

static void directory_remove(const char *path) {
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void harness_fail(struct harness *h, const char *format, ...) {
	va_list arguments;
	char *reason, *log, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	va_start(arguments, format);
	reason = text_format(format, arguments);
	va_end(arguments);
	fflush(h->transcript);
	log = file_read(harness_path(h, "log"));
	fprintf(out, "%s:%d: %s", here.file ? here.file : "?", here.line, reason);
	report(out, "transcript", h->transcript_text);
	report(out, "the daemon's log", log);
	fclose(out);
	if (h->pidfd >= 0)
		kill(h->pid, SIGKILL);
	if (!getenv("PROCPOOL_TEST_KEEP"))
		directory_remove(h->directory);
	cr_assert_fail("%s", text);
	abort();
}

/* ---- waiting ---- */

static void notify_read(struct harness *h) {
	char text[4096];
	ssize_t n;

	while ((n = recv(h->notify_fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		transcript_add(h, "notify", "<-", text, (size_t) n);
		text[n] = '\0';
		fprintf(h->notifications, "\n%s", text);
	}
	fflush(h->notifications);
}

static int harness_poll_once(struct harness *h, const int *fds, int n, short events, int timeout) {
	struct pollfd all[66];

	for (int i = 0; i < n; i++)
		all[i] = (struct pollfd) {.fd = fds[i], .events = events};
	all[n] = (struct pollfd) {.fd = h->notify_fd, .events = POLLIN};
	all[n + 1] = (struct pollfd) {.fd = h->pidfd, .events = POLLIN};
	if (poll(all, (nfds_t) n + 2, timeout) < 0 && errno != EINTR)
		harness_fail(h, "poll: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		if (all[i].revents)
			return i;
	if (all[n].revents)
		notify_read(h);
	return all[n + 1].revents ? -ECHILD : -EAGAIN;
}

int harness_poll(struct harness *h, const int *fds, int n, short events, int64_t deadline,
		 const char *what) {
	for (;;) {
		int64_t left = deadline - now_ms();
		int i = harness_poll_once(h, fds, n, events, left > 0 ? (int) left : 0);

		if (i >= 0)
			return i;
		if (i == -ECHILD)
			harness_fail(h, "the daemon ended while the test waited for %s", what);
		if (left <= 0)
			harness_fail(h, "the deadline passed while the test waited for %s", what);
	}
}

void harness_wait(struct harness *h, const char *what, bool (*check)(void *data), void *data) {
	int64_t deadline = deadline_ms();

	while (!check(data)) {
		if (now_ms() > deadline)
			harness_fail(h, "the deadline passed while the test waited for %s", what);
		harness_poll_once(h, NULL, 0, 0, 2);
	}
}

void harness_measure(struct harness *h, int ms) {
	int64_t until = now_ms() + ms;

	while (now_ms() < until)
		harness_poll_once(h, NULL, 0, 0, (int) (until - now_ms()));
}

/* ---- start ---- */

/* A configuration's or an argument's text with FAKE, STOCK and ' replaced; free it. */
static char *text_expand(struct harness *h, const char *text) {
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);
	const char *worker = getenv("PROCPOOL_WORKER");

	while (*text) {
		if (strncmp(text, "FAKE", 4) == 0) {
			fprintf(out, "{\"%s/tests/system/fake-worker\", \"%s/workers\"}", BUILD_DIR,
				h->directory);
			text += 4;
		} else if (strncmp(text, "STOCK", 5) == 0) {
			fprintf(out, "{\"%s\", \"--load\", \"%s\"}",
				worker ? worker : BUILD_DIR "/worker/procpool-worker",
				BUILD_DIR "/tests/functions/.libs/functions.so");
			text += 5;
		} else {
			fputc(*text == '\'' ? '"' : *text, out);
			text++;
		}
	}
	fclose(out);
	return expanded;
}

static int listen_at(const char *path, int type) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 128) < 0))
		cr_assert_fail("%s: %s", path, strerror(errno));
	chmod(path, 0666);
	return fd;
}

static struct harness *harness_new(void) {
	struct harness *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->started = now_ms();
	h->transcript = open_memstream(&h->transcript_text, &h->transcript_size);
	h->notifications = open_memstream(&h->notifications_text, &h->notifications_size);
	h->entries = open_memstream(&h->entries_text, &h->entries_size);
	fflush(h->entries);
	h->lifeline_fd = h->listen_fd = h->journal_fd = h->pidfd = -1;
	TAILQ_INIT(&h->peers);
	TAILQ_INIT(&h->fakes);
	strcpy(h->directory, "/tmp/procpool-test-XXXXXX");
	if (!mkdtemp(h->directory) || chmod(h->directory, 0755) < 0)
		cr_assert_fail("%s: %s", h->directory, strerror(errno));
	h->notify_fd = listen_at(harness_path(h, "notify"), SOCK_DGRAM);
	h->workers_fd = listen_at(harness_path(h, "workers"), SOCK_STREAM);
	fcntl(h->workers_fd, F_SETFL, O_NONBLOCK);
	/* A process that the daemon leaves behind becomes our child, and is found. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return h;
}

#define ARGUMENTS 32

/* The daemon's stderr is said to be the journal's, whose socket is the test's. */
static void set_journal(struct harness *h) {
	char stream[64];
	struct stat st;

	fstat(2, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long) st.st_dev,
		 (unsigned long long) st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	setenv("PROCPOOL_JOURNAL_SOCKET", harness_path(h, "journal"), 1);
}

/* In the child: everything as a service manager would leave it. Does not return. */
static void child_exec(struct harness *h, const struct start *start, char **argv, int lifeline) {
	const char *none[] = {"LISTEN_FDS",    "LISTEN_PID",     "LISTEN_FDNAMES",
			      "WATCHDOG_USEC", "WATCHDOG_PID",   "JOURNAL_STREAM",
			      "INVOCATION_ID", "PROCPOOL_SOCKET"};
	int log = open(harness_path(h, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	char pid[20];

	struct rlimit nofile = {start->nofile, start->nofile};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(log, 1);
	dup2(log, 2);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		unsetenv(none[i]);
	setenv("NOTIFY_SOCKET", harness_path(h, "notify"), 1);
	if (start->journal)
		set_journal(h);
	if (h->listen_fd >= 0) {
		snprintf(pid, sizeof(pid), "%ld", (long) getpid());
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_PID", pid, 1);
		if (h->listen_fd != 3)
			dup2(h->listen_fd, 3);
		fcntl(3, F_SETFD, 0);
	}
	if (lifeline >= 0)
		fcntl(lifeline, F_SETFD, 0);
	if (start->nofile)
		setrlimit(RLIMIT_NOFILE, &nofile);
	for (const char *const *e = start->environment; e && *e; e++)
		putenv((char *) *e);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static void daemon_spawn(struct harness *h, const struct start *start, char **argv, int lifeline) {
	fflush(NULL);
	h->pid = fork();
	if (h->pid == 0)
		child_exec(h, start, argv, lifeline);
	h->pidfd = (int) syscall(SYS_pidfd_open, h->pid, 0);
	if (h->pid < 0 || h->pidfd < 0)
		cr_assert_fail("cannot start a process: %s", strerror(errno));
}

struct harness *harness_start_with(const struct start *start) {
	struct harness *h = harness_new();
	const char *program = getenv("PROCPOOLD");
	char *argv[ARGUMENTS + 1], number[20];
	int n = 0, pair[2] = {-1, -1};

	snprintf(h->socket, sizeof(h->socket), "%s",
		 start->socket ? start->socket : harness_path(h, "io.procpool"));
	h->foreign_socket = start->socket || start->activate;
	argv[n++] = strdup(program ? program : BUILD_DIR "/daemon/procpoold");
	if (start->conf) {
		harness_configure(h, start->conf);
		argv[n++] = strdup("--config");
		argv[n++] = strdup(harness_path(h, "procpool.conf"));
	}
	if (start->journal)
		h->journal_fd = listen_at(harness_path(h, "journal"), SOCK_DGRAM);
	if (start->activate) {
		h->listen_fd = listen_at(h->socket, SOCK_STREAM);
	} else if (!start->no_socket) {
		argv[n++] = strdup("--socket");
		argv[n++] = strdup(h->socket);
	}
	if (start->private) {
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
		h->lifeline_fd = pair[0];
		snprintf(number, sizeof(number), "%d", pair[1]);
		argv[n++] = strdup("--private");
		argv[n++] = strdup(number);
	}
	for (const char *const *a = start->argv; a && *a && n < ARGUMENTS; a++)
		argv[n++] = text_expand(h, *a);
	argv[n] = NULL;
	daemon_spawn(h, start, argv, pair[1]);
	if (pair[1] >= 0)
		close(pair[1]);
	while (n > 0)
		free(argv[--n]);
	return h;
}

void harness_configure(struct harness *h, const char *text) {
	char *conf = text_expand(h, text);

	harness_write(h, "procpool.conf", conf);
	free(conf);
}

struct harness *harness_start(const char *conf) {
	return harness_start_with(&(struct start) {.conf = conf});
}

/* ---- what a test can know ---- */

pid_t harness_pid(struct harness *h) {
	return h->pid;
}

const char *harness_path(struct harness *h, const char *name) {
	snprintf(h->path, sizeof(h->path), "%s/%s", h->directory, name);
	return h->path;
}

const char *harness_socket(struct harness *h) {
	return h->socket;
}

const char *harness_directory(struct harness *h) {
	return h->directory;
}

void harness_write(struct harness *h, const char *name, const char *text) {
	FILE *out = fopen(harness_path(h, name), "we");

	if (!out || fputs(text, out) < 0 || fclose(out) != 0)
		harness_fail(h, "%s: %s", name, strerror(errno));
}

bool harness_log_has(struct harness *h, const char *text) {
	char *log = file_read(harness_path(h, "log"));
	bool found = strstr(log, text) != NULL;

	free(log);
	return found;
}

struct text_in {
	struct harness *harness;
	const char *text;
};

static bool log_has(void *data) {
	struct text_in *search = data;

	return harness_log_has(search->harness, search->text);
}

void harness_expect_log(struct harness *h, const char *text) {
	char what[300];

	snprintf(what, sizeof(what), "'%.200s' in the log", text);
	/* Also when the daemon has ended: its log stays. */
	harness_wait(h, what, log_has, &(struct text_in) {h, text});
}

static bool notified(void *data) {
	struct text_in *search = data;
	char line[256];

	notify_read(search->harness);
	snprintf(line, sizeof(line), "\n%s", search->text);
	return strstr(search->harness->notifications_text, line) != NULL;
}

void harness_forget_notifications(struct harness *h) {
	notify_read(h);
	fclose(h->notifications);
	free(h->notifications_text);
	h->notifications = open_memstream(&h->notifications_text, &h->notifications_size);
	fflush(h->notifications);
}

bool harness_notified(struct harness *h, const char *line) {
	return notified(&(struct text_in) {h, line});
}

void harness_expect_notify(struct harness *h, const char *line) {
	char what[300];

	snprintf(what, sizeof(what), "the notification '%.200s'", line);
	harness_wait(h, what, notified, &(struct text_in) {h, line});
}

void harness_expect_lifeline(struct harness *h, const char *text) {
	char got[256] = "";
	ssize_t n;

	harness_poll(h, &h->lifeline_fd, 1, POLLIN, deadline_ms(), "the lifeline");
	n = recv(h->lifeline_fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	transcript_add(h, "life", "<-", got, n > 0 ? (size_t) n : 0);
	if (strcmp(got, text) != 0)
		harness_fail(h, "the lifeline says '%s', not '%s'", got, text);
}

void harness_cut_lifeline(struct harness *h) {
	transcript_add(h, "life", "--", "(cut)", 5);
	close(h->lifeline_fd);
	h->lifeline_fd = -1;
}

/* ---- end ---- */

void harness_signal(struct harness *h, int number) {
	transcript_add(h, "daemon", "--", strsignal(number), strlen(strsignal(number)));
	kill(h->pid, number);
}

void harness_freeze(struct harness *h) {
	struct peer *p = peer_connect(h);
	int status;

	/* When this is answered, what was done before is behind the daemon: its worker's socket has room again. */
	peer_send(p, "{'method':'org.varlink.service.GetInfo'}");
	json_decref(peer_receive(p));
	harness_signal(h, SIGSTOP);
	if (waitpid(h->pid, &status, WUNTRACED) != h->pid || !WIFSTOPPED(status))
		harness_fail(h, "the daemon ended instead of stopping");
}

void harness_thaw(struct harness *h) {
	harness_signal(h, SIGCONT);
}

static void expect_status(struct harness *h, int expected) {
	int status;

	harness_poll(h, &h->pidfd, 1, POLLIN, deadline_ms(), "the daemon's end");
	waitpid(h->pid, &status, 0);
	close(h->pidfd);
	h->pidfd = -1;
	notify_read(h);
	if (WIFSIGNALED(status))
		harness_fail(h, "the daemon was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != expected)
		harness_fail(h, "the daemon ended with status %d, not %d", WEXITSTATUS(status),
			     expected);
}

static bool no_child_left(void *data) {
	(void) data;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* Nobody may be left but the children that worker_order("fork") made, which end with our connections. */
static void expect_no_process(struct harness *h) {
	char text[64];
	pid_t pid = 0;

	if (h->strays == 0 && (pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		snprintf(text, sizeof(text), pid ? "process %d, not reaped" : "still running",
			 (int) pid);
		harness_fail(h, "the daemon left a process behind: %s", text);
	}
	while (!TAILQ_EMPTY(&h->fakes))
		fake_free(TAILQ_FIRST(&h->fakes));
	harness_wait(h, "the strays' end", no_child_left, NULL);
}

static void expect_tidy(struct harness *h) {
	const char *bad[] = {"Sanitizer", "runtime error:", "Assertion"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (harness_log_has(h, bad[i]))
			harness_fail(h, "the log contains '%s'", bad[i]);
	if (!h->foreign_socket && access(h->socket, F_OK) == 0)
		harness_fail(h, "the daemon left its socket behind");
	if (h->foreign_socket && h->listen_fd >= 0 && access(h->socket, F_OK) < 0)
		harness_fail(h, "the daemon removed the service manager's socket");
}

static void harness_free(struct harness *h) {
	int fds[] = {h->notify_fd, h->workers_fd, h->lifeline_fd, h->listen_fd, h->journal_fd};

	while (!TAILQ_EMPTY(&h->peers))
		peer_close(TAILQ_FIRST(&h->peers));
	while (!TAILQ_EMPTY(&h->fakes))
		fake_free(TAILQ_FIRST(&h->fakes));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	fclose(h->transcript);
	free(h->transcript_text);
	fclose(h->notifications);
	free(h->notifications_text);
	fclose(h->entries);
	free(h->entries_text);
	if (!getenv("PROCPOOL_TEST_KEEP"))
		directory_remove(h->directory);
	free(h);
}

void harness_expect_status(struct harness *h, int status) {
	expect_status(h, status);
	expect_tidy(h);
	harness_free(h);
}

void harness_expect_strays(struct harness *h, int n) {
	h->strays += n;
}

void harness_expect_exit(struct harness *h, int status) {
	expect_status(h, status);
	expect_no_process(h);
	expect_tidy(h);
	harness_free(h);
}

void harness_kill(struct harness *h) {
	harness_signal(h, SIGKILL);
	harness_poll(h, &h->pidfd, 1, POLLIN, deadline_ms(), "the daemon's end");
	waitpid(h->pid, NULL, 0);
	close(h->pidfd);
	h->pidfd = -1;
	harness_wait(h, "the end of the workers", no_child_left, NULL);
	harness_free(h);
}

void harness_stop(struct harness *h) {
	/* Their calls go with them, so that nothing is left to be waited for. */
	while (!TAILQ_EMPTY(&h->peers))
		peer_close(TAILQ_FIRST(&h->peers));
	harness_signal(h, SIGTERM);
	harness_expect_exit(h, 0);
}
