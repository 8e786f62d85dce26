#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/system/internal.h"

/* The journal, played by the test: entries come as datagrams and are kept as text, an empty line behind each. It is read
 * only when a test asks for entries, so that it can be left to fill. */

/* Reads one field, its value in one line. Returns what is behind it, or NULL if it is none. */
static const unsigned char *take_field(FILE *out, const unsigned char *at,
				       const unsigned char *end) {
	const unsigned char *newline = memchr(at, '\n', (size_t) (end - at));
	const unsigned char *equals = newline ? memchr(at, '=', (size_t) (newline - at)) : NULL;
	const unsigned char *value = equals ? equals + 1 : newline + 9;
	uint64_t size = 0;

	if (!newline || (!equals && end - newline < 9))
		return NULL;
	for (int i = 0; !equals && i < 8; i++)
		size |= (uint64_t) newline[1 + i] << (8 * i);
	if (equals)
		size = (uint64_t) (newline - value);
	else if (size >= (uint64_t) (end - value) || value[size] != '\n')
		return NULL;
	fprintf(out, "%.*s=", (int) ((equals ? equals : newline) - at), (const char *) at);
	for (uint64_t i = 0; i < size; i++)
		fputc(value[i] == '\n' ? '|' : value[i], out);
	fputc('\n', out);
	return value + size + 1;
}

static void entries_read(struct harness *h) {
	unsigned char bytes[65536];
	const unsigned char *at;
	ssize_t n;

	while ((n = recv(h->journal_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		transcript_add(h, "log", "<-", (const char *) bytes, (size_t) n);
		for (at = bytes; at && at < bytes + n;)
			at = take_field(h->entries, at, bytes + n);
		if (!at)
			harness_fail(h, "what the journal got is no entry");
		fputc('\n', h->entries);
	}
	fflush(h->entries);
}

/* Whether the entry, which ends with an empty line, has this line. */
static bool has_line(const char *entry, const char *end, const char *line) {
	size_t size = strlen(line);

	for (const char *at = entry; at < end; at = strchr(at, '\n') + 1)
		if (strncmp(at, line, size) == 0 && at[size] == '\n')
			return true;
	return false;
}

unsigned harness_count_entries(struct harness *h, const char *const *lines) {
	unsigned found = 0;
	const char *end;

	entries_read(h);
	for (const char *entry = h->entries_text; (end = strstr(entry, "\n\n")); entry = end + 2) {
		bool all = true;

		for (const char *const *line = lines; *line; line++)
			all = all && has_line(entry, end + 1, *line);
		found += all;
	}
	return found;
}

struct lines_in {
	struct harness *harness;
	const char *const *lines;
};

static bool entry_found(void *data) {
	struct lines_in *search = data;

	return harness_count_entries(search->harness, search->lines) > 0;
}

void(harness_expect_entry)(struct harness *h, const char *const *lines) {
	char what[600] = "an entry with";

	for (const char *const *line = lines; *line; line++)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " '%.100s'", *line);
	harness_wait(h, what, entry_found, &(struct lines_in) {h, lines});
}

const char *harness_entries(struct harness *h) {
	entries_read(h);
	return h->entries_text;
}
