#include "client/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/item_error.h"

/* ---- errors ---- */

static int compare_errors(const void *a, const void *b) {
	uint64_t x = ((const struct procpool_item_error *) a)->index,
		 y = ((const struct procpool_item_error *) b)->index;

	return (x > y) - (x < y);
}

static int read_errors(struct procpool_batch *batch) {
	size_t n = json_array_size(batch->reply.errors);

	if (n == 0)
		return 0;
	batch->errors = calloc(n, sizeof(*batch->errors));
	if (!batch->errors)
		return -ENOMEM;
	for (; batch->n_errors < n; batch->n_errors++)
		if (item_error_init(&batch->errors[batch->n_errors],
				    json_array_get(batch->reply.errors, batch->n_errors)) < 0)
			return -ENOMEM;
	qsort(batch->errors, n, sizeof(*batch->errors), compare_errors);
	return 0;
}

int batch_init(struct procpool_batch *batch, struct reply *reply, const struct document *doc,
	       const char *text) {
	*batch = (struct procpool_batch) {
		.reply = *reply,
		.first = reply->first,
		.count = doc->elements.count,
		.elements = &doc->elements,
		.text = text,
	};
	*reply = (struct reply) {0};
	if (read_errors(batch) < 0) {
		batch_done(batch);
		return -ENOMEM;
	}
	return 0;
}

void batch_forget_unreadable(struct procpool_batch *batch) {
	if (!batch->unreadable_object)
		return;
	item_error_done(&batch->unreadable);
	json_decref(batch->unreadable_object);
	batch->unreadable_object = NULL;
}

void batch_done(struct procpool_batch *batch) {
	batch_forget_unreadable(batch);
	for (size_t i = 0; i < batch->n_errors; i++)
		item_error_done(&batch->errors[i]);
	free(batch->errors);
	reply_done(&batch->reply);
	*batch = (struct procpool_batch) {0};
}

const struct procpool_item_error *procpool_batch_error(const struct procpool_batch *batch,
						       size_t i) {
	struct procpool_item_error key = {.index = batch->first + i};

	if (batch->n_errors == 0)
		return NULL;
	return bsearch(&key, batch->errors, batch->n_errors, sizeof(key), compare_errors);
}

/* ---- results ---- */

uint64_t procpool_batch_first(const struct procpool_batch *batch) {
	return batch->first;
}

size_t procpool_batch_count(const struct procpool_batch *batch) {
	return batch->count;
}

const char *procpool_batch_result(const struct procpool_batch *batch, size_t i, size_t *ret_size) {
	struct span span;

	if (procpool_batch_error(batch, i))
		return NULL;
	span = elements_span(batch->elements, batch->text, batch->from + i, 1);
	*ret_size = span_size(span);
	return batch->text + span.begin;
}

bool procpool_batch_timing(const struct procpool_batch *batch, size_t i,
			   struct procpool_timing *ret) {
	const struct reply *reply = &batch->reply;

	if (!reply->start_us || !reply->duration_us)
		return false;
	i += batch->from;
	*ret = (struct procpool_timing) {
		.start_us = json_integer_value(json_array_get(reply->start_us, i)),
		.duration_us = json_integer_value(json_array_get(reply->duration_us, i)),
		.attempts = json_integer_value(json_array_get(reply->attempts, i)),
	};
	return true;
}

/* ---- summaries ---- */

static int64_t count(const json_t *object, const char *name) {
	return json_integer_value(json_object_get(object, name));
}

void summary_init(struct summary *summary, json_t *object) {
	const char *request = json_string_value(json_object_get(object, "request"));

	summary_done(summary);
	summary->object = json_incref(object);
	summary->numbers = (struct procpool_summary) {
		.request = request ? request : "",
		.items = count(object, "items"),
		.succeeded = count(object, "succeeded"),
		.failed = count(object, "failed"),
		.cancelled = count(object, "cancelled"),
		.retried = count(object, "retried"),
		.queued_us = count(object, "queuedUs"),
		.elapsed_us = count(object, "elapsedUs"),
		.work_us = count(object, "workUs"),
	};
}

void summary_done(struct summary *summary) {
	json_decref(summary->object);
	*summary = (struct summary) {0};
}
