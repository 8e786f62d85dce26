#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/call.h"
#include "tests/core/fake_loop.h"
#include "tests/core/play.h"
#include "tests/core/transcript.h"

/* The clients: owners of requests, as daemon/delivery.c is, but for the connection. */

/* -------- input -------- */

/* n items behind those that are there: "[1001,1002]". */
static void add_items(struct client *client, struct request *request, unsigned n) {
	static const struct limits no_limits;
	struct document doc;
	struct bytes *bytes;
	char *text = malloc(64 + 8 * PLAY_ITEMS), *end = text;
	size_t size;

	if (client->n + n > PLAY_ITEMS)
		n = (unsigned) (PLAY_ITEMS - client->n);
	end += sprintf(end, "{\"items\":[");
	for (unsigned i = 0; i < n; i++)
		end += sprintf(end, "%s%" PRIu64, i ? "," : "",
			       client->id * PLAY_VALUE + client->n + i);
	end += sprintf(end, "]}") + 1;
	size = (size_t) (end - text);
	document_init(&doc, &stream_shape, &no_limits);
	if (document_feed(&doc, text, size) != DOCUMENT_WHOLE)
		broken("%s cannot be read", text);
	bytes = bytes_new(text, size);
	if (request_add_items(request, bytes, &doc) != 0)
		broken("the items are not taken");
	bytes_unref(bytes);
	document_done(&doc);
	client->n += n;
	say("client %" PRIu64 " has %" PRIu64 " items", client->id, client->n);
}

void client_input(struct client *client, unsigned n) {
	if (!client->request || client->request->input_ended)
		return;
	add_items(client, client->request, n);
	dispatch_touch(client->play->dispatch, client->request);
}

void client_end_input(struct client *client) {
	if (!client->request || client->request->input_ended)
		return;
	say("client %" PRIu64 " ends its input", client->id);
	client->request->input_ended = true;
	dispatch_touch(client->play->dispatch, client->request);
}

/* -------- submission -------- */

/* pool: in, a number; out, the one that runs the function, -1 if none can be foretold. */
static void choose_function(char *ret, size_t size, unsigned kind, int *pool) {
	int number = *pool;

	switch (kind % 8) {
	case 0: snprintf(ret, size, "p%d/f%d", number, number); return;
	case 1: snprintf(ret, size, "g%d.any", number); return;
	case 2: snprintf(ret, size, "p%d/shared", number); return;
	case 3: snprintf(ret, size, "shared"); break;
	case 4: snprintf(ret, size, "nobody"); break;
	default: snprintf(ret, size, "f%d", number); return;
	}
	*pool = -1;
}

static void add_common(struct request *request) {
	char *text = strdup("{\"of\":\"all\"}");

	request->common_bytes = bytes_new(text, strlen(text));
	request->common_span = (struct span) {0, (uint32_t) strlen(text)};
	request->common = request->id;
}

/* A call's options, and what they mean to the daemon, as daemon/api.c sets them. */
static struct request *new_request(const struct step *step, struct client *client,
				   const char *function, uint64_t now) {
	uint8_t flags = step->arg[2], sizes = step->arg[3], window = step->arg[4];
	unsigned extra = step->arg[5] / 12, ms = 1 + step->arg[4];
	const struct run_options options = {
		.timeout_ms = extra == 1 || extra == 2 ? 4 * ms : 0,
		.queue_timeout_ms = extra == 2 || extra == 3 ? ms : 0,
		.item_timeout_ms = client->limited ? ms : 0,
		.retries = client->persistent ? 1 + ms % 2 : 0,
		.no_rerun = extra == 6 || extra == 7,
		.chunk_size = sizes % 8 < 5 ? sizes % 8 : 0,
		.max_workers = sizes / 8 % 8 < 4 ? sizes / 8 % 8 : 0,
		.abort = (flags & 0x0c) == 0x0c,
		.unordered = client->streaming && flags & 2,
		.timings = (flags & 0x30) == 0x30,
	};
	const struct request_limits limits = {
		.window_items = client->streaming ? 1u + window % 12 : UINT64_MAX,
		.window_bytes = client->streaming ? 4u + window / 4 : UINT64_MAX,
	};
	struct request *request = request_new(client->id, function, 1000 + step->arg[5] % 3,
					      100 + step->arg[5] / 3 % 4, &options, &limits, now);

	if (!request)
		broken("no memory");
	if ((flags & 0xc0) == 0xc0)
		add_common(request);
	return request;
}

static void check_refusal(const struct client *client, const char *function,
			  const struct error *error) {
	const struct pool *pool = client->pool < 0 ? NULL : client->play->pools[client->pool];
	/* Of several pools that could have offered it any one may be named. */
	bool failed = error->id == ERROR_POOL_FAILED ||
		      (error->id == ERROR_RESOURCE_EXHAUSTED && client->play->short_of_processes);

	if (!pool || (failed && pool->state == POOL_FAILED))
		return;
	broken("%s is refused: %s", function, error_name(error->id));
}

void client_submit(struct play *play, const struct step *step) {
	struct client *client = &play->clients[play->n_clients];
	struct error error = {0};
	struct request *request;
	char function[32];

	if (play->n_clients == PLAY_CLIENTS)
		return;
	*client = (struct client) {
		.play = play,
		.id = dispatch_new_id(play->dispatch),
		.pool = step->arg[0] / 8 % (int) play->n_pools,
		.streaming = step->arg[2] & 1,
		.limited = step->arg[5] / 12 >= 3 && step->arg[5] / 12 <= 5,
		.persistent = step->arg[5] / 12 >= 5 && step->arg[5] / 12 <= 6,
	};
	choose_function(function, sizeof function, step->arg[0], &client->pool);
	request = new_request(step, client, function, fake_loop_now(play->loop.base));
	play->n_clients++;
	add_items(client, request, step->arg[1] % 24);
	request->input_ended = !client->streaming || step->arg[1] & 0x80;
	say("client %" PRIu64 " calls %s for %u:%u, chunkSize %u, maxWorkers %u, window %" PRIi64
	    "%s%s, time-outs %u, %u and %u ms, %u retries%s",
	    client->id, function, request->uid, request->pid, request->options.chunk_size,
	    request->options.max_workers, (int64_t) request->limits.window_items,
	    request->options.unordered ? ", unordered" : "",
	    request->options.abort ? ", abort" : "", request->options.timeout_ms,
	    request->options.queue_timeout_ms, request->options.item_timeout_ms,
	    request->options.retries, request->options.no_rerun ? ", no rerun" : "");
	if (dispatch_submit(play->dispatch, request, client, &error) == 0) {
		client->request = request;
		return;
	}
	check_refusal(client, function, &error);
	client->end = error_name(error.id);
	say("client %" PRIu64 " is refused: %s", client->id, error_name(error.id));
	error_done(&error);
	request_free(request);
}

/* -------- results -------- */

static const json_t *error_of(const struct run *run, uint64_t index) {
	const json_t *error;
	size_t i;

	json_array_foreach(run->errors, i, error) if ((uint64_t) json_integer_value(
							      json_object_get(error, "index")) ==
						      index) return error;
	return NULL;
}

/* Whether an item may have come to this error, NULL = a value. */
static bool is_true(const struct run_options *options, const struct play_item *item,
		    const char *kind, enum fake_outcome outcome) {
	if (!kind)
		return !item->cancelled && outcome == FAKE_VALUE;
	if (strcmp(kind, "Cancelled") == 0)
		return item->cancelled;
	if (strcmp(kind, "WorkerDied") == 0)
		return item->blamed && !item->cancelled;
	if (strcmp(kind, "ResultLost") == 0)
		return (item->lost || item->murky) && options->no_rerun && !item->cancelled;
	if (strcmp(kind, "ItemTimeout") == 0)
		return item->blamed && options->item_timeout_ms > 0 && !item->cancelled;
	if (item->cancelled)
		return false;
	return (strcmp(kind, "Exception") == 0 && outcome == FAKE_RAISES) ||
	       (strcmp(kind, "ResultTooLarge") == 0 && outcome == FAKE_TOO_LARGE);
}

static void check_result(const struct client *client, const struct run *run, uint64_t index,
			 const char *text, size_t size) {
	const struct play_item *item = &client->items[index];
	uint64_t value = client->id * PLAY_VALUE + index;
	const json_t *error = error_of(run, index);
	const char *kind = error ? json_string_value(json_object_get(error, "kind")) : NULL;
	char expected[24];

	snprintf(expected, sizeof expected, "%" PRIu64, value);
	if (strlen(kind ? "null" : expected) != size ||
	    memcmp(text, kind ? "null" : expected, size) != 0)
		broken("item %" PRIu64 " came to %.*s", value, (int) size, text);
	if (!is_true(&client->request->options, item, kind, fake_outcome(value)))
		broken("item %" PRIu64 " came to %s", value, kind ? kind : "a value");
	if (item->murky ? run->attempts > item->starts + 3 : run->attempts != item->starts)
		broken("item %" PRIu64 " has %u attempts, and was begun %u times", value,
		       run->attempts, item->starts);
}

static void take_run(struct client *client) {
	struct run *run = results_deliver(&client->request->results);
	const char *text = run->bytes->data + run->begin, *end = run->bytes->data + run->end;

	if (!client->request->options.unordered && run->first != client->n_delivered)
		broken("client %" PRIu64 " gets item %" PRIu64 " after %" PRIu64, client->id,
		       run->first, client->n_delivered);
	for (uint64_t i = run->first; i < run->first + run->count; i++) {
		const char *comma = memchr(text, ',', (size_t) (end - text));

		if (i >= client->n || client->items[i].state == ITEM_DELIVERED)
			broken("client %" PRIu64 " gets item %" PRIu64 " twice, or never had it",
			       client->id, i);
		check_result(client, run, i, text, (size_t) ((comma ? comma : end) - text));
		client->items[i].state = ITEM_DELIVERED;
		text = comma ? comma + 1 : end;
	}
	client->n_delivered += run->count;
	run_free(run);
}

static void release(struct client *client, const char *why) {
	struct request *request = client->request;

	say("client %" PRIu64 " is through: %s", client->id, why);
	client->request = NULL;
	client->end = why;
	dispatch_release(client->play->dispatch, request);
}

/* Why a request failed must be what the test knows of. */
static void check_failure(const struct client *client) {
	const struct pool *pool = client->pool < 0 ? NULL : client->play->pools[client->pool];
	const struct request *request = client->request;

	switch (request->failure.id) {
	case ERROR_ITEM_FAILED:
		if (request->options.abort && request->failed > 0)
			return;
		break;
	case ERROR_RESOURCE_EXHAUSTED:
		if (client->play->short_of_memory || client->play->short_of_processes)
			return;
		break;
	case ERROR_POOL_FAILED:
	case ERROR_NO_SUCH_FUNCTION:
	case ERROR_AMBIGUOUS_FUNCTION:
		if (!pool || client->failing || !pool->offer->functions || pool->reason)
			return;
		break;
	default: break;
	}
	broken("client %" PRIu64 " is told %s", client->id, error_name(request->failure.id));
}

static void take_ready(struct client *client) {
	uint64_t before = client->n_delivered;

	while (results_ready(&client->request->results))
		take_run(client);
	if (client->n_delivered != before)
		dispatch_wake(client->play->dispatch);
}

void client_progressed(void *owner, struct request *request) {
	struct client *client = owner;

	witness_deaths(client->play);
	if (request != client->request)
		broken("client %" PRIu64 " hears of a request that is not its own", client->id);
	if (request->state == REQUEST_CANCELLED)
		return release(client, "cancelled");
	if (client->streaming && !client->deaf)
		take_ready(client);
	if (!request_is_over(request) || (client->streaming && results_ready(&request->results)))
		return;
	if (request->state == REQUEST_FAILED) {
		check_failure(client);
		return release(client, error_name(request->failure.id));
	}
	take_ready(client);
	if (client->n_delivered != client->n)
		broken("client %" PRIu64 " got %" PRIu64 " of %" PRIu64 " items", client->id,
		       client->n_delivered, client->n);
	release(client, "done");
}

/* -------- what else a client does -------- */

void client_hear(struct client *client, bool deaf) {
	if (!client->request || !client->streaming)
		return;
	say("client %" PRIu64 " %s", client->id, deaf ? "takes nothing" : "takes results");
	client->deaf = deaf;
	client->request->choked = deaf;
	dispatch_touch(client->play->dispatch, client->request);
}

void client_cancel(struct client *client) {
	struct error error = {0};

	if (!client->request || dispatch_find(client->play->dispatch, client->id) == NULL)
		return;
	say("client %" PRIu64 " is cancelled", client->id);
	error_set(&error, ERROR_CANCELLED, NULL);
	dispatch_cancel(client->play->dispatch, client->request, &error);
}

void client_cancel_item(struct client *client, uint64_t index) {
	if (!client->request)
		return;
	say("client %" PRIu64 " cancels its item %" PRIu64, client->id, index);
	witness_learn(client->play);
	if (index < client->n && client->items[index].state <= ITEM_HELD)
		client->items[index].cancelled = true;
	dispatch_cancel_item(client->play->dispatch, client->request, index);
}

void client_hang_up(struct client *client) {
	struct error error = {0};

	if (!client->request)
		return;
	error_set(&error, ERROR_CANCELLED, NULL);
	dispatch_cancel(client->play->dispatch, client->request, &error);
	release(client, "gone");
}
