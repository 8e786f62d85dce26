#include "protocol/frame.h"

#include "tests/fuzz/fuzz.h"

/* Promises: the first NUL is found, wherever it lies and however much was searched before; one message after
 * the other, nothing is lost, and what follows the last NUL is unfinished. */

static size_t slow_find(const char *bytes, size_t size) {
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '\0')
			return i;
	return (size_t) -1;
}

/* The window grows as reads would make it grow. */
static size_t find_growing(const uint8_t *data, size_t size, uint32_t *seed) {
	size_t there = 0, searched, found = (size_t) -1;

	while (found == (size_t) -1 && there < size) {
		char *copy;

		searched = there;
		there += 1 + fuzz_next(seed, size - there);
		copy = fuzz_copy(data, there);
		found = frame_find(copy, there, searched);
		free(copy);
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	uint32_t seed = fuzz_seed(data, size);
	size_t rest = size, messages = 0, nuls = 0;

	for (size_t i = 0; i < size; i++)
		nuls += data[i] == '\0';
	for (;;) {
		char *window = fuzz_copy(data + (size - rest), rest);
		size_t length = frame_find(window, rest, 0);

		FUZZ_CHECK(length == slow_find(window, rest));
		FUZZ_CHECK(length == find_growing(data + (size - rest), rest, &seed));
		free(window);
		if (length == (size_t) -1)
			break;
		FUZZ_CHECK(length < rest);
		rest -= length + 1;
		messages++;
	}
	FUZZ_CHECK(messages == nuls);
	return 0;
}
