#pragma once

#include <stddef.h>
#include <sys/types.h>

/* The name of a process of this machine, as the kernel knows it: of pid, if that is uid's. A daemon in a sandbox sees no
 * processes of others, and tells no names; and one in a container counts differently, which the user may give away.
 * ret is empty if there is none such. */
void program_name(pid_t pid, uid_t uid, char *ret, size_t size);
