#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Runs the target over each file of its corpus, or over the files named on the command line, and
 * reports by TAP. An input that breaks a promise aborts the program, and TAP's plan is missed. */

static int replay(const char *path) {
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		printf("Bail out! cannot open %s\n", path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	printf("ok - %s\n", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return 0;
}

static int is_input(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

static int replay_corpus(const char *folder) {
	struct dirent **entries;
	char path[4096];
	int n = scandir(folder, &entries, is_input, alphasort), r = 0;

	if (n <= 0) {
		printf("Bail out! no corpus in %s\n", folder);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) <
		    (int) sizeof(path))
			r |= replay(path);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int main(int argc, char **argv) {
	const char *source = getenv("srcdir");
	char folder[4096];
	int r = 0;

	if (argc == 1) {
		snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/" FUZZ_NAME,
			 source ? source : ".");
		return replay_corpus(folder);
	}
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		r |= replay(argv[i]);
	return r;
}
