#include "daemon/rlimit.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/unit/unit.h"

UNIT_TEST(rlimit, every_name_has_its_unit) {
	static const struct {
		const char *text;
		int resource;
		uint64_t value;
	} table[] = {
		{"as=4G", RLIMIT_AS, UINT64_C(4) << 30},
		{"core=0", RLIMIT_CORE, 0},
		{"core=infinity", RLIMIT_CORE, UINT64_MAX},
		{"cpu=1min", RLIMIT_CPU, 60},
		{"cpu=1", RLIMIT_CPU, 1},
		{"cpu=1500ms", RLIMIT_CPU, 2},
		{"cpu=infinity", RLIMIT_CPU, UINT64_MAX},
		{"data=1M", RLIMIT_DATA, 1 << 20},
		{"fsize=4096", RLIMIT_FSIZE, 4096},
		{"memlock=64K", RLIMIT_MEMLOCK, 64 << 10},
		{"nofile=256", RLIMIT_NOFILE, 256},
		{"nproc=1", RLIMIT_NPROC, 1},
		{"nproc=infinity", RLIMIT_NPROC, UINT64_MAX},
		{"stack=8M", RLIMIT_STACK, 8 << 20},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int resource = -1;
		uint64_t value = 7;

		cr_assert_eq(rlimit_parse(table[i].text, &resource, &value), 0, "%s",
			     table[i].text);
		cr_assert_eq(resource, table[i].resource, "%s", table[i].text);
		cr_assert_eq(value, table[i].value, "%s", table[i].text);
		cr_assert_null(rlimit_check(table[i].text));
	}
}

UNIT_TEST(rlimit, other_words_are_refused) {
	static const char *const table[] = {
		"",        "as",       "=1",       "as=",      "as=-1",     "as=1x2",   "as=4Q",
		"AS=1",    "asx=1",    "a=1",      "rss=1",    "nice=1",    "core",     "cpu=0",
		"cpu=1ms", "cpu=fast", "nofile=0", "nproc=0",  "nofile=1K", "as==1",    "as=1=2",
		" as=1",   "as =1",    "nproc=x",  "nproc=-1", "stack=",    "nofile= 1"};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int resource;
		uint64_t value;

		cr_assert_eq(rlimit_parse(table[i], &resource, &value), 1, "'%s'", table[i]);
		cr_assert_not_null(rlimit_check(table[i]));
	}
}

/* What the sentence offers is taken. */
UNIT_TEST(rlimit, the_sentence_is_true) {
	char words[256];
	unsigned n = 0;

	snprintf(words, sizeof words, "%s", rlimit_check(""));
	for (char *word = strtok(words, " ,"); word; word = strtok(NULL, " ,")) {
		if (!strchr(word, '=') || strncmp(word, "NAME", 4) == 0)
			continue;
		cr_assert_null(rlimit_check(word), "%s", word);
		n++;
	}
	cr_assert_eq(n, 9);
}
