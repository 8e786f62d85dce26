#include "client/tool/map.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tool/joblog.h"
#include "client/tool/report.h"
#include "client/tool/transfer.h"

/*
 * One loop that reads items, sends them, receives results and writes them, each as far as it goes without
 * waiting for another. Only stdout is waited for: while its reader does not read, everything stands.
 */
struct map {
	const struct map_request *request;
	struct session *session;
	struct transfer transfer;
	struct input input;
	struct output output;
	struct bar bar;
	struct joblog joblog;
	size_t next_argument;
	bool full;    /* the stream takes nothing more for now */
	bool sending; /* there may be items yet */
	bool pending; /* item is to be added first */
	struct input_item item;
	char directory[PATH_MAX]; /* for --files */
	char *path;               /* of the item in work; owned */
	uint64_t input_size;      /* bytes, if stdin is a file; else 0 */
	uint64_t added, done, failed;
	int code; /* what the map comes to */
};

/* No exit code: the map goes on. */
#define AGAIN (-1)

/* ---- what goes wrong ---- */

static void set_code(struct map *map, int code) {
	if (map->code == EXIT_OK || code != EXIT_FAILED)
		map->code = code;
}

/* No more items; what was sent is still received. */
static void stop_reading(struct map *map, int code) {
	set_code(map, code);
	map->sending = map->pending = false;
}

/* Part of what the user gave, fit to be shown. */
static void excerpt(char *ret, size_t size, const char *text, size_t length) {
	size_t n = length < size - 4 ? length : size - 4;

	/* Not in the middle of a character. */
	while (n < length && n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		ret[i] = (unsigned char) text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	strcpy(ret + n, n < length ? "…" : "");
}

/* What the input is counted in, from 1; items are from 0. */
static const char *const units[] = {
	[INPUT_JSON] = "line",
	[INPUT_LINES] = "line",
	[INPUT_NULS] = "string",
	[INPUT_ARRAY] = "element",
};

static void name_place(const struct map *map, char *ret, size_t size) {
	if (map->request->n_arguments > 0)
		snprintf(ret, size, "argument %zu", map->next_argument);
	else
		snprintf(ret, size, "%s %llu", units[map->request->mode],
			 (unsigned long long) map->input.line);
}

/* A container that is wrong inside was meant as JSON; for anything else there is another option. */
static void refuse_item(struct map *map, const struct procpool_error *error) {
	const char *strings =
		map->request->n_arguments > 0 ? "--strings takes items" : "--lines takes lines";
	const char *text = map->item.text;
	size_t size = map->item.size;
	char place[40], shown[64];

	name_place(map, place, sizeof(place));
	excerpt(shown, sizeof(shown), text, size);
	if (map->request->form != ITEM_JSON || size > INPUT_ITEM_MAX - 64)
		complain("%s: %s: '%s'", place, error->message, shown);
	else if (text[strspn(text, " \t")] == '{' || text[strspn(text, " \t")] == '[')
		complain("%s: %s: '%s'", place, error->message, shown);
	else
		complain("%s: '%s' is not JSON; %s as strings", place, shown, strings);
	stop_reading(map, EXIT_BAD_USAGE);
}

static void input_failed(struct map *map, int error) {
	if (error == -INPUT_E_TOO_LONG)
		complain("%s %llu is longer than %u MiB", units[map->request->mode],
			 (unsigned long long) map->input.line, INPUT_ITEM_MAX >> 20);
	else
		complain("the input is not a JSON array: %s, at byte %llu, element %llu",
			 map->input.reason, (unsigned long long) map->input.offset,
			 (unsigned long long) map->input.line);
	stop_reading(map, EXIT_BAD_USAGE);
}

/* ---- items out ---- */

static bool is_string(const struct map *map) {
	return map->request->form != ITEM_JSON;
}

static int add_file(struct map *map) {
	const char *name = map->item.text;
	int size = (int) map->item.size;

	free(map->path);
	map->path = NULL;
	if (size == 0 || name[0] == '/')
		return transfer_add(&map->transfer, name, map->item.size, true);
	while (size > 2 && name[0] == '.' && name[1] == '/') {
		name += 2;
		size -= 2;
	}
	size = asprintf(&map->path, "%s/%.*s", map->directory, size, name);
	if (size < 0)
		return -ENOMEM;
	return transfer_add(&map->transfer, map->path, (size_t) size, true);
}

static int add_item(struct map *map) {
	if (map->request->form == ITEM_FILE)
		return add_file(map);
	return transfer_add(&map->transfer, map->item.text, map->item.size, is_string(map));
}

/* Finds the next item. Returns 1, 0 if there is none now, or an error of the input. */
static int next_item(struct map *map) {
	const struct map_request *request = map->request;

	if (request->n_arguments == 0)
		return input_next(&map->input, &map->item);
	if (map->next_argument == request->n_arguments)
		return 0;
	map->item.text = request->arguments[map->next_argument++];
	map->item.size = strlen(map->item.text);
	return 1;
}

static bool input_over(const struct map *map) {
	return map->request->n_arguments > 0 ? map->next_argument == map->request->n_arguments
					     : map->input.ended;
}

static void out_of_memory(struct map *map) {
	complain("out of memory");
	stop_reading(map, EXIT_OUTPUT);
}

/* Adds items until the stream is full or none is at hand. */
static void feed(struct map *map) {
	int r = 1;

	map->full = transfer_refill(&map->transfer, is_string(map)) != 0;
	if (map->full)
		return;
	while (map->sending && !map->full) {
		if (!map->pending) {
			r = next_item(map);
			if (r <= 0)
				break;
		}
		map->pending = false;
		switch (add_item(map)) {
		case 0: map->added++; break;
		case PROCPOOL_E_FULL: map->full = map->pending = true; break;
		case PROCPOOL_E_BAD_INPUT:
			refuse_item(map, transfer_last_error(&map->transfer));
			break;
		case TRANSFER_NO_ROOM: out_of_memory(map); break;
		default:
			map->full = map->pending =
				true; /* the stream says why when it is received */
		}
	}
	if (r < 0)
		input_failed(map, r);
	if (map->sending && !map->full && !map->pending && input_over(map))
		map->sending = false;
	if (!map->sending)
		procpool_stream_end(map->transfer.stream);
}

static void read_input(struct map *map) {
	size_t size;
	char *space = input_space(&map->input, &size);
	ssize_t n;

	if (!space) {
		out_of_memory(map);
		return;
	}
	n = read(STDIN_FILENO, space, size);
	if (n >= 0) {
		input_filled(&map->input, (size_t) n);
	} else if (errno != EINTR && errno != EAGAIN) {
		complain("cannot read the input: %s", strerror(errno));
		stop_reading(map, EXIT_OUTPUT);
	}
}

/* ---- results in ---- */

static void say_item_failed(struct map *map, const struct procpool_item_error *error) {
	map->failed++;
	set_code(map, EXIT_FAILED);
	bar_wipe(&map->bar);
	complain("item %llu: %s", (unsigned long long) error->index, error->text);
}

static int print_failed(struct map *map, const struct procpool_item_error *failed) {
	struct procpool_item_error error;
	char *json;
	int r = transfer_item_error(&map->transfer, failed, &error, &json);

	if (r == 0) {
		say_item_failed(map, &error);
		r = output_failed(&map->output, &error);
	}
	free(json);
	return r;
}

static void log_item(struct map *map, const struct procpool_batch *batch, size_t i,
		     uint64_t index) {
	const struct procpool_item_error *error = procpool_batch_error(batch, i);
	struct procpool_timing timing = {0};

	procpool_batch_timing(batch, i, &timing);
	timing.start_us = transfer_start_us(&map->transfer, timing.start_us);
	joblog_add(&map->joblog, index, &timing, error ? error->kind : "ok");
}

static int print_batch(struct map *map, const struct procpool_batch *batch) {
	uint64_t first = procpool_batch_first(batch);
	size_t n = procpool_batch_count(batch);
	int r = 0;

	if (map->output.terminal)
		bar_wipe(&map->bar);
	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t index = transfer_index(&map->transfer, first + i);
		size_t size = 0;
		const char *json = procpool_batch_result(batch, i, &size);

		r = json ? output_result(&map->output, index, json, size)
			 : print_failed(map, procpool_batch_error(batch, i));
		log_item(map, batch, i, index);
	}
	joblog_flush(&map->joblog);
	transfer_took(&map->transfer, batch);
	map->done += n;
	return r;
}

static void say_how_far(const struct map *map) {
	complain("%llu %s done", (unsigned long long) map->done,
		 map->done == 1 ? "item was" : "items were");
}

/* The stream ended in an error. */
static int stream_failed(struct map *map) {
	const struct procpool_error *error = transfer_last_error(&map->transfer);

	bar_wipe(&map->bar);
	if (error->item && map->failed > 0)
		complain("stopped at the first failure, as --fail-fast says");
	else if (error->item)
		complain("item %llu: %s",
			 (unsigned long long) transfer_index(&map->transfer, error->item->index),
			 error->item->text);
	else
		report_error(error);
	map->code = error_exit_code(error);
	if (map->done > 0 || map->code == EXIT_UNAVAILABLE)
		say_how_far(map);
	return map->code;
}

static int output_failure(struct map *map, int r) {
	bar_wipe(&map->bar);
	complain("cannot write the results: %s", strerror(-r));
	say_how_far(map);
	map->code = EXIT_OUTPUT;
	return map->code;
}

static int senseless(struct map *map) {
	bar_wipe(&map->bar);
	complain("the daemon sent results of items it was not given");
	say_how_far(map);
	map->code = EXIT_UNAVAILABLE;
	return map->code;
}

/* Whether the map may go on in another stream: not after a failure that nothing new is to start after. */
static bool may_repeat(const struct map *map) {
	return transfer_may_repeat(&map->transfer) &&
	       !(map->request->run.options.abort_on_error && map->failed > 0);
}

/* Takes all batches that are there. Returns 0, AGAIN if there is another stream now, or an exit code that ends the
 * map. */
static int receive(struct map *map) {
	const struct procpool_batch *batch;
	int r, flushed;

	for (;;) {
		r = procpool_stream_next(map->transfer.stream, &batch);
		if (r != 0 || !batch)
			break;
		if (!transfer_expects(&map->transfer, batch))
			return senseless(map);
		r = print_batch(map, batch);
		if (r < 0)
			return output_failure(map, r);
	}
	/* Nothing more is pending, so nobody need wait for what is there; first of all before an error. */
	flushed = output_flush(&map->output);
	if (flushed < 0)
		return output_failure(map, flushed);
	if (r != 0 && may_repeat(map) && transfer_repeat(&map->transfer) == 0)
		return AGAIN;
	return r == 0 ? 0 : stream_failed(map);
}

/* ---- the loop ---- */

static void draw(struct map *map) {
	struct progress_state state = {
		.done = map->done,
		.failed = map->failed,
		.part = -1,
	};

	if (map->request->n_arguments > 0)
		state.total = map->request->n_arguments;
	else if (!map->sending)
		state.total = map->added;
	else if (map->input_size > 0 && map->added > 0)
		state.part = (double) map->input.offset / (double) map->input_size *
			     ((double) map->done / (double) map->added);
	bar_draw(&map->bar, &state);
}

static int wait_for_events(struct map *map, bool *ret_input) {
	struct pollfd fds[2] = {
		{
			.fd = procpool_stream_fd(map->transfer.stream),
			.events = procpool_stream_events(map->transfer.stream),
		},
		{
			.fd = map->sending && !map->full && map->request->n_arguments == 0
				      ? STDIN_FILENO
				      : -1,
			.events = POLLIN,
		},
	};
	int r = poll(fds, 2, bar_timeout(&map->bar));

	if (r < 0 && errno != EINTR)
		return -errno;
	*ret_input = r > 0 && fds[1].revents != 0;
	return 0;
}

/* All that can be done without waiting. */
static int step(struct map *map) {
	int r;

	do {
		do {
			feed(map);
			/* What goes wrong here, receive() reports. */
			r = procpool_stream_process(map->transfer.stream);
		} while (r == 0 && map->full && !procpool_stream_full(map->transfer.stream));
		r = receive(map);
	} while (r == AGAIN);
	draw(map);
	return r;
}

static int await(struct map *map) {
	bool input = false;
	int r = wait_for_events(map, &input);

	if (r < 0) {
		complain("cannot wait: %s", strerror(-r));
		return EXIT_OUTPUT;
	}
	if (input)
		read_input(map);
	return 0;
}

/* All results came. */
static int finish(struct map *map) {
	int r = output_end(&map->output);

	if (r == 0)
		r = output_flush(&map->output);
	if (r < 0)
		return output_failure(map, r);
	if (map->code == EXIT_BAD_USAGE || map->code == EXIT_OUTPUT)
		complain("stopped there; %llu %s before it %s done", (unsigned long long) map->done,
			 map->done == 1 ? "item" : "items", map->done == 1 ? "was" : "were");
	return map->code;
}

static int run(struct map *map) {
	int r = step(map);

	while (r == 0 && !procpool_stream_summary(map->transfer.stream)) {
		r = await(map);
		if (r == 0)
			r = step(map);
	}
	bar_wipe(&map->bar);
	return r == 0 ? finish(map) : r;
}

/* ---- beginning ---- */

static int open_stream(struct map *map) {
	char *function = run_options_function(&map->request->run, map->request->function);
	int r;

	if (!function) {
		complain("out of memory");
		return EXIT_OUTPUT;
	}
	r = transfer_open(&map->transfer, map->session->procpool, function,
			  &map->request->run.options);
	return r == 0 ? 0 : session_failed(map->session);
}

static int prepare(struct map *map) {
	struct stat status;

	if (map->request->form == ITEM_FILE && !getcwd(map->directory, sizeof(map->directory))) {
		complain("cannot find out which directory this is: %s", strerror(errno));
		return EXIT_OUTPUT;
	}
	if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
		map->input_size = (uint64_t) status.st_size;
	return open_stream(map);
}

static int open_joblog(struct map *map) {
	const char *path = map->request->joblog;
	int r = path ? joblog_open(&map->joblog, path) : 0;

	if (r < 0)
		complain("cannot write the job log %s: %s", path, strerror(-r));
	return r < 0 ? EXIT_OUTPUT : 0;
}

static int close_joblog(struct map *map, int code) {
	int r = joblog_close(&map->joblog);

	if (r < 0)
		complain("cannot write the job log %s: %s", map->request->joblog, strerror(-r));
	return r < 0 ? EXIT_OUTPUT : code;
}

int map_run(struct session *session, const struct map_request *request) {
	struct map map = {.request = request, .session = session, .sending = true};
	int code;

	input_init(&map.input, request->mode);
	output_init(&map.output, STDOUT_FILENO);
	map.output.raw = request->raw;
	map.output.tag = request->tag;
	map.output.array = request->array;
	bar_init(&map.bar);
	code = open_joblog(&map);
	if (code == 0)
		code = prepare(&map);
	if (code == 0)
		code = run(&map);
	code = close_joblog(&map, code);
	transfer_done(&map.transfer);
	input_done(&map.input);
	output_done(&map.output);
	free(map.path);
	return code;
}
