#pragma once

#include <jansson.h>
#include <stdbool.h>

#include <procpool/client.h>

/*
 * The last failure of a handle or a stream, with all that procpool_error points to.
 */
struct failure {
	struct procpool_error error;
	char *message, *name, *parameters; /* owned, may be NULL */
	json_t *item_object;               /* owned, with item */
	struct procpool_item_error item;
};

void failure_init(struct failure *failure);
void failure_done(struct failure *failure);

/* Replaces what was there. code: PROCPOOL_E_* or negative errno. Returns code. */
int failure_set(struct failure *failure, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A negative errno that needs no other words. Returns it. */
int failure_errno(struct failure *failure, int code, const char *what);

/* What the daemon answered; parameters (borrowed) may be NULL. Returns PROCPOOL_E_ANSWER. */
int failure_answer(struct failure *failure, const char *name, json_t *parameters);
