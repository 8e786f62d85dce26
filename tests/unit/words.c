#include "client/tool/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Words in brackets, one after the other; or the error. */
static const char *split(const char *line) {
	static char shown[256];
	char **words;
	int r = words_split(line, &words);

	if (r < 0)
		return strerror(-r);
	*shown = '\0';
	for (size_t i = 0; words[i]; i++)
		strcat(strcat(strcat(shown, "["), words[i]), "]");
	free(words);
	return shown;
}

UNIT_TEST(words, split_at_blanks) {
	cr_assert_str_eq(split("python3 -m\tmine"), "[python3][-m][mine]");
	cr_assert_str_eq(split("  a   b  "), "[a][b]");
}

UNIT_TEST(words, quotes_keep_blanks) {
	cr_assert_str_eq(split("a 'b c' d"), "[a][b c][d]");
	cr_assert_str_eq(split("a \"b  c\" d"), "[a][b  c][d]");
	cr_assert_str_eq(split("one' 'word\" \"only"), "[one word only]");
	cr_assert_str_eq(split("a '' b"), "[a][][b]");
}

UNIT_TEST(words, backslash_keeps_the_next_character) {
	cr_assert_str_eq(split("a\\ b"), "[a b]");
	cr_assert_str_eq(split("\"a\\\"b\""), "[a\"b]");
	cr_assert_str_eq(split("'a\\b'"), "[a\\b]");
	cr_assert_str_eq(split("a\\"), "[a\\]");
}

UNIT_TEST(words, nothing_is_expanded) {
	cr_assert_str_eq(split("$HOME *.c `id` a;b ~"), "[$HOME][*.c][`id`][a;b][~]");
}

UNIT_TEST(words, open_quotes_and_nothing_are_refused) {
	cr_assert_str_eq(split("a 'b"), strerror(EINVAL));
	cr_assert_str_eq(split("a \"b"), strerror(EINVAL));
	cr_assert_str_eq(split(""), strerror(EINVAL));
	cr_assert_str_eq(split(" \t"), strerror(EINVAL));
}

UNIT_TEST(words, many_short_words_fit) {
	cr_assert_str_eq(split("a b c d e f g h i"), "[a][b][c][d][e][f][g][h][i]");
}
