#include "protocol/work.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Promises: what a worker says, and what is said to it, is decoded or refused with a reason; a
 * chunk that was decoded is written as a message that decodes to the same. */

static const struct limits limits = {.message = LIMIT_WORKER_MESSAGE, .item = 256};

/* A name is the same for whoever reads it as a C string. */
static void check_hello(const struct worker_hello *hello) {
	size_t i;
	json_t *function;

	FUZZ_CHECK(hello->runtime && json_is_array(hello->functions));
	json_array_foreach(hello->functions, i, function) {
		const json_t *name = json_object_get(function, "name");

		FUZZ_CHECK(function_name_valid(json_string_value(name), true));
		FUZZ_CHECK(strlen(json_string_value(name)) == json_string_length(name));
	}
}

static void check_results(const struct worker_results *results, size_t count) {
	size_t i;
	json_t *entry;
	json_int_t after = -1, offset;

	FUZZ_CHECK(results->chunk > 0);
	FUZZ_CHECK(json_array_size(results->errors) <= count);
	FUZZ_CHECK(!results->us || json_array_size(results->us) == 2 * count);
	FUZZ_CHECK(!results->unknown || count == 0);
	json_array_foreach(results->errors, i, entry) {
		offset = json_integer_value(json_object_get(entry, "offset"));
		FUZZ_CHECK(offset > after);
		after = offset;
	}
	json_array_foreach(results->us, i, entry) FUZZ_CHECK(json_integer_value(entry) >= 0);
}

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
			check_hello(&message.hello);
		if (r == 0 && message.type == WORKER_RESULTS)
			check_results(&message.results, doc.elements.count);
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
