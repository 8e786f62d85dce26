#pragma once

struct conn;
struct conn_call;
struct dispatch;
struct error;
struct request;

/* What a client sends in a stream, for the request that it feeds: more items, items that are not wanted any more, the
 * end; and when no more of it is read for now. */

/* A mistake in the object cancels the request. */
void feed_object(struct dispatch *dispatch, struct conn *conn, struct request *request,
		 struct conn_call *object);
/* Nothing follows; error: why, moved, or ERROR_NONE if that is as it should be. */
void feed_end(struct dispatch *dispatch, struct request *request, struct error *error);
/* Reading goes on while little is held; or while results are taken as fast as items come, and nobody holds too much.
 * After each change of that. */
void feed_throttle(struct conn *conn, const struct request *request);
