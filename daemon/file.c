#include "daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_all(FILE *file) {
	size_t capacity = 4096, n = 0;
	char *text = malloc(capacity), *larger;

	while (text && (n += fread(text + n, 1, capacity - 1 - n, file)) == capacity - 1) {
		larger = realloc(text, capacity *= 2);
		if (!larger)
			free(text);
		text = larger;
	}
	if (text)
		text[n] = '\0';
	return text;
}

char *file_read(const char *path) {
	FILE *file = fopen(path, "re");
	char *text;

	if (!file)
		return NULL;
	text = read_all(file);
	fclose(file);
	return text;
}

char *file_read_in(const char *root, const char *directory, const char *name) {
	char *path, *text;

	if (asprintf(&path, "%s%s/%s", root, directory, name) < 0)
		return NULL;
	text = file_read(path);
	free(path);
	return text;
}

int file_write_in(const char *directory, const char *name, const char *text) {
	char *path;
	ssize_t n;
	int fd, r;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : 0;
	free(path);
	if (fd < 0)
		return r;
	n = write(fd, text, strlen(text));
	r = n < 0 ? -errno : 0;
	close(fd);
	return r;
}
