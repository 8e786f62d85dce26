#pragma once

#include <stdbool.h>

/* What happened in a play, line by line on stderr: only when a play that fails is played again. */

void transcript_show(bool shown);
bool transcript_is_shown(void);
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* A promise is broken: says so and aborts. */
__attribute__((noreturn, format(printf, 1, 2))) void broken(const char *format, ...);
