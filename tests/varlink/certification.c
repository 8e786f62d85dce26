#include "tests/varlink/certification.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#define NAME "org.varlink.certification"
/* Clients that never came to their End() are forgotten, the oldest first. */
#define MAX_CLIENTS 256
/* Replies of a step that is called with 'more'. */
#define MORE_REPLIES 10

enum flag { FLAG_NONE, FLAG_MORE, FLAG_ONEWAY };

/* One call of the certification: what it must be, and what it returns. */
struct step {
	const char *method;
	const char *parameters; /* without client_id; JSON */
	enum flag flag;
	const char *reply; /* JSON; NULL = made by code */
};

#define STRUCT \
	"{\"bool\":false,\"int\":2,\"float\":3.141592653589793,\"string\":\"a lot of string\"}"
#define MAP     "{\"foo\":\"Foo\",\"bar\":\"Bar\"}"
#define SET     "{\"one\":{},\"two\":{},\"three\":{}}"
#define REPLY_N "Reply number "

/* Every type of the language once; the object is what no type describes. */
#define MYTYPE \
	"{\"object\":{\"any\":[null,true,0.5,-7,\"\\u00e9\\n\",{\"of\":[[],{}]}]}," \
	"\"enum\":\"two\",\"struct\":{\"first\":1,\"second\":\"2\"}," \
	"\"array\":[\"one\",\"two\",\"three\"],\"dictionary\":" MAP ",\"stringset\":" SET "," \
	"\"interface\":{\"foo\":[null,{\"foo\":\"foo\",\"bar\":\"bar\"},null,{\"one\":\"foo\"," \
	"\"two\":\"baz\"}],\"anon\":{\"foo\":true,\"bar\":false}}}"

static const struct step steps[] = {
	{"Start", "{}", FLAG_NONE, NULL},
	{"Test01", "{}", FLAG_NONE, "{\"bool\":true}"},
	{"Test02", "{\"bool\":true}", FLAG_NONE, "{\"int\":1}"},
	{"Test03", "{\"int\":1}", FLAG_NONE, "{\"float\":1.0}"},
	{"Test04", "{\"float\":1.0}", FLAG_NONE, "{\"string\":\"ping\"}"},
	{"Test05", "{\"string\":\"ping\"}", FLAG_NONE, STRUCT},
	{"Test06", STRUCT, FLAG_NONE, "{\"struct\":" STRUCT "}"},
	{"Test07", "{\"struct\":" STRUCT "}", FLAG_NONE, "{\"map\":" MAP "}"},
	{"Test08", "{\"map\":" MAP "}", FLAG_NONE, "{\"set\":" SET "}"},
	{"Test09", "{\"set\":" SET "}", FLAG_NONE, "{\"mytype\":" MYTYPE "}"},
	{"Test10", "{\"mytype\":" MYTYPE "}", FLAG_MORE, NULL},
	{"Test11",
	 "{\"last_more_replies\":[\"" REPLY_N "1\",\"" REPLY_N "2\",\"" REPLY_N "3\",\"" REPLY_N
	 "4\",\"" REPLY_N "5\",\"" REPLY_N "6\",\"" REPLY_N "7\",\"" REPLY_N "8\",\"" REPLY_N
	 "9\",\"" REPLY_N "10\"]}",
	 FLAG_ONEWAY, "{}"},
	{"End", "{}", FLAG_NONE, NULL},
};

enum { STEP_START, STEP_FIRST, STEP_END = sizeof steps / sizeof *steps - 1 };

struct client {
	TAILQ_ENTRY(client) link;
	char id[SD_ID128_STRING_MAX];
	size_t next; /* index of the step it is to call */
	bool erred;
};

struct certification {
	TAILQ_HEAD(, client) clients; /* the oldest first */
	unsigned n_clients;
};

/* -------- clients -------- */

static void forget(struct certification *certification, struct client *client) {
	TAILQ_REMOVE(&certification->clients, client, link);
	certification->n_clients--;
	free(client);
}

static struct client *client_new(struct certification *certification) {
	struct client *client = calloc(1, sizeof *client);
	sd_id128_t id;

	if (!client || sd_id128_randomize(&id) < 0) {
		free(client);
		return NULL;
	}
	if (certification->n_clients == MAX_CLIENTS)
		forget(certification, TAILQ_FIRST(&certification->clients));
	sd_id128_to_string(id, client->id);
	client->next = STEP_FIRST;
	TAILQ_INSERT_TAIL(&certification->clients, client, link);
	certification->n_clients++;
	return client;
}

static struct client *find_client(struct certification *certification, const char *id) {
	struct client *client;

	TAILQ_FOREACH (client, &certification->clients, link)
		if (strcmp(client->id, id) == 0)
			return client;
	return NULL;
}

/* -------- what is wanted, what came -------- */

static json_t *load(const char *text) {
	return json_loads(text, 0, NULL);
}

/* The parameters of a step; id: NULL for Start(). */
static json_t *wanted_parameters(const struct step *step, const char *id) {
	json_t *parameters = load(step->parameters);

	if (id)
		json_object_set_new(parameters, "client_id", json_string(id));
	return parameters;
}

static json_t *wanted_call(const struct step *step, const char *id) {
	json_t *call = json_pack("{ss+ so}", "method", NAME ".", step->method, "parameters",
				 wanted_parameters(step, id));

	if (step->flag != FLAG_NONE)
		json_object_set_new(call, step->flag == FLAG_MORE ? "more" : "oneway", json_true());
	return call;
}

static bool flags_are_right(const struct step *step, const struct call *call) {
	return call->more == (step->flag == FLAG_MORE) &&
	       call->oneway == (step->flag == FLAG_ONEWAY);
}

/* The interface has two fields that may be null, and then may be missing as well. */
static bool is_nullable(const char *name) {
	return strcmp(name, "nullable") == 0 || strcmp(name, "nullable_array_struct") == 0;
}

static bool equal(json_t *wants, json_t *got);

static bool objects_equal(json_t *wants, json_t *got) {
	const char *name;
	json_t *value;

	json_object_foreach(wants, name,
			    value) if (!equal(value, json_object_get(got, name))) return false;
	json_object_foreach(got, name,
			    value) if (!json_object_get(wants, name) &&
				       !(is_nullable(name) && json_is_null(value))) return false;
	return true;
}

static bool arrays_equal(json_t *wants, json_t *got) {
	if (json_array_size(wants) != json_array_size(got))
		return false;
	for (size_t i = 0; i < json_array_size(wants); i++)
		if (!equal(json_array_get(wants, i), json_array_get(got, i)))
			return false;
	return true;
}

/* A float may be written without a fraction, an int not with one. */
static bool equal(json_t *wants, json_t *got) {
	if (json_is_real(wants))
		return json_is_number(got) && json_real_value(wants) == json_number_value(got);
	if (json_is_object(wants))
		return json_is_object(got) && objects_equal(wants, got);
	if (json_is_array(wants))
		return json_is_array(got) && arrays_equal(wants, got);
	return json_equal(wants, got);
}

static bool type_is_right(const json_t *wants, const json_t *got) {
	if (json_is_boolean(wants))
		return json_is_boolean(got);
	if (json_is_real(wants))
		return json_is_number(got);
	return got && json_typeof(wants) == json_typeof(got);
}

/* The name of a parameter that is missing, of another type or not the method's; or NULL. */
static const char *invalid_parameter(json_t *wants, json_t *got) {
	const char *name;
	json_t *value;

	json_object_foreach(
		wants, name,
		value) if (!type_is_right(value, json_object_get(got, name))) return name;
	json_object_foreach(got, name, value) if (!json_object_get(wants, name)) return name;
	return NULL;
}

/* -------- the calls -------- */

static void invalid(struct conn *conn, const char *parameter) {
	struct error error = {0};

	error_set(&error, ERROR_INVALID_PARAMETER, "{ss}", "parameter", parameter);
	conn_fail(conn, &error);
}

/* wants: taken. */
static void refuse(struct conn *conn, json_t *wants, json_t *got) {
	conn_fail_as(conn, NAME ".CertificationError",
		     json_pack("{so sO}", "wants", wants, "got", got));
}

static void reply_often(struct conn *conn) {
	char text[sizeof REPLY_N + 10];

	for (int i = 1; i <= MORE_REPLIES; i++) {
		snprintf(text, sizeof text, REPLY_N "%d", i);
		conn_reply(conn, json_pack("{ss}", "string", text), i < MORE_REPLIES);
	}
}

static void start(struct certification *certification, struct conn *conn, struct conn_call *call,
		  json_t *got) {
	struct error error = {0};
	struct client *client;

	if (!flags_are_right(&steps[STEP_START], call->call))
		return refuse(conn, wanted_call(&steps[STEP_START], NULL), got);
	client = client_new(certification);
	if (client)
		return conn_reply(conn, json_pack("{ss}", "client_id", client->id), false);
	error_set(&error, ERROR_RESOURCE_EXHAUSTED, "{ss}", "resource", "memory");
	conn_fail(conn, &error);
}

static void take_step(struct certification *certification, struct client *client, struct conn *conn,
		      const struct step *step) {
	if (step->flag == FLAG_MORE) {
		reply_often(conn);
	} else if (step == &steps[STEP_END]) {
		conn_reply(conn, json_pack("{sb}", "all_ok", !client->erred), false);
		return forget(certification, client);
	} else {
		conn_reply(conn, load(step->reply), false);
	}
	client->next++;
}

/* A call of any step but Start(). */
static void go_on(struct certification *certification, struct conn *conn, struct conn_call *call,
		  const struct step *step, json_t *got) {
	json_t *parameters = json_object_get(got, "parameters");
	const char *id = json_string_value(json_object_get(parameters, "client_id"));
	struct client *client = find_client(certification, id);
	json_t *wants;

	if (!client)
		return conn_fail_as(conn, NAME ".ClientIdError", NULL);
	wants = wanted_call(&steps[client->next], id);
	if (step == &steps[client->next] && flags_are_right(step, call->call) &&
	    equal(json_object_get(wants, "parameters"), parameters)) {
		json_decref(wants);
		return take_step(certification, client, conn, step);
	}
	client->erred = true;
	refuse(conn, wants, got);
}

static const struct step *find_step(const char *method) {
	for (size_t i = 0; i < STEP_END; i++)
		if (strcmp(steps[i].method, method) == 0)
			return &steps[i];
	return &steps[STEP_END];
}

static void run(void *context, struct conn *conn, struct conn_call *call) {
	const struct step *step = find_step(strrchr(call->call->method, '.') + 1);
	json_t *got = json_loadb(call->text, call->doc->length, JSON_REJECT_DUPLICATES, NULL);
	json_t *wants = wanted_parameters(step, step == &steps[STEP_START] ? NULL : "");
	const char *name =
		got ? invalid_parameter(wants, json_object_get(got, "parameters")) : "parameters";

	if (name)
		invalid(conn, name);
	else if (step == &steps[STEP_START])
		start(context, conn, call, got);
	else
		go_on(context, conn, call, step, got);
	json_decref(wants);
	json_decref(got);
}

static const struct conn_method methods[] = {
	{.name = "Start", .run = run},
	{.name = "Test01", .run = run},
	{.name = "Test02", .run = run},
	{.name = "Test03", .run = run},
	{.name = "Test04", .run = run},
	{.name = "Test05", .run = run},
	{.name = "Test06", .run = run},
	{.name = "Test07", .run = run},
	{.name = "Test08", .run = run},
	{.name = "Test09", .run = run},
	{.name = "Test10", .more = true, .run = run},
	{.name = "Test11", .run = run},
	{.name = "End", .run = run},
	{.name = NULL},
};

struct conn_interface certification_interface(struct certification *certification) {
	return (struct conn_interface) {
		.name = NAME,
		.description = certification_description,
		.methods = methods,
		.context = certification,
	};
}

struct certification *certification_new(void) {
	struct certification *certification = calloc(1, sizeof *certification);

	if (certification)
		TAILQ_INIT(&certification->clients);
	return certification;
}

struct certification *certification_free(struct certification *certification) {
	while (certification && !TAILQ_EMPTY(&certification->clients))
		forget(certification, TAILQ_FIRST(&certification->clients));
	free(certification);
	return NULL;
}
