#include "worker/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

__attribute__((format(printf, 2, 3))) static int bad(struct registry *registry, const char *format,
						     ...) {
	va_list args;

	va_start(args, format);
	vsnprintf(registry->reason, sizeof registry->reason, format, args);
	va_end(args);
	return REGISTRY_E_BAD;
}

/* dlerror() mostly begins with the path, which the sentence has already. */
static const char *dl_reason(const char *path) {
	const char *text = dlerror();

	if (!text)
		return "unknown reason";
	if (strncmp(text, path, strlen(path)) == 0 &&
	    strncmp(text + strlen(path), ": ", strlen(": ")) == 0)
		text += strlen(path) + strlen(": ");
	return text;
}

static int load_file(struct registry *registry, const char *path) {
	const struct procpool_table *table;
	/* A name without a slash would be looked for in the libraries' directories. */
	char *real = realpath(path, NULL);
	void *handle;

	if (!real)
		return errno == ENOMEM ? -ENOMEM
				       : bad(registry, "cannot load %s: %s", path, strerror(errno));
	handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		bad(registry, "cannot load %s: %s", path, dl_reason(real));
		free(real);
		return REGISTRY_E_BAD;
	}
	free(real);
	table = dlsym(handle, "procpool_functions");
	if (!table)
		return bad(registry,
			   "cannot load %s: it exports no procpool_functions "
			   "(see <procpool/worker.h>)",
			   path);
	return registry_add(registry, table, path);
}

static int is_plugin(const struct dirent *entry) {
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 3 &&
	       strcmp(entry->d_name + length - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_directory(struct registry *registry, const char *path) {
	struct dirent **names = NULL;
	int r = 0, n = scandir(path, &names, is_plugin, by_name);

	if (n < 0)
		return errno == ENOMEM ? -ENOMEM
				       : bad(registry, "cannot read %s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (r == 0) {
			if (asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
				r = -ENOMEM;
			else
				r = load_file(registry, file);
			free(file);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int plugin_load(struct registry *registry, const char *path) {
	struct stat stat_;

	if (stat(path, &stat_) < 0)
		return bad(registry, "cannot load %s: %s", path, strerror(errno));
	return S_ISDIR(stat_.st_mode) ? load_directory(registry, path) : load_file(registry, path);
}
