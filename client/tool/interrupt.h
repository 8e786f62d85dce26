#pragma once

#include <stdbool.h>

struct private_daemon;

/*
 * Signals that end the tool. Closing is cancelling, so there is nothing to say to a daemon; but a private one
 * is stopped and waited for first.
 */

/* Installs the handlers; daemon (or NULL) must be valid until the next call. */
void interrupt_guard(struct private_daemon *daemon);

/* Keeps the signals out (true) while the daemon's struct changes. */
void interrupt_block(bool block);

/* Whether a progress line stands on the terminal and is to be wiped. */
void interrupt_wipe(bool wipe);
