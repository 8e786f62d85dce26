#include "daemon/conversation.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/bytes.h"
#include "daemon/channel.h"
#include "daemon/order.h"
#include "protocol/limits.h"

#define READ_SIZE CHANNEL_SCRATCH
/* A message from here on is shared with whoever keeps its results; a smaller one is copied. */
#define SHARE_MIN (16u * 1024)

/* -------- what the worker says -------- */

static void violate(struct conversation *conversation, const char *reason) {
	conversation->violated = true;
	channel_discard(conversation->channel);
	conversation->ops->violated(conversation->context, reason);
}

static const char *take_results(struct conversation *conversation,
				const struct worker_results *results, char *text, size_t length) {
	struct worker_report report = {.results = results, .doc = &conversation->doc, .text = text};
	const char *wrong;

	if (length >= SHARE_MIN && conversation->doc.elements.count > 0) {
		char *data = channel_take(conversation->channel, text, length + 1);

		report.bytes = data ? bytes_new(data, length + 1) : NULL;
		if (!report.bytes) {
			free(data);
			return "the daemon is out of memory";
		}
		report.text = report.bytes->data;
	}
	wrong = conversation->ops->results(conversation->context, &report);
	bytes_unref(report.bytes);
	return wrong;
}

/* One whole message of length bytes without its NUL. Returns NULL, or what is wrong with it. */
static const char *take_message(struct conversation *conversation, char *text, size_t length) {
	struct worker_message message;
	const char *wrong = NULL;
	int r = worker_message_decode(&message, &conversation->doc, text, &wrong);

	if (r != 0)
		return r < 0 ? "the daemon is out of memory" : wrong;
	if (message.type == WORKER_HELLO)
		wrong = conversation->ops->hello(conversation->context, &message.hello);
	else
		wrong = take_results(conversation, &message.results, text, length);
	worker_message_done(&message);
	return wrong;
}

#define ENVELOPE_TOO_LARGE \
	"a message of more than " LIMIT_TEXT( \
		LIMIT_WORKER_ENVELOPE) " bytes without its hello, results, errors and us"

static const char *verdict_reason(const struct document *doc, int verdict) {
	switch (verdict) {
	case DOCUMENT_E_TOO_LARGE: return "a message over limits.worker_message";
	case DOCUMENT_E_TOO_DEEP: return "a message nested too deeply";
	case DOCUMENT_E_MALFORMED: return doc->limit ? ENVELOPE_TOO_LARGE : doc->reason;
	default: return "the daemon is out of memory";
	}
}

static ssize_t on_received(void *context, char *bytes, size_t size) {
	struct conversation *conversation = context;
	int r = document_feed(&conversation->doc, bytes, size);
	const char *wrong;
	size_t length;

	if (r == DOCUMENT_MORE)
		return 0;
	if (r != DOCUMENT_WHOLE) {
		violate(conversation, verdict_reason(&conversation->doc, r));
		return -1;
	}
	length = conversation->doc.length;
	wrong = take_message(conversation, bytes, length);
	document_reset(&conversation->doc);
	if (wrong) {
		violate(conversation, wrong);
		return -1;
	}
	return (ssize_t) (length + 1);
}

static void on_ended(void *context, enum channel_end end) {
	struct conversation *conversation = context;

	(void) end;
	conversation->ops->ended(conversation->context);
}

static void on_drained(void *context) {
	(void) context;
}

static const struct channel_ops channel_ops = {
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
};

void conversation_read_rest(struct conversation *conversation) {
	channel_read_rest(conversation->channel);
}

/* -------- what it is told -------- */

int conversation_order(struct conversation *conversation, const struct order *order,
		       uint64_t number, uint64_t first) {
	return order_write(order, conversation->channel, &conversation->commons, number, first);
}

void conversation_finish(struct conversation *conversation) {
	channel_finish(conversation->channel);
}

/* -------- life -------- */

int conversation_open(struct conversation *conversation, const struct channel_loop *loop,
		      int socket, size_t max_message, size_t max_result,
		      const struct conversation_ops *ops, void *context) {
	const struct limits limits = {
		.message = max_message, .envelope = LIMIT_WORKER_ENVELOPE, .item = max_result};

	conversation->ops = ops;
	conversation->context = context;
	document_init(&conversation->doc, &worker_shape, &limits);
	return channel_new(&conversation->channel, loop, socket, READ_SIZE, &channel_ops,
			   conversation);
}

void conversation_done(struct conversation *conversation) {
	channel_free(conversation->channel);
	document_done(&conversation->doc);
}
