/*
 * What is compiled into programs and plugins, and what no symbol of a library tells: the numbers of the public
 * headers. Compiled by tests/abi/compatible.sh. A line is added with a new constant, and never changed.
 */
#include <procpool/client.h>
#include <procpool/worker.h>

#define RELEASED(constant, value) _Static_assert((constant) == (value), #constant " was " #value)

RELEASED(PROCPOOL_E_ANSWER, 1);
RELEASED(PROCPOOL_E_NO_DAEMON, 2);
RELEASED(PROCPOOL_E_DENIED, 3);
RELEASED(PROCPOOL_E_LOST, 4);
RELEASED(PROCPOOL_E_BAD_REPLY, 5);
RELEASED(PROCPOOL_E_BAD_INPUT, 6);
RELEASED(PROCPOOL_E_STOPPED, 7);
RELEASED(PROCPOOL_E_FULL, 8);
RELEASED(PROCPOOL_E_UNREADABLE, 9);

RELEASED(PROCPOOL_WORKER_ABI, 1);

/* Callers zero an options struct but for its size, and newer fields come last. */
static const struct procpool_options options = PROCPOOL_OPTIONS_INIT;
_Static_assert(sizeof(options.size) == sizeof(size_t), "the size was a size_t");
_Static_assert(offsetof(struct procpool_options, size) == 0, "the size came first");

/* Older callers' structs end with padding behind the flags: a new field does not lie there. */
_Static_assert(offsetof(struct procpool_options, idempotent) % sizeof(void *) == 0,
	       "idempotent began behind the padding");
_Static_assert(offsetof(struct procpool_options, priority) % sizeof(void *) == 0,
	       "priority began behind the padding");

/* Where the daemon of the machine is looked for. */
_Static_assert(sizeof(PROCPOOL_SYSTEM_SOCKET) == sizeof("/run/procpool/io.procpool"),
	       "the system's socket was /run/procpool/io.procpool");
