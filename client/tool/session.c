#include "client/tool/session.h"

#include <stdio.h>

#include "client/tool/interrupt.h"
#include "client/tool/report.h"

static int check(const struct common *common) {
	const char *option = common->n_loads > 0 ? "--load"
			     : common->worker    ? "--worker"
			     : common->workers   ? "--workers"
						 : NULL;

	if (common->private && common->socket)
		complain("--socket and --private exclude each other");
	else if (common->worker && common->n_loads > 0)
		complain("--load is for the stock worker: with --worker, say what to load in its "
			 "command");
	else if (!common->private && option)
		complain("%s needs --private: the workers of a daemon are in its configuration",
			 option);
	else
		return 0;
	return EXIT_BAD_USAGE;
}

int session_open(struct session *session, const struct common *common) {
	int code = check(common);

	*session = (struct session) {.daemon = PRIVATE_DAEMON_INIT};
	if (code != 0)
		return code;
	interrupt_guard(&session->daemon);
	if (common->private)
		code = private_start(&session->daemon, common);
	if (code == 0) {
		session->procpool =
			procpool_new(common->private ? session->daemon.socket : common->socket);
		if (!session->procpool) {
			complain("out of memory");
			code = EXIT_OUTPUT;
		}
	}
	return code == 0 ? 0 : session_close(session, code);
}

int session_close(struct session *session, int code) {
	session->procpool = procpool_free(session->procpool);
	private_stop(&session->daemon);
	interrupt_guard(NULL);
	return code;
}

int session_failed(struct session *session) {
	return report_error(procpool_last_error(session->procpool));
}
