#include "daemon/configuration.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/work.h"
#include "tests/fuzz/fuzz.h"

/*
 * The input up to a NUL is a file, each further text up to a NUL an argument of --set. Promises: whatever is
 * refused has a sentence; what is taken is in its range; the same text is read to the same result again.
 */
enum { ASSIGNMENTS = 8 };

static void check_refusal(int r, const struct configuration_error *error) {
	FUZZ_CHECK(r == 0 || r == 1);
	FUZZ_CHECK(memchr(error->text, '\0', sizeof error->text));
	FUZZ_CHECK(r == 0 || error->text[0]);
}

static int read_file(struct configuration *configuration, const uint8_t *data, size_t size,
		     struct configuration_error *error) {
	int fd = memfd_create("configuration", 0), r;
	char path[64];

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t) size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	error->text[0] = '\0';
	r = configuration_read(configuration, path, error);
	close(fd);
	FUZZ_CHECK(r == 0 || strncmp(error->text, path, strlen(path)) == 0);
	return r;
}

static void check_words(char *const *words) {
	for (; words && *words; words++)
		FUZZ_CHECK(**words);
}

static void check_auto_count(uint64_t n) {
	FUZZ_CHECK(n == SETTING_AUTO || (n > 0 && n <= 4096));
}

static void check_pool(const struct configuration *configuration,
		       const struct pool_configuration *pool) {
	FUZZ_CHECK(function_name_valid(pool->name, false));
	FUZZ_CHECK(strcmp(pool->name, "daemon") != 0 && strcmp(pool->name, "limits") != 0);
	FUZZ_CHECK(configuration_pool(configuration, pool->name) == pool);
	FUZZ_CHECK(pool->workers.min <= pool->workers.max && pool->where);
	check_auto_count(pool->workers.max);
	FUZZ_CHECK(!pool->directory || pool->directory[0] == '/');
	check_words(pool->command);
	for (char **word = pool->environment; word && *word; word++)
		FUZZ_CHECK(strchr(*word, '=') > *word);
}

static void check_taken(const struct configuration *configuration) {
	const uint64_t sizes[] = {
		configuration->limits.message,      configuration->limits.envelope,
		configuration->limits.reply,        configuration->limits.item,
		configuration->limits.window_bytes, configuration->limits.worker_message,
	};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		FUZZ_CHECK(sizes[i] >= 16 && sizes[i] <= UINT64_C(2) << 30);
	FUZZ_CHECK(configuration->limits.items > 0 && configuration->limits.window_items > 0);
	check_auto_count(configuration->slots);
	for (size_t i = 0; i < configuration->n_pools; i++)
		check_pool(configuration, &configuration->pools[i]);
}

/* Returns a digest of what came of it. */
static uint32_t run(const uint8_t *data, size_t size) {
	struct configuration configuration;
	struct configuration_error error = {""};
	const uint8_t *end = memchr(data, '\0', size), *next = end ? end + 1 : data + size;
	uint32_t digest = 1;
	int r;

	configuration_init(&configuration);
	r = read_file(&configuration, data, (size_t) ((end ? end : next) - data), &error);
	check_refusal(r, &error);
	FUZZ_CHECK(configuration_read(&configuration, "/", &error) < 0 && error.text[0]);
	for (int i = 0; i < ASSIGNMENTS && next < data + size; i++) {
		size_t left = (size_t) (data + size - next);
		char *assignment = strndup((const char *) next, left);

		digest = digest * 31 + (uint32_t) r;
		error.text[0] = '\0';
		r = configuration_set(&configuration, assignment, &error);
		check_refusal(r, &error);
		FUZZ_CHECK(r == 0 || strncmp(error.text, "--set ", 6) == 0);
		next += strlen(assignment) + 1;
		free(assignment);
	}
	check_taken(&configuration);
	error.text[0] = '\0';
	r = configuration_check(&configuration, &error);
	check_refusal(r, &error);
	FUZZ_CHECK(r == 1 || configuration.n_pools > 0);
	for (size_t i = 0; r == 0 && i < configuration.n_pools; i++)
		FUZZ_CHECK(configuration.pools[i].command[0]);
	digest = digest * 31 + (uint32_t) configuration.n_pools * 2 + (uint32_t) r;
	configuration_done(&configuration);
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	uint8_t *copy = (uint8_t *) fuzz_copy(data, size);
	uint32_t first = run(copy, size);

	FUZZ_CHECK(first == run(copy, size));
	free(copy);
	return 0;
}
