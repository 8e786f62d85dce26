#include "client/tool/show.h"

#include <pwd.h>
#include <stdio.h>

#include "client/tool/program.h"
#include "client/tool/table.h"

/* ---- members ---- */

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *name) {
	return json_integer_value(json_object_get(object, name));
}

void show_duration(long long us, char *ret, size_t size) {
	double seconds = (double) us / 1e6;

	if (seconds < 1)
		snprintf(ret, size, seconds < 0.01 ? "%.2f ms" : "%.0f ms", seconds * 1e3);
	else if (seconds < 120)
		snprintf(ret, size, "%.0f s", seconds);
	else if (seconds < 120 * 60)
		snprintf(ret, size, "%.0f min", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(ret, size, "%.0f h", seconds / 3600);
	else
		snprintf(ret, size, "%.0f d", seconds / 86400);
}

static int add_number(struct table *table, const json_t *object, const char *name) {
	return table_add(table, "%lld", number_of(object, name));
}

static int add_text(struct table *table, const json_t *object, const char *name) {
	return table_add(table, "%s", text_of(object, name));
}

static int add_duration(struct table *table, const json_t *object, const char *name) {
	char text[32];

	show_duration(number_of(object, name), text, sizeof(text));
	return table_add(table, "%s", text);
}

static int add_user(struct table *table, const json_t *object) {
	const struct passwd *user = getpwuid((uid_t) number_of(object, "uid"));

	return user ? table_add(table, "%s", user->pw_name) : add_number(table, object, "uid");
}

/* The client's program; looked up here if the daemon could not see it. */
static int add_program(struct table *table, const json_t *request) {
	char name[32];

	if (json_is_string(json_object_get(request, "program")))
		return add_text(table, request, "program");
	program_name((pid_t) number_of(request, "pid"), (uid_t) number_of(request, "uid"), name,
		     sizeof(name));
	return table_add(table, "%s", name);
}

/* Adds one row; the fields of a column after the other. */
typedef int (*add_row)(struct table *table, const json_t *object);

static int show_table(const json_t *rows, const char *const *names, size_t columns,
		      const char *align, add_row add, struct bytes *ret) {
	struct table table;
	size_t i;
	json_t *row;
	int r = 0;

	table_init(&table, columns, names, align);
	json_array_foreach(rows, i, row) {
		if (r == 0)
			r = add(&table, row);
	}
	if (r == 0)
		r = table_write(&table, ret);
	table_done(&table);
	return r;
}

/* ---- functions, requests ---- */

static int add_function(struct table *table, const json_t *function) {
	if (add_text(table, function, "name") < 0 || add_text(table, function, "pool") < 0 ||
	    add_text(table, function, "runtime") < 0 ||
	    add_text(table, function, "description") < 0)
		return -ENOMEM;
	return 0;
}

int show_functions(const json_t *reply, struct bytes *ret) {
	static const char *const names[] = {"FUNCTION", "POOL", "RUNTIME", "DESCRIPTION"};

	return show_table(json_object_get(reply, "functions"), names, 4, "llll", add_function, ret);
}

static int add_request(struct table *table, const json_t *request) {
	const char *waits = text_of(request, "waitsFor");

	if (add_text(table, request, "id") < 0 || add_text(table, request, "function") < 0 ||
	    add_user(table, request) < 0 || add_number(table, request, "pid") < 0 ||
	    add_program(table, request) < 0 || add_number(table, request, "items") < 0 ||
	    add_number(table, request, "finished") < 0 ||
	    add_number(table, request, "failed") < 0 || add_number(table, request, "running") < 0 ||
	    add_duration(table, request, "ageUs") < 0 || table_add(table, "%s", waits) < 0)
		return -ENOMEM;
	return 0;
}

int show_requests(const json_t *reply, struct bytes *ret) {
	static const char *const names[] = {
		"ID",       "FUNCTION", "USER",    "PID", "PROGRAM",   "ITEMS",
		"FINISHED", "FAILED",   "RUNNING", "AGE", "WAITS FOR",
	};

	return show_table(json_object_get(reply, "requests"), names, 11, "lllrlrrrrrl", add_request,
			  ret);
}

/* ---- status ---- */

/* What an older daemon does not tell is a dash. */
static int add_optional(struct table *table, const json_t *object, const char *name) {
	const json_t *value = json_object_get(object, name);

	if (json_is_boolean(value))
		return table_add(table, "%s", json_is_true(value) ? "yes" : "no");
	return value ? add_number(table, object, name) : table_add(table, "-");
}

static int add_pool(struct table *table, const json_t *pool) {
	if (add_text(table, pool, "name") < 0 || add_text(table, pool, "state") < 0 ||
	    add_number(table, pool, "workers") < 0 || add_optional(table, pool, "min") < 0 ||
	    add_optional(table, pool, "max") < 0 || add_number(table, pool, "idle") < 0 ||
	    add_number(table, pool, "busy") < 0 || add_optional(table, pool, "slots") < 0 ||
	    add_number(table, pool, "restarts") < 0 || add_text(table, pool, "reason") < 0)
		return -ENOMEM;
	return 0;
}

static int add_memory(struct table *table, const json_t *worker) {
	const json_t *bytes = json_object_get(worker, "rssBytes");

	return bytes ? table_add(table, "%.1f MiB", (double) json_integer_value(bytes) / 1048576)
		     : table_add(table, "-");
}

static int add_worker(struct table *table, const json_t *worker) {
	if (add_number(table, worker, "id") < 0 || add_text(table, worker, "pool") < 0 ||
	    add_number(table, worker, "pid") < 0 || add_text(table, worker, "state") < 0 ||
	    add_number(table, worker, "items") < 0 || add_duration(table, worker, "ageUs") < 0 ||
	    add_memory(table, worker) < 0 || add_text(table, worker, "function") < 0)
		return -ENOMEM;
	return 0;
}

static int show_numbers(const json_t *status, struct bytes *ret) {
	char uptime[32], wait[32], lag[32], text[512];

	show_duration(number_of(status, "uptimeUs"), uptime, sizeof(uptime));
	show_duration(number_of(status, "oldestWaitUs"), wait, sizeof(wait));
	show_duration(number_of(status, "loopLagUs"), lag, sizeof(lag));
	snprintf(text, sizeof(text),
		 "procpoold %.40s, pid %lld, up %s: %.40s\n"
		 "slots        %lld of %lld busy\n"
		 "connections  %lld\n"
		 "items        %lld queued, %lld running, %lld finished, %lld failed\n"
		 "oldest wait  %s\n"
		 "loop lag     %s\n\n",
		 text_of(status, "version"), number_of(status, "pid"), uptime,
		 text_of(status, "state"), number_of(status, "slotsBusy"),
		 number_of(status, "slots"), number_of(status, "connections"),
		 number_of(status, "itemsQueued"), number_of(status, "itemsRunning"),
		 number_of(status, "itemsFinished"), number_of(status, "itemsFailed"), wait, lag);
	return bytes_add_string(ret, text);
}

int show_status(const json_t *status, struct bytes *ret) {
	static const char *const pool_names[] = {
		"POOL", "STATE", "WORKERS", "MIN",      "MAX",
		"IDLE", "BUSY",  "SLOTS",   "RESTARTS", "REASON",
	};
	static const char *const worker_names[] = {
		"WORKER", "POOL", "PID", "STATE", "ITEMS", "AGE", "MEMORY", "FUNCTION",
	};
	int r = show_numbers(status, ret);

	if (r == 0)
		r = show_table(json_object_get(status, "pools"), pool_names, 10, "llrrrrrlrl",
			       add_pool, ret);
	if (r == 0)
		r = bytes_add(ret, "\n", 1);
	if (r == 0)
		r = show_table(json_object_get(status, "workers"), worker_names, 8, "rlrlrrrl",
			       add_worker, ret);
	return r;
}
