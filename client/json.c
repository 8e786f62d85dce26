#include <procpool/client_json.h>

#include "client/handle.h"
#include "client/item_error.h"
#include "client/value.h"

/*
 * The calls and the results over values: text on both ways, as without.
 */

/* ---- results ---- */

/* Notes in the batch that its i-th result cannot be read. Returns 0, -ENOMEM. */
static int note_unreadable(struct procpool_batch *batch, size_t i, const char *reason) {
	char message[JSON_ERROR_TEXT_LENGTH + 80];
	json_t *object;

	snprintf(message, sizeof(message),
		 "jansson cannot hold the result: %s; it can be read as text", reason);
	object = json_pack("{s:I, s:s, s:s}", "index",
			   (json_int_t) (procpool_batch_first(batch) + i), "kind", "Unreadable",
			   "message", message);
	if (!object)
		return -ENOMEM;
	batch_forget_unreadable(batch);
	if (item_error_init(&batch->unreadable, object) < 0) {
		json_decref(object);
		return -ENOMEM;
	}
	batch->unreadable_object = object;
	return 0;
}

int procpool_batch_json(const struct procpool_batch *batch, size_t i, json_t **ret_value,
			const struct procpool_item_error **ret_error) {
	const struct procpool_item_error *error = procpool_batch_error(batch, i);
	/* Batches are const for those who read them only. */
	struct procpool_batch *own = (struct procpool_batch *) batch;
	json_error_t refusal;
	json_t *value = NULL;
	const char *text;
	size_t size;
	int r;

	if (!error) {
		text = procpool_batch_result(batch, i, &size);
		r = value_read(text, size, &value, &refusal);
		if (r == PROCPOOL_E_UNREADABLE) {
			r = note_unreadable(own, i, refusal.text);
			error = &own->unreadable;
		}
		if (r != 0)
			return r;
	}
	*ret_value = value;
	*ret_error = error;
	return 0;
}

/* ---- calls ---- */

/* Text that only the library sees, NUL-ended. Returns 0; PROCPOOL_E_BAD_INPUT, -ENOMEM. */
static int write_text(struct procpool *procpool, const json_t *value, unsigned around,
		      const char *what, struct bytes *ret) {
	struct bytes text = {0};
	int r = value_write(&text, value, around, what, &procpool->failure);

	if (r == 0 && bytes_add(&text, "", 1) < 0)
		r = failure_errno(&procpool->failure, -ENOMEM, "cannot write a value");
	if (r == 0)
		*ret = text;
	else
		bytes_done(&text);
	return r;
}

/* Frees text. */
static int read_text(struct procpool *procpool, char *text, json_t **ret_value) {
	json_error_t error;
	int r = value_read(text, strlen(text), ret_value, &error);

	free(text);
	if (r == PROCPOOL_E_UNREADABLE)
		failure_set(&procpool->failure, r, "jansson cannot hold the answer: %s",
			    error.text);
	else if (r < 0)
		failure_errno(&procpool->failure, r, "cannot keep the reply");
	return r;
}

int procpool_call_json(struct procpool *procpool, const char *method, const json_t *parameters,
		       json_t **ret_parameters) {
	struct bytes text = {0};
	char *reply;
	int r = 0;

	if (parameters)
		r = write_text(procpool, parameters, 1, "the parameters", &text);
	if (r == 0)
		r = procpool_call(procpool, method, text.data, &reply);
	bytes_done(&text);
	return r == 0 ? read_text(procpool, reply, ret_parameters) : r;
}

int procpool_apply_json(struct procpool *procpool, const char *function, const json_t *argument,
			const struct procpool_options *options, json_t **ret_result) {
	struct bytes text = {0};
	char *result;
	int r = 0;

	if (argument)
		r = write_text(procpool, argument, 2, "the argument", &text);
	if (r == 0)
		r = procpool_apply(procpool, function, text.data, options, &result);
	bytes_done(&text);
	return r == 0 ? read_text(procpool, result, ret_result) : r;
}

int procpool_map_json(struct procpool *procpool, const char *function, const json_t *items,
		      const struct procpool_options *options, procpool_batch_callback callback,
		      void *userdata, const struct procpool_summary **ret_summary) {
	struct bytes text = {0};
	int r;

	if (items && !json_is_array(items))
		return failure_set(&procpool->failure, PROCPOOL_E_BAD_INPUT,
				   "the items are no array");
	r = write_text(procpool, items, 2, "the array of items", &text);
	if (r == 0)
		r = procpool_map(procpool, function, text.data, bytes_size(&text) - 1, options,
				 callback, userdata, ret_summary);
	bytes_done(&text);
	return r;
}
