#pragma once

#include <syslog.h>

/*
 * One line a call to stderr, where the journal or a terminal reads it. Never blocks: a line that stderr does not
 * take now is dropped and counted, and the next line says how many were.
 */

/* priority: LOG_ERR … LOG_DEBUG. */
__attribute__((format(printf, 2, 3))) void log_line(int priority, const char *format, ...);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)

/* Lines less important than this are not written; LOG_INFO unless said otherwise. */
void log_set_level(int priority);
