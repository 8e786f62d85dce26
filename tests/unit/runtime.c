#include "worker/runtime.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "tests/unit/unit.h"
#include "worker/item.h"
#include "worker/report.h"
#include "worker/value.h"

/*
 * The worker's side of the conversation, with the daemon's side as a script. The script is written before the
 * worker starts to read, as if the daemon had queued all of it; what the worker says becomes a transcript:
 *
 *	1: 1 4 null | 2 ValueError it is odd     results of chunk 1 from its start, and the error of offset 2
 *	2: returned 0
 *
 * Results of one chunk are joined however many messages they came in: that is a matter of time.
 */

#define SAID_MAX (64u << 20)

/* What the worker said, in memory shared with the process that plays the daemon. */
struct said {
	size_t size;
	unsigned writes; /* how often something came; of a SOCK_SEQPACKET one for each write */
	char bytes[SAID_MAX];
};

struct play {
	struct said *said;
	struct page *page; /* NULL: the worker gets none */
	const struct procpool_table *table;
	int type;      /* of the socket */
	bool bytewise; /* the script arrives byte by byte */
	int result;
	const char *reason;
};

/* ---- functions ---- */

static int f_square(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	json_int_t value = json_integer_value(argument);

	if (value % 2)
		return procpool_fail(item, "ValueError", "it is odd");
	*ret_result = json_integer(value * value);
	return 0;
}

static int f_echo(struct procpool_item *item, const char *text, size_t size) {
	return procpool_write(item, text, size);
}

static int f_size(struct procpool_item *item, const char *text, size_t size) {
	(void) text;
	return procpool_print(item, "%zu", size);
}

static int f_value(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item;
	*ret_result = json_incref(argument);
	return 0;
}

static int f_index(struct procpool_item *item, const char *text, size_t size) {
	(void) text, (void) size;
	return procpool_print(item, "%d", (int) procpool_index(item));
}

static int f_common(struct procpool_item *item, const char *text, size_t size) {
	const char *common = procpool_common_text(item, &size);

	(void) text;
	return procpool_write(item, common ? common : "null", common ? size : 4);
}

static int f_common_value(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) argument;
	*ret_result = json_incref(procpool_common(item));
	return 0;
}

/* The state is the page, and the function says what it finds there. */
static int f_page(struct procpool_item *item, const char *text, size_t size) {
	struct page *page = *(struct page **) procpool_state(item);
	struct position position = position_unpack(atomic_load(&page->progress));

	(void) text, (void) size;
	return procpool_print(item, "[%d,%d,%s,%s]", (int) position.chunk, (int) position.offset,
			      position.running ? "true" : "false",
			      atomic_load(&page->began) ? "true" : "false");
}

/* Sets the limit, as a daemon does that recalls what comes after this very item. */
static int f_recall(struct procpool_item *item, const char *text, size_t size) {
	struct page *page = *(struct page **) procpool_state(item);
	uint64_t word = atomic_load(&page->progress);

	atomic_store(&page->limit, position_pack(position_unpack(word).chunk,
						 position_unpack(word).offset + 1, false));
	return procpool_write(item, text, size);
}

static uint64_t now_us(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int f_spin(struct procpool_item *item, const char *text, size_t size) {
	uint64_t until = now_us() + (uint64_t) atoi(text) * 1000;

	while (now_us() < until)
		;
	return procpool_write(item, text, size);
}

/* Writes N bytes of a string. */
static int f_big(struct procpool_item *item, const char *text, size_t size) {
	static char block[1 << 16];
	long left = atol(text) - 2;

	(void) size;
	memset(block, 'x', sizeof block);
	procpool_write(item, "\"", 1);
	for (; left > 0; left -= (long) sizeof block)
		procpool_write(item, block,
			       left < (long) sizeof block ? (size_t) left : sizeof block);
	return procpool_write(item, "\"", 1);
}

static int f_text(struct procpool_item *item, const char *text, size_t size) {
	json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	procpool_write(item, json_string_value(value), json_string_length(value));
	json_decref(value);
	return 0;
}

/* Fails in as many ways as there are. */
static int f_fail(struct procpool_item *item, const char *text, size_t size) {
	static char large[20000];

	(void) size;
	memset(large, 'm', sizeof large - 1);
	switch (atoi(text)) {
	case 0: return procpool_fail(item, "E", "a\x01\"\xff");
	case 1: procpool_write(item, "12", 2); return procpool_fail(item, NULL, "no name");
	case 2: return 5;
	case 3: procpool_fail(item, "E", "forgotten"); return 0;
	case 4:
		memcpy(large + LIMIT_ERROR_TEXT - 1, "\xe2\x82\xac", 3);
		return procpool_fail(item, "E", "%s", large);
	case 5:
		memcpy(large + sizeof large - 1 - LIMIT_ERROR_TEXT - 1, "\xe2\x82\xac", 3);
		memcpy(large + sizeof large - 4, "end", 3);
		procpool_trace(item, large);
		return procpool_fail(item, "E", "with trace");
	default: return 0;
	}
}

static int f_no_value(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	(void) item, (void) argument, (void) ret_result;
	return 0;
}

static const struct procpool_function functions[] = {
	{.name = "square", .call = f_square},
	{.name = "size", .call_raw = f_size},
	{.name = "echo", .call_raw = f_echo},
	{.name = "value", .call = f_value},
	{.name = "index", .call_raw = f_index},
	{.name = "common", .call_raw = f_common},
	{.name = "common_value", .call = f_common_value},
	{.name = "page", .call_raw = f_page},
	{.name = "recall", .call_raw = f_recall},
	{.name = "spin", .call_raw = f_spin},
	{.name = "big", .call_raw = f_big},
	{.name = "text", .call_raw = f_text},
	{.name = "fail", .call_raw = f_fail},
	{.name = "no_value", .call = f_no_value},
	{0},
};

static struct page *the_page;

static int init(void **ret_state) {
	*ret_state = &the_page;
	return 0;
}

static const struct procpool_table table = {
	.abi = PROCPOOL_WORKER_ABI, .functions = functions, .init = init};

/* ---- the daemon's side ---- */

/* The end of a process that has done its part: by a signal, for at any other end valgrind looks for leaks, and
 * finds those of the test's frame, whose memory was copied. */
__attribute__((noreturn)) static void end_well(void) {
	raise(SIGKILL);
	_exit(1);
}

static void write_script(int fd, const char *script, size_t size, bool bytewise) {
	while (size > 0) {
		ssize_t n = send(fd, script, bytewise ? 1 : size, MSG_NOSIGNAL);

		if (n < 0)
			_exit(1);
		script += n;
		size -= (size_t) n;
	}
	shutdown(fd, SHUT_WR);
	end_well();
}

static void read_said(int fd, struct said *said) {
	ssize_t n;

	while ((n = recv(fd, said->bytes + said->size, SAID_MAX - said->size, 0)) > 0) {
		said->size += (size_t) n;
		said->writes++;
	}
	if (n < 0)
		_exit(1);
	end_well();
}

static void play_init(struct play *play) {
	struct said *said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	cr_assert_neq(said, MAP_FAILED);
	the_page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(the_page, MAP_FAILED);
	atomic_store(&the_page->limit, PAGE_NO_LIMIT);
	*play = (struct play) {
		.said = said, .page = the_page, .table = &table, .type = SOCK_STREAM};
}

static void play_done(struct play *play) {
	munmap(play->said, sizeof *play->said);
	munmap(the_page, PAGE_SIZE);
}

static void wait_for(pid_t pid) {
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the daemon's side: %d",
		  status);
}

/* Plays a script of size bytes, in which each message ends with its NUL. */
static void play_run(struct play *play, const char *script, size_t size) {
	struct registry *registry;
	int fds[2], large = 1 << 20;
	pid_t writer, reader;

	play->said->size = play->said->writes = 0;
	cr_assert_eq(socketpair(AF_UNIX, play->type, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);

	writer = fork();
	if (writer == 0)
		write_script(fds[0], script, size, play->bytewise);
	/* All of a short script is there before the worker reads. */
	if (size < 100000 && !play->bytewise)
		wait_for(writer);
	reader = fork();
	if (reader == 0) {
		close(fds[1]);
		read_said(fds[0], play->said);
	}
	registry = registry_new();
	cr_assert_eq(registry_add(registry, play->table, "test"), 0);
	cr_assert_eq(registry_start(registry), 0);
	play->result = runtime_run(fds[1], play->page, registry, &play->reason);
	close(fds[1]);
	wait_for(reader);
	if (size >= 100000 || play->bytewise)
		wait_for(writer);
	close(fds[0]);
	registry_stop(registry);
	registry_free(registry);
}

/* ---- the transcript ---- */

struct transcript {
	struct buffer text, results, errors;
	json_int_t chunk; /* whose results are collected */
};

static void end_chunk(struct transcript *transcript) {
	if (transcript->results.size > 0) {
		buffer_append_uint(&transcript->text, (uint64_t) transcript->chunk);
		buffer_append_text(&transcript->text, ":");
		buffer_append(&transcript->text, transcript->results.bytes,
			      transcript->results.size);
		buffer_append(&transcript->text, transcript->errors.bytes, transcript->errors.size);
		buffer_append_text(&transcript->text, "\n");
	}
	transcript->results.size = transcript->errors.size = 0;
}

static void add_results(struct transcript *transcript, const json_t *message) {
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(message, "results"), i, entry) {
		buffer_append_text(&transcript->results, " ");
		cr_assert_null(value_append(&transcript->results, entry));
	}
	json_array_foreach(json_object_get(message, "errors"), i, entry) {
		buffer_append_text(&transcript->errors, " | ");
		buffer_append_uint(&transcript->errors,
				   (uint64_t) json_integer_value(json_object_get(entry, "offset")));
		buffer_append_text(&transcript->errors, " ");
		buffer_append_text(&transcript->errors,
				   json_string_value(json_object_get(entry, "exception")));
		buffer_append_text(&transcript->errors, " ");
		buffer_append_text(&transcript->errors,
				   json_string_value(json_object_get(entry, "message")));
	}
}

static void add_end(struct transcript *transcript, json_int_t chunk, const json_t *message) {
	const json_t *returned = json_object_get(message, "returned");

	if (!returned && !json_object_get(message, "unknown"))
		return;
	end_chunk(transcript);
	buffer_append_uint(&transcript->text, (uint64_t) chunk);
	buffer_append_text(&transcript->text, returned ? ": returned " : ": unknown");
	if (returned)
		buffer_append_uint(&transcript->text, (uint64_t) json_integer_value(returned));
	buffer_append_text(&transcript->text, "\n");
}

/* The first message is the hello; the nth of the others. */
static json_t *said_message(const struct said *said, size_t n) {
	const char *at = said->bytes, *end = at + said->size;

	while (n-- > 0 && at < end)
		at += strlen(at) + 1;
	if (at >= end)
		return NULL;
	cr_assert_eq(end[-1], '\0', "the worker's last message has no end");
	return json_loads(at, JSON_ALLOW_NUL, NULL);
}

static char *said_transcript(const struct said *said) {
	struct transcript transcript = {0};
	json_t *message;

	for (size_t i = 1; (message = said_message(said, i)); i++) {
		json_int_t chunk = json_integer_value(json_object_get(message, "chunk"));

		if (chunk != transcript.chunk)
			end_chunk(&transcript);
		transcript.chunk = chunk;
		add_results(&transcript, message);
		add_end(&transcript, chunk, message);
		json_decref(message);
	}
	end_chunk(&transcript);
	buffer_append(&transcript.text, "", 1);
	buffer_done(&transcript.results);
	buffer_done(&transcript.errors);
	return transcript.text.bytes;
}

static void assert_transcript(const struct play *play, const char *expected) {
	char *transcript = said_transcript(play->said);

	cr_assert_str_eq(transcript, expected, "the worker said:\n%snot:\n%s", transcript,
			 expected);
	free(transcript);
}

/* The script is a string literal, its messages ended by \0. */
#define PLAY(play, script) play_run(play, script, sizeof(script) - 1)

/* Plays the script with a page, expects a good end and just this transcript. */
#define TELLS(script, expected) \
	do { \
		struct play play_; \
		play_init(&play_); \
		PLAY(&play_, script); \
		cr_assert_eq(play_.result, 0); \
		assert_transcript(&play_, expected); \
		play_done(&play_); \
	} while (0)

#define CHUNK(n, function, items) \
	"{\"chunk\":" #n ",\"function\":\"" function "\",\"items\":[" items "]}\0"

/* ---- tests ---- */

UNIT_TEST(runtime, hello_comes_first_and_tells_of_the_page) {
	struct play play;
	json_t *message, *hello;

	play_init(&play);
	play_run(&play, "", 0);
	cr_assert_eq(play.result, 0);
	message = said_message(play.said, 0);
	hello = json_object_get(message, "hello");
	cr_assert_eq(json_integer_value(json_object_get(hello, "protocol")), 1);
	cr_assert(json_is_true(json_object_get(hello, "page")));
	cr_assert_eq(json_array_size(json_object_get(hello, "functions")),
		     sizeof functions / sizeof *functions - 1);
	json_decref(message);
	assert_transcript(&play, "");

	play.page = NULL;
	PLAY(&play, CHUNK(1, "echo", "5"));
	cr_assert(strstr(play.said->bytes, "\"page\":false"));
	assert_transcript(&play, "1: 5\n");
	cr_assert_eq(atomic_load(&the_page->progress), 0, "it has no page to write to");
	play_done(&play);
}

/* "Chunks may be sent ahead, and are run in the order in which they came."
 * "`errors` | optional: `{"offset", "exception"?, "message"?, "trace"?}` for each that failed, in
 * order; `offset` counts from the **chunk's** first item, also in later reports" */
UNIT_TEST(runtime, chunks_run_in_order_and_errors_name_their_offset) {
	TELLS(CHUNK(1, "square", "2,3,4, 5 ,6") CHUNK(2, "echo", "7"),
	      "1: 4 null 16 null 36 | 1 ValueError it is odd | 3 ValueError it is odd\n"
	      "2: 7\n");
}

UNIT_TEST(runtime, items_pass_raw_functions_byte_for_byte) {
	static const char item[] =
		"[0.10,-0, 1e2,1180591620717411303424,\"\\u0000\\/\",{\"b\":1,\"a\":[ ]}]";
	struct play play;

	play_init(&play);
	PLAY(&play,
	     CHUNK(1, "echo",
		   "[0.10,-0, 1e2,1180591620717411303424,\"\\u0000\\/\",{\"b\":1,\"a\":[ ]}]"));
	cr_assert(memmem(play.said->bytes, play.said->size, item, sizeof item - 1));
	play_done(&play);

	/* Without what stands around them. */
	TELLS(CHUNK(1, "size", " 0.10\t,\n-0,1e2 ,\"a,\" ,[ ] "), "1: 4 2 3 4 3\n");
}

#define CANNOT(reason) \
	"ParseError jansson cannot hold this item: " reason \
	"; a function over raw JSON text can take it"

UNIT_TEST(runtime, an_item_that_jansson_cannot_hold_is_that_items_error) {
	TELLS(CHUNK(1, "value", "1,1e999,99999999999999999999,{\"a\\u0000\":1},2"),
	      "1: 1 null null null 2 | 1 " CANNOT(
		      "real number overflow near '1e999'") " | 2 " CANNOT("too big integer near "
									  "'99999999999999999999"
									  "'") " | 3 " CANNOT("NU"
											      "L "
											      "by"
											      "te"
											      " i"
											      "n "
											      "ob"
											      "je"
											      "ct"
											      " k"
											      "ey"
											      " n"
											      "ot"
											      " s"
											      "up"
											      "po"
											      "rt"
											      "ed"
											      " n"
											      "ea"
											      "r "
											      "'"
											      "\""
											      "a"
											      "\\"
											      "u0"
											      "00"
											      "0"
											      "\""
											      "'") "\n");
}

UNIT_TEST(runtime, unknown_functions_are_said_to_be_so) {
	TELLS(CHUNK(1, "nope", "1,2") CHUNK(2, "echo", "3"), "1: unknown\n2: 3\n");
}

UNIT_TEST(runtime, functions_see_index_and_common_value) {
	TELLS("{\"chunk\":1,\"function\":\"index\",\"first\":5000,\"items\":[0,0]}\0"
	      "{\"chunk\":2,\"function\":\"common\",\"items\":[0]}\0"
	      "{\"common\":7,\"value\": {\"a\": 1e999} }\0"
	      "{\"common\":8,\"value\":[1.50]}\0"
	      "{\"chunk\":3,\"function\":\"common_value\",\"common\":8,\"items\":[0,0]}\0"
	      "{\"forget\":8}\0"
	      "{\"chunk\":4,\"function\":\"common_value\",\"common\":7,\"items\":[0]}\0",
	      "1: 5000 5001\n2: null\n3: [1.5] [1.5]\n"
	      "4: null | 0 ParseError jansson cannot hold the request's common value: real number "
	      "overflow near '1e999'; a function over raw JSON text can take it\n");
}

UNIT_TEST(runtime, a_common_value_reaches_raw_functions_byte_for_byte) {
	struct play play;

	play_init(&play);
	PLAY(&play, "{\"common\":7,\"value\": {\"a\": 1e999} }\0"
		    "{\"chunk\":1,\"function\":\"common\",\"common\":7,\"items\":[0]}\0");
	cr_assert(strstr(play.said->bytes + strlen(play.said->bytes) + 1, "[{\"a\": 1e999}]"));
	play_done(&play);
}

/* "`clock` | optional; `true`: keep the page's `began`"
 * "0 | progress | worker | before an item: its position with running = 1; after it: the position
 * of the next with running = 0"
 * "128 | began | worker | if the chunk has `clock`: `CLOCK_MONOTONIC` in microseconds when the
 * item began" */
UNIT_TEST(runtime, the_page_tells_what_runs) {
	struct position position;
	struct play play;

	play_init(&play);
	PLAY(&play, CHUNK(1, "page", "0,0"));
	assert_transcript(&play, "1: [1,0,true,false] [1,1,true,false]\n");
	PLAY(&play, "{\"chunk\":5,\"function\":\"page\",\"clock\":true,\"items\":[0,0,0]}\0");
	assert_transcript(&play, "5: [5,0,true,true] [5,1,true,true] [5,2,true,true]\n");
	cr_assert_leq(atomic_load(&the_page->began), now_us());
	position = position_unpack(atomic_load(&the_page->progress));
	cr_assert_eq(position.chunk, 5);
	cr_assert_eq(position.offset, 3);
	cr_assert_not(position.running);
	play_done(&play);
}

/* "A worker that reaches it reports the results it has, then `returned` with the offset of the
 * first item that it did not begin; and `returned` 0 for each chunk that is waiting behind." */
UNIT_TEST(runtime, at_the_limit_the_rest_is_returned) {
	struct position position;
	struct play play;

	play_init(&play);
	atomic_store(&the_page->limit, position_pack(2, 1, false));
	PLAY(&play, CHUNK(1, "echo", "1") CHUNK(2, "echo", "2,3,4") CHUNK(3, "echo", "5"));
	assert_transcript(&play, "1: 1\n2: 2\n2: returned 1\n3: returned 0\n");
	position = position_unpack(atomic_load(&the_page->progress));
	cr_assert_not(position.running, "what was not begun does not run");
	play_done(&play);
}

/* "64 | limit | daemon | the first position that must not be begun; all ones: none" */
UNIT_TEST(runtime, a_limit_set_while_an_item_runs_counts_from_the_next) {
	TELLS(CHUNK(1, "echo", "1") CHUNK(2, "recall", "2,3") CHUNK(3, "nope", "4"),
	      "1: 1\n2: 2\n2: returned 1\n3: unknown\n");
}

UNIT_TEST(runtime, results_do_not_wait_behind_a_slow_item) {
	struct play play;
	json_t *message;

	play_init(&play);
	PLAY(&play, CHUNK(1, "spin", "3,0,0"));
	assert_transcript(&play, "1: 3 0 0\n");
	message = said_message(play.said, 1);
	cr_assert_eq(json_array_size(json_object_get(message, "results")), 1,
		     "the result of 3 ms left before the next item began");
	cr_assert_geq(json_integer_value(json_object_get(message, "busyUs")), 2000);
	json_decref(message);
	play_done(&play);
}

UNIT_TEST(runtime, results_do_not_wait_behind_a_slow_item_among_quick_ones) {
	struct play play;
	json_t *message;
	size_t n = 0;

	play_init(&play);
	PLAY(&play, CHUNK(1, "spin",
			  "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
			  "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,50,0"));
	for (size_t i = 1; n < 67; i++) {
		message = said_message(play.said, i);
		n += json_array_size(json_object_get(message, "results"));
		json_decref(message);
	}
	cr_assert_eq(n, 67, "the slow result left before the next item began");
	play_done(&play);
}

UNIT_TEST(runtime, all_that_is_queued_is_answered_with_one_write) {
	struct play play;
	int attempts = 0;

	/* Each packet is one write. A machine that stops the worker for a millisecond in between makes it
	 * two, but not every time. */
	play_init(&play);
	play.type = SOCK_SEQPACKET;
	do {
		PLAY(&play, CHUNK(1, "echo", "1,2") CHUNK(2, "nope", "3") CHUNK(3, "square", "4")
				    CHUNK(4, "echo", "5"));
		assert_transcript(&play, "1: 1 2\n2: unknown\n3: 16\n4: 5\n");
	} while (play.said->writes != 2 && ++attempts < 50);
	cr_assert_eq(play.said->writes, 2, "one for the hello, one for the rest");
	play_done(&play);
}

/* "`us` | with `times`: start and duration of each item, two integers for each result, in
 * microseconds, starts on `CLOCK_MONOTONIC`; if it is missing, equal shares of `busyUs` stand for
 * it"
 * "`times` | optional; `true`: report `us`" */
UNIT_TEST(runtime, times_come_with_each_result) {
	json_int_t last = 0, begin = (json_int_t) now_us();
	struct play play;
	json_t *message, *us;

	play_init(&play);
	PLAY(&play, "{\"chunk\":1,\"function\":\"spin\",\"times\":true,\"items\":[0,3,0]}\0");
	for (size_t i = 1, seen = 0; seen < 3; i++) {
		message = said_message(play.said, i);
		us = json_object_get(message, "us");
		cr_assert_eq(json_array_size(us),
			     2 * json_array_size(json_object_get(message, "results")));
		for (size_t j = 0; j < json_array_size(us); j += 2, seen++) {
			json_int_t start = json_integer_value(json_array_get(us, j));
			json_int_t duration = json_integer_value(json_array_get(us, j + 1));

			cr_assert_geq(start, begin);
			cr_assert_geq(start, last);
			cr_assert(seen != 1 || duration >= 2000);
			last = start + duration;
		}
		json_decref(message);
	}
	cr_assert_leq(last, (json_int_t) now_us());
	play_done(&play);
}

/* "Each message is one JSON object in UTF-8, followed by one NUL byte (`\0`), with clients and
 * with workers alike."
 * "Nothing precedes the first message, and a message may arrive in pieces of any size." */
UNIT_TEST(runtime, messages_may_come_in_any_pieces) {
	struct play play;

	play_init(&play);
	play.bytewise = true;
	PLAY(&play,
	     CHUNK(1, "square", "2,3") "{\"common\":1,\"value\":2}\0" CHUNK(2, "echo", "[4]"));
	assert_transcript(&play, "1: 4 null | 1 ValueError it is odd\n2: [4]\n");
	play_done(&play);
}

UNIT_TEST(runtime, an_unfinished_message_is_not_run) {
	struct play play;
	static const char script[] =
		CHUNK(1, "echo", "1") "{\"chunk\":2,\"function\":\"echo\",\"it";

	play_init(&play);
	play_run(&play, script, sizeof script - 1);
	cr_assert_eq(play.result, 0);
	assert_transcript(&play, "1: 1\n");
	play_done(&play);
}

UNIT_TEST(runtime, what_cannot_be_understood_ends_the_worker_after_what_can) {
	static const struct {
		const char *message, *reason;
	} cases[] = {
		{"{\"chunk\":2}", "items"},
		{"{\"chunk\":2,\"function\":\"echo\",\"items\":[1", ""},
		{"nonsense", ""},
		{"{\"forget\":1}", "forget names a common value that is not here"},
		{"{\"chunk\":2,\"function\":\"echo\",\"common\":9,\"items\":[1]}",
		 "a chunk names a common value that is not here"},
		{"{\"chunk\":2,\"function\":\"echo\",\"unpack\":\"both\",\"items\":[1]}",
		 "unpack is not among"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char script[256] = CHUNK(1, "echo", "1");
		size_t first = strlen(script) + 1;
		struct play play;

		strcpy(script + first, cases[i].message);
		play_init(&play);
		play_run(&play, script, first + strlen(cases[i].message) + 1);
		cr_assert_eq(play.result, RUNTIME_E_PROTOCOL, "%s", cases[i].message);
		cr_assert(strstr(play.reason, cases[i].reason), "%s: %s", cases[i].message,
			  play.reason);
		assert_transcript(&play, "1: 1\n");
		play_done(&play);
	}
}

UNIT_TEST(runtime, a_daemon_that_is_gone_ends_the_worker_in_good_order) {
	struct registry *registry = registry_new();
	const char *reason;
	int fds[2];

	cr_assert_eq(registry_add(registry, &table, "test"), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[0]);
	cr_assert_eq(runtime_run(fds[1], NULL, registry, &reason), 0);
	close(fds[1]);
	registry_free(registry);
}

UNIT_TEST(runtime, raw_results_must_be_one_json_value) {
	TELLS(CHUNK(1, "text", "\"1\",\"\",\"1,2\",\"[\",\"\\u0000\",\"] , [\",\"2\""),
	      "1: 1 null null null null null 2"
	      " | 1 BadResult the function wrote no result"
	      " | 2 BadResult the function's result is not one JSON value: "
	      "more text after the value, at byte 1 of 3"
	      " | 3 BadResult the function's result is not one JSON value: "
	      "the text ends within an array or object, at byte 1 of 1"
	      " | 4 BadResult the function's result is not one JSON value: "
	      "expected a value, at byte 0 of 1"
	      " | 5 BadResult the function's result is not one JSON value: "
	      "expected a value, at byte 0 of 5\n");
	TELLS(CHUNK(1, "no_value", "0"), "1: null | 0 BadResult the function returned no result\n");
}

UNIT_TEST(runtime, errors_arrive_whatever_is_in_their_text) {
	struct play play;
	json_t *message, *errors;
	const char *text;

	TELLS(CHUNK(1, "fail", "0,1,2,3"),
	      "1: null null null null | 0 E a\x01\"\xef\xbf\xbd | 1 Exception no name"
	      " | 2 Exception the function returned 5 and gave no reason | 3 E forgotten\n");

	play_init(&play);
	PLAY(&play, CHUNK(1, "fail", "4") CHUNK(2, "fail", "5"));
	message = said_message(play.said, 1);
	errors = json_object_get(message, "errors");
	text = json_string_value(json_object_get(json_array_get(errors, 0), "message"));
	cr_assert_eq(strlen(text), LIMIT_ERROR_TEXT - 1, "cut before the character that is split");
	json_decref(message);

	message = said_message(play.said, 2);
	errors = json_object_get(message, "errors");
	text = json_string_value(json_object_get(json_array_get(errors, 0), "trace"));
	cr_assert_eq(strlen(text), LIMIT_ERROR_TEXT - 2, "from the first whole character on");
	cr_assert_str_eq(text + strlen(text) - 4, "mend");
	json_decref(message);
	play_done(&play);
}

UNIT_TEST(runtime, no_message_is_over_the_limit_however_large_the_results) {
	struct play play;
	size_t n = 0, results = 0;

	play_init(&play);
	PLAY(&play,
	     CHUNK(1, "big", "4194304,4194304,4194304,1000000,1000000,4194304,4194304,9,13000000"));
	cr_assert_eq(play.result, 0);
	for (const char *at = play.said->bytes, *end = at + play.said->size; at < end;
	     at += strlen(at) + 1) {
		cr_assert_leq(strlen(at), LIMIT_WORKER_MESSAGE);
		n++;
	}
	cr_assert_geq(n, 6);
	for (size_t i = 1; i < n; i++) {
		json_t *message = said_message(play.said, i);

		results += json_array_size(json_object_get(message, "results"));
		cr_assert_null(json_object_get(message, "errors"));
		json_decref(message);
	}
	cr_assert_eq(results, 9);
	play_done(&play);
}

UNIT_TEST(runtime, a_result_that_no_message_can_hold_is_an_error) {
	TELLS(CHUNK(1, "echo", "1") CHUNK(2, "big", "15000000,3") CHUNK(3, "echo", "4"),
	      "1: 1\n2: null \"x\" | 0 ResultTooLarge the result is larger than 14680064 bytes, or "
	      "there "
	      "is no memory for it\n3: 4\n");
}

UNIT_TEST(runtime, a_large_common_value_arrives_whole) {
	size_t size = LIMIT_WORKER_COMMON_BYTES;
	static const char head[] = "{\"common\":1,\"value\":\"";
	static const char tail[] = "\"}\0{\"chunk\":1,\"function\":\"common\",\"common\":1,"
				   "\"items\":[0]}\0{\"forget\":1}\0" CHUNK(2, "echo", "2");
	char *script = malloc(sizeof head + size + sizeof tail);
	struct play play;

	memcpy(script, head, sizeof head - 1);
	memset(script + sizeof head - 1, 'x', size);
	memcpy(script + sizeof head - 1 + size, tail, sizeof tail - 1);
	play_init(&play);
	play_run(&play, script, sizeof head - 1 + size + sizeof tail - 1);
	free(script);
	/* The value itself fits no result, and it says so. */
	assert_transcript(&play,
			  "1: null | 0 ResultTooLarge the result is larger than 14680064 bytes, or "
			  "there is no memory for it\n2: 2\n");
	play_done(&play);
}
