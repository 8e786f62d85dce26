#pragma once

/* The standard streams, as a careful program treats them. */

/* Makes sure that no other file gets the number of a standard stream that the caller closed: reading and writing such
 * a one fails as it should. And at exit, whatever stdio could not write is complained about: EXIT_OUTPUT. */
void standard_init(void);
