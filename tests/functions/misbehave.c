#include "tests/functions/functions.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/page.h"

/* The plugin is loaded before the worker takes what the daemon left in its environment: there it finds the
 * conversation, which functions otherwise never see, and the page. */

static int daemon_fd = -1, page_fd = -1;
static struct page *page;

__attribute__((constructor)) static void find_daemon(void) {
	const char *fd = getenv("PROCPOOL_WORKER_FD"), *page_ = getenv("PROCPOOL_WORKER_PAGE_FD");

	if (fd)
		daemon_fd = atoi(fd);
	if (!page_)
		return;
	page_fd = dup(atoi(page_));
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, page_fd, 0);
	if (page == MAP_FAILED)
		page = NULL;
}

/* Writes past the worker's own buffer, so before what that still holds. */
static void say(const char *bytes, size_t size) {
	while (size > 0) {
		ssize_t n = send(daemon_fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0)
			return;
		bytes += n;
		size -= (size_t) n;
	}
}

void die(int signal_number) {
	sigset_t set;

	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signal_number);
	_exit(99); /* the signal's default is not to die */
}

int test_crash(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *how = json_string_value(argument);

	(void) item;
	if (json_is_integer(argument))
		die((int) json_integer_value(argument));
	if (how)
		die(strcmp(how, "abort") == 0 ? SIGABRT : SIGSEGV);
	*ret_result = json_incref(argument);
	return 0;
}

int test_crash_if(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	if (json_equal(argument, procpool_common(item)))
		die(SIGSEGV);
	*ret_result = json_incref(argument);
	return 0;
}

int test_exit_(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item, (void) ret_result;
	_exit((int) json_integer_value(argument));
}

int test_garbage(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item;
	say(json_string_value(argument), json_string_length(argument));
	*ret_result = json_incref(argument);
	return 0;
}

int test_half(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	static const char half[] = "{\"chunk\":1,\"resul";
	const char *then = json_string_value(argument);

	(void) item, (void) ret_result;
	say(half, sizeof half - 1);
	if (then && strcmp(then, "crash") == 0)
		die(SIGSEGV);
	while (then && strcmp(then, "hang") == 0)
		pause();
	_exit(0);
}

int test_wrong_chunk(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	static const char message[] = "{\"chunk\":999999999,\"results\":[1],\"busyUs\":1}";

	(void) item;
	say(message, sizeof message);
	*ret_result = json_incref(argument);
	return 0;
}

int test_too_many(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	uint64_t word = page ? atomic_load(&page->progress) : 0;
	char message[64];
	int n;

	if (!page)
		return procpool_fail(item, "OSError", "without a page it does not know its chunk");
	n = snprintf(message, sizeof message, "{\"chunk\":%" PRIu64 ",\"results\":[0",
		     position_unpack(word).chunk);
	say(message, (size_t) n);
	for (json_int_t i = 1; i < json_integer_value(argument); i++)
		say(",0", 2);
	say("]}", sizeof "]}");
	*ret_result = json_incref(argument);
	return 0;
}

int test_truncate_page(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item, (void) argument;
	*ret_result = json_string(ftruncate(page_fd, 0) < 0 ? strerror(errno) : "");
	return 0;
}

int test_fork_daemon(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	pid_t pid = fork();

	(void) ret_result;
	if (pid < 0)
		return procpool_fail(item, "OSError", "cannot fork: %s", strerror(errno));
	if (pid == 0) {
		setsid();
		sleep((unsigned) json_integer_value(argument));
		_exit(0);
	}
	/* Not before the child left the process group, which is killed as soon as this process is gone. */
	while (getsid(pid) != pid)
		;
	die(SIGKILL);
}
