#include <procpool/client_json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/functions/functions.h"

/* Functions that call their own pool. */

static const char *text_of(json_t *argument, const char *name) {
	return json_string_value(json_object_get(argument, name));
}

static int call_failed(struct procpool_item *item, struct procpool *procpool) {
	const struct procpool_error *error = procpool_last_error(procpool);

	procpool_fail(item, error->name ? error->name : "Error", "%s", error->message);
	procpool_free(procpool);
	return -1;
}

/* Appends "index result" or the index and the error. */
static int keep(void *userdata, const struct procpool_batch *batch) {
	json_t *kept = userdata;

	for (size_t i = 0; i < procpool_batch_count(batch); i++) {
		const struct procpool_item_error *error = procpool_batch_error(batch, i);
		struct procpool_timing timing = {.duration_us = -1};
		size_t size = 0;
		const char *result = procpool_batch_result(batch, i, &size);

		if (!procpool_batch_timing(batch, i, &timing) || timing.duration_us < 0)
			return 1;
		json_array_append_new(kept,
				      error ? json_sprintf("%d: %s, attempt %d", (int) error->index,
							   error->text, (int) error->attempts)
					    : json_sprintf("%d: %.*s",
							   (int) (procpool_batch_first(batch) + i),
							   (int) size, result));
	}
	return 0;
}

int test_map_here(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	struct procpool_options options = PROCPOOL_OPTIONS_INIT;
	struct procpool *procpool = procpool_new(NULL);
	char *items = json_dumps(json_object_get(argument, "items"), JSON_INDENT(1));
	char *common =
		json_dumps(json_object_get(argument, "common"), JSON_INDENT(1) | JSON_ENCODE_ANY);
	const struct procpool_summary *summary;
	json_t *kept = json_array();
	int r;

	options.common = common;
	options.timings = true;
	options.abort_on_error = json_is_true(json_object_get(argument, "abort"));
	options.timeout_ms = (uint32_t) json_integer_value(json_object_get(argument, "timeout"));
	r = procpool_map(procpool, text_of(argument, "function"), items, strlen(items), &options,
			 keep, kept, &summary);
	free(items);
	free(common);
	if (r != 0) {
		json_decref(kept);
		return call_failed(item, procpool);
	}
	json_array_append_new(kept, json_sprintf("%d items, %d failed", (int) summary->items,
						 (int) summary->failed));
	*ret_result = kept;
	procpool_free(procpool);
	return 0;
}

int test_apply_here(struct procpool_item *item, json_t *argument, json_t **ret_result) {
	struct procpool *procpool = procpool_new(NULL);
	json_t *inner = json_object_get(argument, "argument");
	char *text = inner ? json_dumps(inner, JSON_ENCODE_ANY | JSON_INDENT(1)) : NULL;
	char *result = NULL;
	int r = procpool_apply(procpool, text_of(argument, "function"), text, NULL, &result);

	free(text);
	if (r != 0)
		return call_failed(item, procpool);
	*ret_result = json_loads(result, JSON_DECODE_ANY, NULL);
	free(result);
	procpool_free(procpool);
	return 0;
}
