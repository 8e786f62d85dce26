#pragma once

#include <jansson.h>
#include <stdbool.h>

/*
 * Every error that a reply can carry exists here, once: its name in C, its wire name, and a sentence for
 * people that says what to do next where there is something to do.
 */
#define ERROR_LIST(X) \
	X(NO_SUCH_FUNCTION, "io.procpool.NoSuchFunction", \
	  "no pool offers this function; `procpool functions` lists them") \
	X(AMBIGUOUS_FUNCTION, "io.procpool.AmbiguousFunction", \
	  "more than one pool offers this function; call it as POOL/FUNCTION") \
	X(POOL_FAILED, "io.procpool.PoolFailed", "the pool's workers cannot start") \
	X(NO_SUCH_POOL, "io.procpool.NoSuchPool", "there is no such pool") \
	X(NO_SUCH_REQUEST, "io.procpool.NoSuchRequest", "there is no such request") \
	X(ITEM_FAILED, "io.procpool.ItemFailed", "the item failed") \
	X(TIMED_OUT, "io.procpool.TimedOut", "the call took longer than its limit") \
	X(CANCELLED, "io.procpool.Cancelled", "the call was cancelled") \
	X(MALFORMED_MESSAGE, "io.procpool.MalformedMessage", "the message cannot be understood") \
	X(MESSAGE_TOO_LARGE, "io.procpool.MessageTooLarge", \
	  "the message is over the limit; send the items in a stream") \
	X(REPLY_TOO_LARGE, "io.procpool.ReplyTooLarge", \
	  "the aggregated reply is over the limit; call with 'more' or as a stream") \
	X(TOO_DEEP, "io.procpool.TooDeep", "the message is nested too deeply") \
	X(TOO_MANY_ITEMS, "io.procpool.TooManyItems", \
	  "the call has too many items; send them in a stream") \
	X(ITEM_TOO_LARGE, "io.procpool.ItemTooLarge", "an item is over the limit") \
	X(TOO_MANY_CONNECTIONS, "io.procpool.TooManyConnections", "too many connections are open") \
	X(QUEUE_FULL, "io.procpool.QueueFull", "too much is held already") \
	X(NESTED, "io.procpool.Nested", \
	  "a worker cannot call its own pool: it would wait for itself") \
	X(SHUTTING_DOWN, "io.procpool.ShuttingDown", \
	  "the daemon is shutting down; the call was not started and may be repeated") \
	X(BAD_CONFIGURATION, "io.procpool.BadConfiguration", \
	  "the configuration was not taken; the one before stays in force") \
	X(RESOURCE_EXHAUSTED, "io.procpool.ResourceExhausted", "the daemon is out of a resource") \
	X(INTERFACE_NOT_FOUND, "org.varlink.service.InterfaceNotFound", \
	  "there is no such interface") \
	X(METHOD_NOT_FOUND, "org.varlink.service.MethodNotFound", "there is no such method") \
	X(METHOD_NOT_IMPLEMENTED, "org.varlink.service.MethodNotImplemented", \
	  "the method is not built yet") \
	X(INVALID_PARAMETER, "org.varlink.service.InvalidParameter", \
	  "a parameter is unknown, missing, of the wrong type or not supported") \
	X(PERMISSION_DENIED, "org.varlink.service.PermissionDenied", "you may not do this") \
	X(EXPECTED_MORE, "org.varlink.service.ExpectedMore", \
	  "the method must be called with 'more'") \
	X(EXPECTED_UPGRADE, "org.varlink.service.ExpectedUpgrade", \
	  "the method must be called with 'upgrade'")

enum error_id {
	ERROR_NONE,
#define X(id, name, sentence) ERROR_##id,
	ERROR_LIST(X)
#undef X
		ERROR_COUNT
};

/* Kinds of item errors, in ItemError.kind. */
#define ITEM_ERROR_LIST(X) \
	X(EXCEPTION, "Exception") \
	X(BAD_RESULT, "BadResult") \
	X(RESULT_TOO_LARGE, "ResultTooLarge") \
	X(ITEM_TIMEOUT, "ItemTimeout") \
	X(WORKER_DIED, "WorkerDied") \
	X(RESULT_LOST, "ResultLost") \
	X(ITEM_TOO_LARGE, "ItemTooLarge") \
	X(CANCELLED, "Cancelled")

enum item_error_kind {
#define X(id, name) ITEM_ERROR_##id,
	ITEM_ERROR_LIST(X)
#undef X
		ITEM_ERROR_COUNT
};

/* What a call came to when it did not succeed. Zeroed, it is "no error". */
struct error {
	enum error_id id;
	json_t *parameters; /* owned; NULL if there are none */
};

/* Sets an error that is not set yet: a later one never hides the first.
 * format: json_pack()'s, of an object, or NULL for an error without parameters.
 * Returns 1, so that decoders can `return error_set(…)`; when memory is short the parameters are left out. */
int error_set(struct error *error, enum error_id id, const char *format, ...);

/* Memory is short: ResourceExhausted. Returns 1 as error_set() does. */
int error_set_no_memory(struct error *error);

/* Takes the error out: *from is empty afterwards. */
struct error error_move(struct error *from);
void error_done(struct error *error);

const char *error_name(enum error_id id);
const char *error_sentence(enum error_id id);
/* Returns ERROR_NONE for a name that is not in the list. */
enum error_id error_from_name(const char *name);

const char *item_error_name(enum item_error_kind kind);
