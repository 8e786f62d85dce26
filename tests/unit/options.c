#include "daemon/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* What went to stdout and stderr. */
struct printed {
	char text[8192];
};

/* Parses a command line, its words separated by spaces. */
static int parse(struct options *ret, struct printed *printed, const char *line) {
	static char words[512];
	char *argv[32] = {"procpoold"};
	int argc = 1, status, saved[2];
	FILE *file = tmpfile();
	ssize_t n;

	snprintf(words, sizeof words, "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(1 + i);
		dup2(fileno(file), 1 + i);
	}
	optind = 0;
	status = options_parse(ret, argc, argv);
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		dup2(saved[i], 1 + i);
		close(saved[i]);
	}
	n = pread(fileno(file), printed->text, sizeof printed->text - 1, 0);
	printed->text[n > 0 ? n : 0] = '\0';
	fclose(file);
	return status;
}

UNIT_TEST(options, without_any_everything_is_the_default) {
	struct options options;
	struct printed printed;

	cr_assert_eq(parse(&options, &printed, ""), -1);
	cr_assert_null(options.config);
	cr_assert_eq(options.n_sets, 0);
	cr_assert_null(options.socket);
	cr_assert(!options.user);
	cr_assert_eq(options.private_fd, -1);
	cr_assert_eq(options.exit_on_idle, UINT64_MAX);
	cr_assert_str_eq(printed.text, "");
	options_done(&options);
}

UNIT_TEST(options, each_is_taken) {
	struct options options;
	struct printed printed;
	int fd = fcntl(0, F_DUPFD, 10), again;
	char line[128];

	snprintf(line, sizeof line,
		 "--config /c --set a.b=1 --socket=/s --set c.d={\"x\"} --private %d "
		 "--exit-on-idle=10min",
		 fd);
	cr_assert_eq(parse(&options, &printed, line), -1, "%s", printed.text);
	cr_assert_str_eq(options.config, "/c");
	cr_assert_eq(options.n_sets, 2);
	cr_assert_str_eq(options.sets[0], "a.b=1");
	cr_assert_str_eq(options.sets[1], "c.d={\"x\"}");
	cr_assert_str_eq(options.socket, "/s");
	cr_assert_eq(options.private_fd, fd);
	cr_assert_eq(options.exit_on_idle, UINT64_C(600000000));
	options_done(&options);
	again = fcntl(fd, F_GETFD);
	cr_assert(again & FD_CLOEXEC, "no worker inherits the private descriptor");
	snprintf(line, sizeof line, "--private %d --user", fd);
	cr_assert_eq(parse(&options, &printed, line), OPTIONS_EXIT_USAGE);
	cr_assert_not_null(strstr(printed.text, "--user and --private exclude each other.\n"));
	close(fd);
}

UNIT_TEST(options, user_stands_beside_those_that_name_no_files) {
	struct options options;
	struct printed printed;

	cr_assert_eq(parse(&options, &printed, "--user --socket /s --set a.b=1"), -1, "%s",
		     printed.text);
	cr_assert(options.user);
	cr_assert_str_eq(options.socket, "/s");
	options_done(&options);
}

UNIT_TEST(options, help_and_version_are_printed) {
	struct options options;
	struct printed printed;

	cr_assert_eq(parse(&options, &printed, "--help"), 0);
	cr_assert_eq(strncmp(printed.text, "Usage: procpoold [OPTION]...\n", 29), 0);
	for (const char *const *name =
		     (const char *const[]) {"--config FILE", "--set SECTION.KEY=VALUE",
					    "--socket PATH", "--user ", "--private FD",
					    "--exit-on-idle TIME", "--help", "--version",
					    "Exit status: 0 ", NULL};
	     *name; name++)
		cr_assert_not_null(strstr(printed.text, *name), "%s", *name);

	cr_assert_eq(parse(&options, &printed, "--version"), 0);
	cr_assert_str_eq(printed.text, "procpoold " PACKAGE_VERSION "\n");
	cr_assert_eq(parse(&options, &printed, "--set a.b=1 --version"), 0);
}

UNIT_TEST(options, a_mistake_is_named) {
	static const struct {
		const char *line, *printed;
	} table[] = {
		{"now", "procpoold takes no argument such as 'now'.\n"},
		{"-- --help", "procpoold takes no argument such as '--help'.\n"},
		{"--frobnicate", "procpoold: unrecognized option '--frobnicate'\n"},
		{"-x", "procpoold: invalid option -- 'x'\n"},
		{"--config", "procpoold: option '--config' requires an argument\n"},
		{"--help=me", "procpoold: option '--help' doesn't allow an argument\n"},
		{"--private x", "procpoold: --private takes an open descriptor, not 'x'.\n"},
		{"--private 2", "procpoold: --private takes an open descriptor, not '2'.\n"},
		{"--private -1", "procpoold: --private takes an open descriptor, not '-1'.\n"},
		{"--private 1000", "procpoold: --private takes an open descriptor, not '1000'.\n"},
		{"--user --config /c", "procpoold: --user and --config exclude each other.\n"},
		{"--user=ada", "procpoold: option '--user' doesn't allow an argument\n"},
		{"--private 99999999999",
		 "procpoold: --private takes an open descriptor, not '99999999999'.\n"},
		{"--exit-on-idle soon",
		 "procpoold: --exit-on-idle takes a time such as 10min, not 'soon'.\n"},
		{"--exit-on-idle 0",
		 "procpoold: --exit-on-idle takes a time such as 10min, not '0'.\n"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct options options = {.private_fd = 77};
		struct printed printed;
		char expected[256];

		snprintf(expected, sizeof expected, "%sprocpoold --help shows what there is.\n",
			 table[i].printed);
		cr_assert_eq(parse(&options, &printed, table[i].line), OPTIONS_EXIT_USAGE);
		cr_assert_str_eq(printed.text, expected, "%s prints: %s", table[i].line,
				 printed.text);
		cr_assert_eq(options.private_fd, 77, "nothing is returned");
	}
}

UNIT_TEST(options, without_memory_it_exits) {
	struct options options;
	struct printed printed;

	unit_fail(1);
	cr_assert_eq(parse(&options, &printed, "--set a.b=1"), 1);
	cr_assert(unit_failed());
}
