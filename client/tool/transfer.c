#include "client/tool/transfer.h"

#include <jansson.h>
#include <poll.h>
#include <time.h>

/* As the library does it with its calls: so often in a row, waiting so long for a daemon, looking so often. */
#define REPEATS     3
#define PATIENCE_MS (10 * 1000)
#define LOOK_MS     20
#define LOOK_MAX_MS 500

/* A stream takes nothing more while so much waits to be sent. Once more was kept, some of it was sent. */
#define UNSENT_MAX (256u * 1024)

static int64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- opening ---- */

static int open_stream(struct transfer *transfer) {
	int r = procpool_stream_open(transfer->procpool, transfer->function, &transfer->options, 0,
				     &transfer->stream);

	transfer->handle_failed = r != 0;
	transfer->given = 0;
	return r;
}

int transfer_open(struct transfer *transfer, struct procpool *procpool, char *function,
		  const struct procpool_options *options) {
	*transfer = (struct transfer) {
		.procpool = procpool,
		.function = function,
		.options = *options,
		.idempotent = options->idempotent,
		.keeps = true,
	};
	/* The library's streams keep nothing, and say so. */
	transfer->options.idempotent = false;
	transfer->opened_us = now_us();
	return open_stream(transfer);
}

void transfer_done(struct transfer *transfer) {
	transfer->stream = procpool_stream_free(transfer->stream);
	kept_done(&transfer->kept);
	free(transfer->function);
	transfer->function = NULL;
}

const struct procpool_error *transfer_last_error(const struct transfer *transfer) {
	return transfer->handle_failed ? procpool_last_error(transfer->procpool)
				       : procpool_stream_last_error(transfer->stream);
}

/* ---- items ---- */

static void forget(struct transfer *transfer) {
	transfer->keeps = false;
	kept_done(&transfer->kept);
	transfer->given = 0;
}

static int give(struct transfer *transfer, const char *text, size_t size, bool string) {
	return string ? procpool_stream_add_string(transfer->stream, text, size)
		      : procpool_stream_add(transfer->stream, text, size);
}

int transfer_add(struct transfer *transfer, const char *text, size_t size, bool string) {
	int r;

	if (transfer->given < transfer->kept.next_position)
		return PROCPOOL_E_FULL;
	if (transfer->keeps && !transfer->idempotent &&
	    bytes_size(&transfer->kept.texts) > UNSENT_MAX)
		forget(transfer);
	if (transfer->keeps && kept_add(&transfer->kept, text, size) < 0)
		return TRANSFER_NO_ROOM;
	r = give(transfer, text, size, string);
	if (r == 0)
		transfer->given = transfer->kept.next_position;
	else if (transfer->keeps)
		kept_drop_last(&transfer->kept);
	return r;
}

int transfer_refill(struct transfer *transfer, bool string) {
	int r = 0;

	while (r == 0 && transfer->given < transfer->kept.next_position) {
		size_t size;
		const char *text = kept_text(&transfer->kept, transfer->given, &size);

		r = give(transfer, text, size, string);
		transfer->given += r == 0;
	}
	return r;
}

/* ---- results ---- */

bool transfer_expects(const struct transfer *transfer, const struct procpool_batch *batch) {
	uint64_t first = procpool_batch_first(batch);
	size_t count = procpool_batch_count(batch);

	return !transfer->idempotent ||
	       (kept_has(&transfer->kept, first, count) && first + count <= transfer->given);
}

uint64_t transfer_index(const struct transfer *transfer, uint64_t position) {
	return kept_index(&transfer->kept, position);
}

int64_t transfer_start_us(const struct transfer *transfer, int64_t start_us) {
	return start_us + transfer->shift_us;
}

int transfer_item_error(const struct transfer *transfer, const struct procpool_item_error *error,
			struct procpool_item_error *ret, char **ret_json) {
	uint64_t index = transfer_index(transfer, error->index);
	json_t *object;

	*ret = *error;
	*ret_json = NULL;
	if (index == error->index)
		return 0;
	object = json_loads(error->json, 0, NULL);
	if (object && json_object_set_new(object, "index", json_integer((json_int_t) index)) == 0)
		*ret_json = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	ret->index = index;
	ret->json = *ret_json;
	return *ret_json ? 0 : -ENOMEM;
}

void transfer_took(struct transfer *transfer, const struct procpool_batch *batch) {
	transfer->repeats = 0;
	if (transfer->idempotent)
		kept_answered(&transfer->kept, procpool_batch_first(batch),
			      procpool_batch_count(batch));
	else if (transfer->keeps)
		forget(transfer);
}

/* ---- once more ---- */

bool transfer_may_repeat(const struct transfer *transfer) {
	const struct procpool_error *error = transfer_last_error(transfer);

	return error->code == PROCPOOL_E_LOST && transfer->repeats < REPEATS &&
	       (transfer->idempotent || (transfer->keeps && error->not_started));
}

int transfer_repeat(struct transfer *transfer) {
	int wait = LOOK_MS, r;

	transfer->repeats++;
	transfer->stream = procpool_stream_free(transfer->stream);
	kept_restart(&transfer->kept);
	r = open_stream(transfer);
	for (int left = PATIENCE_MS; r == PROCPOOL_E_NO_DAEMON && left > 0;) {
		/* No descriptor: this is a sleep. */
		poll(NULL, 0, wait);
		left -= wait;
		wait = 2 * wait < LOOK_MAX_MS ? 2 * wait : LOOK_MAX_MS;
		r = open_stream(transfer);
	}
	transfer->shift_us = now_us() - transfer->opened_us;
	return r;
}
