#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Functions in C for procpool: what a worker runs for each item of a request.
 *
 *     #include <procpool/worker.h>
 *
 *     static int half(struct procpool_item *item, json_t *argument, json_t **ret_result) {
 *             if (!json_is_number(argument))
 *                     return procpool_fail(item, "TypeError", "half takes a number");
 *             *ret_result = json_real(json_number_value(argument) / 2);
 *             return 0;
 *     }
 *
 *     static const struct procpool_function functions[] = {
 *             {.name = "half", .description = "Half of a number.", .call = half},
 *             {.name = NULL},
 *     };
 *
 *     const struct procpool_table procpool_functions = {
 *             .abi = PROCPOOL_WORKER_ABI,
 *             .functions = functions,
 *     };
 *
 * As a shared object, which the stock worker loads:
 *
 *     gcc -shared -fPIC half.c $(pkg-config --cflags --libs procpool-worker) -o half.so
 *     procpool-worker --load ./half.so --list
 *     seq 5 | procpool --private --load ./half.so map half
 *
 * Or as a worker of its own: a main() that returns procpool_worker_main(argc, argv,
 * &procpool_functions), named in the `command` of a pool.
 *
 * A worker is one process with one thread that runs one item after the other. It is started warm
 * and lives on between requests, of other users too: what a function keeps, it keeps for all of
 * them. Whatever a function writes to stdout or stderr goes to the log. The working directory is
 * not the caller's: paths must be absolute. A function that crashes costs the item it was
 * running, and no other; one that takes too long is stopped with SIGTERM, then SIGKILL.
 * Functions must leave SIGPIPE, SIGINT and file descriptors they did not open alone.
 */

/* The version of this header's structures. A worker takes every version from 1 to its own. */
#define PROCPOOL_WORKER_ABI 1

/* One item, while its function runs. Not valid afterwards. */
struct procpool_item;

/*
 * A function has a name, and exactly one of call and call_raw.
 *
 * call: over values. argument is the item, borrowed: the function may change it, and take
 * references. It stores a new reference in *ret_result, which the worker releases, and returns
 * 0; or it returns what procpool_fail() returns. A value that C cannot hold – an integer beyond
 * 64 bits, a real beyond a double – never gets here: it is an error of its item. Nor does the
 * text of a number: 1e2 arrives as 100.0, 0.10 as 0.1.
 *
 * call_raw: over JSON text, for speed and for exactness. argument is the item as the client
 * wrote it, byte for byte: one valid JSON value in UTF-8 of size bytes, without white space
 * around it, and without a NUL after it; valid until the function returns. It writes one JSON
 * value with procpool_write() and its kin, in any number of pieces, and returns 0; or it returns
 * what procpool_fail() returns. What it wrote is checked: anything but one JSON value becomes an
 * error of the item.
 *
 * A function that returns anything but 0, or that called procpool_fail(), has failed this item;
 * its result, if any, is dropped (and released).
 */
struct procpool_function {
	const char *name;        /* [A-Za-z0-9_.:-]{1,256}; NULL ends the list */
	const char *description; /* one sentence for people, UTF-8; or NULL */
	int (*call)(struct procpool_item *item, json_t *argument, json_t **ret_result);
	int (*call_raw)(struct procpool_item *item, const char *argument, size_t size);
	const void *reserved[2]; /* NULL */
};

/*
 * The functions of one program or shared object. Everything in it must stay as it is while the
 * worker lives.
 *
 * init: called once in each worker process, before it says that it is ready. It may set
 * *ret_state, which procpool_state() then returns. Anything but 0 ends the worker before it was
 * ready: say why on stderr, the daemon shows it to the callers. NULL if there is nothing to do.
 *
 * exit: called once with that state when the worker ends in good order (never when it is killed
 * or crashes), and only if init succeeded. NULL if there is nothing to do.
 */
struct procpool_table {
	unsigned abi; /* PROCPOOL_WORKER_ABI */
	const struct procpool_function *functions;
	int (*init)(void **ret_state);
	void (*exit)(void *state);
	const void *reserved[4]; /* NULL */
};

/* What a shared object exports under this name, and the stock worker looks for. */
extern const struct procpool_table procpool_functions __attribute__((visibility("default")));

/*
 * Runs a worker with the functions of table, and those of every --load FILE or DIRECTORY in argv
 * (see --help). table may be NULL. Returns the program's exit status: 0 when the daemon ended
 * the conversation, else what was wrong is said on stderr: 64 for a wrong command line or a
 * start by hand, 78 for functions that cannot be had, 1 for an init hook that failed, 71 for an
 * error of the system, 76 for a daemon that cannot be understood.
 */
int procpool_worker_main(int argc, char *argv[], const struct procpool_table *table);

/* ---- functions that call functions ----
 *
 * A function that calls its own pool through libprocpool would wait for the worker it holds. The library therefore has
 * the worker run such items on the spot, one after the other, by this function; others may do the same.
 */

/* Runs a function of this worker on one more item, while the one at hand waits; from the thread that functions run
 * in. The time is the waiting item's, and so is the worker's death.
 * index: what procpool_index() says to it. argument: as call_raw gets it, of size bytes; NULL: nothing is run, and
 * *ret_json stays. common: a JSON value without white space around it, NUL-ended; NULL = none.
 * Returns 0, and *ret_json is the result; 1, and *ret_json is the item error, an object with the members of
 * docs/protocol.md, 1.7. Both are NUL-ended, to be freed with free(). Or -ENOENT: this process is no worker that serves,
 * or has no function of this name (a name with its pool is not known here); -ENOMEM. */
int procpool_worker_call(const char *function, uint64_t index, const char *argument, size_t size,
			 const char *common, char **ret_json);

/* ---- what a function may ask about its item ---- */

/* Position of the item in the request's input, from 0. */
uint64_t procpool_index(const struct procpool_item *item);

/* What the table's init stored; NULL without one. */
void *procpool_state(const struct procpool_item *item);

/* The common value of the request, borrowed: it is shared by the request's items and must not
 * be changed. Returns NULL if the request has none, or if jansson cannot hold it; then the
 * item has failed as well, and the function may just return. */
json_t *procpool_common(struct procpool_item *item);

/* The same as JSON text of *ret_size bytes, byte for byte as the client wrote it, without a
 * NUL after it; valid until the function returns. Returns NULL, with *ret_size 0, if the
 * request has none. */
const char *procpool_common_text(const struct procpool_item *item, size_t *ret_size);

/* ---- the result of a raw function ---- */

/* Appends to the result. Returns 0; or -1 when there is no memory or the result is larger
 * than any result may be: then the item has failed, and the function may return this. */
int procpool_write(struct procpool_item *item, const char *text, size_t size);

/* The same with a format of printf(). Mind that %g and %f follow the locale, if a function sets one. */
int procpool_print(struct procpool_item *item, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Appends a JSON string, quotes and escapes included, of size bytes of UTF-8 text, NULs
 * allowed. Bytes that are not UTF-8 become U+FFFD. Returns as procpool_write(). */
int procpool_write_string(struct procpool_item *item, const char *text, size_t size);

/* ---- errors ---- */

/* Fails the item. exception: what kind of error it is, in a word a program can compare
 * (`ValueError`); format: of printf(), what is wrong, for a person. Each is cut to 8 KiB. The
 * last call counts. Returns -1, so that a function can return it. Usable from both kinds of
 * functions. */
int procpool_fail(struct procpool_item *item, const char *exception, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds where the error came from, in lines of text; of more than 8 KiB the end is kept.
 * Without procpool_fail() it does nothing. */
void procpool_trace(struct procpool_item *item, const char *trace);

#ifdef __cplusplus
}
#endif
