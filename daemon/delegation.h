#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Whether a control group (of version 2) is the daemon's to divide, and what can be limited there: from the texts of its
 * files. Pure.
 */

enum controller { CONTROLLER_CPU, CONTROLLER_MEMORY, CONTROLLER_PIDS };
#define CONTROLLERS (CONTROLLER_PIDS + 1)

struct delegation_facts {
	bool private;         /* the daemon is a program's own */
	pid_t self;           /* of the daemon */
	const char *exec_pid; /* the variable SYSTEMD_EXEC_PID, or NULL */
	const char *
		mark; /* what the group's attribute user.delegate or trusted.delegate says, or NULL */
	const char *processes; /* the text of cgroup.procs; NULL = cannot be read */
};

/* Returns NULL if the group was made for the daemon alone and is delegated to it; or why it is not to be touched: the end
 * of a sentence. A shell in a delegated group, say, has the mark and the variable, but not as its main process. */
const char *delegation_refusal(const struct delegation_facts *facts);

const char *controller_name(enum controller controller);
/* The bits 1 << CONTROLLER_… of those that a text such as "cpuset cpu io memory pids" names. */
unsigned delegation_controllers(const char *text);

/* The number that belongs to the key in a text of lines "key number"; 0 if there is none, or no text. */
uint64_t delegation_count(const char *text, const char *key);
