/*
 * The same work through gearmand, by a worker and a client of libgearman:
 *
 *     gearman worker PORT
 *     gearman client PORT N [BATCH [WINDOW]]
 *
 * The client has the numbers from 0 squared, all tasks in flight at once, or WINDOW of them: libgearman's work grows
 * with the square of their number. BATCH numbers a task, 1 if left out: gearmand knows no chunks, but a program may
 * make its own.
 * Prints {"s": seconds, from its numbers to their squares}.
 */
#include <libgearman/gearman.h>
#include <stdbool.h>
#include <string.h>

#include "bench/common.h"

#define FUNCTION "square"
#define DIGITS   21

/* ---- the worker ---- */

/* Squares each of the numbers, which have a blank between them. */
static void *square(gearman_job_st *job, void *context, size_t *ret_size, gearman_return_t *ret) {
	size_t size = gearman_job_workload_size(job);
	char *text = must_have(malloc(size + 1)), *at = text, *end;
	char *result = must_have(malloc(2 * size + DIGITS)), *out = result;

	(void) context;
	memcpy(text, gearman_job_workload(job), size);
	text[size] = '\0';
	for (;;) {
		unsigned long long number = strtoull(at, &end, 10);

		if (end == at)
			break;
		out += sprintf(out, out > result ? " %llu" : "%llu", number * number);
		at = end;
	}
	free(text);
	*ret_size = (size_t) (out - result);
	*ret = GEARMAN_SUCCESS;
	return result; /* libgearman frees it */
}

static int work(in_port_t port) {
	gearman_worker_st *worker = gearman_worker_create(NULL);

	if (!worker || gearman_worker_add_server(worker, "127.0.0.1", port) != GEARMAN_SUCCESS ||
	    gearman_worker_add_function(worker, FUNCTION, 0, square, NULL) != GEARMAN_SUCCESS)
		die("no worker");
	while (gearman_worker_work(worker) == GEARMAN_SUCCESS)
		;
	return 1;
}

/* ---- the client ---- */

struct job {
	size_t n, batch, received;
	unsigned long long *squares;
};

/* Some of the job's numbers. */
struct task {
	struct job *job;
	size_t first;
};

static size_t task_end(const struct task *task) {
	size_t end = task->first + task->job->batch;

	return end < task->job->n ? end : task->job->n;
}

static gearman_return_t take(gearman_task_st *done) {
	const struct task *task = gearman_task_context(done);
	size_t size = gearman_task_data_size(done);
	char *text = must_have(malloc(size + 1)), *at = text;

	memcpy(text, gearman_task_data(done), size);
	text[size] = '\0';
	for (size_t i = task->first; i < task_end(task); i++) {
		char *end;

		task->job->squares[i] = strtoull(at, &end, 10);
		task->job->received += end > at;
		at = end;
	}
	free(text);
	return GEARMAN_SUCCESS;
}

/* The task's first number is also its unique name: without one libgearman would make a UUID for each. */
static void add(gearman_client_st *client, struct task *task, char *text) {
	char unique[DIGITS], *at = text;
	gearman_return_t r;

	for (size_t i = task->first; i < task_end(task); i++)
		at += sprintf(at, i > task->first ? " %zu" : "%zu", i);
	sprintf(unique, "%zu", task->first);
	if (!gearman_client_add_task(client, NULL, task, FUNCTION, unique, text,
				     (size_t) (at - text), &r))
		die("no task: %s", gearman_client_error(client));
}

static void run(gearman_client_st *client) {
	if (gearman_client_run_tasks(client) != GEARMAN_SUCCESS)
		die("tasks: %s", gearman_client_error(client));
	gearman_client_task_free_all(client);
}

static void map(gearman_client_st *client, struct job *job, size_t window) {
	size_t n_tasks = (job->n + job->batch - 1) / job->batch;
	struct task *tasks = must_have(calloc(n_tasks, sizeof(*tasks)));
	char *text = must_have(malloc(job->batch * DIGITS));

	for (size_t i = 0; i < n_tasks; i++) {
		tasks[i] = (struct task) {.job = job, .first = i * job->batch};
		add(client, &tasks[i], text);
		if ((i + 1) % window == 0)
			run(client);
	}
	run(client);
	free(text);
	free(tasks);
}

static int ask(in_port_t port, size_t n, size_t batch, size_t window) {
	struct job job = {.n = n, .batch = batch};
	gearman_client_st *client = gearman_client_create(NULL);
	int64_t begin;
	double seconds;

	job.squares = must_have(calloc(n, sizeof(*job.squares)));
	if (!client || gearman_client_add_server(client, "127.0.0.1", port) != GEARMAN_SUCCESS)
		die("no client");
	gearman_client_set_complete_fn(client, take);
	if (gearman_client_echo(client, "x", 1) != GEARMAN_SUCCESS)
		die("no gearmand: %s", gearman_client_error(client));
	begin = now_ns();
	map(client, &job, window);
	seconds = seconds_since(begin);
	for (size_t i = 0; i < n; i++)
		if (job.squares[i] != (unsigned long long) i * i)
			die("the square of %zu is not %llu", i, job.squares[i]);
	if (job.received != n)
		die("%zu of %zu results", job.received, n);
	printf("{\"s\": %.9f}\n", seconds);
	free(job.squares);
	gearman_client_free(client);
	return 0;
}

int main(int argc, char **argv) {
	size_t n[4] = {0};

	for (int i = 2; i < argc && i < 6; i++)
		n[i - 2] = strtoul(argv[i], NULL, 10);
	if (argc == 3 && strcmp(argv[1], "worker") == 0)
		return work((in_port_t) n[0]);
	if (argc >= 4 && argc <= 6 && strcmp(argv[1], "client") == 0)
		return ask((in_port_t) n[0], n[1], n[2] ? n[2] : 1, n[3] ? n[3] : n[1]);
	die("usage: gearman worker|client PORT ...");
}
