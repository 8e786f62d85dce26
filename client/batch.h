#pragma once

#include <procpool/client.h>

#include "protocol/document.h"
#include "protocol/reply.h"

/*
 * Results as the caller sees them: a view of the document and the reply they came in.
 */
struct procpool_batch {
	struct reply reply; /* owned */
	uint64_t first;     /* index of its first result … */
	size_t from, count; /* … which is this one of the reply, and how many there are */
	const struct elements *elements;
	const char *text;
	struct procpool_item_error *errors; /* owned; by index */
	size_t n_errors;
	struct procpool_item_error unreadable; /* of the last result that jansson refused */
	json_t *unreadable_object;             /* owned, with it; or NULL */
};

/* Takes the reply over (*reply is empty afterwards); doc and text must outlive the batch.
 * Returns 0, -ENOMEM. Free with batch_done(). */
int batch_init(struct procpool_batch *batch, struct reply *reply, const struct document *doc,
	       const char *text);
void batch_done(struct procpool_batch *batch);

void batch_forget_unreadable(struct procpool_batch *batch);

/* How a request went. */
struct summary {
	struct procpool_summary numbers;
	json_t *object; /* owned; request is its string */
};

void summary_init(struct summary *summary, json_t *object);
void summary_done(struct summary *summary);
