#include "client/tool/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/tool/output.h"
#include "client/tool/report.h"
#include "client/tool/session.h"

static int print_text(const struct query *query, const char *reply, struct bytes *ret) {
	json_t *object = json_loads(reply, 0, NULL);
	int r;

	if (!object)
		return -EBADMSG;
	r = query->show(object, ret);
	json_decref(object);
	return r;
}

/* Where people watch, the new state stands where the old one stood. */
static int print(const struct query *query, const char *reply) {
	struct output output;
	bool again = query->watch && !query->json;
	int r;

	output_init(&output, STDOUT_FILENO);
	r = again && output.terminal ? bytes_add_string(&output.bytes, "\033[H\033[J") : 0;
	if (r == 0)
		r = query->json ? output_result(&output, 0, reply, strlen(reply))
				: print_text(query, reply, &output.bytes);
	if (r == 0 && again && !output.terminal)
		r = bytes_add(&output.bytes, "\n", 1);
	if (r == 0)
		r = output_flush(&output);
	output_done(&output);
	return r;
}

struct watch {
	const struct query *query;
	int error; /* of the output */
};

static int on_reply(void *userdata, const char *reply) {
	struct watch *watch = userdata;

	watch->error = print(watch->query, reply);
	return watch->error;
}

static int print_failed(int r) {
	complain("cannot print the reply: %s", strerror(-r));
	return EXIT_OUTPUT;
}

static int watch(struct session *session, const struct query *query) {
	struct watch state = {.query = query};
	int r = procpool_call_more(session->procpool, query->method, query->parameters, on_reply,
				   &state);

	if (state.error < 0)
		return print_failed(state.error);
	return r == 0 ? EXIT_OK : session_failed(session);
}

static int ask(struct session *session, const struct query *query) {
	char *reply;
	int r;

	if (procpool_call(session->procpool, query->method, query->parameters, &reply) != 0)
		return session_failed(session);
	r = print(query, reply);
	free(reply);
	return r == 0 ? EXIT_OK : print_failed(r);
}

/* ---- waiting for a private daemon ---- */

/* Ends the call when no pool is starting any more. */
static int on_status(void *userdata, const char *reply) {
	json_t *status = json_loads(reply, 0, NULL), *pool;
	bool starting = false;
	size_t i;

	(void) userdata;
	json_array_foreach(json_object_get(status, "pools"), i, pool) {
		const char *state = json_string_value(json_object_get(pool, "state"));

		starting |= state && strcmp(state, "starting") == 0;
	}
	json_decref(status);
	return !starting;
}

/* A daemon that has just been started knows nothing about its functions yet. */
static int wait_until_warm(struct session *session) {
	int r = procpool_call_more(session->procpool, "io.procpool.Status", NULL, on_status, NULL);

	return r == 0 || r == PROCPOOL_E_STOPPED ? 0 : session_failed(session);
}

int query_run(const struct query *query) {
	struct session session;
	int code = session_open(&session, query->common);

	if (code != 0)
		return code;
	if (query->common->private) {
		code = wait_until_warm(&session);
		if (code != 0)
			return session_close(&session, code);
	}
	code = query->watch ? watch(&session, query) : ask(&session, query);
	return session_close(&session, code);
}
