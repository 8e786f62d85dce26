#pragma once

#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/operations.h"
#include "daemon/delivery.h"
#include "daemon/watch.h"

struct channel_loop;
struct configuration;
struct dispatch;
struct reload;
struct status_facts;

/* The methods of io.procpool: parameters in, a request or a reply out. */

struct api {
	const struct channel_loop *loop;
	struct dispatch *dispatch;
	const struct configuration *configuration;
	struct quota *quota; /* NULL: nothing is charged */
	/* The daemon's state and numbers, as Status reports them. */
	void (*facts)(void *context, struct status_facts *ret);
	void *context;
	uint64_t last_common; /* id of the last common value */
	struct watch_list watches;
	struct operations operations;
	struct reload *reload;
	struct delivery_setup deliveries; /* set up by api_interface() */
};

/* The interface; its context is the struct api, which must not move any more. */
struct conn_interface api_interface(struct api *api);
