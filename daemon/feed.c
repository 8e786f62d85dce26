#include "daemon/feed.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/request.h"
#include "protocol/limits.h"

void feed_throttle(struct conn *conn, const struct request *request) {
	const struct request_limits *limits = &request->limits;
	uint64_t ahead = request->items.n - request->results.delivered;
	bool laden = request->items.bytes >= LIMIT_STREAM_READ;

	conn_pause_stream(conn, laden && (ahead >= limits->window_items ||
					  request->items.bytes >= limits->window_bytes));
	conn_set_laden(conn, laden && !request->input_ended);
}

static int add_items(struct request *request, struct conn_call *object) {
	struct bytes *bytes = object->take(object);
	int r = bytes ? request_add_items(request, bytes, (struct document *) object->doc)
		      : -ENOMEM;

	bytes_unref(bytes);
	return r;
}

static int compare_indexes(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

/* In order, whatever the client's: a result has its place near the last one then. Returns 0 or -ENOMEM. */
static int cancel_items(struct dispatch *dispatch, struct request *request, const json_t *array) {
	size_t n = json_array_size(array);
	uint64_t *indexes = n > 0 ? reallocarray(NULL, n, sizeof *indexes) : NULL;

	if (n > 0 && !indexes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		indexes[i] = (uint64_t) json_integer_value(json_array_get(array, i));
	if (n > 1)
		qsort(indexes, n, sizeof *indexes, compare_indexes);
	for (size_t i = 0; i < n; i++)
		dispatch_cancel_item(dispatch, request, indexes[i]);
	free(indexes);
	return 0;
}

void feed_object(struct dispatch *dispatch, struct conn *conn, struct request *request,
		 struct conn_call *message) {
	struct stream_object object;
	struct error error = {0};

	if (stream_object_decode(&object, message->doc, message->text, &error) != 0) {
		dispatch_cancel(dispatch, request, &error);
		return;
	}
	if (request->input_ended && object.items)
		error_set(&error, ERROR_MALFORMED_MESSAGE, "{sssi}", "reason",
			  "items after the end of the stream", "offset", 0);
	else if ((object.items && add_items(request, message) < 0) ||
		 cancel_items(dispatch, request, object.cancel) < 0)
		error_set_no_memory(&error);
	if (error.id != ERROR_NONE) {
		dispatch_cancel(dispatch, request, &error);
	} else {
		request->input_ended |= object.end;
		request_recharge(request);
		feed_throttle(conn, request);
		dispatch_touch(dispatch, request);
	}
	json_decref(object.cancel);
}

void feed_end(struct dispatch *dispatch, struct request *request, struct error *error) {
	if (error->id != ERROR_NONE) {
		dispatch_cancel(dispatch, request, error);
	} else {
		request->input_ended = true;
		dispatch_touch(dispatch, request);
	}
}
