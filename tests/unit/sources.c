#include "daemon/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/configuration.h"
#include "daemon/options.h"
#include "tests/unit/unit.h"

/*
 * A user's configuration in a directory of its own: which files are read, in which order, and what is made of none. Those
 * of the system are found by the same code, at a place that is not ours to write to.
 */

struct place {
	char root[32];
	struct configuration configuration;
	struct configuration_error error;
	struct options options;
};

static void make(struct place *place) {
	char path[64];

	*place = (struct place) {.root = "/tmp/sources-XXXXXX",
				 .options = {.user = true, .private_fd = -1}};
	cr_assert_not_null(mkdtemp(place->root));
	snprintf(path, sizeof path, "%s/procpool", place->root);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/procpool/conf.d", place->root);
	cr_assert_eq(mkdir(path, 0700), 0);
	setenv("XDG_CONFIG_HOME", place->root, 1);
}

static void write_file(const struct place *place, const char *name, const char *text) {
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", place->root, name);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static int read_all(struct place *place) {
	configuration_init(&place->configuration);
	return sources_read(&place->options, &place->configuration, &place->error);
}

static void unmake(struct place *place) {
	char command[64];

	configuration_done(&place->configuration);
	snprintf(command, sizeof command, "rm -r %s", place->root);
	cr_assert_eq(system(command), 0);
}

static void expect_error(struct place *place, const char *text) {
	cr_assert_neq(read_all(place), 0);
	cr_assert_not_null(strstr(place->error.text, text), "%s", place->error.text);
}

#define POOL       "pool p { command = {\"/bin/worker\"} workers = 2 }\n"
#define WORKERS(n) "pool p { workers = " #n " }\n"

static uint64_t workers(const struct place *place) {
	const struct pool_configuration *pool = configuration_pool(&place->configuration, "p");

	cr_assert_not_null(pool);
	return pool->workers.max;
}

/* -------- files -------- */

UNIT_TEST(sources, drop_ins_are_read_over_the_main_file_by_their_names) {
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", POOL);
	write_file(&place, "procpool/conf.d/20-more.conf", WORKERS(5));
	write_file(&place, "procpool/conf.d/10-less.conf", WORKERS(3));
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(workers(&place), 5);
	unmake(&place);
}

UNIT_TEST(sources, what_is_no_drop_in_by_its_name_is_left_alone) {
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", POOL);
	write_file(&place, "procpool/conf.d/.hidden.conf", "nonsense\n");
	write_file(&place, "procpool/conf.d/old.conf.bak", "nonsense\n");
	write_file(&place, "procpool/conf.d/conf", "nonsense\n");
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(workers(&place), 2);
	unmake(&place);
}

UNIT_TEST(sources, drop_ins_need_no_main_file) {
	struct place place;

	make(&place);
	write_file(&place, "procpool/conf.d/p.conf", POOL);
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(place.configuration.n_pools, 1);
	cr_assert_eq(workers(&place), 2);
	unmake(&place);
}

UNIT_TEST(sources, a_mistake_ends_it_and_is_named_with_its_file) {
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", POOL);
	write_file(&place, "procpool/conf.d/10-wrong.conf", "nonsense\n");
	write_file(&place, "procpool/conf.d/20-wrong.conf", "nonsense\n");
	expect_error(&place, "procpool/conf.d/10-wrong.conf:1");
	unmake(&place);
}

UNIT_TEST(sources, a_directory_that_is_none_is_named) {
	struct place place;
	char path[64];

	make(&place);
	snprintf(path, sizeof path, "%s/procpool/conf.d", place.root);
	cr_assert_eq(rmdir(path), 0);
	write_file(&place, "procpool/procpool.conf", POOL);
	write_file(&place, "procpool/conf.d", "");
	expect_error(&place, "procpool/conf.d: Not a directory");
	unmake(&place);
}

UNIT_TEST(sources, a_named_file_is_read_instead_of_all) {
	struct place place;
	char path[64];

	make(&place);
	write_file(&place, "procpool/procpool.conf", "nonsense\n");
	write_file(&place, "procpool/conf.d/10.conf", WORKERS(7));
	write_file(&place, "named", POOL);
	snprintf(path, sizeof path, "%s/named", place.root);
	place.options.config = path;
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(workers(&place), 2);
	unmake(&place);
}

UNIT_TEST(sources, home_is_where_no_other_place_is_said) {
	struct place place;
	char path[64];

	make(&place);
	snprintf(path, sizeof path, "%s/.config", place.root);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/.config/procpool", place.root);
	cr_assert_eq(mkdir(path, 0700), 0);
	write_file(&place, ".config/procpool/procpool.conf", POOL);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	setenv("HOME", place.root, 1);
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(workers(&place), 2);
	unmake(&place);
}

UNIT_TEST(sources, without_a_home_a_file_must_be_named) {
	struct place place;

	make(&place);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	expect_error(&place, "say what to read with --config FILE");
	unmake(&place);
}

/* -------- the command line, and nothing -------- */

UNIT_TEST(sources, the_command_line_has_the_last_word) {
	const char *sets[] = {"p.workers=4", "p.workers=6"};
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", POOL);
	write_file(&place, "procpool/conf.d/10.conf", WORKERS(3));
	place.options.sets = sets;
	place.options.n_sets = 2;
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(workers(&place), 6);
	unmake(&place);
}

UNIT_TEST(sources, with_no_pool_configured_there_is_the_stock_one) {
	const struct pool_configuration *pool;
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", "daemon { slots = 3 }\n");
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(place.configuration.slots, 3);
	cr_assert_eq(place.configuration.n_pools, 1);
	pool = configuration_pool(&place.configuration, "default");
	cr_assert_not_null(pool);
	cr_assert_not_null(strstr(pool->command[0], "/procpool-worker"));
	unmake(&place);
}

UNIT_TEST(sources, a_private_daemon_has_what_its_command_line_says) {
	const char *sets[] = {"mine.command={\"/bin/worker\"}"};
	struct place place;

	make(&place);
	write_file(&place, "procpool/procpool.conf", POOL);
	place.options.private_fd = 0;
	place.options.sets = sets;
	place.options.n_sets = 1;
	cr_assert_eq(read_all(&place), 0, "%s", place.error.text);
	cr_assert_eq(place.configuration.n_pools, 1);
	cr_assert_not_null(configuration_pool(&place.configuration, "mine"));
	configuration_done(&place.configuration);

	place.options.n_sets = 0;
	expect_error(&place, "pool");
	unmake(&place);
}

UNIT_TEST(sources, a_named_file_without_a_pool_is_a_mistake) {
	struct place place;
	char path[64];

	make(&place);
	write_file(&place, "named", "daemon { slots = 3 }\n");
	snprintf(path, sizeof path, "%s/named", place.root);
	place.options.config = path;
	expect_error(&place, "pool");
	unmake(&place);
}
