#pragma once

struct configuration;
struct configuration_error;
struct options;

/*
 * Where the configuration comes from: the files of the system, of the user, or the one that is named; the command line's
 * --set over them; and the stock worker's pool where nobody configured any.
 */

/* Reads it into *ret, which is initialised, and checks it; at the start, and again for each reload. Returns 0, or another
 * number and *error. */
int sources_read(const struct options *options, struct configuration *ret,
		 struct configuration_error *error);
