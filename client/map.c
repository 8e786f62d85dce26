#include <procpool/client.h>

#include "client/nested.h"

/*
 * Map: batches as they come. If the connection is lost in the middle of one that is idempotent, what was not handed
 * out yet goes into another call, so that the caller sees each result once.
 */

struct map {
	struct run_call run;
	struct procpool_options options;
	procpool_batch_callback callback;
	void *userdata;
};

static int out_of_memory(struct procpool *procpool) {
	connection_done(&procpool->connection);
	return failure_errno(&procpool->failure, -ENOMEM, "cannot keep the reply");
}

/* ---- one reply ---- */

/* Counts what failed, for the summary of a map whose first part has none. */
static void count_errors(struct rest *rest, const struct procpool_batch *batch) {
	for (size_t i = 0; i < batch->n_errors; i++) {
		if (strcmp(batch->errors[i].kind, "Cancelled") == 0)
			rest->tally.cancelled++;
		else
			rest->tally.failed++;
	}
}

/* Calls back for each piece whose indexes are consecutive: all of it at once, but in a repeated map. */
static int hand_out(struct procpool *procpool, const struct map *map, uint64_t first,
		    size_t count) {
	struct procpool_batch *batch = &procpool->batch;

	for (size_t at = 0; at < count; at += batch->count) {
		struct run piece = rest_piece(&procpool->rest, first + at, count - at);

		batch_forget_unreadable(batch);
		batch->first = piece.first;
		batch->from = at;
		batch->count = piece.count;
		if (map->options.idempotent && rest_note(&procpool->rest, piece) < 0)
			return out_of_memory(procpool);
		if (map->callback(map->userdata, batch) != 0)
			return handle_stop(procpool);
	}
	return 0;
}

static int take_reply(struct procpool *procpool, const struct map *map, struct reply *reply) {
	struct connection *connection = &procpool->connection;
	uint64_t first = reply->first;
	size_t count = connection->doc.elements.count, i;
	json_t *error;

	if (!rest_has(&procpool->rest, first, count)) {
		reply_done(reply);
		connection_done(connection);
		return failure_set(&procpool->failure, PROCPOOL_E_BAD_REPLY,
				   "the daemon's reply has results of items it was not given");
	}
	if (reply->summary)
		summary_init(&procpool->summary, reply->summary);
	json_array_foreach(reply->errors, i, error) rest_renumber(&procpool->rest, error);
	batch_done(&procpool->batch);
	if (batch_init(&procpool->batch, reply, &connection->doc, connection_text(connection)) <
	    0) {
		reply_done(reply);
		return out_of_memory(procpool);
	}
	count_errors(&procpool->rest, &procpool->batch);
	return hand_out(procpool, map, first, count);
}

/* ---- one call ---- */

/* One more reply, from the daemon or, of a nested call, from here. */
static int receive(struct procpool *procpool, struct nested *nested, struct reply *ret) {
	int r = nested->call ? nested_reply(nested, procpool) : 0;

	return r == 0 ? handle_receive(procpool, REPLY_RUN, ret) : r;
}

/* Makes the call in procpool->call and takes its replies. Sets *ret_cut if these were cut off after the
 * first. */
static int exchange(struct procpool *procpool, const struct map *map, bool *ret_cut) {
	struct nested nested = {0};
	struct reply reply;
	bool more = true;
	int r = handle_exchange(procpool, REPLY_RUN, map->options.idempotent, &reply);

	if (r == PROCPOOL_E_ANSWER && nested_init(&nested, procpool, &map->run))
		r = receive(procpool, &nested, &reply);

	*ret_cut = false;
	while (r == 0) {
		more = reply.continues;
		r = take_reply(procpool, map, &reply);
		if (r != 0 || !more)
			break;
		r = receive(procpool, &nested, &reply);
		*ret_cut = r == PROCPOOL_E_LOST;
	}
	nested_done(&nested);
	return r;
}

/* Makes procpool->call one of the items that were not handed out. */
static int encode_rest(struct procpool *procpool, const struct map *map) {
	struct run_call run = map->run;
	struct bytes items = {0};
	int r = rest_cut(&procpool->rest, map->run.input, map->run.input_size, &items);

	if (r < 0)
		return failure_errno(&procpool->failure, r, "cannot repeat the call");
	run.input = bytes_at(&items);
	run.input_size = bytes_size(&items);
	r = encode_run_call(&procpool->call, &run, &procpool->failure);
	bytes_done(&items);
	return r;
}

/* Whether what was cut off is to be repeated: after an item failed with abort_on_error nothing new may start. */
static bool may_repeat(const struct procpool *procpool, const struct map *map) {
	return map->options.idempotent &&
	       !(map->options.abort_on_error && procpool->rest.tally.failed > 0);
}

/* A map, continued as often as it has to be. *ret_before (zeroed): what was handed out before its last call. */
static int run(struct procpool *procpool, const struct map *map, struct tally *ret_before) {
	bool cut;
	int repeats = 0, r = encode_run_call(&procpool->call, &map->run, &procpool->failure);

	if (r != 0)
		return r;
	r = exchange(procpool, map, &cut);
	while (r == PROCPOOL_E_LOST && cut && may_repeat(procpool, map)) {
		if (procpool->rest.tally.items > ret_before->items)
			repeats = 0;
		if (repeats++ == HANDLE_REPEATS)
			break;
		*ret_before = procpool->rest.tally;
		r = encode_rest(procpool, map);
		if (r == 0)
			r = handle_reconnect(procpool);
		if (r == 0)
			r = exchange(procpool, map, &cut);
		else
			bytes_done(&procpool->call);
		if (r != 0)
			procpool->failure.error.not_started = false;
	}
	return r;
}

int procpool_map(struct procpool *procpool, const char *function, const char *items, size_t size,
		 const struct procpool_options *options, procpool_batch_callback callback,
		 void *userdata, const struct procpool_summary **ret_summary) {
	struct map map = {
		.run =
			{
				.method = "Map",
				.flag = "more",
				.function = function,
				.options = options,
				.input_name = "items",
				.input = items,
				.input_size = size,
			},
		.options = options_known(options),
		.callback = callback,
		.userdata = userdata,
	};
	struct procpool_summary *summary = &procpool->summary.numbers;
	struct tally before = {0};
	int r = run(procpool, &map, &before);

	batch_done(&procpool->batch);
	rest_done(&procpool->rest);
	if (r != 0)
		return r;
	summary->items += (int64_t) before.items;
	summary->failed += (int64_t) before.failed;
	summary->cancelled += (int64_t) before.cancelled;
	summary->succeeded += (int64_t) (before.items - before.failed - before.cancelled);
	if (ret_summary)
		*ret_summary = summary;
	return 0;
}
