#pragma once

#include <stdbool.h>
#include <stddef.h>

struct call;
struct conn;
struct conn_call;
struct error;

/* Tables of methods, and which of them a call names. */

struct conn_method {
	const char *name; /* without the interface */
	bool more;        /* streams replies to a call with 'more' */
	bool upgrade;     /* must be called with 'upgrade' */
	/* Answers with conn_reply() or conn_fail(), now or later; a oneway call may be answered too, in vain.
	 * NULL: not built yet. */
	void (*run)(void *context, struct conn *conn, struct conn_call *call);
};

struct conn_interface {
	const char *name;                  /* "io.procpool" */
	const char *description;           /* what GetInterfaceDescription returns */
	const struct conn_method *methods; /* ended by a NULL name */
	void *context;                     /* for the methods */
};

/* The method that the call names and may call like this, and its context; or NULL and *error. */
const struct conn_method *method_find(const struct conn_interface *interfaces, size_t n_interfaces,
				      const struct call *call, void **ret_context,
				      struct error *error);
