#include <procpool/client.h>

#include "client/handle.h"

/*
 * The calls that block: one reply, several, Apply, Map.
 */

static char *copy_text(const char *text, struct span span) {
	return span_size(span) > 0 ? strndup(text + span.begin, span_size(span)) : strdup("{}");
}

static int out_of_memory(struct procpool *procpool) {
	return failure_errno(&procpool->failure, -ENOMEM, "cannot keep the reply");
}

/* Ends a call whose replies nobody wants: closing is cancelling. */
static int stop(struct procpool *procpool) {
	connection_done(&procpool->connection);
	return failure_set(&procpool->failure, PROCPOOL_E_STOPPED, "stopped by its callback");
}

int procpool_call(struct procpool *procpool, const char *method, const char *parameters,
		  char **ret_parameters) {
	struct reply reply;
	char *copy;
	int r = encode_call(&procpool->call, method, NULL, parameters, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_PLAIN, &reply);
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
	return r == 0 ? 0 : stop(procpool);
}

int procpool_call_more(struct procpool *procpool, const char *method, const char *parameters,
		       procpool_reply_callback callback, void *userdata) {
	struct reply reply;
	bool more = true;
	int r = encode_call(&procpool->call, method, "more", parameters, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_PLAIN, &reply);
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
	struct reply reply;
	char *copy;
	int r = encode_run_call(&procpool->call, &run, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_RUN, &reply);
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

/* Hands the results of one reply over, if it has some. Sets *ret_more. */
static int deliver_batch(struct procpool *procpool, struct reply *reply,
			 procpool_batch_callback callback, void *userdata, bool *ret_more) {
	struct connection *connection = &procpool->connection;

	*ret_more = reply->continues;
	if (reply->summary)
		summary_init(&procpool->summary, reply->summary);
	batch_done(&procpool->batch);
	if (batch_init(&procpool->batch, reply, &connection->doc, connection_text(connection)) <
	    0) {
		reply_done(reply);
		connection_done(connection);
		return out_of_memory(procpool);
	}
	if (connection->doc.elements.count > 0 && callback(userdata, &procpool->batch) != 0)
		return stop(procpool);
	return 0;
}

int procpool_map(struct procpool *procpool, const char *function, const char *items, size_t size,
		 const struct procpool_options *options, procpool_batch_callback callback,
		 void *userdata, const struct procpool_summary **ret_summary) {
	struct run_call run = {
		.method = "Map",
		.flag = "more",
		.function = function,
		.options = options,
		.input_name = "items",
		.input = items,
		.input_size = size,
	};
	struct reply reply;
	bool more = true;
	int r = encode_run_call(&procpool->call, &run, &procpool->failure);

	if (r == 0)
		r = handle_exchange(procpool, REPLY_RUN, &reply);
	while (r == 0) {
		r = deliver_batch(procpool, &reply, callback, userdata, &more);
		if (r != 0 || !more)
			break;
		r = handle_receive(procpool, REPLY_RUN, &reply);
	}
	batch_done(&procpool->batch);
	if (r == 0 && ret_summary)
		*ret_summary = &procpool->summary.numbers;
	return r;
}
