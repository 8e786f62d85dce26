#include "daemon/delegation.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CONTROLLERS] = {
	[CONTROLLER_CPU] = "cpu", [CONTROLLER_MEMORY] = "memory", [CONTROLLER_PIDS] = "pids"};

const char *controller_name(enum controller controller) {
	return names[controller];
}

/* Whether the text is this one number, and at most a newline. */
static bool is_pid(const char *text, pid_t pid) {
	char *end;
	long number = strtol(text, &end, 10);

	return end != text && number == pid && (*end == '\0' || strcmp(end, "\n") == 0);
}

const char *delegation_refusal(const struct delegation_facts *facts) {
	if (facts->private)
		return "the daemon is private";
	if (!facts->exec_pid || !is_pid(facts->exec_pid, facts->self))
		return "the daemon is not the main process of a service";
	if (!facts->mark || strcmp(facts->mark, "1") != 0)
		return "the service does not delegate it (Delegate=)";
	if (!facts->processes || !is_pid(facts->processes, facts->self))
		return "other processes are in it";
	return NULL;
}

unsigned delegation_controllers(const char *text) {
	unsigned found = 0;

	while (*text) {
		size_t length = strcspn(text, " \n");

		for (unsigned i = 0; i < CONTROLLERS; i++)
			if (strlen(names[i]) == length && strncmp(names[i], text, length) == 0)
				found |= 1u << i;
		text += length;
		text += strspn(text, " \n");
	}
	return found;
}

uint64_t delegation_count(const char *text, const char *key) {
	size_t length = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, length) == 0 && text[length] == ' ')
			return strtoull(text + length + 1, NULL, 10);
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return 0;
}
