#pragma once

#include "worker/registry.h"

/* Loads a shared object that exports procpool_functions, or every *.so of a directory in the order of their
 * names. They stay loaded. Returns as registry_add(). */
int plugin_load(struct registry *registry, const char *path);
