#include "worker/runtime.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol/document.h"
#include "protocol/work.h"
#include "worker/common.h"
#include "worker/item.h"
#include "worker/report.h"

#define READ_SIZE (256u * 1024)
#define KEEP_SIZE (1u << 20) /* a larger buffer is given back when it is empty */
#define REPORT_NS 1000000    /* results wait this long at most while items begin */
#define CLOCK_NS \
	20000        /* how often the clock is to be read, if items take as long as those before */
#define CLOCK_MAX 32 /* and after how many of them at least */
#define NS_PER_US 1000
#define NS_PER_S  1000000000

struct runtime {
	int fd;
	const struct registry *registry;
	struct page *page; /* never NULL: `no_page` if the daemon gave none */
	struct page no_page;

	struct buffer in;
	size_t pos; /* the message being read begins here in `in` */
	struct document doc;

	struct commons commons;
	struct procpool_item item;
	struct report report;
	uint64_t busy_since;  /* ns; when the first item of the open message began */
	uint64_t busy_rest;   /* ns; what rounding kept from earlier messages */
	uint64_t reported_ns; /* when results last left, or the oldest that wait could begin */
	const char *reason;   /* of RUNTIME_E_PROTOCOL */
};

static uint64_t read_clock(clockid_t clock) {
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t) now.tv_sec * NS_PER_S + (uint64_t) now.tv_nsec;
}

static uint64_t now_ns(void) {
	return read_clock(CLOCK_MONOTONIC);
}

/* ---- towards the daemon ---- */

/* Writes all messages that are whole. Returns 0; -errno. */
static int flush(struct runtime *runtime) {
	struct buffer *out = &runtime->report.out;
	size_t sent = 0;

	if (report_failed(&runtime->report))
		return -ENOMEM;
	while (sent < out->size) {
		ssize_t n = send(runtime->fd, out->bytes + sent, out->size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			sent += (size_t) n;
	}
	out->size = 0;
	if (out->capacity > KEEP_SIZE)
		buffer_done(out);
	return 0;
}

/* Ends the open message; now: when its last item ended. */
static void close_message(struct runtime *runtime, uint64_t now) {
	uint64_t busy = runtime->busy_rest;

	if (runtime->report.results == 0)
		return;
	busy += now - runtime->busy_since;
	report_close(&runtime->report, busy / NS_PER_US);
	/* Many chunks of less than a microsecond must still add up. */
	runtime->busy_rest = busy % NS_PER_US;
}

/* ---- items ---- */

/* One chunk on its way through the worker. */
struct run {
	const struct work_chunk *chunk;
	const struct procpool_function *function;
	const char *text;  /* of the message */
	uint32_t item_end; /* of the item before */
	uint64_t now;      /* ns; the clock, as it was read last */
	uint64_t tick;     /* ns; the coarse clock at that moment */
	uint32_t untimed;  /* items since */
	uint32_t patience; /* how many there may be */
};

/* ---- the clock ----
 *
 * To read it costs as much as a small item, so it is read once for several of those. The coarse clock costs a fifth
 * of that and is looked at after each: it shows when one of them was long after all. Results then wait a
 * millisecond and a tick of the kernel. */

static void set_time(struct run *run, uint64_t now) {
	run->now = now;
	run->tick = read_clock(CLOCK_MONOTONIC_COARSE);
	run->untimed = 0;
}

/* The times of the items that ended since the clock was read say how many of them the next reading may wait for. */
static void read_time(struct run *run) {
	uint64_t now = now_ns(), each = run->untimed ? (now - run->now) / run->untimed : 0;
	uint64_t patience = each ? CLOCK_NS / each : CLOCK_MAX;

	if (patience > 2 * (uint64_t) run->patience)
		patience = 2 * (uint64_t) run->patience;
	run->patience = patience < 1 ? 1 : patience < CLOCK_MAX ? (uint32_t) patience : CLOCK_MAX;
	set_time(run, now);
}

/* One more item has ended. */
static void note_time(struct run *run) {
	run->untimed++;
	if (run->chunk->times || run->chunk->clock || run->untimed >= run->patience ||
	    read_clock(CLOCK_MONOTONIC_COARSE) != run->tick)
		read_time(run);
}

static inline bool is_between(char byte) {
	return byte == ',' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Ends the open message, behind the item that ended last. */
static void end_message(struct runtime *runtime, struct run *run) {
	if (run->untimed > 0)
		read_time(run);
	close_message(runtime, run->now);
}

/* Reports what there is. */
static int report_now(struct runtime *runtime, struct run *run) {
	int r;

	end_message(runtime, run);
	r = flush(runtime);
	set_time(run, now_ns());
	runtime->reported_ns = run->now;
	return r;
}

/* The next item: behind the one before, a comma and white space. */
static struct span next_item(struct run *run, const struct elements *elements, uint32_t offset) {
	struct span span = {run->item_end, elements->ends[offset]};

	if (offset == 0)
		span.begin = elements->begin;
	else
		while (is_between(run->text[span.begin]))
			span.begin++;
	run->item_end = span.end;
	return span;
}

/* Says in the page that the item begins, unless the daemon set a limit before it. */
static bool page_begin(struct page *page, const struct run *run, uint32_t offset) {
	uint64_t position = position_pack(run->chunk->chunk, offset, true);

	if (run->chunk->clock)
		atomic_store_explicit(&page->began, run->now / NS_PER_US, memory_order_relaxed);
	/* Release: who sees the position sees `began` as well. The load may still overtake the store; the
	 * daemon waits a millisecond between its own store and load for that, which is for ever to a
	 * store buffer, and cheaper than a fence for each item. */
	atomic_store_explicit(&page->progress, position, memory_order_release);
	if (atomic_load_explicit(&page->limit, memory_order_acquire) > position)
		return true;
	atomic_store_explicit(&page->progress, position_pack(run->chunk->chunk, offset, false),
			      memory_order_release);
	return false;
}

static int run_item(struct runtime *runtime, struct run *run, uint32_t offset, struct span span) {
	struct procpool_item *item = &runtime->item;
	uint64_t begin = run->now;
	bool kept;

	if (runtime->report.results == 0)
		runtime->busy_since = begin;
	if (!report_begin(&runtime->report, run->chunk->chunk))
		return -ENOMEM;
	item->index = run->chunk->first + offset;
	kept = item_run(item, run->function, run->text + span.begin, span_size(span));
	if (kept)
		report_value(&runtime->report);
	else
		report_error(&runtime->report, offset, item);

	atomic_store_explicit(&runtime->page->progress,
			      position_pack(run->chunk->chunk, offset + 1, false),
			      memory_order_release);
	note_time(run);
	if (run->chunk->times)
		report_times(&runtime->report, begin / NS_PER_US, (run->now - begin) / NS_PER_US);
	return 0;
}

/* chunk->stride asks to say less often where the worker is; to this one it costs two stores, and it always does. */
static int run_items(struct runtime *runtime, struct run *run) {
	const struct elements *elements = &runtime->doc.elements;
	int r;

	for (uint32_t offset = 0; offset < elements->count; offset++) {
		struct span span = next_item(run, elements, offset);

		if ((runtime->report.out.size > 0 &&
		     run->now - runtime->reported_ns >= REPORT_NS) ||
		    report_size(&runtime->report) >= REPORT_FULL) {
			r = report_now(runtime, run);
			if (r < 0)
				return r;
		}
		if (!page_begin(runtime->page, run, offset)) {
			end_message(runtime, run);
			report_returned(&runtime->report, run->chunk->chunk, offset);
			return 0;
		}
		r = run_item(runtime, run, offset, span);
		if (r < 0)
			return r;
	}
	end_message(runtime, run);
	return 0;
}

static int protocol_error(struct runtime *runtime, const char *reason) {
	runtime->reason = reason;
	return RUNTIME_E_PROTOCOL;
}

static int run_chunk(struct runtime *runtime, const struct work_chunk *chunk, const char *text) {
	const struct entry *entry = registry_find(runtime->registry, chunk->function);
	struct run run = {.chunk = chunk, .text = text, .patience = 1};

	if (chunk->unpack != UNPACK_NONE)
		return protocol_error(runtime, "unpack is not among those of the hello");
	runtime->item.common = NULL;
	if (chunk->common != 0) {
		runtime->item.common = commons_find(&runtime->commons, chunk->common);
		if (!runtime->item.common)
			return protocol_error(runtime, "a chunk names a common value that is not "
						       "here");
	}
	if (!entry) {
		report_unknown(&runtime->report, chunk->chunk);
		return 0;
	}
	run.function = entry->function;
	runtime->item.state = runtime->registry->sources[entry->source].state;
	set_time(&run, now_ns());
	return run_items(runtime, &run);
}

/* ---- from the daemon ---- */

static int forget(struct runtime *runtime, uint64_t id) {
	struct common *common = commons_find(&runtime->commons, id);

	if (!common)
		return protocol_error(runtime, "forget names a common value that is not here");
	commons_forget(common, &runtime->commons);
	return 0;
}

/* Does what one whole message says. */
static int handle(struct runtime *runtime, const char *text) {
	struct work_message message;
	int r = work_message_decode(&message, &runtime->doc, text, &runtime->reason);

	if (r != 0)
		return r < 0 ? r : RUNTIME_E_PROTOCOL;
	switch (message.type) {
	case WORK_CHUNK: r = run_chunk(runtime, &message.chunk, text); break;
	case WORK_COMMON:
		r = commons_add(&runtime->commons, message.common.id,
				text + message.common.value.begin, span_size(message.common.value));
		if (r == -EEXIST)
			r = protocol_error(runtime, "a common value comes twice");
		break;
	case WORK_FORGET: r = forget(runtime, message.forget); break;
	}
	work_message_done(&message);
	return r;
}

/* Handles the whole messages that were read. Returns 0; RUNTIME_E_PROTOCOL; -errno. */
static int handle_all(struct runtime *runtime) {
	while (runtime->pos < runtime->in.size) {
		const char *text = runtime->in.bytes + runtime->pos;
		int r = document_feed(&runtime->doc, text, runtime->in.size - runtime->pos);

		if (r == DOCUMENT_MORE)
			return 0;
		if (r < 0)
			return r;
		if (r != DOCUMENT_WHOLE)
			return protocol_error(
				runtime, runtime->doc.reason ? runtime->doc.reason
							     : "the message is too deep or large");
		r = handle(runtime, text);
		if (r != 0)
			return r;
		runtime->pos += runtime->doc.length + 1;
		document_reset(&runtime->doc);
	}
	return 0;
}

/* Makes room for the next read: what was handled goes. */
static bool make_room(struct runtime *runtime) {
	struct buffer *in = &runtime->in;

	if (runtime->pos > 0) {
		memmove(in->bytes, in->bytes + runtime->pos, in->size - runtime->pos);
		in->size -= runtime->pos;
		runtime->pos = 0;
	}
	if (in->size == 0 && in->capacity > KEEP_SIZE)
		buffer_done(in);
	return buffer_reserve(in, READ_SIZE);
}

/* Waits for more. Returns 1; 0 at the end; -errno. */
static int read_more(struct runtime *runtime) {
	ssize_t n;

	if (!make_room(runtime))
		return -ENOMEM;
	do
		n = recv(runtime->fd, runtime->in.bytes + runtime->in.size,
			 runtime->in.capacity - runtime->in.size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	runtime->in.size += (size_t) n;
	runtime->reported_ns = now_ns();
	return n > 0;
}

static int serve(struct runtime *runtime) {
	int r, s;

	registry_hello(runtime->registry, runtime->page != &runtime->no_page, &runtime->report.out);
	do {
		r = flush(runtime);
		if (r == 0)
			r = read_more(runtime);
		if (r <= 0)
			return r;
		r = handle_all(runtime);
	} while (r == 0);
	/* What came before a message that cannot be understood has its results. */
	s = flush(runtime);
	return s < 0 ? s : r;
}

int runtime_run(int fd, struct page *page, const struct registry *registry,
		const char **ret_reason) {
	static const struct limits no_limits; /* the daemon sets them, and keeps them */
	struct runtime *runtime = calloc(1, sizeof *runtime);
	int r;

	if (!runtime)
		return -ENOMEM;
	runtime->fd = fd;
	runtime->registry = registry;
	runtime->page = page ? page : &runtime->no_page;
	atomic_init(&runtime->no_page.limit, PAGE_NO_LIMIT);
	runtime->item.out = &runtime->report.out;
	commons_init(&runtime->commons);
	document_init(&runtime->doc, &work_shape, &no_limits);

	r = serve(runtime);
	/* A daemon that went without a word ended the conversation too: there is nobody left to tell. */
	if (r == -EPIPE || r == -ECONNRESET)
		r = 0;
	if (r > 0)
		*ret_reason = runtime->reason;

	document_done(&runtime->doc);
	commons_done(&runtime->commons);
	report_done(&runtime->report);
	buffer_done(&runtime->in);
	free(runtime);
	return r;
}
