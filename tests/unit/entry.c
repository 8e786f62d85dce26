#include "daemon/entry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "tests/unit/unit.h"

/* -------- as bytes -------- */

static size_t encode(char *buffer, const struct entry *entry) {
	size_t size = entry_encode(entry, buffer);

	cr_assert_leq(size, (size_t) ENTRY_SIZE_MAX);
	return size;
}

static void expect_bytes(const struct entry *entry, const char *bytes, size_t expected) {
	char buffer[ENTRY_SIZE_MAX];
	size_t size = encode(buffer, entry);

	cr_assert(size == expected && memcmp(buffer, bytes, size) == 0, "%.*s and not %.*s",
		  (int) size, buffer, (int) expected, bytes);
}

#define BYTES(text)   text, sizeof text - 1
#define MESSAGE(text) .message = text, .message_size = sizeof text - 1

UNIT_TEST(entry, without_fields_has_message_and_priority) {
	expect_bytes(&(struct entry) {.priority = LOG_INFO, MESSAGE("hello")},
		     BYTES("MESSAGE=hello\nPRIORITY=6\n"));
	expect_bytes(&(struct entry) {.priority = LOG_ERR, MESSAGE("")},
		     BYTES("MESSAGE=\nPRIORITY=3\n"));
}

UNIT_TEST(entry, has_the_fields_that_are_known_and_no_others) {
	static const struct entry_fields all = {
		.pool = "default",
		.function = "square",
		.worker = {true, 1},
		.worker_pid = {true, 4711},
		.request = {true, UINT64_MAX},
		.item = {true, 0},
		.client_uid = {true, 0},
		.exit_code = {true, 255},
		.signal = {true, 9},
		.wait_us = {true, 1},
		.run_us = {true, 2000000},
	};

	expect_bytes(&(struct entry) {.kind = ENTRY_WORKER_DIED,
				      .priority = LOG_WARNING,
				      .identifier = "procpoold",
				      .fields = &all,
				      MESSAGE("m")},
		     BYTES("MESSAGE=m\n"
			   "PRIORITY=4\n"
			   "SYSLOG_IDENTIFIER=procpoold\n"
			   "MESSAGE_ID=c9460fb7b7ff444abf679fb2fd476cea\n"
			   "PROCPOOL_POOL=default\n"
			   "PROCPOOL_FUNCTION=square\n"
			   "PROCPOOL_WORKER=1\n"
			   "PROCPOOL_WORKER_PID=4711\n"
			   "PROCPOOL_REQUEST=18446744073709551615\n"
			   "PROCPOOL_ITEM=0\n"
			   "PROCPOOL_CLIENT_UID=0\n"
			   "PROCPOOL_EXIT_CODE=255\n"
			   "PROCPOOL_SIGNAL=9\n"
			   "PROCPOOL_WAIT_USEC=1\n"
			   "PROCPOOL_RUN_USEC=2000000\n"));
	expect_bytes(&(struct entry) {.priority = LOG_INFO,
				      .fields = &(struct entry_fields) {.item = {true, 3}},
				      MESSAGE("m")},
		     BYTES("MESSAGE=m\nPRIORITY=6\nPROCPOOL_ITEM=3\n"));
}

UNIT_TEST(entry, values_of_several_lines_say_their_length) {
	expect_bytes(&(struct entry) {.priority = LOG_INFO, MESSAGE("a\nPRIORITY=0")},
		     BYTES("MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nPRIORITY=6\n"));
	expect_bytes(&(struct entry) {.priority = LOG_INFO, MESSAGE("\n")},
		     BYTES("MESSAGE\n\1\0\0\0\0\0\0\0\n\nPRIORITY=6\n"));
	expect_bytes(
		&(struct entry) {.priority = LOG_INFO,
				 .fields = &(struct entry_fields) {.pool = "x\n_UID=0"},
				 MESSAGE("a\0b")},
		BYTES("MESSAGE=a\0b\nPRIORITY=6\nPROCPOOL_POOL\n\x08\0\0\0\0\0\0\0x\n_UID=0\n"));
}

UNIT_TEST(entry, long_values_are_cut_and_not_within_a_character) {
	static const struct {
		const char *character;
		size_t front; /* bytes before it */
		size_t kept;
	} table[] = {
		{"e", ENTRY_MESSAGE_MAX - 1, ENTRY_MESSAGE_MAX},
		{"e", ENTRY_MESSAGE_MAX, ENTRY_MESSAGE_MAX},
		{"\xc3\xa9", ENTRY_MESSAGE_MAX - 2, ENTRY_MESSAGE_MAX},
		{"\xc3\xa9", ENTRY_MESSAGE_MAX - 1, ENTRY_MESSAGE_MAX - 1},
		{"\xe2\x82\xac", ENTRY_MESSAGE_MAX - 2, ENTRY_MESSAGE_MAX - 2},
		{"\xf0\x9f\x8e\x89", ENTRY_MESSAGE_MAX - 3, ENTRY_MESSAGE_MAX - 3},
		{"\xf0\x9f\x8e\x89", ENTRY_MESSAGE_MAX - 4, ENTRY_MESSAGE_MAX},
		/* No UTF-8 at all. */
		{"\x80\x80\x80\x80\x80\x80\x80\x80", ENTRY_MESSAGE_MAX - 4, ENTRY_MESSAGE_MAX},
	};
	char text[ENTRY_MESSAGE_MAX + 16], buffer[ENTRY_SIZE_MAX];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		memset(text, 'a', sizeof text);
		memcpy(text + table[i].front, table[i].character, strlen(table[i].character));
		encode(buffer, &(struct entry) {.message = text, .message_size = sizeof text});
		cr_assert_eq((char *) memchr(buffer, '\n', sizeof buffer) - buffer,
			     (long) (strlen("MESSAGE=") + table[i].kept), "row %zu", i);
	}
}

UNIT_TEST(entry, the_longest_fits) {
	char text[2 * ENTRY_MESSAGE_MAX], buffer[ENTRY_SIZE_MAX];
	struct entry_fields fields = {.pool = text, .function = text};

	memset(text, '\n', sizeof text);
	text[sizeof text - 1] = '\0';
#define FILL(name, field) fields.name = (struct entry_number) {true, UINT64_MAX};
	ENTRY_NUMBERS(FILL)
	encode(buffer, &(struct entry) {.kind = ENTRY_OUTPUT,
					.priority = LOG_DEBUG,
					.identifier = text,
					.message = text,
					.message_size = sizeof text,
					.fields = &fields});
}

/* -------- what the journal makes of them -------- */

/* Reads one field as the journal does. Returns how long it is, 0 if it is none. */
static size_t read_field(const char *bytes, size_t size, char *name, size_t room) {
	const char *newline = memchr(bytes, '\n', size);
	const char *equals = newline ? memchr(bytes, '=', (size_t) (newline - bytes)) : NULL;
	size_t length = 0, n;

	if (!newline)
		return 0;
	n = (size_t) ((equals ? equals : newline) - bytes);
	snprintf(name, room, "%.*s", (int) n, bytes);
	if (equals)
		return (size_t) (newline - bytes) + 1;
	if (size < n + 1 + 8)
		return 0;
	for (int i = 0; i < 8; i++)
		length |= (size_t) (unsigned char) bytes[n + 1 + (size_t) i] << (8 * i);
	if (length > size - n - 10 || bytes[n + 9 + length] != '\n')
		return 0;
	return n + 10 + length;
}

UNIT_TEST(entry, whatever_the_values_are_they_are_values) {
	static const char *const pieces[] = {
		"a", "\n", "=", "PRIORITY=0", "\nMESSAGE_ID=", "\x01", "\xff", "\n\x08"};
	static const char *const expected[] = {"MESSAGE",    "PRIORITY",      "SYSLOG_IDENTIFIER",
					       "MESSAGE_ID", "PROCPOOL_POOL", "PROCPOOL_FUNCTION"};
	unsigned long long random = 6;

	for (int round = 0; round < 20000; round++) {
		char texts[4][64], buffer[ENTRY_SIZE_MAX], name[32];
		size_t size, at = 0, n;

		for (int i = 0; i < 4; i++) {
			texts[i][0] = '\0';
			for (unsigned k = unit_random(&random, 5); k > 0; k--)
				strcat(texts[i], pieces[unit_random(&random, 8)]);
		}
		size = encode(buffer, &(struct entry) {.kind = ENTRY_OUTPUT,
						       .identifier = texts[0],
						       .message = texts[1],
						       .message_size = strlen(texts[1]),
						       .fields = &(struct entry_fields) {
							       .pool = texts[2],
							       .function = texts[3],
						       }});
		for (int i = 0; i < 6; i++, at += n) {
			n = read_field(buffer + at, size - at, name, sizeof name);
			cr_assert_gt(n, 0u);
			cr_assert_str_eq(name, expected[i]);
		}
		cr_assert_eq(at, size);
	}
}

/* -------- the list, and the catalog -------- */

static char *read_catalog(void) {
	FILE *file = fopen(SOURCE_DIR "/systemd/procpool.catalog", "re");
	char *text = calloc(1, 65536);

	cr_assert(file && text && fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

UNIT_TEST(entry, every_kind_is_in_the_catalog) {
	char *catalog = read_catalog(), line[64];
	size_t described = 0;

	for (const char *at = catalog; (at = strstr(at, "\n-- ")); at++)
		described++;
	cr_assert_eq(described, (size_t) ENTRY_KINDS - 1);
	cr_assert_null(entry_id(ENTRY_NONE));
	for (enum entry_kind kind = ENTRY_NONE + 1; kind < ENTRY_KINDS; kind++) {
		cr_assert_eq(strlen(entry_id(kind)), 32u);
		cr_assert_eq(strspn(entry_id(kind), "0123456789abcdef"), 32u);
		snprintf(line, sizeof line, "\n-- %s\nSubject: ", entry_id(kind));
		cr_assert_not_null(strstr(catalog, line), "the catalog says nothing of %s",
				   entry_id(kind));
		cr_assert(entry_priority(kind) >= LOG_ERR && entry_priority(kind) <= LOG_DEBUG);
		for (enum entry_kind other = ENTRY_NONE + 1; other < kind; other++)
			cr_assert_str_neq(entry_id(kind), entry_id(other));
	}
	free(catalog);
}

/* What the catalog quotes is a field that there is. */
UNIT_TEST(entry, the_catalog_names_no_field_that_there_is_not) {
	char *catalog = read_catalog();
	size_t quoted = 0;

	for (const char *at = catalog; (at = strstr(at, "@PROCPOOL_")); quoted++) {
		size_t size = strcspn(at + 1, "@");
		bool known = false;

#define COMPARE(name, field) \
	known = known || (strlen(field) == size && !memcmp(at + 1, field, size));
		ENTRY_TEXTS(COMPARE)
		ENTRY_NUMBERS(COMPARE)
		cr_assert(known, "%.*s", (int) size, at + 1);
		at += size + 2;
	}
	cr_assert_gt(quoted, 0u);
	free(catalog);
}

/* -------- the stream -------- */

UNIT_TEST(journal, is_what_the_service_manager_says_it_is) {
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct stat st;
	char name[64];

	cr_assert_eq(fstat(fd, &st), 0);
	snprintf(name, sizeof name, "%llu:%llu", (unsigned long long) st.st_dev,
		 (unsigned long long) st.st_ino);
	cr_assert(journal_is_stream(name, fd));
	cr_assert_not(journal_is_stream(NULL, fd));
	cr_assert_not(journal_is_stream("", fd));
	cr_assert_not(journal_is_stream("1:2", fd));
	strcat(name, "0");
	cr_assert_not(journal_is_stream(name, fd));
	name[strlen(name) - 1] = '\0';
	close(fd);
	cr_assert_not(journal_is_stream(name, fd));
}
