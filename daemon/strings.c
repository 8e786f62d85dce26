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

bool strings_equal(char *const *a, char *const *b) {
	size_t n = strings_count(a);

	if (n != strings_count(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}
