#include "daemon/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/strings.h"

struct list {
	char **words;
	size_t n, capacity;
};

/* Where KEY of "KEY=value" stands in the list, or n. */
static size_t find(const struct list *list, const char *word) {
	size_t key = strcspn(word, "=") + 1, i;

	for (i = 0; i < list->n; i++)
		if (strncmp(list->words[i], word, key) == 0)
			break;
	return i;
}

/* Takes word over, NULL included (no memory). */
static int put(struct list *list, char *word) {
	size_t at;

	if (!word)
		return -1;
	at = find(list, word);
	if (at < list->n) {
		free(list->words[at]);
		list->words[at] = word;
		return 0;
	}
	if (list->n + 1 >= list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 32;
		char **words = reallocarray(list->words, capacity, sizeof *words);

		if (!words) {
			free(word);
			return -1;
		}
		list->words = words;
		list->capacity = capacity;
	}
	list->words[list->n++] = word;
	list->words[list->n] = NULL;
	return 0;
}

static int put_copies(struct list *list, char *const *words) {
	int r = 0;

	for (; words && *words && r == 0; words++)
		r = put(list, strdup(*words));
	return r;
}

/* One worker a core is the point of a pool: libraries must not start a thread a core in each. */
static int put_defaults(struct list *list) {
	static const char *const defaults[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/",
		"LANG=C.UTF-8",
		"OMP_NUM_THREADS=1",
		"OPENBLAS_NUM_THREADS=1",
		"MKL_NUM_THREADS=1",
		"BLIS_NUM_THREADS=1",
		"VECLIB_MAXIMUM_THREADS=1",
		"NUMEXPR_NUM_THREADS=1",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof defaults / sizeof *defaults; i++)
		r = put(list, strdup(defaults[i]));
	return r;
}

/* What concerns the daemon and not its workers. */
static bool is_daemons_own(const char *word) {
	static const char *const keys[] = {"NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",
					   "PROCPOOL_WORKER_", "JOURNAL_STREAM="};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strncmp(word, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

/* What workers of a service get of its environment. */
static bool is_everybodys(const char *word) {
	return strncmp(word, "HOME=", 5) == 0 || strncmp(word, "LANG=", 5) == 0 ||
	       strncmp(word, "PROCPOOL_SOCKET=", 16) == 0;
}

static int put_inherited(struct list *list, char *const *inherited, bool whole) {
	int r = 0;

	for (; r == 0 && *inherited; inherited++) {
		if (is_daemons_own(*inherited))
			continue;
		if (whole || is_everybodys(*inherited))
			r = put(list, strdup(*inherited));
	}
	return r;
}

static char *format_word(const char *key, const char *value) {
	char *word;

	return asprintf(&word, "%s=%s", key, value) < 0 ? NULL : word;
}

char **environment_new(char *const *inherited, bool whole, char *const *settings,
		       const char *pool) {
	struct list list = {0};

	if (put_defaults(&list) != 0 || put_inherited(&list, inherited, whole) != 0 ||
	    put_copies(&list, settings) != 0 ||
	    put(&list, format_word("PROCPOOL_POOL", pool)) != 0 ||
	    put(&list, format_word("PROCPOOL_WORKER_FD", "3")) != 0 ||
	    put(&list, format_word("PROCPOOL_WORKER_PAGE_FD", "4")) != 0) {
		strings_free(list.words);
		return NULL;
	}
	return list.words;
}
