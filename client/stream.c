#include <procpool/client_json.h>

#include <poll.h>

#include "client/handle.h"
#include "client/value.h"
#include "protocol/limits.h"

/*
 * Streams: items out, batches in, neither waiting for the other. The object being filled is the end of the
 * connection's queue, held back; it is sent when it is large enough, or as soon as nothing else is to be sent.
 */

/* An object of so many bytes is closed. */
#define OBJECT_SIZE (64u * 1024)
/* So much may wait to be sent. */
#define QUEUE_SIZE (256u * 1024)

#define OBJECT_HEAD "{\"items\":["
#define OBJECT_TAIL "]}"

struct procpool_stream {
	struct connection connection;
	struct failure failure;
	char *request; /* owned */
	bool sending;  /* the end of the items was not said yet */
	int code;      /* of the failure that ended the stream, or 0 */
	struct procpool_batch batch;
	struct summary summary;
	bool finished; /* the summary came */
};

/* ---- opening ---- */

struct procpool_stream *procpool_stream_free(struct procpool_stream *stream) {
	if (!stream)
		return NULL;
	batch_done(&stream->batch);
	summary_done(&stream->summary);
	connection_done(&stream->connection);
	failure_done(&stream->failure);
	free(stream->request);
	free(stream);
	return NULL;
}

/* The id of the request in the reply of Stream(); empty if it says none. */
static char *request_of(const struct reply *reply) {
	return strdup(reply->request ? reply->request : "");
}

/* Moves the connection over; what was read after the reply stays in it. */
static struct procpool_stream *stream_new(struct procpool *procpool, const struct reply *reply) {
	struct procpool_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->request = request_of(reply);
	failure_init(&stream->failure);
	stream->sending = true;
	stream->connection = procpool->connection;
	connection_init(&procpool->connection, -1);
	connection_expect(&stream->connection, REPLY_STREAM);
	stream->connection.hungry = true;
	return stream->request ? stream : procpool_stream_free(stream);
}

int procpool_stream_open(struct procpool *procpool, const char *function,
			 const struct procpool_options *options, uint32_t window,
			 struct procpool_stream **ret_stream) {
	struct run_call run = {
		.method = "Stream",
		.flag = "upgrade",
		.function = function,
		.options = options,
		.window = window,
	};
	struct procpool_stream *stream;
	struct reply reply;
	int r;

	if (options_known(options).idempotent)
		return failure_set(&procpool->failure, PROCPOOL_E_BAD_INPUT,
				   "a stream cannot be idempotent: its items are not kept, so that "
				   "none can be sent again; use procpool_map()");
	r = encode_run_call(&procpool->call, &run, &procpool->failure);
	if (r == 0)
		/* Nothing runs before an item is sent: opening it twice does no harm. */
		r = handle_exchange(procpool, REPLY_RUN, true, &reply);
	if (r != 0)
		return r;
	stream = stream_new(procpool, &reply);
	reply_done(&reply);
	if (!stream) {
		connection_done(&procpool->connection);
		return failure_errno(&procpool->failure, -ENOMEM, "cannot open a stream");
	}
	*ret_stream = stream;
	return 0;
}

const char *procpool_stream_request(const struct procpool_stream *stream) {
	return stream->request;
}

const struct procpool_error *procpool_stream_last_error(const struct procpool_stream *stream) {
	return &stream->failure.error;
}

const struct procpool_summary *procpool_stream_summary(const struct procpool_stream *stream) {
	return stream->finished ? &stream->summary.numbers : NULL;
}

/* ---- failing ---- */

static int ended(struct procpool_stream *stream, int code) {
	stream->code = code;
	return code;
}

static int broken(struct procpool_stream *stream, int r) {
	if (r == -EBADMSG)
		return ended(stream, failure_set(&stream->failure, PROCPOOL_E_BAD_REPLY,
						 "the daemon sent what is not valid JSON"));
	return ended(stream, failure_errno(&stream->failure, r, "the stream failed"));
}

/* ---- sending ---- */

static int close_object(struct procpool_stream *stream) {
	struct connection *connection = &stream->connection;

	if (connection->held == 0)
		return 0;
	if (bytes_add(&connection->out, OBJECT_TAIL, sizeof(OBJECT_TAIL)) < 0)
		return -ENOMEM;
	connection->held = 0;
	return 0;
}

/* Makes ready for one more item of about size bytes; *ret_before is where its object is to be cut back to
 * if it turns out to be wrong, relative to the queue's begin. */
static int open_item(struct procpool_stream *stream, size_t *ret_before) {
	struct connection *connection = &stream->connection;
	const char *before = connection->held == 0 ? OBJECT_HEAD : ",";

	*ret_before = bytes_size(&connection->out);
	return bytes_add_string(&connection->out, before);
}

static void close_item(struct procpool_stream *stream, size_t before) {
	struct connection *connection = &stream->connection;

	connection->held += bytes_size(&connection->out) - before;
}

static void drop_item(struct procpool_stream *stream, size_t before) {
	struct bytes *out = &stream->connection.out;

	out->end = out->begin + before;
}

static int too_large(struct procpool_stream *stream, size_t size) {
	return failure_set(&stream->failure, PROCPOOL_E_BAD_INPUT,
			   "an item of %zu bytes does not fit the %u MiB of a message", size,
			   LIMIT_MESSAGE >> 20);
}

static bool is_full(const struct procpool_stream *stream) {
	return bytes_size(&stream->connection.out) >= QUEUE_SIZE;
}

static int may_add(struct procpool_stream *stream, size_t size) {
	if (stream->code != 0)
		return stream->code;
	if (!stream->sending)
		return failure_set(&stream->failure, PROCPOOL_E_BAD_INPUT,
				   "the end of the items was said already");
	if (size > LIMIT_MESSAGE - 64)
		return too_large(stream, size);
	return is_full(stream) ? PROCPOOL_E_FULL : 0;
}

/* An object never grows over the limit of a message by one more item. */
static int make_room(struct procpool_stream *stream, size_t size) {
	size_t held = stream->connection.held;

	if (held >= OBJECT_SIZE || (held > 0 && held + size > LIMIT_MESSAGE - 64))
		return close_object(stream);
	return 0;
}

/* Adds an item that is known to be JSON. */
static int add_item(struct procpool_stream *stream, const char *json, size_t size) {
	size_t before;

	if (make_room(stream, size) < 0 || open_item(stream, &before) < 0)
		return broken(stream, -ENOMEM);
	if (bytes_add(&stream->connection.out, json, size) < 0) {
		drop_item(stream, before);
		return broken(stream, -ENOMEM);
	}
	close_item(stream, before);
	return 0;
}

int procpool_stream_add(struct procpool_stream *stream, const char *json, size_t size) {
	int r = may_add(stream, size);

	if (r == 0)
		r = check_json(json, size, 2, "the item", &stream->failure);
	return r == 0 ? add_item(stream, json, size) : r;
}

int procpool_stream_add_json(struct procpool_stream *stream, const json_t *item) {
	struct bytes text = {0};
	int r = may_add(stream, 0);

	if (r == 0) {
		r = value_write(&text, item, 2, "the item", &stream->failure);
		if (r < 0)
			r = ended(stream, r);
	}
	if (r == 0 && bytes_size(&text) > LIMIT_MESSAGE - 64)
		r = too_large(stream, bytes_size(&text));
	if (r == 0)
		r = add_item(stream, text.data, bytes_size(&text));
	bytes_done(&text);
	return r;
}

int procpool_stream_add_string(struct procpool_stream *stream, const char *bytes, size_t size) {
	size_t before;
	int r = may_add(stream, size);

	if (r != 0)
		return r;
	/* A long string goes alone: quoting can make it six times as long. */
	if ((size > OBJECT_SIZE ? close_object(stream) : make_room(stream, size)) < 0 ||
	    open_item(stream, &before) < 0)
		return broken(stream, -ENOMEM);
	r = encode_string(&stream->connection.out, bytes, size, &stream->failure);
	if (r == 0 && bytes_size(&stream->connection.out) - before > LIMIT_MESSAGE - 32)
		r = too_large(stream, size);
	if (r != 0) {
		drop_item(stream, before);
		return r < 0 ? broken(stream, r) : r;
	}
	close_item(stream, before);
	return 0;
}

/* Adds an object that holds no items. */
static int add_object(struct procpool_stream *stream, const char *text) {
	if (close_object(stream) < 0 ||
	    bytes_add(&stream->connection.out, text, strlen(text) + 1) < 0)
		return broken(stream, -ENOMEM);
	return 0;
}

int procpool_stream_cancel(struct procpool_stream *stream, const uint64_t *indexes, size_t n) {
	struct bytes text = {0};
	char number[32];
	int r = stream->code;

	if (r != 0 || n == 0)
		return r;
	r = bytes_add_string(&text, "{\"cancel\":");
	for (size_t i = 0; r == 0 && i < n; i++) {
		snprintf(number, sizeof(number), "%c%llu", i == 0 ? '[' : ',',
			 (unsigned long long) indexes[i]);
		r = bytes_add_string(&text, number);
	}
	if (r == 0)
		r = bytes_add(&text, "]}", 3);
	r = r == 0 ? add_object(stream, text.data) : broken(stream, r);
	bytes_done(&text);
	return r;
}

int procpool_stream_end(struct procpool_stream *stream) {
	if (stream->code != 0 || !stream->sending)
		return stream->code;
	stream->sending = false;
	return add_object(stream, "{\"end\":true}");
}

static int flush(struct procpool_stream *stream) {
	struct connection *connection = &stream->connection;
	int r = connection_write(connection);

	if (r == 0 && !connection->deaf && connection->held > 0 &&
	    bytes_size(&connection->out) == connection->held) {
		r = close_object(stream);
		if (r == 0)
			r = connection_write(connection);
	}
	return r;
}

/* ---- receiving ---- */

static int finish(struct procpool_stream *stream, struct reply *reply) {
	int r = 0;

	if (reply->error) {
		r = ended(stream,
			  failure_answer(&stream->failure, reply->error, reply->parameters));
	} else if (reply->summary) {
		summary_init(&stream->summary, reply->summary);
		stream->finished = true;
		stream->sending = false;
	}
	return r;
}

static int take_object(struct procpool_stream *stream, const struct procpool_batch **ret_batch) {
	struct connection *connection = &stream->connection;
	const char *reason;
	struct reply reply;
	int r;

	if (reply_decode(&reply, REPLY_STREAM, &connection->doc, connection_text(connection),
			 &reason) != 0)
		return ended(stream,
			     failure_set(&stream->failure, PROCPOOL_E_BAD_REPLY,
					 "what the daemon sent makes no sense: %s", reason));
	r = finish(stream, &reply);
	if (r == 0)
		r = batch_init(&stream->batch, &reply, &connection->doc,
			       connection_text(connection));
	if (r == 0 && connection->doc.elements.count > 0)
		*ret_batch = &stream->batch;
	reply_done(&reply);
	return r == -ENOMEM ? broken(stream, r) : r;
}

static int cut_off(struct procpool_stream *stream) {
	failure_set(&stream->failure, PROCPOOL_E_LOST, "the connection to the daemon was lost");
	stream->failure.error.not_started = !stream->connection.wrote;
	return ended(stream, PROCPOOL_E_LOST);
}

int procpool_stream_next(struct procpool_stream *stream, const struct procpool_batch **ret_batch) {
	const struct procpool_batch *batch = NULL;
	int r;

	batch_done(&stream->batch);
	while (!batch && !stream->finished) {
		if (stream->code != 0)
			return stream->code;
		r = connection_next(&stream->connection);
		if (r == 0 && stream->connection.ended)
			return cut_off(stream);
		if (r == 0)
			break;
		r = r < 0 ? broken(stream, r) : take_object(stream, &batch);
		if (r != 0)
			return r;
	}
	*ret_batch = batch;
	return 0;
}

/* ---- in a loop ---- */

bool procpool_stream_full(const struct procpool_stream *stream) {
	return is_full(stream);
}

int procpool_stream_fd(const struct procpool_stream *stream) {
	return stream->connection.fd;
}

short procpool_stream_events(const struct procpool_stream *stream) {
	const struct connection *connection = &stream->connection;
	short events = 0;

	if (stream->code != 0 || stream->finished)
		return 0;
	if (connection->hungry && !connection->ended)
		events |= POLLIN;
	if (!connection->deaf && bytes_size(&connection->out) > 0)
		events |= POLLOUT;
	return events;
}

int procpool_stream_process(struct procpool_stream *stream) {
	int r;

	if (stream->code != 0 || stream->finished)
		return stream->code;
	r = flush(stream);
	if (r == 0 && stream->connection.hungry)
		r = connection_read(&stream->connection);
	return r == 0 ? 0 : broken(stream, r);
}

int procpool_stream_receive(struct procpool_stream *stream, int timeout_ms,
			    const struct procpool_batch **ret_batch) {
	const struct procpool_batch *batch = NULL;
	bool full = stream->sending && is_full(stream);
	int r = procpool_stream_next(stream, &batch);

	while (r == 0 && !batch && !stream->finished) {
		r = procpool_stream_process(stream);
		if (r == 0)
			r = procpool_stream_next(stream, &batch);
		if (r != 0 || batch || stream->finished || (full && !is_full(stream)))
			break;
		r = connection_wait(&stream->connection, procpool_stream_events(stream),
				    timeout_ms);
		if (r == 0)
			break;
		r = r < 0 ? broken(stream, r) : 0;
	}
	if (r == 0)
		*ret_batch = batch;
	return r;
}
