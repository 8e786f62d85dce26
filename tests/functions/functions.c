#include <procpool/worker.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/functions/functions.h"

/*
 * A plugin for tests: functions that show what a function is given, and functions that do what no function
 * should. `procpool-worker --load functions.so --list` says what each does.
 *
 * PROCPOOL_TEST_INIT in the pool's environment decides what the init hook does: "fail", "exit", "crash", "hang" or
 * a number of milliseconds to take. PROCPOOL_TEST_LOG names a file that the hooks append "init PID" and "exit PID"
 * to.
 */

/* ---- what a function is given ---- */

static int test_index(struct procpool_item *item, const char *text, size_t size) {
	(void) text, (void) size;
	return procpool_print(item, "%llu", (unsigned long long) procpool_index(item));
}

static int test_common(struct procpool_item *item, const char *text, size_t size) {
	const char *common = procpool_common_text(item, &size);

	(void) text;
	return common ? procpool_write(item, common, size) : procpool_write(item, "null", 4);
}

static int test_pid(struct procpool_item *item, const char *text, size_t size) {
	(void) text, (void) size;
	return procpool_print(item, "%d", (int) getpid());
}

/* The state is the count of this worker's calls of `calls`. */
static int test_calls(struct procpool_item *item, const char *text, size_t size) {
	unsigned *calls = procpool_state(item);

	(void) text, (void) size;
	return procpool_print(item, "%u", ++*calls);
}

static int test_environment(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *name = json_string_value(argument), *value = name ? getenv(name) : NULL;

	(void) item;
	*ret_result = value ? json_string(value) : json_null();
	return 0;
}

static int test_value(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item;
	*ret_result = json_incref(argument);
	return 0;
}

static int test_pair(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	json_t *common = procpool_common(item);

	*ret_result = json_pack("[OO]", argument, common ? common : json_null());
	return 0;
}

/* What the command prints, cut at 4 KiB. */
static int test_shell(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *command = json_string_value(argument);
	FILE *stream = command ? popen(command, "re") : NULL;
	char output[4096];
	size_t n;

	(void) item;
	if (!stream)
		return -EINVAL;
	n = fread(output, 1, sizeof(output), stream);
	pclose(stream);
	*ret_result = json_stringn(output, n);
	return 0;
}

/* ---- time ---- */

static double seconds_now(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static int test_spin(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	double until = seconds_now() + json_number_value(argument) / 1e3;

	(void) item;
	while (seconds_now() < until)
		;
	*ret_result = json_incref(argument);
	return 0;
}

static int test_hang(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *how = json_string_value(argument);

	(void) item, (void) ret_result;
	if (how && strcmp(how, "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
	return 0;
}

static int test_wait_for(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const struct timespec pause_ = {.tv_nsec = 1000000};
	const char *path = json_string_value(argument);

	(void) item;
	while (path && access(path, F_OK) < 0)
		nanosleep(&pause_, NULL);
	*ret_result = json_incref(argument);
	return 0;
}

static int append_line(const char *path, const char *word, unsigned long long number) {
	FILE *file = fopen(path, "ae");

	if (!file)
		return -errno;
	fprintf(file, "%s%s%llu\n", word, *word ? " " : "", number);
	return fclose(file) < 0 ? -errno : 0;
}

static int test_record(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *path = json_string_value(procpool_common(item));
	int r = path ? append_line(path, "", procpool_index(item)) : -EINVAL;

	if (r < 0)
		return procpool_fail(item, "OSError", "common is no path: %s", strerror(-r));
	*ret_result = json_incref(argument);
	return 0;
}

/* ---- results and errors ---- */

static int test_fail(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *exception = json_string_value(json_object_get(argument, "exception"));
	const char *message = json_string_value(json_object_get(argument, "message"));
	const char *trace = json_string_value(json_object_get(argument, "trace"));

	(void) ret_result;
	if (trace)
		procpool_trace(item, trace);
	return procpool_fail(item, exception ? exception : "ValueError", "%s",
			     message ? message : "it was to fail");
}

static int test_nothing(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item, (void) ret_result;
	return (int) json_integer_value(argument);
}

/* n times the byte c, between begin and end. */
static int write_run(struct procpool_item *item, const char *begin, char c, json_int_t n,
		     const char *end) {
	char block[4096];

	memset(block, c, sizeof block);
	procpool_print(item, "%s", begin);
	while (n > 0) {
		size_t size = n < (json_int_t) sizeof block ? (size_t) n : sizeof block;

		if (procpool_write(item, block, size) < 0)
			return -1;
		n -= (json_int_t) size;
	}
	return procpool_print(item, "%s", end);
}

static int test_big(struct procpool_item *item, const char *text, size_t size) {
	(void) size;
	return write_run(item, "\"", 'x', atoll(text) - 2, "\"");
}

static int test_long_number(struct procpool_item *item, const char *text, size_t size) {
	(void) size;
	return write_run(item, "", '7', atoll(text), "");
}

static int test_deep(struct procpool_item *item, const char *text, size_t size) {
	(void) size;
	if (write_run(item, "", '[', atoll(text), "") < 0)
		return -1;
	return write_run(item, "", ']', atoll(text), "");
}

static int test_badjson(struct procpool_item *item, const char *text, size_t size) {
	json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	procpool_write(item, json_string_value(value), json_string_length(value));
	json_decref(value);
	return 0;
}

static int test_print(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	const char *where = json_string_value(json_object_get(argument, "to"));
	const char *text = json_string_value(json_object_get(argument, "text"));
	json_int_t bytes = json_integer_value(json_object_get(argument, "bytes"));
	FILE *stream = where && strcmp(where, "stderr") == 0 ? stderr : stdout;

	(void) item;
	if (text)
		fputs(text, stream);
	for (json_int_t i = 1; i <= bytes; i++)
		putc(i % 80 == 0 || i == bytes ? '\n' : 'x', stream);
	fflush(stream);
	*ret_result = json_incref(argument);
	return 0;
}

static int test_eat(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	static void *eaten; /* the last meal: a leak that leak checkers do not mind */
	size_t size = (size_t) json_integer_value(argument);

	free(eaten);
	eaten = malloc(size);
	if (!eaten)
		return procpool_fail(item, "MemoryError", "there are no %zu bytes", size);
	memset(eaten, 1, size);
	*ret_result = json_incref(argument);
	return 0;
}

/* ---- hooks ---- */

static int test_init(void **ret_state) {
	static unsigned calls;
	const char *what = getenv("PROCPOOL_TEST_INIT"), *log = getenv("PROCPOOL_TEST_LOG");

	*ret_state = &calls;
	if (log)
		append_line(log, "init", (unsigned long long) getpid());
	if (!what)
		return 0;
	if (strcmp(what, "crash") == 0)
		die(SIGSEGV);
	if (strcmp(what, "exit") == 0)
		_exit(3);
	while (strcmp(what, "hang") == 0)
		pause();
	if (strcmp(what, "fail") == 0) {
		fprintf(stderr, "the test functions are not in the mood\n");
		return -1;
	}
	usleep((useconds_t) atoi(what) * 1000);
	return 0;
}

static void test_exit(void *state) {
	const char *log = getenv("PROCPOOL_TEST_LOG");

	(void) state;
	if (log)
		append_line(log, "exit", (unsigned long long) getpid());
}

#define RAW(name_, description_) \
	{ .name = #name_, .description = description_, .call_raw = test_##name_ }
#define VALUE(name_, description_) \
	{ .name = #name_, .description = description_, .call = test_##name_ }

static const struct procpool_function functions[] = {
	RAW(index, "The item's index in its request."),
	RAW(common, "The common value, byte for byte; null without one."),
	RAW(pid, "The worker's process id."),
	RAW(calls, "How many items of `calls` this worker has had, this one included."),
	VALUE(environment, "NAME: what the environment says under that name; null if nothing."),
	VALUE(value, "The item, by way of a json_t."),
	VALUE(pair, "[item, common], by way of json_t."),
	VALUE(shell, "COMMAND: what it prints."),
	VALUE(spin, "MS: keeps a CPU busy for as many milliseconds; returns it."),
	VALUE(hang, "Never returns; with \"stubborn\" SIGTERM does not help either."),
	VALUE(wait_for, "PATH: returns it once such a file exists."),
	VALUE(record, "Appends the item's index as a line to the file that common names; returns "
		      "the item."),
	VALUE(map_here, "{\"function\", \"items\", \"common\"?, \"abort\"?, \"timeout\"?}: maps on "
			"the daemon of "
			"$PROCPOOL_SOCKET; returns what came."),
	VALUE(apply_here,
	      "{\"function\", \"argument\"?}: the same with Apply; returns the result."),
	VALUE(fail, "{\"exception\"?, \"message\"?, \"trace\"?}: fails so."),
	VALUE(nothing, "N: returns N and no result, without giving a reason."),
	RAW(big, "N: a string that has N bytes with its quotes."),
	RAW(long_number, "N: an integer of N digits."),
	RAW(deep, "N: N arrays inside each other."),
	RAW(badjson, "TEXT: writes just this as its result, quotes not included."),
	VALUE(print, "{\"to\"? \"stdout\"|\"stderr\", \"text\"?, \"bytes\"?}: prints it; returns "
		     "the item."),
	VALUE(eat, "N: takes N bytes of memory and uses them, until the next meal; returns N."),
	VALUE(crash, "\"segv\", \"abort\" or a signal's number: dies of it; null: does not; "
		     "returns the item."),
	VALUE(crash_if, "Dies of SIGSEGV if the item equals common; else returns the item."),
	{.name = "exit",
	 .description = "STATUS: ends the process with it, without a word.",
	 .call = test_exit_},
	VALUE(garbage, "TEXT: writes just these bytes to the daemon, NULs where it says so; "
		       "returns the item."),
	VALUE(half, "\"exit\", \"crash\" or \"hang\": writes half a message to the daemon and then "
		    "does so."),
	VALUE(wrong_chunk, "Reports a result for a chunk the worker never had; returns the item."),
	VALUE(too_many, "N: reports N results of its own chunk, however many that has; returns N."),
	VALUE(truncate_page,
	      "Tries to cut the page to nothing; returns the error, \"\" if there was none."),
	VALUE(fork_daemon, "SECONDS: starts a session of its own that holds every fd so long, and "
			   "dies of SIGKILL."),
	{.name = NULL},
};

const struct procpool_table procpool_functions = {
	.abi = PROCPOOL_WORKER_ABI,
	.functions = functions,
	.init = test_init,
	.exit = test_exit,
};
