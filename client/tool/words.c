#include "client/tool/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char byte) {
	return byte == ' ' || byte == '\t' || byte == '\n';
}

/* Copies one word without its quotes; moves both pointers on. */
static int copy_word(const char **at, char **out) {
	char quote = '\0';

	for (; **at && (quote || !is_blank(**at)); (*at)++) {
		if (quote && **at == quote) {
			quote = '\0';
		} else if (!quote && (**at == '\'' || **at == '"')) {
			quote = **at;
		} else {
			if (quote != '\'' && **at == '\\' && (*at)[1])
				(*at)++;
			*(*out)++ = **at;
		}
	}
	*(*out)++ = '\0';
	return quote ? -EINVAL : 0;
}

int words_split(const char *line, char ***ret_words) {
	size_t size = strlen(line) + 1, n = 0;
	/* Every second character begins a word at most; the words themselves never grow. */
	char **words = malloc((size / 2 + 2) * sizeof(*words) + size);
	char *out;
	int r = 0;

	if (!words)
		return -ENOMEM;
	out = (char *) (words + size / 2 + 2);
	for (const char *at = line; r == 0;) {
		while (is_blank(*at))
			at++;
		if (!*at)
			break;
		words[n++] = out;
		r = copy_word(&at, &out);
	}
	if (r < 0 || n == 0) {
		free(words);
		return -EINVAL;
	}
	words[n] = NULL;
	*ret_words = words;
	return 0;
}
