#include "protocol/work.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Promises: what a worker says, and what is said to it, is decoded or refused with a reason; a
 * chunk that was decoded is written as a message that decodes to the same. */

static const struct limits limits = {.message = LIMIT_WORKER_MESSAGE, .item = 256};

static void check_worker_message(const char *text, size_t size) {
	struct document doc;
	struct worker_message message;
	const char *reason = NULL;
	int r;

	document_init(&doc, &worker_shape, &limits);
	if (document_feed(&doc, text, size) == DOCUMENT_WHOLE) {
		r = worker_message_decode(&message, &doc, text, &reason);
		FUZZ_CHECK(r == 0 || (r == 1 && reason));
		if (r == 0 && message.type == WORKER_HELLO)
			FUZZ_CHECK(message.hello.runtime && json_is_array(message.hello.functions));
		if (r == 0 && message.type == WORKER_RESULTS)
			FUZZ_CHECK(message.results.chunk > 0);
		if (r == 0)
			worker_message_done(&message);
	}
	document_done(&doc);
}

static void check_rewritten(const struct work_chunk *chunk, const struct document *doc,
			    const char *text) {
	struct span items = elements_span(&doc->elements, text, 0, doc->elements.count);
	char *again = malloc(2 * WORK_CHUNK_MAX + span_size(items));
	size_t size;
	struct document copy;
	struct work_message message;
	const char *reason;

	FUZZ_CHECK(again);
	size = work_chunk_head(again, WORK_CHUNK_MAX, chunk);
	FUZZ_CHECK(size <= WORK_CHUNK_MAX);
	memcpy(again + size, text + items.begin, span_size(items));
	size += span_size(items);
	size += work_chunk_tail(again + size, WORK_CHUNK_MAX, chunk);

	document_init(&copy, &work_shape, &limits);
	FUZZ_CHECK(document_feed(&copy, again, size) == DOCUMENT_WHOLE);
	FUZZ_CHECK(copy.length == size - 1 && copy.elements.count == doc->elements.count);
	FUZZ_CHECK(work_message_decode(&message, &copy, again, &reason) == 0);
	FUZZ_CHECK(message.type == WORK_CHUNK && message.chunk.chunk == chunk->chunk);
	FUZZ_CHECK(strcmp(message.chunk.function, chunk->function) == 0);
	FUZZ_CHECK(message.chunk.first == chunk->first && message.chunk.common == chunk->common);
	FUZZ_CHECK(message.chunk.unpack == chunk->unpack && message.chunk.times == chunk->times);
	FUZZ_CHECK(message.chunk.clock == chunk->clock && message.chunk.stride == chunk->stride);
	work_message_done(&message);
	document_done(&copy);
	free(again);
}

static void check_work_message(const char *text, size_t size) {
	struct document doc;
	struct work_message message;
	const char *reason = NULL;
	int r;

	document_init(&doc, &work_shape, &limits);
	if (document_feed(&doc, text, size) == DOCUMENT_WHOLE) {
		r = work_message_decode(&message, &doc, text, &reason);
		FUZZ_CHECK(r == 0 || (r == 1 && reason));
		if (r == 0 && message.type == WORK_CHUNK)
			check_rewritten(&message.chunk, &doc, text);
		if (r == 0)
			work_message_done(&message);
	}
	document_done(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *text = fuzz_copy(data, size);

	/* The input's last byte stands for the NUL. */
	if (size > 0) {
		text[size - 1] = '\0';
		check_worker_message(text, size);
		check_work_message(text, size);
	}
	free(text);
	return 0;
}
