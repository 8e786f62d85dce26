#pragma once

#include <syslog.h>

#include "daemon/entry.h"

/*
 * What the daemon says: to the journal, with fields, where stderr is the journal's; else one line a call on stderr.
 * Never blocks: what is not taken now is dropped and counted, and the next line says how many were.
 */

/* Finds out whether stderr is the journal's; before that, and where it is not, stderr is written to. */
void log_open(void);

/* priority: LOG_ERR … LOG_DEBUG. */
__attribute__((format(printf, 2, 3))) void log_line(int priority, const char *format, ...);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* The same of something in ENTRY_LIST, as important as that says; fields: whom it is about, or NULL. */
__attribute__((format(printf, 3, 4))) void
log_event(enum entry_kind kind, const struct entry_fields *fields, const char *format, ...);

/* A line that a worker printed. label: the worker's, in front of the line where there are no fields. */
void log_output(int priority, const struct entry_fields *fields, const char *label,
		const char *line, size_t size);

/* Lines less important than this are not written; LOG_INFO unless said otherwise. */
void log_set_level(int priority);
