#pragma once

#include "daemon/conn.h"

/* org.varlink.service, which every Varlink service offers beside its own interfaces. */

struct service {
	const char *product;                     /* for GetInfo */
	const struct conn_interface *interfaces; /* this one included */
	size_t n_interfaces;
};

/* A struct conn_interface of these has a struct service as its context. */
#define SERVICE_NAME "org.varlink.service"
extern const char service_description[];
extern const struct conn_method service_methods[];
