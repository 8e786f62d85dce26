#include "daemon/strings.h"

#include <stdlib.h>
#include <string.h>

size_t strings_count(char *const *strings) {
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

char **strings_copy(char *const *strings) {
	size_t n = strings_count(strings);
	char **copy = calloc(n + 1, sizeof *copy);

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(strings[i]);
		if (!copy[i]) {
			strings_free(copy);
			return NULL;
		}
	}
	return copy;
}

void strings_free(char **strings) {
	for (char **string = strings; string && *string; string++)
		free(*string);
	free(strings);
}
