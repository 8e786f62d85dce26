#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* The common values that this worker keeps. How many and how large they are is the daemon's business: it says
 * forget. */

struct common {
	TAILQ_ENTRY(common) entry;
	uint64_t id;
	json_t *value; /* owned; NULL until a function first asks for it */
	size_t size;
	char text[]; /* size bytes */
};

TAILQ_HEAD(commons, common);

void commons_init(struct commons *commons);
void commons_done(struct commons *commons);

/* Copies the text. Returns 0; -EEXIST if there is one with this id; -ENOMEM. */
int commons_add(struct commons *commons, uint64_t id, const char *text, size_t size);
/* Returns NULL if there is none. */
struct common *commons_find(struct commons *commons, uint64_t id);
void commons_forget(struct common *common, struct commons *commons);

/* The value, borrowed. Returns NULL and *error if jansson cannot hold it. */
json_t *common_value(struct common *common, json_error_t *error);
