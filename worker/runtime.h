#pragma once

#include "protocol/page.h"
#include "worker/registry.h"

/* The worker's side of the conversation with the daemon: hello, then chunks until the daemon ends. */

enum { RUNTIME_E_PROTOCOL = 1 };

/* Serves the functions of the registry, which is started.
 * fd: a blocking stream socket; stays open. page: the one shared with the daemon, NULL if there is none.
 * Returns 0 when the daemon ended the conversation and all that was read is answered; RUNTIME_E_PROTOCOL and
 * *ret_reason (static text) for a message that cannot be understood; -errno. */
int runtime_run(int fd, struct page *page, const struct registry *registry,
		const char **ret_reason);
