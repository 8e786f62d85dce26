#include "tests/unit/script.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* ---- the server's process: no allocations, no asserts, an exit code that says which step failed ---- */

static bool read_message(int fd, char *buffer, size_t size) {
	for (size_t n = 0; n < size; n++) {
		if (read(fd, buffer + n, 1) != 1)
			return false;
		if (buffer[n] == '\0')
			return true;
	}
	return false;
}

static bool send_text(int fd, const char *text, size_t piece) {
	size_t size = strlen(text) + 1;

	for (size_t at = 0; at < size; at += piece)
		if (send(fd, text + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) < 0)
			return false;
	return true;
}

static bool act(const struct step *step, int listener, int *connection) {
	static char buffer[1 << 16];
	int before;

	switch (step->act) {
	case ACCEPT:
		before = *connection;
		*connection = accept(listener, NULL, NULL);
		if (before >= 0)
			close(before);
		return *connection >= 0;
	case EXPECT:
		if (!read_message(*connection, buffer, sizeof(buffer)))
			return false;
		if (strcmp(buffer, step->text) == 0)
			return true;
		fprintf(stderr, "expected %s\n     got %s\n", step->text, buffer);
		return false;
	case SEND: return send_text(*connection, step->text, SIZE_MAX);
	case TRICKLE: return send_text(*connection, step->text, 1);
	case DEAF: return shutdown(*connection, SHUT_RD) == 0;
	case GONE: return read(*connection, buffer, 1) == 0;
	case CLOSE:
		close(*connection);
		*connection = -1;
		return true;
	case PAUSE: return raise(SIGSTOP) == 0;
	}
	return false;
}

static int play(const struct step *script, int listener) {
	int connection = -1;

	for (size_t i = 0; script[i].text; i++) {
		if (!act(&script[i], listener, &connection))
			return (int) i + 1;
	}
	return 0;
}

void serve(struct server *server, const struct step *script) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(server->directory, "/tmp/procpool-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(server->directory));
	snprintf(server->path, sizeof(server->path), "%s/socket", server->directory);
	strcpy(address.sun_path, server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(server->listener, (struct sockaddr *) &address, sizeof(address)), 0);
	cr_assert_eq(listen(server->listener, 16), 0);
	server->pid = fork();
	cr_assert_geq(server->pid, 0);
	if (server->pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		_exit(play(script, server->listener));
	close(server->listener);
}

static void remove_socket(struct server *server) {
	unlink(server->path);
	rmdir(server->directory);
}

void served(struct server *server) {
	int status;

	cr_assert_eq(waitpid(server->pid, &status, 0), server->pid);
	remove_socket(server);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the server stopped at step %d",
		  WEXITSTATUS(status));
}

void served_on(const struct server *server) {
	int status;

	cr_assert_eq(waitpid(server->pid, &status, WUNTRACED), server->pid);
	cr_assert(WIFSTOPPED(status));
	kill(server->pid, SIGCONT);
}

void stop_serving(struct server *server) {
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	remove_socket(server);
}

struct procpool *connect_to(const struct server *server) {
	struct procpool *procpool = procpool_new(server->path);

	cr_assert_not_null(procpool);
	return procpool;
}
