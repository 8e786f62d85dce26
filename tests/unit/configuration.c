#include "daemon/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define FILE_NAME "test.conf"

/* Tests run side by side, so each has a directory of its own. */
static int read_text(struct configuration *c, const char *text, struct configuration_error *error) {
	char directory[] = "/tmp/configuration-XXXXXX";
	FILE *file;
	int r;

	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	file = fopen(FILE_NAME, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	r = configuration_read(c, FILE_NAME, error);
	unlink(FILE_NAME);
	rmdir(directory);
	return r;
}

/* Lists as "a|b|c"; NULL as "-". */
static const char *joined(char **list) {
	static char text[512];

	strcpy(text, list ? "" : "-");
	for (char **word = list; word && *word; word++) {
		if (word != list)
			strcat(text, "|");
		strcat(text, *word);
	}
	return text;
}

/* -------- what is understood -------- */

/* "The defaults are:"
 * "one message, one object of a stream | 16 MiB | `MessageTooLarge`"
 * "of it, all but items, argument and common | 64 KiB | `MalformedMessage`"
 * "items in one call | 1 000 000 | `TooManyItems`; streams have no such limit"
 * "one item, argument | 4 MiB | `ItemTooLarge`"
 * "one result | 4 MiB | item error `ResultTooLarge`"
 * "results of a `Map` without `more`, together | 16 MiB | `ReplyTooLarge`"
 * "results not yet sent, with `more` and in streams | 65 536 items, 8 MiB | no error: nothing new
 * starts but, in order of the input, what is before the first of them"
 * "an unfinished message | 30 s without a byte, 10 min in all | `TimedOut`"
 * "connections | 4096, of one user 1024 | `TooManyConnections`, before anything was read"
 * "items of one user: received, and their results not sent | 4 194 304 | `QueueFull`, with the
 * scope `user`"
 * "bytes held for one user | 256 MiB | `QueueFull`, with the scope `user`"
 * "a message over 16 MiB (`limits.worker_message`);" */
UNIT_TEST(configuration, without_a_file_everything_has_its_default) {
	struct configuration c;

	configuration_init(&c);
	cr_assert_eq(c.slots, SETTING_AUTO);
	cr_assert_eq(c.drain_timeout, 60000000);
	cr_assert_eq(c.log_level, SETTING_AUTO);
	cr_assert_eq(c.limits.message, 16 << 20);
	cr_assert_eq(c.limits.envelope, 64 << 10);
	cr_assert_eq(c.limits.reply, 16 << 20);
	cr_assert_eq(c.limits.items, 1000000);
	cr_assert_eq(c.limits.item, 4 << 20);
	cr_assert_eq(c.limits.worker_message, 16 << 20);
	cr_assert_eq(c.limits.window_items, 65536);
	cr_assert_eq(c.limits.window_bytes, 8 << 20);
	cr_assert_eq(c.limits.connections, 4096);
	cr_assert_eq(c.limits.user_connections, 1024);
	cr_assert_eq(c.limits.user_items, 4 << 20);
	cr_assert_eq(c.limits.user_bytes, 256 << 20);
	cr_assert_eq(c.limits.total_bytes, 0, "as the machine has memory");
	cr_assert_eq(c.limits.message_timeout, 30000000);
	cr_assert_eq(c.limits.message_timeout_total, 600000000);
	cr_assert_eq(c.n_pools, 0);
	cr_assert_null(configuration_pool(&c, "default"));
	configuration_done(&c);
}

/* "All but the depth and the number can be changed in the configuration (section `limits`)." */
UNIT_TEST(configuration, every_key_is_taken) {
	struct configuration_error error;
	struct configuration c;
	const struct pool_configuration *pool;

	configuration_init(&c);
	cr_assert_eq(read_text(&c,
			       "# a comment\n"
			       "daemon {\n"
			       "    slots = 3\n"
			       "    drain_timeout = \"1min 30s\"\n"
			       "}\n"
			       "limits {\n"
			       "    message = 1M  envelope = 2K\n"
			       "    reply = 3M\n"
			       "    items = 4\n"
			       "    item = 5K\n"
			       "    worker_message = 2G\n"
			       "    window_items = 7\n"
			       "    window_bytes = 16\n"
			       "    connections = 9\n"
			       "    user_connections = 8\n"
			       "    user_items = 7\n"
			       "    user_bytes = 16G\n"
			       "    total_bytes = infinity\n"
			       "    message_timeout = 100ms\n"
			       "    message_timeout_total = infinity\n"
			       "}\n"
			       "pool default {\n"
			       "    command = {\"/bin/w\", \"--load\", \"a b\"}\n"
			       "    workers = 1..auto\n"
			       "    idle_timeout = 5min\n"
			       "    slots = no\n"
			       "    start_timeout = 5s\n"
			       "    environment = {\"A=1\", \"B=x=y\", \"C=\"}\n"
			       "    directory = /srv\n"
			       "    memory_max = 64M  pids_max = 9  oom_score_adj = 500\n"
			       "    limits = {\"core=0\", \"as=4G\"}\n"
			       "}\n"
			       "pool other.pool { command = {/bin/x} workers = auto }\n",
			       &error),
		     0, "%s", error.text);
	cr_assert_eq(c.slots, 3);
	cr_assert_eq(c.limits.message, 1 << 20);
	cr_assert_eq(c.limits.envelope, 2 << 10);
	cr_assert_eq(c.limits.reply, 3 << 20);
	cr_assert_eq(c.limits.items, 4);
	cr_assert_eq(c.limits.item, 5 << 10);
	cr_assert_eq(c.limits.worker_message, UINT64_C(2) << 30);
	cr_assert_eq(c.limits.window_items, 7);
	cr_assert_eq(c.limits.window_bytes, 16);
	cr_assert_eq(c.limits.connections, 9);
	cr_assert_eq(c.limits.user_connections, 8);
	cr_assert_eq(c.limits.user_items, 7);
	cr_assert_eq(c.limits.user_bytes, UINT64_C(16) << 30);
	cr_assert_eq(c.limits.total_bytes, UINT64_MAX);
	cr_assert_eq(c.limits.message_timeout, 100000);
	cr_assert_eq(c.limits.message_timeout_total, UINT64_MAX);
	cr_assert_eq(c.n_pools, 2);
	pool = configuration_pool(&c, "default");
	cr_assert_str_eq(joined(pool->command), "/bin/w|--load|a b");
	cr_assert_str_eq(joined(pool->environment), "A=1|B=x=y|C=");
	cr_assert_str_eq(pool->directory, "/srv");
	cr_assert_eq(pool->workers.min, 1);
	cr_assert_eq(pool->workers.max, SETTING_AUTO);
	cr_assert_eq(pool->idle_timeout, 300000000);
	cr_assert_not(pool->slots);
	cr_assert_eq(pool->start_timeout, 5000000);
	cr_assert_str_eq(pool->where, FILE_NAME ":34");
	cr_assert_eq(pool->memory_max, 64 << 20);
	cr_assert_eq(pool->pids_max, 9);
	cr_assert_eq(pool->oom_score_adj, 500);
	cr_assert_str_eq(joined(pool->limits), "core=0|as=4G");
	pool = configuration_pool(&c, "other.pool");
	cr_assert_str_eq(joined(pool->command), "/bin/x");
	cr_assert_str_eq(joined(pool->environment), "-");
	cr_assert_null(pool->directory);
	cr_assert_eq(pool->workers.min, SETTING_AUTO);
	cr_assert_eq(pool->workers.max, SETTING_AUTO);
	cr_assert_eq(pool->idle_timeout, 60000000);
	cr_assert(pool->slots);
	cr_assert_eq(pool->start_timeout, 30000000);
	cr_assert_eq(pool->memory_max, UINT64_MAX);
	cr_assert_eq(pool->pids_max, UINT64_MAX);
	cr_assert_eq(pool->oom_score_adj, SETTING_AUTO);
	cr_assert_null(pool->limits);
	cr_assert_eq(configuration_check(&c, &error), 0);
	configuration_done(&c);
}

UNIT_TEST(configuration, a_later_file_replaces_what_it_sets_and_nothing_else) {
	struct configuration_error error;
	struct configuration c;
	const struct pool_configuration *pool;

	configuration_init(&c);
	cr_assert_eq(read_text(&c,
			       "daemon { slots = 3 drain_timeout = 5s }\n"
			       "limits { items = 4 }\n"
			       "pool a { command = {/a, x} workers = 2 environment = {\"A=1\"} }\n",
			       &error),
		     0, "%s", error.text);
	cr_assert_eq(read_text(&c,
			       "daemon { slots = auto }\n"
			       "limits { item = 5K }\n"
			       "pool b { command = {/b} }\n"
			       "pool a { command = {/c} directory = /d }\n",
			       &error),
		     0, "%s", error.text);
	cr_assert_eq(c.slots, SETTING_AUTO);
	cr_assert_eq(c.drain_timeout, 5000000);
	cr_assert_eq(c.limits.items, 4);
	cr_assert_eq(c.limits.item, 5 << 10);
	cr_assert_eq(c.n_pools, 2);
	pool = configuration_pool(&c, "a");
	cr_assert_str_eq(joined(pool->command), "/c");
	cr_assert_str_eq(joined(pool->environment), "A=1");
	cr_assert_str_eq(pool->directory, "/d");
	cr_assert_eq(pool->workers.min, 2);
	cr_assert_eq(pool->workers.max, 2);
	cr_assert_str_eq(pool->where, FILE_NAME ":3", "where it was first named");
	configuration_done(&c);
}

UNIT_TEST(configuration, set_assigns_one_key_on_top) {
	static const char *const sets[] = {
		"daemon.slots=4",
		"limits.items=9",
		"limits.message_timeout=infinity",
		"default.command={\"/bin/w\", \"--load\", \"x.so\"}",
		"default.workers=2",
		"default.workers=0..3",
		"default.environment={\"A=1\"}",
		"my.pool.command={/bin/y}",
		"my.pool.directory=\"/with space\"",
		"daemons.command={/bin/z}",
	};
	struct configuration_error error;
	struct configuration c;

	configuration_init(&c);
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		cr_assert_eq(configuration_set(&c, sets[i], &error), 0, "%s: %s", sets[i],
			     error.text);
	cr_assert_eq(c.slots, 4);
	cr_assert_eq(c.limits.items, 9);
	cr_assert_eq(c.limits.message_timeout, UINT64_MAX);
	cr_assert_eq(c.n_pools, 3);
	cr_assert_str_eq(joined(configuration_pool(&c, "default")->command), "/bin/w|--load|x.so");
	cr_assert_eq(configuration_pool(&c, "default")->workers.min, 0);
	cr_assert_eq(configuration_pool(&c, "default")->workers.max, 3);
	cr_assert_str_eq(joined(configuration_pool(&c, "default")->environment), "A=1");
	cr_assert_str_eq(joined(configuration_pool(&c, "my.pool")->command), "/bin/y");
	cr_assert_str_eq(configuration_pool(&c, "my.pool")->directory, "/with space");
	cr_assert_str_eq(joined(configuration_pool(&c, "daemons")->command), "/bin/z");
	configuration_done(&c);
}

UNIT_TEST(configuration, a_log_level_has_a_name) {
	static const struct {
		const char *name;
		uint64_t level;
	} table[] = {{"error", LOG_ERR},
		     {"warning", LOG_WARNING},
		     {"info", LOG_INFO},
		     {"debug", LOG_DEBUG}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct configuration_error error;
		struct configuration c;
		char text[64];

		configuration_init(&c);
		snprintf(text, sizeof text, "daemon { log_level = %s }\n", table[i].name);
		cr_assert_eq(read_text(&c, text, &error), 0);
		cr_assert_eq(c.log_level, table[i].level);
		configuration_done(&c);
	}
}

/* -------- mistakes -------- */

static void expect_mistake(const char *text, const char *sentence) {
	struct configuration_error error = {"untouched"};
	struct configuration c;
	int r;

	configuration_init(&c);
	r = read_text(&c, text, &error);
	cr_assert_eq(r, 1, "%s: returned %d", text, r);
	cr_assert_str_eq(error.text, sentence, "%s: %s and not %s", text, error.text, sentence);
	configuration_done(&c);
}

#define AT(line, sentence) FILE_NAME ":" #line ": " sentence

#define WORKERS_FORM "takes a number from 1 to 4096, auto, or MIN..MAX such as 1..4 or 0..auto"

UNIT_TEST(configuration, a_mistake_in_a_file_is_named_with_its_line) {
	static const struct {
		const char *text, *sentence;
	} table[] = {
		{"daemon {\n slots = 0\n}",
		 AT(2, "slots = 0: slots takes a number from 1 to 4096, or auto")},
		{"daemon {\n slots = 4097\n}",
		 AT(2, "slots = 4097: slots takes a number from 1 to 4096, or auto")},
		{"daemon {\n slots = many\n}",
		 AT(2, "slots = many: slots takes a number from 1 to 4096, or auto")},
		{"daemon {\n\n drain_timeout = soon\n}",
		 AT(3, "drain_timeout = soon: drain_timeout takes a time such as 30s or infinity")},
		{"daemon {\n log_level = loud\n}",
		 AT(2, "log_level = loud: log_level takes error, warning, info or debug")},
		{"limits {\n message = 15\n}",
		 AT(2, "message = 15: message takes a size from 16 bytes to 2G, such as 16M")},
		{"limits {\n message = 3G\n}",
		 AT(2, "message = 3G: message takes a size from 16 bytes to 2G, such as 16M")},
		{"limits {\n user_bytes = 15\n}",
		 AT(2, "user_bytes = 15: user_bytes takes a size from 16 bytes on such as 256M, or "
		       "infinity")},
		{"limits {\n total_bytes = much\n}",
		 AT(2, "total_bytes = much: total_bytes takes a size from 16 bytes on such as 1G, "
		       "infinity or auto")},
		{"limits {\n message = infinity\n}",
		 AT(2,
		    "message = infinity: message takes a size from 16 bytes to 2G, such as 16M")},
		{"limits {\n items = 0\n}",
		 AT(2, "items = 0: items takes a whole number from 1 on")},
		{"limits {\n items = 1K\n}",
		 AT(2, "items = 1K: items takes a whole number from 1 on")},
		{"pool a {\n workers = 0\n}", AT(2, "workers = 0: workers " WORKERS_FORM)},
		{"pool a {\n idle_timeout = long\n}",
		 AT(2, "idle_timeout = long: idle_timeout takes a time such as 30s or infinity")},
		{"pool a {\n item_timeout = 0s\n}",
		 AT(2, "item_timeout = 0s: item_timeout takes a time from 1ms on such as 30s, or "
		       "infinity")},
		{"pool a {\n start_timeout = 999us\n}",
		 AT(2, "start_timeout = 999us: start_timeout takes a time from 1ms on such as 30s, "
		       "or infinity")},
		{"pool a {\n slots = auto\n}", AT(2, "slots = auto: slots takes yes or no")},
		{"pool a {\n directory = srv\n}",
		 AT(2, "directory = srv: directory takes an absolute path")},
		{"pool a {\n command = {\"\"}\n}",
		 AT(2, "command = : command takes no empty word")},
		{"pool a {\n environment = {\"A=1\", \"B\"}\n}",
		 AT(2, "environment = B: environment takes words of the form KEY=value")},
		{"pool a {\n environment = {\"=1\"}\n}",
		 AT(2, "environment = =1: environment takes words of the form KEY=value")},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		expect_mistake(table[i].text, table[i].sentence);
}

UNIT_TEST(configuration, workers_are_a_number_or_a_range) {
#define AUTO SETTING_AUTO
	static const struct {
		const char *text;
		uint64_t min, max;
	} table[] = {
		{"1", 1, 1},          {"4096", 4096, 4096},
		{"auto", AUTO, AUTO}, {"1..1", 1, 1},
		{"0..1", 0, 1},       {"2..4096", 2, 4096},
		{"0..auto", 0, AUTO}, {"4096..auto", 4096, AUTO},
	};
	static const char *const refused[] = {
		"",           "0",       "-1",      "4097",
		"0..0",       "..",      "..4",     "1..",
		"1...4",      "1..4..8", "1 .. 4",  "auto..8",
		"auto..auto", "Auto",    "1..4097", "00000000000001..4",
		"1,4",        "1-4",     "0x1..4",  "1..many",
	};
	struct setting_range range;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cr_assert_null(setting_range(table[i].text, &range), "%s", table[i].text);
		cr_assert_eq(range.min, table[i].min, "%s", table[i].text);
		cr_assert_eq(range.max, table[i].max, "%s", table[i].text);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		cr_assert_str_eq(setting_range(refused[i], &range), WORKERS_FORM, "%s", refused[i]);
	cr_assert_str_eq(setting_range("4..1", &range),
			 "takes MIN..MAX with a MIN that is not above MAX");
}

UNIT_TEST(configuration, users_and_groups_are_kept_as_they_are_named) {
	struct configuration configuration;
	const struct pool_configuration *pool;
	struct configuration_error error;

	configuration_init(&configuration);
	cr_assert_null(configuration.admin_users);
	cr_assert_null(configuration.admin_groups);
	cr_assert_eq(read_text(&configuration,
			       "daemon { admin_users = {ada} admin_groups = {wheel, '7'} }\n"
			       "pool a { command = {x} allow_users = {} }\n"
			       "pool b { command = {x} allow_groups = {science} }",
			       &error),
		     0);
	cr_assert_eq(read_text(&configuration, "pool b { allow_groups += {'9'} }", &error), 0);
	cr_assert_str_eq(configuration.admin_users[0], "ada");
	cr_assert_null(configuration.admin_users[1]);
	cr_assert_str_eq(configuration.admin_groups[1], "7");
	pool = configuration_pool(&configuration, "a");
	/* For nobody is not the same as for everybody. */
	cr_assert_not_null(pool->allow_users);
	cr_assert_null(pool->allow_users[0]);
	cr_assert_null(pool->allow_groups);
	pool = configuration_pool(&configuration, "b");
	cr_assert_null(pool->allow_users);
	cr_assert_str_eq(pool->allow_groups[0], "science");
	cr_assert_str_eq(pool->allow_groups[1], "9");
	cr_assert_null(pool->allow_groups[2]);
	configuration_done(&configuration);
}

UNIT_TEST(configuration, limits_of_workers_are_numbers_or_infinity) {
	struct configuration c;
	struct configuration_error error;
	const struct pool_configuration *pool;

	configuration_init(&c);
	cr_assert_eq(read_text(&c,
			       "pool a { command = {x} max_items = 5 max_age = 1h max_rss = 1G }\n"
			       "pool b { command = {x} max_items = infinity max_age = infinity "
			       "max_rss = infinity }\n"
			       "pool c { command = {x} }",
			       &error),
		     0);
	pool = configuration_pool(&c, "a");
	cr_assert_eq(pool->wear.items, 5u);
	cr_assert_eq(pool->wear.age, UINT64_C(3600000000));
	cr_assert_eq(pool->wear.rss, UINT64_C(1) << 30);
	pool = configuration_pool(&c, "b");
	cr_assert_eq(pool->wear.items, UINT64_MAX);
	cr_assert_eq(pool->wear.age, UINT64_MAX);
	cr_assert_eq(pool->wear.rss, UINT64_MAX);
	pool = configuration_pool(&c, "c");
	cr_assert_eq(pool->wear.items, UINT64_MAX);
	cr_assert_eq(pool->wear.age, UINT64_MAX);
	cr_assert_eq(pool->wear.rss, UINT64_MAX);
	configuration_done(&c);
}

UNIT_TEST(configuration, keys_that_are_not_built_yet_are_refused_by_name) {
	static const char *const keys[] = {
		"template",
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char text[128], sentence[128];

		snprintf(text, sizeof text, "pool a {\n command = {/w}\n %s = no\n}", keys[i]);
		snprintf(sentence, sizeof sentence, AT(3, "%s = no: %s is not supported yet"),
			 keys[i], keys[i]);
		expect_mistake(text, sentence);
	}
}

UNIT_TEST(configuration, what_is_no_configuration_is_named_with_its_line) {
	static const struct {
		const char *text, *sentence;
	} table[] = {
		{"deamon {\n}", AT(1, "no such option 'deamon'")},
		{"slots = 1", AT(1, "no such option 'slots'")},
		{"daemon {\n slot = 1\n}", AT(2, "no such option 'slot'")},
		{"pool a {\n colour = red\n}", AT(2, "no such option 'colour'")},
		{"daemon {\n slots 1\n}", AT(2, "missing equal sign after option 'slots'")},
		{"pool a {\n workers = {1,2}\n}", AT(2, "unexpected token '{'")},
		{"pool {\n}", AT(1, "missing title for section 'pool'")},
		{"pool a {\n}\npool a {\n}", AT(3, "found duplicate title 'a'")},
		{"pool a/b {\n}", AT(2, "'a/b' cannot be a pool's name: it takes letters, digits "
					"and _.:-, and is neither daemon nor limits")},
		{"pool daemon {\n}",
		 AT(2, "'daemon' cannot be a pool's name: it takes letters, digits "
		       "and _.:-, and is neither daemon nor limits")},
		{"daemon {\n slots = 1\n", AT(4, "a section is not closed with '}'")},
		{"\n}", AT(2, "unexpected closing brace")},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		expect_mistake(table[i].text, table[i].sentence);
}

UNIT_TEST(configuration, a_mistake_of_set_quotes_it) {
#define FORM ": takes SECTION.KEY=VALUE, such as daemon.slots=4"
	static const struct {
		const char *set, *sentence;
	} table[] = {
		{"", "--set " FORM},
		{"x", "--set x" FORM},
		{"x=1", "--set x=1" FORM},
		{".x=1", "--set .x=1" FORM},
		{"a.=1", "--set a.=1" FORM},
		{"daemon.slots", "--set daemon.slots" FORM},
		{"daemon.slots=0", "--set daemon.slots=0: slots = 0: slots takes a number "
				   "from 1 to 4096, or auto"},
		{"daemon.slot=1", "--set daemon.slot=1: no such option 'slot'"},
		{"a.template=no",
		 "--set a.template=no: template = no: template is not supported yet"},
		{"a.max_items=0",
		 "--set a.max_items=0: max_items = 0: max_items takes a whole number "
		 "from 1 on, or infinity"},
		{"a.max_rss=much",
		 "--set a.max_rss=much: max_rss = much: max_rss takes a size from 16 "
		 "bytes on such as 256M, or infinity"},
		{"a.memory_max=1",
		 "--set a.memory_max=1: memory_max = 1: memory_max takes a size from 16 "
		 "bytes on such as 256M, or infinity"},
		{"a.pids_max=0", "--set a.pids_max=0: pids_max = 0: pids_max takes a whole number "
				 "from 1 on, or infinity"},
		{"a.oom_score_adj=1001",
		 "--set a.oom_score_adj=1001: oom_score_adj = 1001: oom_score_adj takes a number "
		 "from 0 to 1000, or auto"},
		{"a.oom_score_adj=-1",
		 "--set a.oom_score_adj=-1: oom_score_adj = -1: oom_score_adj takes a number "
		 "from 0 to 1000, or auto"},
		{"a.limits={\"cores=0\"}",
		 "--set a.limits={\"cores=0\"}: limits = cores=0: limits takes words such as "
		 "as=4G, "
		 "core=0, cpu=1h, data=1G, fsize=1G, memlock=64K, nofile=256, nproc=64 and "
		 "stack=8M, or NAME=infinity"},
		{"a.user=a/b", "--set a.user=a/b: user = a/b: user takes a name"},
		{"a.item_timeout=x",
		 "--set a.item_timeout=x: item_timeout = x: item_timeout takes a "
		 "time from 1ms on such as 30s, or infinity"},
		{"a.workers=", "--set a.workers=: unexpected token '}'"},
		{"a.workers=1 }", "--set a.workers=1 }: unexpected closing brace"},
		{"a.command={x", "--set a.command={x: a section is not closed with '}'"},
		{"a.workers=1 directory=/a",
		 "--set a.workers=1 directory=/a: takes one key and one value"},
		{"a.directory=/a b", "--set a.directory=/a b: no such option 'b'"},
		{"a/b.workers=1",
		 "--set a/b.workers=1: 'a/b' cannot be a pool's name: it takes letters, "
		 "digits and _.:-, and is neither daemon nor limits"},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct configuration_error error = {"untouched"};
		struct configuration c;

		configuration_init(&c);
		cr_assert_eq(configuration_set(&c, table[i].set, &error), 1, "%s", table[i].set);
		cr_assert_str_eq(error.text, table[i].sentence, "%s: %s and not %s", table[i].set,
				 error.text, table[i].sentence);
		cr_assert_eq(c.n_pools, 0);
		configuration_done(&c);
	}
}

UNIT_TEST(configuration, a_list_grows_with_plus_equals_across_files) {
	struct configuration_error error;
	struct configuration c;
	const struct pool_configuration *pool;

	configuration_init(&c);
	cr_assert_eq(read_text(&c, "pool a { command = {/a} environment = {\"A=1\"} }", &error), 0);
	cr_assert_eq(read_text(&c, "pool a { environment += {\"B=2\", \"C=3\"} }", &error), 0);
	cr_assert_eq(configuration_set(&c, "a.command={/b}", &error), 0);
	pool = configuration_pool(&c, "a");
	cr_assert_str_eq(pool->environment[0], "A=1");
	cr_assert_str_eq(pool->environment[1], "B=2");
	cr_assert_str_eq(pool->environment[2], "C=3");
	cr_assert_null(pool->environment[3]);
	cr_assert_str_eq(pool->command[0], "/b");
	cr_assert_null(pool->command[1]);
	configuration_done(&c);
}

UNIT_TEST(configuration, an_empty_list_takes_an_earlier_one_back) {
	struct configuration_error error;
	struct configuration c;
	const struct pool_configuration *pool;

	configuration_init(&c);
	cr_assert_eq(read_text(&c, "pool a { command = {/a} environment = {\"A=1\"} }", &error), 0);
	cr_assert_eq(read_text(&c, "pool a { environment = {} }", &error), 0);
	pool = configuration_pool(&c, "a");
	cr_assert_str_eq(joined(pool->environment), "");
	cr_assert_str_eq(joined(pool->command), "/a");
	cr_assert_eq(configuration_check(&c, &error), 0);
	cr_assert_eq(configuration_set(&c, "a.command={}", &error), 0);
	cr_assert_eq(configuration_check(&c, &error), 1);
	configuration_done(&c);
}

UNIT_TEST(configuration, the_whole_needs_a_pool_and_each_pool_a_command) {
	struct configuration_error error;
	struct configuration c;

	configuration_init(&c);
	cr_assert_eq(configuration_check(&c, &error), 1);
	cr_assert_str_eq(error.text, "the configuration has no pool; add: pool default { command = "
				     "{\"...\"} }");
	cr_assert_eq(read_text(&c, "pool a { command = {/a} }\n\npool b { workers = 1 }", &error),
		     0);
	cr_assert_eq(configuration_check(&c, &error), 1);
	cr_assert_str_eq(error.text, FILE_NAME ":3: pool 'b' has no command");
	cr_assert_eq(configuration_set(&c, "b.command={/b}", &error), 0);
	cr_assert_eq(configuration_check(&c, &error), 0);
	cr_assert_eq(configuration_set(&c, "c.workers=1", &error), 0);
	cr_assert_eq(configuration_check(&c, &error), 1);
	cr_assert_not_null(strstr(error.text, ": pool 'c' has no command"));
	configuration_done(&c);
}

UNIT_TEST(configuration, a_file_that_cannot_be_read_is_told_with_the_reason) {
	struct configuration_error error;
	struct configuration c;

	configuration_init(&c);
	cr_assert_eq(configuration_read(&c, "/nonexistent/x.conf", &error), -ENOENT);
	cr_assert_str_eq(error.text, "/nonexistent/x.conf: No such file or directory");
	configuration_done(&c);
}

UNIT_TEST(configuration, a_pool_says_how_long_items_and_calls_may_take) {
	struct configuration configuration;
	struct configuration_error error;
	const struct pool_configuration *pool;

	configuration_init(&configuration);
	cr_assert_eq(configuration_set(&configuration, "a.item_timeout=2s", &error), 0);
	pool = configuration_pool(&configuration, "a");
	cr_assert_eq(pool->item_timeout, UINT64_C(2000000));
	cr_assert_eq(pool->queue_timeout, UINT64_MAX, "none, if it is not said");
	cr_assert_eq(pool->slow_item, UINT64_MAX);
	cr_assert_null(pool->user);
	cr_assert_eq(configuration_set(&configuration, "a.queue_timeout=infinity", &error), 0);
	cr_assert_eq(configuration_set(&configuration, "a.slow_item=100ms", &error), 0);
	cr_assert_eq(configuration_set(&configuration, "a.user=nobody", &error), 0);
	pool = configuration_pool(&configuration, "a");
	cr_assert_eq(pool->queue_timeout, UINT64_MAX);
	cr_assert_eq(pool->slow_item, UINT64_C(100000));
	cr_assert_str_eq(pool->user, "nobody");
	configuration_done(&configuration);
}
