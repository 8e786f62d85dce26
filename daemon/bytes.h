#pragma once

#include <stddef.h>

/*
 * Received bytes that several owners share: a request's items while chunks of them are being sent, results
 * while they wait in an output buffer. Not for threads.
 */
struct bytes {
	unsigned references;
	size_t size, capacity;
	char *data; /* owned */
};

/* Takes over data, which came from malloc(). Returns NULL without memory; data is then still the caller's. */
struct bytes *bytes_new(char *data, size_t size);
/* An empty one with room for capacity bytes. */
struct bytes *bytes_new_reserved(size_t capacity);
struct bytes *bytes_ref(struct bytes *bytes);
/* Always returns NULL. */
struct bytes *bytes_unref(struct bytes *bytes);
