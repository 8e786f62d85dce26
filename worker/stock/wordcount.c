#include "worker/stock/stock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

/*
 * Counts as `LC_ALL=C.UTF-8 wc` of GNU coreutils does: a word is a run of printable characters between white
 * space; what is neither (control characters, bytes that are no UTF-8) neither makes a word nor ends one.
 */

#define READ_SIZE (64 * 1024)

struct count {
	uint64_t lines, words, bytes;
	bool in_word;
};

/* Spaces to wc, though not to iswspace(): they do not break lines. */
static bool is_no_break_space(wint_t c) {
	return c == 0x00a0 || c == 0x2007 || c == 0x202f || c == 0x2060;
}

static void end_word(struct count *count) {
	count->words += count->in_word;
	count->in_word = false;
}

static void count_character(struct count *count, wchar_t c) {
	switch (c) {
	case '\n': count->lines++; /* fall through */
	case '\r':
	case '\f':
	case '\t':
	case '\v':
	case ' ': end_word(count); break;
	default:
		if (!iswprint((wint_t) c))
			break;
		if (iswspace((wint_t) c) || is_no_break_space((wint_t) c))
			end_word(count);
		else
			count->in_word = true;
	}
}

/* Counts all but a sequence that the end of the bytes cuts. Returns how many bytes that has. */
static size_t count_bytes(struct count *count, const char *bytes, size_t size) {
	while (size > 0) {
		wchar_t c = (unsigned char) *bytes;
		size_t length = 1;

		if (c > 0x7f) {
			mbstate_t state = {0};

			length = mbrtowc(&c, bytes, size, &state);
			if (length == (size_t) -2)
				break;
			if (length == (size_t) -1) {
				c = L'\0'; /* counts as little as a byte that is no UTF-8 */
				length = 1;
			}
		}
		count_character(count, c);
		bytes += length;
		size -= length;
	}
	return size;
}

/* Returns 0, or errno. */
static int count_file(int fd, struct count *count) {
	char buffer[READ_SIZE];
	size_t rest = 0;
	ssize_t n;

	while ((n = read(fd, buffer + rest, sizeof buffer - rest)) != 0) {
		size_t size;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		count->bytes += (size_t) n;
		size = rest + (size_t) n;
		rest = count_bytes(count, buffer, size);
		memmove(buffer, buffer + size - rest, rest);
	}
	end_word(count);
	return 0;
}

/* The locale of the thread, while the file is read: a worker's own may be anything. Returns errno. */
static int count_in_locale(int fd, struct count *count) {
	static locale_t utf8;
	locale_t old;
	int r;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	if (!utf8)
		return errno;
	old = uselocale(utf8);
	r = count_file(fd, count);
	uselocale(old);
	return r;
}

static int fail(struct procpool_item *item, int error, const char *path) {
	const char *exception = error == ENOENT                     ? "FileNotFoundError"
				: error == EACCES || error == EPERM ? "PermissionError"
				: error == EISDIR                   ? "IsADirectoryError"
								    : "OSError";

	return procpool_fail(item, exception, "%s: %s", path, strerror(error));
}

static int count_path(struct procpool_item *item, const char *path) {
	/* Nonblocking: nothing is waited for that is no file. */
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct count count = {0};
	struct stat stat_;

	if (fd < 0)
		return fail(item, errno, path);
	r = fstat(fd, &stat_) < 0 ? errno : S_ISDIR(stat_.st_mode) ? EISDIR : 0;
	if (r == 0 && !S_ISREG(stat_.st_mode)) {
		close(fd);
		return procpool_fail(item, "ValueError", "%s: is no regular file", path);
	}
	if (r == 0)
		r = count_in_locale(fd, &count);
	close(fd);
	if (r != 0)
		return fail(item, r, path);
	return procpool_print(item,
			      "{\"lines\":%" PRIu64 ",\"words\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
			      count.lines, count.words, count.bytes);
}

int wordcount(struct procpool_item *item, const char *text, size_t size) {
	json_t *value;
	const char *path;
	int r;

	if (*text != '"')
		return procpool_fail(item, "ValueError",
				     "wordcount takes the path of a file, a string, not %s",
				     type_name(text));
	value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		return procpool_fail(item, "MemoryError", "there is no memory for the path");
	path = json_string_value(value);
	if (strlen(path) != json_string_length(value))
		r = procpool_fail(item, "ValueError", "a path cannot contain a NUL");
	else if (*path != '/')
		r = procpool_fail(item, "ValueError",
				  "%s: is a relative path, and a worker's directory is not the "
				  "caller's; give an absolute path (`procpool map --files` does)",
				  *path ? path : "\"\"");
	else
		r = count_path(item, path);
	json_decref(value);
	return r;
}
