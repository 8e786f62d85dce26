#include "client/tool/report.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tool/command.h"
#include "protocol/error.h"
#include "protocol/limits.h"

void complain(const char *format, ...) {
	va_list args;

	fputs("procpool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int answer_exit_code(const char *name) {
	switch (error_from_name(name)) {
	case ERROR_NO_SUCH_FUNCTION:
	case ERROR_AMBIGUOUS_FUNCTION:
	case ERROR_NO_SUCH_POOL:
	case ERROR_INVALID_PARAMETER:
	case ERROR_MALFORMED_MESSAGE:
	case ERROR_MESSAGE_TOO_LARGE:
	case ERROR_ITEM_TOO_LARGE:
	case ERROR_TOO_MANY_ITEMS:
	case ERROR_TOO_DEEP: return EXIT_BAD_USAGE;
	case ERROR_TOO_MANY_CONNECTIONS:
	case ERROR_QUEUE_FULL: return EXIT_TRY_AGAIN;
	case ERROR_POOL_FAILED:
	case ERROR_SHUTTING_DOWN:
	case ERROR_RESOURCE_EXHAUSTED: return EXIT_UNAVAILABLE;
	case ERROR_PERMISSION_DENIED: return EXIT_DENIED;
	case ERROR_BAD_CONFIGURATION: return EXIT_BAD_CONFIG;
	default: return EXIT_FAILED;
	}
}

int error_exit_code(const struct procpool_error *error) {
	switch (error->code) {
	case PROCPOOL_E_ANSWER: return answer_exit_code(error->name);
	case PROCPOOL_E_NO_DAEMON:
	case PROCPOOL_E_LOST:
	case PROCPOOL_E_BAD_REPLY: return EXIT_UNAVAILABLE;
	case PROCPOOL_E_DENIED: return EXIT_DENIED;
	case PROCPOOL_E_BAD_INPUT: return EXIT_BAD_USAGE;
	default: return EXIT_UNAVAILABLE;
	}
}

/* What to do about an answer, where that takes more than its sentence; NULL otherwise. */
static const char *next_step(const char *name) {
	switch (error_from_name(name)) {
	case ERROR_QUEUE_FULL:
		return "try again when some of it is done; `procpool requests` lists what is held, "
		       "and "
		       "`procpool cancel` ends it";
	case ERROR_TOO_MANY_CONNECTIONS:
		return "try again when others have closed theirs; the administrator sets "
		       "limits.connections and limits.user_connections";
	case ERROR_PERMISSION_DENIED:
		return "it is for administrators: root, and the group procpool-admin unless "
		       "daemon.admin_groups names others";
	default: return NULL;
	}
}

static const char *user_name(void) {
	const struct passwd *user = getpwuid(geteuid());

	return user ? user->pw_name : "$USER";
}

int report_error(const struct procpool_error *error) {
	const char *next = error->code == PROCPOOL_E_ANSWER ? next_step(error->name) : NULL;

	complain("%s", error->message);
	if (next)
		complain("%s", next);
	if (error->code == PROCPOOL_E_NO_DAEMON)
		complain("start one with `systemctl start procpool.socket`, or have one for this "
			 "command with `procpool --private …`");
	else if (error->code == PROCPOOL_E_DENIED)
		complain("ask the administrator to add you to group procpool: adduser %s procpool",
			 user_name());
	return error_exit_code(error);
}

int parse_priority(const char *text, int32_t *ret) {
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end || strchr(" \t\n\v\f\r", *text) ||
	    number < LIMIT_PRIORITY_FIRST || number > LIMIT_PRIORITY_LAST)
		return -EINVAL;
	*ret = (int32_t) number;
	return 0;
}

int parse_number(const char *text, unsigned *ret) {
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end || number < 1 || number > UINT32_MAX)
		return -EINVAL;
	*ret = (unsigned) number;
	return 0;
}

int parse_seconds(const char *text, double *ret) {
	double seconds;
	char *end;

	/* Not as strtod() would, which takes spaces, inf and 0x as well. */
	if (text[strspn(text, "0123456789.")] != '\0')
		return -EINVAL;
	seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0) || seconds > UINT32_MAX / 1000.0)
		return -EINVAL;
	*ret = seconds;
	return 0;
}
