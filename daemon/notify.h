#pragma once

#include <stdint.h>

/* What the service manager is told; all of it is nothing without one. */

/* READY=1, or the start may take us µs more. */
void notify_ready(void);
void notify_extend(uint64_t us);
void notify_stopping(void);
/* The configuration is read again; notify_ready() tells that this is over. */
void notify_reloading(uint64_t now);
/* One line for people. */
void notify_status(const char *line);
void notify_watchdog(void);
/* µs within which a watchdog ping is expected; 0 = no watchdog. */
uint64_t notify_watchdog_period(void);
