#pragma once

#include <procpool/client.h>

/* What people read on stderr, and the exit code that goes with it. */

/* One line "procpool: …" on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit code of an error. */
int error_exit_code(const struct procpool_error *error);

/* Says what is wrong and what to do. Returns the exit code. */
int report_error(const struct procpool_error *error);

/* A number from 1 to 4294967295. Returns 0, -EINVAL. */
int parse_number(const char *text, unsigned *ret);
/* A time in seconds over 0, with or without a fraction. Returns 0, -EINVAL. */
int parse_seconds(const char *text, double *ret);

/* A number from -20 to 19. Returns 0, -EINVAL. */
int parse_priority(const char *text, int32_t *ret);
