#include "worker/nested.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/item.h"

/* The caller is a library inside a function: nobody can hand it the worker's registry. */
static const struct registry *serving;
static pid_t server; /* a child that was forked off is no worker */

void nested_serve(const struct registry *registry) {
	serving = registry;
	server = getpid();
}

/* An item beside the one that calls: nothing of that, or of its report, is touched. */
struct nested {
	struct procpool_item item;
	struct buffer out;
	struct commons commons;
};

static struct nested *nested_new(uint64_t index, const char *common) {
	struct nested *nested = calloc(1, sizeof *nested);

	if (!nested)
		return NULL;
	commons_init(&nested->commons);
	nested->item.out = &nested->out;
	nested->item.index = index;
	if (common && commons_add(&nested->commons, 1, common, strlen(common)) < 0) {
		free(nested);
		return NULL;
	}
	nested->item.common = common ? commons_find(&nested->commons, 1) : NULL;
	return nested;
}

static void nested_free(struct nested *nested) {
	commons_done(&nested->commons);
	buffer_done(&nested->out);
	free(nested);
}

static void append_member(struct buffer *out, const char *name, const char *text) {
	buffer_append_text(out, ",\"");
	buffer_append_text(out, name);
	buffer_append_text(out, "\":");
	buffer_append_string(out, text, strlen(text));
}

/* As the daemon words it. */
static void append_error(struct buffer *out, const struct procpool_item *item) {
	buffer_append_text(out, "{\"index\":");
	buffer_append_uint(out, item->index);
	buffer_append_text(out, ",\"kind\":\"Exception\",\"attempts\":1");
	append_member(out, "exception", item->exception);
	append_member(out, "message", item->message);
	if (item->trace[0])
		append_member(out, "trace", item->trace);
	buffer_append_text(out, "}");
}

int procpool_worker_call(const char *function, uint64_t index, const char *argument, size_t size,
			 const char *common, char **ret_json) {
	const struct entry *entry =
		serving && server == getpid() ? registry_find(serving, function) : NULL;
	struct nested *nested;
	bool well;
	int r;

	if (!entry)
		return -ENOENT;
	if (!argument)
		return 0;
	nested = nested_new(index, common);
	if (!nested)
		return -ENOMEM;
	nested->item.state = serving->sources[entry->source].state;
	well = item_run(&nested->item, entry->function, argument, size);
	if (!well)
		append_error(&nested->out, &nested->item);
	buffer_append(&nested->out, "", 1);
	r = nested->out.failed ? -ENOMEM : !well;
	if (r >= 0) {
		*ret_json = nested->out.bytes;
		nested->out = (struct buffer) {0};
	}
	nested_free(nested);
	return r;
}
