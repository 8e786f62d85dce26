#pragma once

#include <stdbool.h>

#include "daemon/conn.h"
#include "daemon/intake.h"
#include "daemon/service.h"

struct channel_loop;
struct configuration;
struct quota;

/*
 * Who is connected: whoever may becomes a client, which can call the interfaces of the daemon and send as much as the
 * configuration says.
 */

struct clients_setup {
	const struct channel_loop *loop;
	struct conn_interface api; /* what is offered beside org.varlink.service */
	struct quota *quota;
	bool private; /* nobody but our own user may */
	/* A client is gone. */
	void (*closed)(void *context);
	void *context;
};

struct clients {
	struct conn_list all;
	bool private;
	struct service service;
	struct conn_interface interfaces[2];
	struct intake_limits limits;
	struct conn_setup each;
};

/* Must not move any more. */
void clients_init(struct clients *clients, const struct clients_setup *setup,
		  const struct configuration *configuration);
/* Drops all of them without a word; fine if clients is zeroed. */
void clients_done(struct clients *clients);

/* The configuration says something else. */
void clients_set_limits(struct clients *clients, const struct configuration *configuration);

/* fd: connected, non-blocking; taken. */
void clients_accept(struct clients *clients, int fd, const struct peer *peer);
