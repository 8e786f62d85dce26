#include <procpool/client.h>

#include "client/nested.h"

/*
 * The calls that block: one reply, several, Apply.
 */

static char *copy_text(const char *text, struct span span) {
	return span_size(span) > 0 ? strndup(text + span.begin, span_size(span)) : strdup("{}");
}

static int out_of_memory(struct procpool *procpool) {
	return failure_errno(&procpool->failure, -ENOMEM, "cannot keep the reply");
}

/* Methods that only read: once more does no harm. A later daemon's are not known here, and not repeated. */
static bool only_reads(const char *method) {
	static const char *const methods[] = {
		"io.procpool.ListFunctions",
		"io.procpool.ListRequests",
		"io.procpool.Status",
		"org.varlink.service.GetInfo",
		"org.varlink.service.GetInterfaceDescription",
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

int procpool_call(struct procpool *procpool, const char *method, const char *parameters,
		  char **ret_parameters) {
	struct reply reply;
	char *copy;
	int r = encode_call(&procpool->call, method, NULL, parameters, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_PLAIN, only_reads(method), &reply);
	if (r != 0)
		return r;
	copy = copy_text(connection_text(&procpool->connection), reply.plain);
	reply_done(&reply);
	if (!copy)
		return out_of_memory(procpool);
	*ret_parameters = copy;
	return 0;
}

/* Hands one reply over. Sets *ret_more. */
static int deliver(struct procpool *procpool, struct reply *reply, procpool_reply_callback callback,
		   void *userdata, bool *ret_more) {
	char *copy = copy_text(connection_text(&procpool->connection), reply->plain);
	int r;

	*ret_more = reply->continues;
	reply_done(reply);
	if (!copy)
		return out_of_memory(procpool);
	r = callback(userdata, copy);
	free(copy);
	return r == 0 ? 0 : handle_stop(procpool);
}

int procpool_call_more(struct procpool *procpool, const char *method, const char *parameters,
		       procpool_reply_callback callback, void *userdata) {
	struct reply reply;
	bool more = true;
	int r = encode_call(&procpool->call, method, "more", parameters, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_PLAIN, false, &reply);
	while (r == 0) {
		r = deliver(procpool, &reply, callback, userdata, &more);
		if (r != 0 || !more)
			break;
		r = handle_receive(procpool, REPLY_PLAIN, &reply);
	}
	return r;
}

int procpool_apply(struct procpool *procpool, const char *function, const char *argument,
		   const struct procpool_options *options, char **ret_result) {
	struct run_call run = {
		.method = "Apply",
		.function = function,
		.options = options,
		.input_name = "argument",
		.input = argument,
		.input_size = argument ? strlen(argument) : 0,
	};
	struct nested nested;
	struct reply reply;
	char *copy;
	int r = encode_run_call(&procpool->call, &run, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_RUN, options_known(options).idempotent, &reply);
	if (r == PROCPOOL_E_ANSWER && nested_init(&nested, procpool, &run)) {
		r = nested_reply_one(&nested, procpool);
		if (r == 0)
			r = handle_receive(procpool, REPLY_RUN, &reply);
		nested_done(&nested);
	}
	if (r != 0)
		return r;
	copy = span_size(reply.result) > 0
		       ? copy_text(connection_text(&procpool->connection), reply.result)
		       : strdup("null");
	reply_done(&reply);
	if (!copy)
		return out_of_memory(procpool);
	*ret_result = copy;
	return 0;
}
