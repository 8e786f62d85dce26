#pragma once

struct configuration;
struct configuration_error;

/* The users and groups that a configuration names, as this system knows them. */

/* Fills in the permissions of the configuration, and checks that each user is there, and can be had.
 * Returns 0; 1 for a mistake, or -ENOMEM. Both set *error. */
int users_resolve(struct configuration *configuration, struct configuration_error *error);
