#pragma once

#include "daemon/conversation.h"
#include "daemon/entry.h"
#include "daemon/hands.h"
#include "daemon/process.h"
#include "daemon/rate.h"
#include "daemon/stop.h"

/* The inside of a worker, for worker, report and exit only. */

struct output;
struct worker;
struct worker_ops;

struct worker_private {
	const struct channel_loop *loop;
	const struct worker_ops *ops;
	void *context;
	char *label; /* POOL/ID */
	struct entry_fields about;

	struct process process;
	struct stop stop;
	struct conversation conversation;
	struct hands hands;
	struct output *out, *err;
	struct rate rate; /* of both */
};

/* What it says: worker.c opens the conversation with these, and the worker as their context. */
extern const struct conversation_ops worker_conversation_ops;
/* Its process has exited; context: the worker, freed afterwards. */
void worker_exited(void *context);

void worker_becomes_idle(struct worker *worker);
void worker_becomes_gone(struct worker *worker);
/* Which request it is at, for the log. */
void worker_note_request(struct worker *worker);
