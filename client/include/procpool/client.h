#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * libprocpool: programs of C run functions in the machine's pool of worker processes.
 *
 * The library never prints, never exits, raises no SIGPIPE and keeps no state outside its handles. A handle
 * serves one thread at a time; different handles are independent.
 *
 * Every function that can fail returns 0, a PROCPOOL_E_* (positive) or a negative errno (no memory, no file
 * descriptor …). The details then stand in procpool_last_error() or procpool_stream_last_error().
 *
 * Values are JSON text in UTF-8, byte for byte as the worker wrote them; parse each alone. For those who use
 * jansson, <procpool/client_json.h> does it.
 */

#define PROCPOOL_SYSTEM_SOCKET "/run/procpool/io.procpool"

enum {
	PROCPOOL_E_ANSWER =
		1, /* the daemon answered with an error: its name and parameters are set */
	PROCPOOL_E_NO_DAEMON, /* nothing listens on the socket */
	PROCPOOL_E_DENIED,    /* this user may not use the socket */
	PROCPOOL_E_LOST,      /* the connection ended before the answer did */
	PROCPOOL_E_BAD_REPLY, /* the answer is not what the interface says */
	PROCPOOL_E_BAD_INPUT, /* what the caller gave is no JSON, no UTF-8, or too large; it was not sent */
	PROCPOOL_E_STOPPED,   /* the caller's callback said so; the call was cancelled */
	PROCPOOL_E_FULL,      /* a stream has enough to send: receive first, then repeat */
	PROCPOOL_E_UNREADABLE /* the answer came, but jansson cannot hold it: call without _json */
};

/* Why an item has no result. Texts are NULL where they are absent. */
struct procpool_item_error {
	uint64_t index;
	const char *kind; /* e.g. Exception, WorkerDied; more kinds may come */
	const char *exception;
	const char *message;
	const char *trace;
	const char *stderr_lines; /* the last ones of a worker that died */
	int64_t attempts;
	int exit_signal, exit_status; /* of a worker that died; -1 if absent */
	const char *text;             /* one line for people, without the index */
	const char *json;             /* all of it, as an object */
};

/* What the last failure was. */
struct procpool_error {
	int code; /* what the function returned */
	const char
		*message; /* for people: what is wrong, and what to do where there is something */
	const char *name; /* of the daemon's error, e.g. "io.procpool.NoSuchFunction"; or NULL */
	const char *parameters; /* of the daemon's error, a JSON object; or NULL */
	bool not_started;       /* the call certainly did not run: it may be repeated */
	size_t offset;          /* PROCPOOL_E_BAD_INPUT: of the first wrong byte */
	const struct procpool_item_error *item; /* of io.procpool.ItemFailed; or NULL */
};

struct procpool_summary {
	const char *request; /* its id */
	int64_t items, succeeded, failed, cancelled;
	int64_t retried; /* attempts beyond the first of each item */
	int64_t queued_us, elapsed_us;
	int64_t work_us; /* the workers' time on the items, added up */
};

/* How a function is run; zeroed but for size it stands for the daemon's defaults. */
struct procpool_options {
	size_t size; /* sizeof(struct procpool_options): newer fields than the caller's are not read */
	const char *common;   /* a JSON value that the function sees beside each item; or NULL */
	const char *unpack;   /* "none", "positional", "keywords", "both"; or NULL */
	uint32_t chunk_size;  /* items handed to a worker at a time; 0 = the daemon chooses */
	uint32_t max_workers; /* 0 = no limit */
	bool unordered;       /* results as they come; not for Apply */
	bool abort_on_error; /* nothing new starts after an item failed; the call ends in ItemFailed */
	bool timings;        /* procpool_batch_timing() tells more */
	char reserved[5];    /* not read: older callers have padding here, which can be anything */
	bool idempotent;     /* running an item twice does no harm; see "calls". Not for streams */
	char reserved_too[7]; /* as above */
	int32_t priority; /* -20 … 19: a call weighs 1.25 times as much as one with 1 more, of this user */
	uint32_t retries; /* further attempts at an item whose worker died or was stopped for it */
	uint32_t item_timeout_ms;  /* of one attempt at one item; 0 = the pool's, here and below */
	uint32_t timeout_ms;       /* of the call; 0 = none */
	uint32_t queue_timeout_ms; /* of the call, until its first item starts */
	bool no_rerun; /* what had finished when its worker died, unreported, is lost and does not run again */
};

#define PROCPOOL_OPTIONS_INIT \
	{ .size = sizeof(struct procpool_options) }

/* ---- connections ---- */

struct procpool;

/* Makes a handle; it connects when it is first used.
 * path: of the daemon's socket. NULL: $PROCPOOL_SOCKET if set, and nothing else; otherwise
 * $XDG_RUNTIME_DIR/procpool/io.procpool, then PROCPOOL_SYSTEM_SOCKET, the first that answers.
 * Returns NULL if memory is short. */
struct procpool *procpool_new(const char *path);

/* Closes the connection, which cancels a call that still runs. Takes NULL; returns NULL. */
struct procpool *procpool_free(struct procpool *procpool);

/* Connects, unless connected. Returns 0, PROCPOOL_E_NO_DAEMON, PROCPOOL_E_DENIED, negative errno. */
int procpool_connect(struct procpool *procpool);

/* Of the handle's last function that failed; valid until its next call. Never NULL. */
const struct procpool_error *procpool_last_error(const struct procpool *procpool);

/* ---- calls ----
 *
 * All of them block. A connection that the daemon closed while it was idle, or because it restarts, is opened
 * again, and what was not started is repeated, by the library. What may have run – the connection was lost in the
 * middle of the call – is repeated only where that does no harm: calls with the option idempotent, and those of
 * procpool_call() that only read (Status, ListRequests, ListFunctions, GetInfo, GetInterfaceDescription). All others
 * fail with PROCPOOL_E_LOST without not_started.
 *
 * To repeat a call, the library waits for a daemon to listen, 10 seconds at most each time, and sends it again, three
 * times at most in a row of which nothing comes; then that, too, is PROCPOOL_E_LOST. A map is continued rather than
 * repeated: what was handed out is not run again, and no result is handed out twice. The function then sees the
 * indexes of the new call, which counts its items from 0 again, while those of batches and errors go on as they
 * were. In the summary the items and what became of them are those of the whole map, all else that of the last
 * call. With abort_on_error nothing is repeated after an item failed.
 *
 * A function that a worker runs would wait for itself with a call of its own pool, and the daemon answers
 * io.procpool.Nested. If the worker is made with libprocpool-worker and has the function that is called (named without
 * its pool), procpool_apply() and procpool_map() have it run by procpool_worker_call() then, in this process, one item
 * after the other, with the same results and errors. Streams and calls with item_timeout_ms or timeout_ms are not: they
 * fail as the daemon says. A worker's environment names its daemon in PROCPOOL_SOCKET; that of a
 * private daemon has what the daemon's starter has.
 *
 * A stop by a signal handler's longjmp is not supported. */

/* Calls any method, e.g. "io.procpool.Status", for one reply.
 * parameters: a JSON object; NULL = none.
 * *ret_parameters: the reply's, a JSON object, NUL-ended, to be freed with free(); "{}" if it has none. */
int procpool_call(struct procpool *procpool, const char *method, const char *parameters,
		  char **ret_parameters);

/* Gets the parameters of each reply, as above, valid during the callback. Anything but 0 ends the call. */
typedef int (*procpool_reply_callback)(void *userdata, const char *parameters);

/* Calls a method with 'more': for several replies. */
int procpool_call_more(struct procpool *procpool, const char *method, const char *parameters,
		       procpool_reply_callback callback, void *userdata);

/* Runs function ("name" or "pool/name") once.
 * argument: JSON; NULL = null. options: may be NULL.
 * *ret_result: JSON, NUL-ended, to be freed with free(). */
int procpool_apply(struct procpool *procpool, const char *function, const char *argument,
		   const struct procpool_options *options, char **ret_result);

/* ---- results ---- */

/* Consecutive results of a request, valid until the next call on its handle or stream. */
struct procpool_batch;

/* Index of the first result. */
uint64_t procpool_batch_first(const struct procpool_batch *batch);
size_t procpool_batch_count(const struct procpool_batch *batch);

/* The i-th result of the batch, i < count: JSON of *ret_size bytes without a NUL; NULL if the item failed. */
const char *procpool_batch_result(const struct procpool_batch *batch, size_t i, size_t *ret_size);

/* Why the i-th item failed; NULL if it did not. */
const struct procpool_item_error *procpool_batch_error(const struct procpool_batch *batch,
						       size_t i);

struct procpool_timing {
	int64_t start_us; /* as the daemon reports it */
	int64_t duration_us;
	int64_t attempts;
};

/* How long the i-th item took. Returns false if the call did not ask for timings. */
bool procpool_batch_timing(const struct procpool_batch *batch, size_t i,
			   struct procpool_timing *ret);

/* Gets batches as they arrive: in input order unless the options say otherwise. Anything but 0 cancels. */
typedef int (*procpool_batch_callback)(void *userdata, const struct procpool_batch *batch);

/* Runs function over items.
 * items: a JSON array, of size bytes; of what does not fit one message (16 MiB) make a stream.
 * *ret_summary (may be NULL): valid until the next call on the handle. */
int procpool_map(struct procpool *procpool, const char *function, const char *items, size_t size,
		 const struct procpool_options *options, procpool_batch_callback callback,
		 void *userdata, const struct procpool_summary **ret_summary);

/* ---- streams ----
 *
 * For input that is long or not known yet. Both sides must be served: either call
 * procpool_stream_receive() whenever procpool_stream_add() says PROCPOOL_E_FULL, and then to the end; or, in
 * an event loop, call procpool_stream_process(), then procpool_stream_next() until there is no batch, and only
 * then wait for procpool_stream_events() on procpool_stream_fd(). Memory stays bounded in either case.
 *
 * A stream that failed stays so: each of its functions returns the same code again. */

struct procpool_stream;

/* Opens a stream, which is repeated like an idempotent call: nothing runs before an item is sent. If the stream is cut
 * off before a byte was, its error is PROCPOOL_E_LOST with not_started. It takes the handle's connection over: the handle makes itself another when it is used
 * again, and may be freed before the stream.
 * window: how many items the daemon reads ahead of the oldest result it has not sent; 0 = its choice. */
int procpool_stream_open(struct procpool *procpool, const char *function,
			 const struct procpool_options *options, uint32_t window,
			 struct procpool_stream **ret_stream);

/* Closes the stream; unless it has ended, this cancels the request. Takes NULL; returns NULL. */
struct procpool_stream *procpool_stream_free(struct procpool_stream *stream);

/* The request's id. */
const char *procpool_stream_request(const struct procpool_stream *stream);

/* Adds an item: one JSON value, which is checked and copied. Nothing is written yet.
 * Returns PROCPOOL_E_FULL (repeat it later), PROCPOOL_E_BAD_INPUT (the stream stays usable). */
int procpool_stream_add(struct procpool_stream *stream, const char *json, size_t size);

/* Adds an item that is a string, from its bytes: UTF-8, not quoted. Returns as procpool_stream_add(). */
int procpool_stream_add_string(struct procpool_stream *stream, const char *bytes, size_t size);

/* Whether procpool_stream_add() would say PROCPOOL_E_FULL: 256 KiB or more wait to be sent. */
bool procpool_stream_full(const struct procpool_stream *stream);

/* Cancels single items: queued ones never start, running ones are stopped. They become item errors. */
int procpool_stream_cancel(struct procpool_stream *stream, const uint64_t *indexes, size_t n);

/* Says that no items follow. */
int procpool_stream_end(struct procpool_stream *stream);

/* The stream's socket, to wait for; the same one as long as the stream. Nothing else may be done with it. */
int procpool_stream_fd(const struct procpool_stream *stream);

/* The events of poll(2) that the stream waits for now. */
short procpool_stream_events(const struct procpool_stream *stream);

/* Writes and reads what is possible now, without blocking. It reads nothing while batches wait in
 * procpool_stream_next(). */
int procpool_stream_process(struct procpool_stream *stream);

/* Takes the next batch that was read; *ret_batch is NULL if there is none. */
int procpool_stream_next(struct procpool_stream *stream, const struct procpool_batch **ret_batch);

/* Writes and reads until there is a batch, or room again in a stream that was full. *ret_batch is NULL in that
 * case, when the stream has ended (it has a summary then) and when timeout_ms (-1 = none) have passed. */
int procpool_stream_receive(struct procpool_stream *stream, int timeout_ms,
			    const struct procpool_batch **ret_batch);

/* How the request went, once the stream has ended well; NULL before. Valid as long as the stream. */
const struct procpool_summary *procpool_stream_summary(const struct procpool_stream *stream);

/* Of the stream's last function that failed; valid until its next one. Never NULL. */
const struct procpool_error *procpool_stream_last_error(const struct procpool_stream *stream);

#ifdef __cplusplus
}
#endif
