#include "protocol/call.h"
#include "protocol/parameters.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Promises: a call, its parameters and the objects of a stream are decoded, or refused with one
 * error; what is decoded keeps its limits. */

static const struct limits limits = {
	.message = LIMIT_MESSAGE, .envelope = LIMIT_ENVELOPE, .items = 16, .item = 256};

static void check_error(int r, struct error *error) {
	FUZZ_CHECK(r == 0 || r == 1);
	FUZZ_CHECK((r == 1) == (error->id != ERROR_NONE));
	FUZZ_CHECK(r == 0 || error->parameters);
	error_done(error);
}

static void check_run(enum run_method method, const struct document *doc, const char *text) {
	struct error error = {0};
	struct run_parameters run = {0};
	int r = run_parameters_decode(&run, method, doc, text, &error);

	if (r == 0) {
		FUZZ_CHECK(strlen(run.function) > 0);
		FUZZ_CHECK(strlen(run.function) <= 2 * LIMIT_FUNCTION_NAME + 1);
		FUZZ_CHECK(span_size(run.argument) <= limits.item);
		FUZZ_CHECK(doc->elements.present == (method == RUN_MAP) && !doc->too_many);
	}
	check_error(r, &error);
	run_parameters_done(&run);
}

static void check_scalars(const struct document *doc, const char *text) {
	static const struct parameter table[] = {
		{"request", PARAMETER_STRING, false},
		{"workers", PARAMETER_INT, false},
		{"more", PARAMETER_BOOL, false},
	};
	struct error error = {0};
	json_t *values[3];
	int r = parameters_decode(table, 3, values, doc, text, &error);

	FUZZ_CHECK(r == 0 || (!values[0] && !values[1] && !values[2]));
	for (size_t i = 0; i < 3; i++)
		json_decref(values[i]);
	check_error(r, &error);
}

static void check_call(const char *text, size_t size) {
	struct document doc;
	struct error error = {0};
	struct call call = {0};
	int r;

	document_init(&doc, &call_shape, &limits);
	r = document_feed(&doc, text, size);
	if (r == DOCUMENT_WHOLE) {
		r = call_decode(&call, &doc, text, &error);
		FUZZ_CHECK(r != 0 || call.oneway + call.more + call.upgrade <= 1);
		check_error(r, &error);
		for (enum run_method method = RUN_APPLY; method <= RUN_STREAM; method++)
			check_run(method, &doc, text);
		check_scalars(&doc, text);
	} else {
		call_document_error(&doc, r, &error);
		check_error(1, &error);
	}
	call_done(&call);
	document_done(&doc);
}

static void check_stream(const char *text, size_t size) {
	struct document doc;
	struct error error = {0};
	struct stream_object object = {0};
	int r;

	document_init(&doc, &stream_shape, &limits);
	r = document_feed(&doc, text, size);
	if (r == DOCUMENT_WHOLE) {
		r = stream_object_decode(&object, &doc, text, &error);
		FUZZ_CHECK(r != 0 || object.items == doc.elements.present);
		FUZZ_CHECK(!object.cancel || json_is_array(object.cancel));
		check_error(r, &error);
	} else {
		call_document_error(&doc, r, &error);
		check_error(1, &error);
	}
	json_decref(object.cancel);
	document_done(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	char *text = fuzz_copy(data, size);

	/* The input's last byte stands for the NUL. */
	if (size > 0) {
		text[size - 1] = '\0';
		check_call(text, size);
		check_stream(text, size);
	}
	free(text);
	return 0;
}
