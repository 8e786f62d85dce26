#pragma once

#include <stdbool.h>

struct conn;
struct error;
struct request;

/* A request's results as its client reads them: the one reply, replies or objects with a batch each, the last of them. */

struct outlet {
	struct conn *conn; /* NULL = nobody wants the results; nothing may be written */
	struct request *request;
	bool stream; /* objects, not replies */
	bool named;  /* the client knows the request's id */
};

/* The next batch of results, of which there are some. */
void outlet_batch(struct outlet *outlet);

/* What follows ends the call, or the stream. */

/* The only result, or its item error as the call's. */
void outlet_result(struct outlet *outlet);
/* All results. */
void outlet_results(struct outlet *outlet);
/* The last reply, or object, of one that came in batches. */
void outlet_last(struct outlet *outlet);
/* error: moved. */
void outlet_error(struct outlet *outlet, struct error *error);
