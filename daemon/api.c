#include "daemon/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/bytes.h"
#include "daemon/clock.h"
#include "daemon/configuration.h"
#include "daemon/dispatch.h"
#include "daemon/permission.h"
#include "daemon/reload.h"
#include "daemon/status.h"
#include "protocol/interface.h"
#include "protocol/parameters.h"

/* -------- Apply, Map, Stream -------- */

static struct request *new_request(struct api *api, const struct conn *conn,
				   const struct run_parameters *parameters, bool windowed) {
	const struct configuration *configuration = api->configuration;
	const struct peer *peer = conn_peer(conn);
	struct request_limits limits = {
		.window_items = configuration->limits.window_items,
		.window_bytes = configuration->limits.window_bytes,
	};
	struct run_options options = parameters->options;
	struct request *request;

	if (!windowed) {
		limits.window_items = limits.window_bytes = UINT64_MAX;
		options.unordered = false; /* one reply is in input order, whatever came first */
	} else if (parameters->window && parameters->window < limits.window_items) {
		limits.window_items = parameters->window;
	}
	request = request_new(dispatch_new_id(api->dispatch), parameters->function, peer->uid,
			      peer->pid, &options, &limits, clock_now());
	if (request)
		request->groups = groups_ref(peer->groups);
	return request;
}

/* An Apply without an argument has this one. */
static int add_null(struct request *request) {
	struct bytes *bytes = bytes_new_reserved(4);
	int r;

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes->data, "null", 4);
	bytes->size = 4;
	r = request_add_item(request, bytes, (struct span) {0, 4});
	bytes_unref(bytes);
	return r;
}

/* Gives the request its items and its common value out of the call's text. */
static int fill_request(struct api *api, struct request *request, enum run_method method,
			const struct run_parameters *parameters, struct conn_call *call) {
	struct bytes *bytes = call->take(call);
	int r = 0;

	if (!bytes)
		return -ENOMEM;
	if (span_size(parameters->common) > 0) {
		request->common_bytes = bytes_ref(bytes);
		request->common_span = parameters->common;
		request->common = ++api->last_common;
	}
	if (method == RUN_MAP)
		r = request_add_items(request, bytes, (struct document *) call->doc);
	else if (method == RUN_APPLY)
		r = span_size(parameters->argument) > 0
			    ? request_add_item(request, bytes, parameters->argument)
			    : add_null(request);
	request->input_ended = method != RUN_STREAM;
	bytes_unref(bytes);
	return r;
}

static enum delivery_kind kind_of(enum run_method method, bool more) {
	if (method == RUN_APPLY)
		return DELIVERY_APPLY;
	if (method == RUN_STREAM)
		return DELIVERY_STREAM;
	return more ? DELIVERY_MORE : DELIVERY_MAP;
}

/* Whether the user may have one more request. Returns 0; 1 and *error; or 1 without one where nobody takes errors: the
 * call waits then, and the calls behind it. */
static int admit(struct api *api, struct conn *conn, const struct conn_call *call,
		 struct charge *ret_charge, struct error *error) {
	enum quota_verdict verdict;

	if (!api->quota)
		return 0;
	if (charge_open(ret_charge, api->quota, conn_peer(conn)->uid) < 0)
		return error_set_no_memory(error);
	verdict = quota_admits(ret_charge);
	if (verdict == QUOTA_OK)
		return 0;
	charge_close(ret_charge);
	if (!call->call->oneway)
		return quota_error(api->quota, verdict, error);
	conn_hold(conn, verdict);
	return 1;
}

/* Makes request and delivery and submits them, or sets *error. charge: open, moved into the request. */
static void start(struct api *api, struct conn *conn, enum run_method method,
		  const struct run_parameters *parameters, struct conn_call *call,
		  struct charge *charge, struct error *error) {
	enum delivery_kind kind = kind_of(method, call->call->more);
	struct request *request = new_request(api, conn, parameters, kind >= DELIVERY_MORE);
	struct conn *receiver = call->call->oneway ? NULL : conn;
	struct delivery *delivery = NULL;
	int r = request ? fill_request(api, request, method, parameters, call) : -ENOMEM;

	if (request) {
		request->charge = *charge;
		*charge = (struct charge) {0};
		request_recharge(request);
	}
	if (r == 0)
		r = delivery_new(&delivery, kind, receiver, &api->deliveries, request);
	if (r == 0)
		r = dispatch_submit(api->dispatch, request, delivery, error);
	if (r != 0) {
		delivery_free(delivery);
		request_free(request);
		if (r < 0)
			error_set_no_memory(error);
		return;
	}
	delivery_begin(delivery);
}

/* A call from inside a worker would wait for the slot that the worker itself holds. */
static int check_nested(const struct api *api, const struct conn *conn, struct error *error) {
	pid_t group = getpgid(conn_peer(conn)->pid);
	const struct worker *worker =
		group > 0 ? dispatch_worker_of_group(api->dispatch, group) : NULL;

	return worker ? error_set(error, ERROR_NESTED, "{sI}", "worker", (json_int_t) worker->id)
		      : 0;
}

static void run(struct api *api, struct conn *conn, enum run_method method,
		struct conn_call *call) {
	struct run_parameters parameters = {0};
	struct charge charge = {0};
	struct error error = {0};

	if (api->operations.drained) {
		error_set(&error, ERROR_SHUTTING_DOWN, NULL);
		return conn_fail(conn, &error);
	}
	if (check_nested(api, conn, &error) == 0 &&
	    run_parameters_decode(&parameters, method, call->doc, call->text, &error) == 0 &&
	    admit(api, conn, call, &charge, &error) == 0)
		start(api, conn, method, &parameters, call, &charge, &error);
	if (error.id != ERROR_NONE)
		conn_fail(conn, &error);
	charge_close(&charge);
	run_parameters_done(&parameters);
}

static void run_apply(void *context, struct conn *conn, struct conn_call *call) {
	run(context, conn, RUN_APPLY, call);
}

static void run_map(void *context, struct conn *conn, struct conn_call *call) {
	run(context, conn, RUN_MAP, call);
}

static void run_stream(void *context, struct conn *conn, struct conn_call *call) {
	run(context, conn, RUN_STREAM, call);
}

/* -------- Cancel -------- */

static struct viewer viewer_of(const struct api *api, const struct conn *conn) {
	const struct peer *peer = conn_peer(conn);

	return (struct viewer) {.uid = peer->uid,
				.groups = peer->groups,
				.administrator = operations_allowed(&api->operations, peer)};
}

/* Who may not see a request learns nothing about it. */
static struct request *find_request(const struct api *api, const struct conn *conn,
				    const char *id) {
	const struct viewer viewer = viewer_of(api, conn);
	struct request *request;
	char *end;
	uint64_t number;

	if (id[0] < '0' || id[0] > '9')
		return NULL;
	number = strtoull(id, &end, 10);
	request = *end ? NULL : dispatch_find(api->dispatch, number);
	return request && viewer_sees_request(&viewer, request->uid) ? request : NULL;
}

static void cancel(void *context, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {{"request", PARAMETER_STRING, true}};
	struct api *api = context;
	struct error error = {0}, cancelled = {0};
	struct request *request;
	json_t *id;

	if (parameters_decode(table, 1, &id, call->doc, call->text, &error) != 0)
		return conn_fail(conn, &error);
	request = find_request(api, conn, json_string_value(id));
	if (request) {
		error_set(&cancelled, ERROR_CANCELLED, NULL);
		dispatch_cancel(api->dispatch, request, &cancelled);
		conn_reply(conn, NULL, false);
	} else {
		error_set(&error, ERROR_NO_SUCH_REQUEST, "{sO}", "request", id);
		conn_fail(conn, &error);
	}
	json_decref(id);
}

/* -------- what can be seen -------- */

static json_t *build_status(void *context, const struct conn *conn, bool workers) {
	const struct api *api = context;
	const struct viewer viewer = viewer_of(api, conn);
	struct status_facts facts;

	api->facts(api->context, &facts);
	return status_daemon(api->dispatch, &viewer, &facts, workers);
}

static json_t *build_requests(void *context, const struct conn *conn, bool detailed) {
	const struct api *api = context;
	const struct viewer viewer = viewer_of(api, conn);

	(void) detailed;
	return status_requests(api->dispatch, &viewer, clock_now());
}

static void strip_status(json_t *answer) {
	json_t *worker;
	size_t i;

	json_object_del(answer, "uptimeUs");
	json_object_del(answer, "loopLagUs");
	json_array_foreach(json_object_get(answer, "workers"), i, worker)
		json_object_del(worker, "ageUs");
}

static void strip_requests(json_t *answer) {
	json_t *request;
	size_t i;

	json_array_foreach(json_object_get(answer, "requests"), i, request)
		json_object_del(request, "ageUs");
}

/* Of a list that may be long. Returns 0, or 1 and *error. */
static int check_room(const struct api *api, const struct conn *conn, struct error *error) {
	enum quota_verdict verdict = conn_may_answer(conn);

	return verdict == QUOTA_OK ? 0 : quota_error(api->quota, verdict, error);
}

/* Answers once, or as often as something changes. */
static void show(struct api *api, struct conn *conn, const struct conn_call *call,
		 const struct watch_source *source, bool detailed) {
	struct error error = {0};

	if (!call->call->more)
		return conn_reply(conn, source->build(api, conn, detailed), false);
	if (watch_start(&api->watches, source, api, detailed, conn, api->loop) < 0) {
		error_set_no_memory(&error);
		conn_fail(conn, &error);
	}
}

static void show_status(void *context, struct conn *conn, struct conn_call *call) {
	static const struct parameter table[] = {{"workers", PARAMETER_BOOL, false}};
	static const struct watch_source source = {build_status, strip_status};
	struct error error = {0};
	json_t *workers;

	if (parameters_decode(table, 1, &workers, call->doc, call->text, &error) != 0)
		return conn_fail(conn, &error);
	show(context, conn, call, &source, json_is_true(workers));
	json_decref(workers);
}

static void list_requests(void *context, struct conn *conn, struct conn_call *call) {
	static const struct watch_source source = {build_requests, strip_requests};
	struct error error = {0};

	if (parameters_decode(NULL, 0, NULL, call->doc, call->text, &error) != 0 ||
	    check_room(context, conn, &error) != 0)
		return conn_fail(conn, &error);
	show(context, conn, call, &source, false);
}

static void list_functions(void *context, struct conn *conn, struct conn_call *call) {
	const struct api *api = context;
	const struct viewer viewer = viewer_of(api, conn);
	struct error error = {0};

	if (parameters_decode(NULL, 0, NULL, call->doc, call->text, &error) != 0 ||
	    check_room(api, conn, &error) != 0)
		return conn_fail(conn, &error);
	conn_reply(conn, status_functions(api->dispatch, &viewer), false);
}

/* -------- for administrators -------- */

static void resize(void *context, struct conn *conn, struct conn_call *call) {
	operations_resize(&((struct api *) context)->operations, conn, call);
}

static void reload(void *context, struct conn *conn, struct conn_call *call) {
	reload_call(((struct api *) context)->reload, conn, call);
}

static void drain(void *context, struct conn *conn, struct conn_call *call) {
	operations_drain(&((struct api *) context)->operations, conn, call);
}

static void resume(void *context, struct conn *conn, struct conn_call *call) {
	operations_resume(&((struct api *) context)->operations, conn, call);
}

static const struct conn_method methods[] = {
	{.name = "Apply", .run = run_apply},
	{.name = "Map", .more = true, .run = run_map},
	{.name = "Stream", .upgrade = true, .run = run_stream},
	{.name = "Cancel", .run = cancel},
	{.name = "ListRequests", .more = true, .run = list_requests},
	{.name = "ListFunctions", .run = list_functions},
	{.name = "Status", .more = true, .run = show_status},
	{.name = "Resize", .run = resize},
	{.name = "Reload", .more = true, .run = reload},
	{.name = "Drain", .run = drain},
	{.name = "Resume", .run = resume},
	{0},
};

struct conn_interface api_interface(struct api *api) {
	api->deliveries = (struct delivery_setup) {
		.loop = api->loop,
		.dispatch = api->dispatch,
		.reply_limit = api->configuration->limits.reply,
	};
	TAILQ_INIT(&api->deliveries.aggregated);
	return (struct conn_interface) {
		.name = "io.procpool",
		.description = interface_description,
		.methods = methods,
		.context = api,
	};
}
