#pragma once

#include "worker/registry.h"

/* Functions that the worker runs for another of its functions, on the spot: procpool_worker_call(). */

/* From now on calls find the functions of the registry, which is started; NULL: none. */
void nested_serve(const struct registry *registry);
